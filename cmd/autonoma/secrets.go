package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"autonoma/internal/forge"
	"autonoma/internal/model/provider"
	"autonoma/internal/secret"
	"autonoma/internal/tool/mcp"
)

// learner returns what makes a secret known to the redactor. It tells of one that is
// too simple to be looked for: a key for a server on one's own machine often is a word.
func learner(cfg *config, log *slog.Logger) func(name, secret string) {
	return func(name, secret string) {
		if err := cfg.Redact.Add(name, secret); err != nil {
			log.Info("a secret is not looked for", "err", err)
		}
	}
}

// learnSecrets makes the secrets of the installation known to the redactor. Those that
// come later make themselves known.
func (w world) learnSecrets(ctx context.Context, cfg *config, kept *secret.Secrets, log *slog.Logger) error {
	learn := learner(cfg, log)
	for name, key := range provider.Keys(w.Getenv) {
		learn(name, key)
	}
	forges, err := forge.New(cfg.Forges, w.Getenv, nil)
	if err != nil {
		return err
	}
	for _, s := range forges.Sites() {
		learn("token of "+s.Host, string(s.Token))
	}
	for i := range cfg.Sources {
		s := &cfg.Sources[i]
		if err := s.Open(w.Getenv); err != nil {
			return err
		}
		text, err := s.Secret()
		if err != nil {
			return fmt.Errorf("source %q: %w", s.At, err)
		}
		if s.SSHKey != "" {
			cfg.Redact.AddLines("key of "+s.At, text)
			continue
		}
		learn("token of "+s.At, text)
	}
	w.learnMCP(cfg, learn)
	for _, name := range passwordsIn {
		for text := range strings.FieldsSeq(strings.ReplaceAll(w.Getenv(name), ",", " ")) {
			if u, err := url.Parse(text); err == nil && u.User != nil {
				password, _ := u.User.Password()
				learn(name, password)
			}
		}
	}
	have, err := readCredentials(cfg.Data)
	if err != nil {
		return err
	}
	learn("API key", have.Key)
	return kept.Tell(ctx, learn)
}

// blank is the place in a setting of an MCP server where a variable comes.
var blank = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// secretive are names of variables that hold secrets; others hold paths and levels.
var secretive = regexp.MustCompile(`(?i)token|key|secret|passw|auth|credential`)

// learnMCP makes known what MCP servers are given: the variables that are named, and
// what stands in the file itself under a name of that kind.
func (w world) learnMCP(cfg *config, learn func(name, secret string)) {
	for _, server := range slices.Sorted(maps.Keys(cfg.MCP)) {
		s := cfg.MCP[server]
		for _, values := range []map[string]mcp.Secret{s.Env, s.Headers} {
			for _, key := range slices.Sorted(maps.Keys(values)) {
				value := string(values[key])
				named := blank.FindAllStringSubmatch(value, -1)
				for _, name := range named {
					learn(name[1], w.Getenv(name[1]))
				}
				if len(named) == 0 && secretive.MatchString(key) {
					learn("mcp."+server+"."+key, strings.TrimPrefix(value, "Bearer "))
				}
			}
		}
	}
}

// passwordsIn are variables whose URLs may hold a password: of proxies, and of
// registries that packages come from.
var passwordsIn = []string{
	"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy",
	"GOPROXY", "npm_config_registry", "NPM_CONFIG_REGISTRY", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "CARGO_HTTP_PROXY",
}
