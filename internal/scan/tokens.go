package scan

import (
	"regexp"
	"strings"

	"autonoma"
)

// tokens are the rules for secrets that are told by their own form. Beginnings and
// lengths are those that the providers document or issue. They come first: a value
// that two rules know is named by its own.
func tokens() []rule {
	const critical, high, medium = autonoma.CriticalRisk, autonoma.HighRisk, autonoma.MediumRisk
	token := func(name, what string, risk autonoma.Risk, form string, words ...string) rule {
		return rule{name: name, what: what, risk: risk, words: words, folds: strings.HasPrefix(form, "(?i)"), form: regexp.MustCompile(form), value: random}
	}
	all := []rule{
		{name: "autonoma_key", what: "an API key of this platform", risk: critical, words: []string{"aut_"},
			form: regexp.MustCompile(`\b(aut_[0-9a-f]{12}_[0-9A-Za-z]{36})\b`), value: ours},
		{name: "private_key", what: "a private key", risk: critical, tests: milder, words: []string{"PRIVATE KEY"},
			form: regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----`), also: regexp.MustCompile(`[A-Za-z0-9+/]{60}`), within: 1},
		token("age_key", "a secret key of age", critical, `\b(AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58})\b`, "AGE-SECRET-KEY-1"),

		// Clouds and what runs in them.
		token("aws_access_key", "an access key of AWS", high, `\b((?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})\b`, "AKIA", "ASIA", "ABIA", "ACCA"),
		token("aws_secret_key", "a secret access key of AWS", critical, `(?i)(?:aws|amazon)[a-z0-9_ .-]{0,20}(?:secret|sk)[a-z0-9_ .-]{0,20}["']?\s{0,4}(?::|=|=>|,)\s{0,4}["']?([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|$)`, "aws", "amazon"),
		token("aws_bedrock_key", "a key of Amazon Bedrock", critical, `\b(ABSK[A-Za-z0-9+/]{109,269}={0,2})`, "ABSK"),
		token("gcp_api_key", "an API key of Google", high, `\b(AIza[0-9A-Za-z_-]{35})(?:[^0-9A-Za-z_-]|$)`, "AIza"),
		token("gcp_service_account", "the key of a service account of Google Cloud", critical, `"private_key_id"\s*:\s*"([0-9a-f]{40})"`, "private_key_id"),
		token("google_oauth_secret", "an OAuth client secret of Google", high, `\b(GOCSPX-[A-Za-z0-9_-]{28})`, "GOCSPX-"),
		token("google_access_token", "an access token of Google", high, `\b(ya29\.[A-Za-z0-9_-]{30,400})`, "ya29."),
		token("azure_storage_key", "the account key of Azure Storage", critical, `(?i)(?:AccountKey|SharedAccessKey)=([A-Za-z0-9+/]{43,86}={1,2})`, "accountkey=", "sharedaccesskey="),
		token("azure_client_secret", "a client secret of Azure", critical, `(?:^|[^A-Za-z0-9_~.-])([A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34})(?:[^A-Za-z0-9_~.-]|$)`, "Q~"),
		token("azure_sas", "a signed URL of Azure", high, `[?&]sig=([A-Za-z0-9%+/]{40,70}(?:%3D|=))`, "sig="),
		token("digitalocean_token", "a token of DigitalOcean", critical, `\b(do[opr]_v1_[0-9a-f]{64})\b`, "_v1_"),
		token("databricks_token", "a token of Databricks", high, `\b(dapi[0-9a-f]{32}(?:-\d)?)\b`, "dapi"),
		token("vault_token", "a token of HashiCorp Vault", critical, `\b(hv[sbr]\.[A-Za-z0-9_-]{24,200})`, "hvs.", "hvb.", "hvr."),
		token("terraform_token", "a token of Terraform Cloud", critical, `\b([A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,70})`, ".atlasv1."),
		token("pulumi_token", "a token of Pulumi", high, `\b(pul-[0-9a-f]{40})\b`, "pul-"),
		token("doppler_token", "a token of Doppler", critical, `\b(dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44})\b`, "dp."),
		token("cloudflare_origin_key", "an origin CA key of Cloudflare", high, `\b(v1\.0-[0-9a-f]{24}-[0-9a-f]{146})\b`, "v1.0-"),

		// Where code lives and is published.
		token("github_token", "a token of GitHub", critical, `\b(gh[pousr]_[A-Za-z0-9]{36,255})\b`, "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
		token("github_fine_token", "a fine-grained token of GitHub", critical, `\b(github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})\b`, "github_pat_"),
		token("gitlab_token", "a token of GitLab", critical, `\b(gl(?:pat|ptt|dt|rt|cbt|soat|ft|imt|agent)-[A-Za-z0-9_-]{20,120})`, "glpat-", "glptt-", "gldt-", "glrt-", "glcbt-", "glsoat-", "glft-", "glimt-", "glagent-"),
		token("npm_token", "a token of npm", critical, `\b(npm_[A-Za-z0-9]{36})\b`, "npm_"),
		token("pypi_token", "a token of PyPI", critical, `\b(pypi-AgE[A-Za-z0-9_-]{50,400})`, "pypi-AgE"),
		token("rubygems_token", "a key of RubyGems", critical, `\b(rubygems_[0-9a-f]{48})\b`, "rubygems_"),
		token("crates_token", "a token of crates.io", critical, `["'\s=](cio[A-Za-z0-9]{32})(?:["'\s]|$)`, "cio"),
		token("nuget_key", "a key of NuGet", critical, `\b(oy2[a-p][a-z2-7]{42})\b`, "oy2"),
		token("dockerhub_token", "a token of Docker Hub", critical, `\b(dckr_(?:pat|oat)_[A-Za-z0-9_-]{27,32})`, "dckr_"),
		token("atlassian_token", "a token of Atlassian", high, `\b(ATATT3[A-Za-z0-9_=-]{180,220})`, "ATATT3"),
		token("postman_key", "a key of Postman", high, `\b(PMAK-[0-9a-f]{24}-[0-9a-f]{34})\b`, "PMAK-"),
		token("sentry_token", "a token of Sentry", high, `\b(sntry[su]_[A-Za-z0-9+/=_-]{60,300})`, "sntrys_", "sntryu_"),
		token("grafana_token", "a token of Grafana", high, `\b(glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}|glc_[A-Za-z0-9+/]{32,400}={0,2})`, "glsa_", "glc_"),
		token("newrelic_key", "a key of New Relic", high, `\b(NRAK-[A-Z0-9]{27})\b`, "NRAK-"),
		token("linear_key", "a key of Linear", high, `\b(lin_api_[A-Za-z0-9]{40})\b`, "lin_api_"),

		// Models.
		token("anthropic_key", "a key of Anthropic", critical, `\b(sk-ant-(?:api|admin|oat|ort)\d\d-[A-Za-z0-9_-]{80,120})`, "sk-ant-"),
		token("openai_key", "a key of OpenAI", critical, `\b(sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{40,200}|sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20})`, "sk-"),
		token("openrouter_key", "a key of OpenRouter", critical, `\b(sk-or-v1-[0-9a-f]{64})\b`, "sk-or-v1-"),
		token("huggingface_token", "a token of Hugging Face", high, `\b(hf_[A-Za-z]{34})\b`, "hf_"),
		token("groq_key", "a key of Groq", high, `\b(gsk_[A-Za-z0-9]{52})\b`, "gsk_"),
		token("xai_key", "a key of xAI", high, `\b(xai-[A-Za-z0-9]{80})\b`, "xai-"),

		// Messages and money.
		token("slack_token", "a token of Slack", critical, `\b(xox[abeoprs]-(?:[0-9]-)?[0-9A-Za-z-]{20,200}|xapp-\d-[A-Z0-9]+-\d+-[0-9a-f]{64})`, "xox", "xapp-"),
		token("slack_webhook", "a webhook of Slack", high, `hooks\.slack\.com/(?:services|workflows|triggers)/([A-Z0-9]{8,12}/[A-Z0-9]{8,14}/[A-Za-z0-9]{20,30})`, "hooks.slack.com"),
		token("discord_webhook", "a webhook of Discord", high, `discord(?:app)?\.com/api/webhooks/(\d{17,20}/[A-Za-z0-9_-]{60,80})`, "/api/webhooks/"),
		token("telegram_token", "the token of a Telegram bot", high, `(?:^|[^0-9A-Za-z])(\d{8,10}:AA[A-Za-z0-9_-]{33})(?:[^A-Za-z0-9_-]|$)`, ":AA"),
		token("stripe_key", "a live key of Stripe", critical, `\b([sr]k_live_[A-Za-z0-9]{16,247})\b`, "k_live_"),
		token("stripe_test_key", "a test key of Stripe", medium, `\b([sr]k_test_[A-Za-z0-9]{24,247})\b`, "k_test_"),
		token("webhook_secret", "a secret that signs webhooks", high, `\b(whsec_[A-Za-z0-9+/]{32,100}={0,2})`, "whsec_"),
		token("square_token", "a token of Square", critical, `\b(sq0(?:atp|csp)-[A-Za-z0-9_-]{22,43})`, "sq0atp-", "sq0csp-"),
		token("shopify_token", "a token of Shopify", critical, `\b(shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32})\b`, "shpat_", "shpca_", "shppa_", "shpss_"),
		token("sendgrid_key", "a key of SendGrid", critical, `\b(SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43})(?:[^A-Za-z0-9_-]|$)`, "SG."),
		token("twilio_secret", "a secret of Twilio", critical, `(?i)twilio[a-z0-9_ .-]{0,30}["']?\s{0,4}(?::|=|=>|,|\()\s{0,4}["']?((?:SK)?[0-9a-f]{32})\b`, "twilio"),
		token("twilio_key", "an API key of Twilio", high, `["'\s=](SK[0-9a-f]{32})(?:["'\s]|$)`, "SK"),
		token("mailgun_key", "a key of Mailgun", high, `(?i)mailgun.{0,40}\b(key-[0-9a-f]{32}|[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8})\b`, "mailgun"),
		token("mailchimp_key", "a key of Mailchimp", high, `["'\s=]([0-9a-f]{32}-us\d{1,2})\b`, "-us"),
	}
	return append(all, carriers()...)
}

// carriers are the rules for secrets that are told by what they stand in.
func carriers() []rule {
	return []rule{
		{name: "database_password", what: "the URL of a database or queue with its password", risk: autonoma.HighRisk, tests: silent, words: []string{"://"}, folds: true,
			form:  regexp.MustCompile(`(?i)\b(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|mssql|sqlserver|oracle|clickhouse|cockroachdb|nats|kafka|ldaps?)(?:\+\w+)?://[^\s:@/"']{0,80}:([^\s@/"'{}<>$]{3,100})@[\w.-]`),
			value: passworded},
		{name: "url_password", what: "a URL with a password", risk: autonoma.HighRisk, tests: silent, words: []string{"://"}, folds: true,
			form:  regexp.MustCompile(`(?i)\b(?:https?|ftps?|ssh|git|smtps?|imaps?)://[^\s:@/"']{1,80}:([^\s@/"'{}<>$]{3,100})@[\w-]+\.`),
			value: passworded},
		{name: "npmrc_token", what: "a token for a registry of packages", risk: autonoma.CriticalRisk, words: []string{"_authtoken", "_auth"}, folds: true,
			form: regexp.MustCompile(`(?i):_auth(?:Token)?\s*=\s*"?([A-Za-z0-9+/=_-]{20,400})`), value: mixed},
		{name: "jwt", what: "a signed token (JWT)", risk: autonoma.MediumRisk, tests: silent, words: []string{"eyJ"},
			form: regexp.MustCompile(`\b(eyJ[A-Za-z0-9_-]{10,900}\.eyJ[A-Za-z0-9_-]{10,900}\.[A-Za-z0-9_-]{20,700})`), value: random},
		{name: "authorization_header", what: "an Authorization header with its secret", risk: autonoma.HighRisk, tests: silent, words: []string{"authorization"}, folds: true,
			form: regexp.MustCompile(`(?i)authorization["']?\s*[:=,]\s*["']?(?:bearer|basic|token)\s+([A-Za-z0-9+/=._~-]{20,500})`), value: mixed},
	}
}
