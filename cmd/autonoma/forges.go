package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"autonoma"
	"autonoma/internal/forge"
	"autonoma/internal/workspace"
)

// readForges takes over the forges that the operator names.
func readForges(c *config, n *yaml.Node) error {
	if err := strictly(n, &c.Forges); err != nil {
		return fmt.Errorf("forges: %w", err)
	}
	var faults []error
	for i, f := range c.Forges {
		faults = append(faults, f.Check())
		if slices.ContainsFunc(c.Forges[:i], func(o forge.Forge) bool { return strings.EqualFold(o.Host, f.Host) }) {
			faults = append(faults, fmt.Errorf("forge %q: is there twice", f.Host))
		}
	}
	return errors.Join(faults...)
}

// checkForge refuses a pull request that could not be opened in the end, and says what
// is missing.
func (a *app) checkForge(src workspace.Source) error {
	remote := src.Location
	if src.Kind != workspace.SourceURL {
		remote = "" // whom a repository on this machine was cloned from is its owner's word, not the asker's
	}
	_, err := a.forges.At(remote)
	switch {
	case err != nil:
	case !a.cfg.Push:
		err = errors.New("this server may not push, and a pull request needs a branch; its operator turns on push; or choose patch")
	default:
		return nil
	}
	return autonoma.FieldErrors{{Field: "delivery", Reason: err.Error()}}
}

// showForges shows the forges that there are tokens for, or that the file names.
// Tokens come out as stars.
func (w world) showForges(out io.Writer, cfg *config, file string) error {
	all, err := forge.New(cfg.Forges, w.Getenv, nil)
	if err != nil {
		return err
	}
	for i, s := range all.Sites() {
		from, token := "default", "no token"
		if i < len(cfg.Forges) {
			from = file
		} else if s.Token == "" {
			continue
		}
		if s.Token != "" {
			token = fmt.Sprint(s.Token)
		}
		fmt.Fprintf(out, "forges.%s\t%s at %s, %s: %s\t(%s)\n", s.Host, s.Kind, s.API, s.TokenEnv, token, from)
	}
	return nil
}

// doctorForges tells where pull requests can be opened. It asks nobody: what a token
// may do shows only when it is used.
func (w world) doctorForges(cfg *config, say func(bool, string, ...any)) bool {
	all, err := forge.New(cfg.Forges, w.Getenv, nil)
	if err != nil {
		say(false, "forges: %v", err)
		return false
	}
	healthy := true
	for i, s := range all.Sites() {
		switch {
		case s.Token != "" && cfg.Push:
			say(true, "pull requests at %s", s.Host)
		case s.Token != "":
			fmt.Fprintf(w.Stdout, "--    pull requests at %s: push is off\n", s.Host)
		case i < len(cfg.Forges):
			healthy = false
			say(false, "pull requests at %s: no token; set %s", s.Host, s.TokenEnv)
		}
	}
	return healthy
}
