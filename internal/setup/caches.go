package setup

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"autonoma/internal/sandbox"
)

// A cache is where a package client keeps what it fetched or built.
type cache struct {
	name string   // below cachesPath
	env  string   // the variable that tells the client; its value is before + path
	pre  string   // what stands before the path in the variable
	host []string // where it lies on the host, the first that exists; ~ is the home
	also string   // a variable that overrides host
	of   []string // the languages whose commands use it
	own  bool     // without overlays, commands get an empty one to write to rather than a full one to read
}

// cachesPath is where commands find the caches.
const cachesPath = "/caches"

// caches are all caches that are kept apart and shared. Credentials lie in none
// of them.
var caches = []cache{
	{name: "go-mod", env: "GOMODCACHE", host: []string{"~/go/pkg/mod"}, also: "GOMODCACHE", of: []string{"Go"}},
	{name: "go-build", env: "GOCACHE", host: []string{"~/.cache/go-build"}, also: "GOCACHE", of: []string{"Go"}, own: true},
	{name: "npm", env: "npm_config_cache", host: []string{"~/.npm"}, of: []string{"JavaScript", "TypeScript"}},
	{name: "pip", env: "PIP_CACHE_DIR", of: []string{"Python"}},
	{name: "cargo", env: "CARGO_HOME", of: []string{"Rust"}},
	{name: "m2", env: "MAVEN_OPTS", pre: "-Dmaven.repo.local=", of: []string{"Java", "Kotlin", "Scala", "Groovy"}},
}

// onHost returns the cache's directory on the host, or nothing.
func (c cache) onHost(getenv func(string) string) string {
	places := c.host
	if c.also != "" && getenv(c.also) != "" {
		places = []string{getenv(c.also)}
	}
	for _, p := range places {
		if rest, ok := strings.CutPrefix(p, "~/"); ok {
			if getenv("HOME") == "" {
				continue
			}
			p = filepath.Join(getenv("HOME"), rest)
		}
		if info, err := os.Stat(p); err == nil && info.IsDir() && filepath.IsAbs(p) {
			return p
		}
	}
	return ""
}

// environment returns the variables that point package clients to the caches,
// which for a sandbox without mounts are at where, below a directory of the host.
func environment(where string) []string {
	env := make([]string, 0, len(caches))
	for _, c := range caches {
		env = append(env, c.env+"="+c.pre+filepath.Join(where, c.name))
	}
	return env
}

// offline tells package clients that there is no network, so that they fail at
// once and say why instead of waiting for it.
var offline = []string{
	"GOPROXY=off", "GOTOOLCHAIN=local",
	"npm_config_offline=true", "npm_config_audit=false", "npm_config_fund=false", "npm_config_update_notifier=false",
	"PIP_NO_INDEX=1", "PIP_DISABLE_PIP_VERSION_CHECK=1", "CARGO_NET_OFFLINE=true",
}

// tidy keeps interpreters from leaving what they compiled beside the sources: in
// a project that ignores nothing it would become part of the change.
var tidy = []string{"PYTHONDONTWRITEBYTECODE=1"}

// mounts shows the caches that there are for the languages, with changes kept in
// upper. Where the sandbox has no overlays, they are shown for reading only. Each
// mount costs every command some time, so a cache with nothing in it is not shown:
// package clients make their own in the home.
func (in *Installer) mounts(below func(c cache) string, languages []string, upper string) (mounts []sandbox.Mount, env []string) {
	for _, c := range caches {
		src := below(c)
		if src == "" || !c.serves(languages) || c.own && !sandbox.Overlays(in.box) {
			continue
		}
		at := filepath.Join(cachesPath, c.name)
		mounts = append(mounts, in.shared(src, at, filepath.Join(upper, c.name)))
		env = append(env, c.env+"="+c.pre+at)
	}
	return mounts, env
}

// serves reports whether commands of one of the languages use the cache. If it is
// not known what a project will be written in, all may be of use to it.
func (c cache) serves(languages []string) bool {
	return languages == nil || slices.ContainsFunc(languages, func(l string) bool { return slices.Contains(c.of, l) })
}

// shown shows what set-up made, a directory or a file, with changes that are private.
// An overlay is of directories; of a file there is a copy.
func (in *Installer) shown(src, target, upper string) (sandbox.Mount, error) {
	info, err := os.Lstat(src)
	if err != nil || !info.Mode().IsRegular() || !sandbox.Overlays(in.box) {
		return in.shared(src, target, upper), err
	}
	m := sandbox.Mount{Source: upper, Target: target, Mode: sandbox.Writable}
	if _, err := os.Lstat(upper); err == nil {
		return m, nil // from an earlier command
	}
	text, err := os.ReadFile(src)
	if err != nil {
		return m, err
	}
	return m, errors.Join(os.MkdirAll(filepath.Dir(upper), 0o700), os.WriteFile(upper, text, info.Mode().Perm()|0o600))
}

// shared shows a directory whose changes are private.
func (in *Installer) shared(src, target, upper string) sandbox.Mount {
	if !sandbox.Overlays(in.box) {
		return sandbox.Mount{Source: src, Target: target, Mode: sandbox.ReadOnly}
	}
	return sandbox.Mount{Source: src, Target: target, Mode: sandbox.Overlay, Upper: upper}
}
