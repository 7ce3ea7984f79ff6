package setup

// settings are the variables that tell package clients how to reach their
// registries. They are handed to set-up alone.
var settings = []string{
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
	"GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOFLAGS",
	"npm_config_registry", "NPM_CONFIG_REGISTRY", "npm_config_cafile",
	"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CERT", "PIP_DEFAULT_TIMEOUT", "PIP_TRUSTED_HOST",
	"CARGO_HTTP_PROXY", "CARGO_HTTP_CAINFO",
}

// clientSettings returns the operator's settings of package clients.
func clientSettings(getenv func(string) string) []string {
	env := []string{"GOTOOLCHAIN=local", "npm_config_audit=false", "npm_config_fund=false", "npm_config_update_notifier=false", "PIP_DISABLE_PIP_VERSION_CHECK=1"}
	for _, name := range settings {
		if v := getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	return env
}
