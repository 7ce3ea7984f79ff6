package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"autonoma"
	"autonoma/internal/forge"
	"autonoma/internal/outbound"
	"autonoma/internal/remote"
	"autonoma/internal/store"
	"autonoma/internal/workspace"
)

// readSources takes over the remotes that the operator names.
func readSources(c *config, n *yaml.Node) error {
	if err := strictly(n, &c.Sources); err != nil {
		return fmt.Errorf("sources: %w", err)
	}
	var faults []error
	for i := range c.Sources {
		s := &c.Sources[i]
		for _, path := range []*string{&s.TokenFile, &s.SSHKey, &s.KnownHosts} {
			*path = c.expand(*path)
		}
		faults = append(faults, s.Check())
	}
	return errors.Join(faults...)
}

// openRemotes returns the rules of which remotes git reaches, and how. Tokens of forges
// are for those who may push: with them, git sees what only their owner sees.
func (w world) openRemotes(db *store.DB, cfg *config, forges *forge.Forges) (*remote.Rules, error) {
	var faults []error
	for i := range cfg.Sources {
		faults = append(faults, cfg.Sources[i].Open(w.Getenv))
	}
	rules := &remote.Rules{
		Sources: cfg.Sources, Breadth: cfg.SourceURLs,
		Guard:   &outbound.Guard{Allow: cfg.SourceAllow, Setting: "sourceAllow", AnyPort: true},
		Proxied: w.Getenv("HTTPS_PROXY")+w.Getenv("https_proxy") != "",
		Forge: func(host string) (user, password string, named bool) {
			for _, f := range cfg.Forges {
				named = named || strings.EqualFold(f.Host, host)
			}
			if cfg.Push {
				user, password = forges.Login(host)
			}
			return user, password, named
		},
		Tenant: func(ctx context.Context, id string) (string, error) {
			t, err := db.Tenant(ctx, autonoma.TenantID(id))
			return t.Name, err
		},
	}
	if cfg.OwnAccess {
		rules.Owner = adminTenant
	}
	return rules, errors.Join(faults...)
}

// git returns the settings with which git reaches sources. Whatever a host is told is a
// secret from then on.
func (a *app) git(getenv func(string) string) workspace.Options {
	return workspace.Options{
		Network: gitNetwork(getenv), Push: a.cfg.Push,
		Reach: func(ctx context.Context, tenant, location string) (workspace.Access, error) {
			access, err := a.remotes.Reach(ctx, tenant, location)
			learner(a.cfg, a.log)(access.Name, access.Password)
			return access, err
		},
	}
}

// gitNetwork returns the settings with which git reaches remote repositories.
func gitNetwork(getenv func(string) string) []string {
	var env []string
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "SSH_AUTH_SOCK"} {
		if v := getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// showSources shows the remotes that the file names. Secrets are not read for it.
func showSources(out io.Writer, cfg *config, file string) {
	for _, s := range cfg.Sources {
		with, who := "nothing", "all tenants"
		switch {
		case s.TokenEnv != "":
			with = "the token in " + s.TokenEnv
		case s.TokenFile != "":
			with = "the token in " + s.TokenFile
		case s.SSHKey != "":
			with = "the key in " + s.SSHKey
		}
		if len(s.Tenants) > 0 {
			who = strings.Join(s.Tenants, ", ")
		}
		fmt.Fprintf(out, "sources.%s\t%s, for %s\t(%s)\n", s.At, with, who, file)
	}
}

// doctorSources tells which of the remotes that the file names can be used. It asks
// nobody.
func (w world) doctorSources(cfg *config, say func(bool, string, ...any)) bool {
	healthy := true
	for i := range cfg.Sources {
		s := &cfg.Sources[i]
		if err := s.Open(w.Getenv); err != nil {
			healthy = false
			say(false, "%v", err)
			continue
		}
		say(true, "sources below %s", s.At)
	}
	return healthy
}
