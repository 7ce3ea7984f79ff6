package scan

// shellRules are about commands, wherever they stand: scripts, images, workflows.
func shellRules() []rule {
	const in = "shell docker workflow"
	return []rule{
		weakness("pipe_to_shell", "what is downloaded is run without being looked at", medium, in, `\b(?:curl|wget)\b[^|;&]*\|\s*(?:sudo\s+(?:-\S+\s+)*)?(?:env\s+)?(?:/bin/)?(?:ba|z|da|k)?sh\b|(?:ba|z)?sh\s+(?:<\(|-c\s+["']?\$\()\s*(?:curl|wget)\b|\b(?:curl|wget)\b[^|;&]*\|\s*(?:sudo\s+)?(?:python3?|perl|ruby|node)\b`, "", "curl", "wget"),
		weakness("open_permissions", "everyone may write what is here", medium, in, `\bchmod\s+(?:-\w+\s+)*(?:0?777|a\+rwx|ugo\+rwx|o\+w)\b`, "", "chmod"),
		weakness("insecure_download", "certificates are not verified", high, in, `\bcurl\s(?:.*\s)?(?:-[a-zA-Z]*k[a-zA-Z]*|--insecure)(?:\s|$)|\bwget\s.*--no-check-certificate|http\.sslVerify[= ]\s*false|strict-ssl[= ]\s*false|pip3?\s+install\s.*--trusted-host|apt-get\s.*--allow-unauthenticated`, "", "curl", "wget", "sslverify", "strict-ssl", "--trusted-host", "--allow-unauthenticated"),
		weakness("shell_eval", "an argument is run as code", high, in, `(?:^|[;&|\s])eval\s+["']?\$(?:[1-9@*]|\{[1-9@*])`, "", "eval"),
		weakness("shell_remove", "an empty variable would remove everything", high, in, `\brm\s+(?:-\w+\s+)*-\w*[rf]\w*\s+(?:--\s+)?["']?\$\{?\w+\}?["']?/(?:\*|\s|$)`, `\$\{\w+:\?`, "rm "),
		weakness("docker_add_url", "what is downloaded into the image is not verified", lowly, "docker", `(?i)^\s*ADD\s+(?:--(?:chown|chmod)\S*\s+)*https?://`, `--checksum=`, "add"),
		weakness("docker_privileged", "a container gets the rights of its host", high, "shell docker yaml workflow", `docker\s+(?:container\s+)?run\s.*--privileged\b|^\s*privileged:\s*true\b|/var/run/docker\.sock:|path:\s*/var/run/docker\.sock`, "", "privileged", "docker.sock"),
		weakness("sudo_all", "everything may be done without a password", medium, in, `ALL\s*=\s*\(?ALL(?::ALL)?\)?\s*NOPASSWD:\s*ALL`, "", "nopasswd"),
	}
}

// workflowRules are about workflows of GitHub. A line that only gives a name to a value
// (env, with, if) is the way to pass one on; within a script it becomes code.
func workflowRules() []rule {
	const theirs = `\$\{\{[^}]*github\.(?:event\.(?:issue|pull_request|comment|review|discussion|head_commit|commits|pages|workflow_run)\.[^}]*(?:title|body|message|name|email|label|head_branch|head\.ref|default_branch|page_name)\b|head_ref\b)[^}]*\}\}`
	return []rule{
		weakness("workflow_injection", "what strangers write becomes part of a script", high, "workflow", `(?:^\s*(?:-\s+)?(?:run|script):.*|^\s*[^:]*|^\s*(?:echo|git|curl|export|gh|printf|npm|if|for|\w+=).*)`+theirs, `^\s*(?:-\s+)?(?:if|name|group|key|title|ref|run-name|concurrency):|contains\(|startsWith\(|^\s*[\w-]+:\s+["']?\$\{\{[^}]*\}\}["']?\s*$`, "github."),
		weakness("workflow_foreign_checkout", "the code of strangers is run with the rights of the repository", high, "workflow", `ref:\s*["']?\$\{\{\s*(?:github\.event\.pull_request\.head\.(?:sha|ref)|github\.head_ref|github\.event\.workflow_run\.head_(?:sha|branch))|refs/pull/\$\{\{`, "", "ref").near(`\bpull_request_target\b|\bworkflow_run:`, 0),
		weakness("workflow_unpinned", "an action of others can change without notice: pin it to a commit", lowly, "workflow", `^\s*(?:-\s+)?uses:\s*["']?[\w.-]+/[\w./-]+@[^\s"'#]+`, `@[0-9a-f]{40}\b|uses:\s*["']?(?:actions|github)/`, "uses:"),
		weakness("workflow_all_rights", "the workflow may write everything", medium, "workflow", `^\s*permissions:\s*write-all\b`, "", "permissions"),
		weakness("workflow_unsafe_commands", "commands that were withdrawn as unsafe are allowed again", high, "workflow", `ACTIONS_ALLOW_UNSECURE_COMMANDS["']?\s*[:=]\s*["']?true`, "", "actions_allow_unsecure_commands"),
		weakness("workflow_secret_shown", "a secret is printed into the log", high, "workflow", `\b(?:echo|printf)\s[^|>]*\$\{\{\s*secrets\.\w+\s*\}\}[^|>]*$`, `::add-mask::`, "secrets."),
	}
}

// anywhere are rules that hold for more than one language.
func anywhere() []rule {
	return []rule{
		weakness("node_tls", "certificates are not verified", high, "js shell docker yaml workflow conf", `NODE_TLS_REJECT_UNAUTHORIZED["']?\]?\s*[:=]\s*["']?0`, "", "node_tls_reject_unauthorized"),
		weakness("cluster_tls", "certificates are not verified", high, "yaml conf shell workflow", `insecure-skip-tls-verify["']?\s*[:= ]\s*["']?true|--insecure-skip-tls-verify(?:\s|$)|insecureSkipVerify:\s*true|insecure_skip_verify\s*[:=]\s*true`, "", "insecure"),
		weakness("cors_any_origin", "any site may call with the credentials of its visitors", high, "py go java rb js", `(?i)allow_?ed_?origins?["']?\s*[:=(]+\s*(?:\[\]string)?[\[({]*\s*["']\*["']|allow_origins\s*=\s*\[\s*["']\*["']|CORS_(?:ALLOW_ALL_ORIGINS|ORIGIN_ALLOW_ALL)\s*=\s*True|\borigin\s*:\s*(?:true|["']\*["'])\s*,?\s*$|allowAllOrigins\s*[:=]\s*true`, "", "origin").
			near(`(?i)(?:allow_?credentials["']?\s*[:=(]+\s*["']?true|\bcredentials\s*:\s*true|CORS_ALLOW_CREDENTIALS\s*=\s*True)`, 8),
		weakness("writable_by_all", "everyone may write what is here", medium, "go py rb js", `\bos\.(?:Chmod|Mkdir|MkdirAll|WriteFile|OpenFile)\(.*\b0o?[0-7]?777\b|\bos\.chmod\(.*0o777|FileUtils\.chmod(?:_R)?\(?\s*0o?777|\.chmod(?:Sync)?\([^,]+,\s*(?:0o777|["']777["'])`, "", "777"),
		weakness("open_debug_server", "a debugger or console listens on all networks", high, "shell docker yaml workflow conf py js", `--inspect(?:-brk)?=0\.0\.0\.0|jdwp=[^"'\s]*address=(?:\*|0\.0\.0\.0)|debugpy(?:\.listen\(.*["']0\.0\.0\.0|\s.*--listen\s+0\.0\.0\.0)`, "", "inspect", "jdwp", "debugpy"),
		weakness("database_trust", "the database asks nobody for a password", high, "conf yaml shell docker", `^\s*host\s+all\s+all\s+(?:0\.0\.0\.0/0|all|::/0)\s+trust\b|POSTGRES_HOST_AUTH_METHOD["']?\s*[:=]\s*["']?trust|^\s*protected-mode\s+no\b|MYSQL_ALLOW_EMPTY_PASSWORD["']?\s*[:=]\s*["']?(?:yes|true|1)`, "", "trust", "protected-mode", "mysql_allow_empty_password"),
		weakness("open_to_the_world", "a port of administration is open to the whole internet", medium, "conf", `(?i)(?:cidr_blocks|source_ranges|source_address_prefix)\s*=\s*\[?\s*["'](?:0\.0\.0\.0/0|\*)["']`, "", "0.0.0.0/0", "*").near(`(?i)(?:from_port|ports|destination_port_range)\s*=\s*\[?\s*["']?(?:22|3389|5432|3306|6379|27017)\b`, 8),
	}
}
