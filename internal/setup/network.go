package setup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"autonoma/internal/sandbox"
)

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

// A clientFile is where a package client keeps its settings on the host.
type clientFile struct {
	name   string   // of the copy that set-up gets
	env    string   // the variable that leads the client to the copy
	places []string // on the host, the first that exists; ~ is the home
}

var clientFiles = []clientFile{
	{"npmrc", "NPM_CONFIG_USERCONFIG", []string{"~/.npmrc"}},
	{"pip.conf", "PIP_CONFIG_FILE", []string{"~/.config/pip/pip.conf", "~/.pip/pip.conf", "/etc/pip.conf"}},
	{"goenv", "GOENV", []string{"~/.config/go/env"}},
}

// settingsPath is where set-up finds the copies.
const settingsPath = "/run/autonoma/settings"

// secretLine tells lines that hold, or may hold, what only the operator should
// know: set-up runs code of packages.
var secretLine = regexp.MustCompile(`(?i)(auth|token|passw|secret|username|email|_key|//[^/\s]*@)`)

// copySettings puts copies of the client's settings, without secrets, into dir,
// and returns what lets set-up find them.
func copySettings(dir string, box sandbox.Sandbox, getenv func(string) string) (mounts []sandbox.Mount, env []string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("set-up: %w", err)
	}
	at := dir
	if sandbox.MapsPaths(box) {
		at = settingsPath
		mounts = []sandbox.Mount{{Source: dir, Target: at}}
	}
	for _, f := range clientFiles {
		text, err := f.read(getenv("HOME"))
		if err != nil {
			return nil, nil, fmt.Errorf("set-up: %w", err)
		}
		if err := os.WriteFile(filepath.Join(dir, f.name), []byte(text), 0o600); err != nil {
			return nil, nil, fmt.Errorf("set-up: %w", err)
		}
		env = append(env, f.env+"="+filepath.Join(at, f.name))
	}
	return mounts, env, nil
}

// read returns the settings on the host without the lines that may hold secrets;
// nothing if there are none.
func (f clientFile) read(home string) (string, error) {
	for _, place := range f.places {
		if rest, ok := strings.CutPrefix(place, "~/"); ok {
			place = filepath.Join(home, rest)
		}
		b, err := os.ReadFile(place)
		switch {
		case errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission):
			continue
		case err != nil:
			return "", err
		}
		var kept strings.Builder
		for line := range strings.Lines(string(b)) {
			if !secretLine.MatchString(line) {
				kept.WriteString(line)
			}
		}
		return kept.String(), nil
	}
	return "", nil
}
