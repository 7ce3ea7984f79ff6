// Package forge opens pull requests at forges: GitHub, GitLab, and Gitea with Forgejo.
//
// [Forges] are the hosts that the operator has tokens for. They tell which
// [Repository] the URL of a remote names, and [Repository.Propose] opens a pull
// request there, or finds the one that is there already: it may be called again after
// a crash. Only hosts that are built in or that the operator names are ever spoken to,
// no redirect is followed, and a token goes to the one host it is for.
//
// What is proposed is written by models. [Quiet] takes from a text what a forge would
// act on.
package forge

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// A Kind is a kind of forge, which decides how it is spoken to.
type Kind string

// The kinds of forges.
const (
	GitHub Kind = "github" // github.com and GitHub Enterprise Server
	GitLab Kind = "gitlab"
	Gitea  Kind = "gitea" // and Forgejo
)

// Kinds are all kinds.
var Kinds = []Kind{GitHub, GitLab, Gitea}

// A Forge is a host of repositories, as an operator describes it.
type Forge struct {
	Host     string `yaml:"host"`     // as in the URLs of its repositories, with the port if there is one
	Kind     Kind   `yaml:"kind"`     //
	TokenEnv string `yaml:"tokenEnv"` // the variable of the environment that holds its token
	API      string `yaml:"api"`      // the address of its API; empty: where its kind has it
}

// builtIn are the forges that everybody knows. A second variable is looked at if the
// first is empty.
func builtIn() []Forge {
	return []Forge{
		{"github.com", GitHub, "GITHUB_TOKEN or GH_TOKEN", "https://api.github.com"},
		{"gitlab.com", GitLab, "GITLAB_TOKEN", ""},
		{"gitea.com", Gitea, "GITEA_TOKEN", ""},
		{"codeberg.org", Gitea, "CODEBERG_TOKEN", ""},
	}
}

var (
	hostForm = regexp.MustCompile(`^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[0-9]+)?$`)
	envForm  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// Check returns all that is wrong with a description.
func (f Forge) Check() error {
	var faults []error
	wrong := func(ok bool, key, what string) {
		if !ok {
			faults = append(faults, fmt.Errorf("forge %q: %s %s", f.Host, key, what))
		}
	}
	wrong(hostForm.MatchString(strings.ToLower(f.Host)), "host", "must be a host, as in git.example.com or git.example.com:8443")
	wrong(slices.Contains(Kinds, f.Kind), "kind", fmt.Sprintf("must be one of %v", Kinds))
	wrong(envForm.MatchString(f.TokenEnv), "tokenEnv", "must name the variable of the environment that holds the token")
	wrong(f.API == "" || properAPI(f.API), "api", "must be an https:// URL without user and query; http:// is for addresses of this machine, as in http://127.0.0.1:3000/api/v1")
	return errors.Join(faults...)
}

// properAPI reports whether a token may be sent to an address: what is not encrypted
// must not leave this machine.
func properAPI(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && err == nil && addr.IsLoopback()
}

// Forges are the forges of an installation, with their tokens.
type Forges struct {
	sites []Site
	http  *http.Client
}

// A Site is a forge and what there is to speak to it.
type Site struct {
	Forge
	Token Token // empty: there is none
}

// New returns the forges that are built in and those that the operator names, which
// replace built-in ones of the same host. Tokens are looked up in the environment once.
// Calls go over the client, or one with sound limits if it is nil.
func New(named []Forge, getenv func(string) string, client *http.Client) (*Forges, error) {
	f := &Forges{http: client}
	if client == nil {
		f.http = newHTTP()
	}
	var faults []error
	for _, n := range append(slices.Clone(named), builtIn()...) {
		n.Host = strings.ToLower(n.Host)
		if slices.ContainsFunc(f.sites, func(s Site) bool { return s.Host == n.Host }) {
			continue
		}
		n.API = strings.TrimRight(cmp.Or(n.API, "https://"+n.Host+dialects[n.Kind].api), "/")
		s := Site{Forge: n}
		for name := range strings.SplitSeq(n.TokenEnv, " or ") {
			s.Token = cmp.Or(s.Token, Token(strings.TrimSpace(getenv(name))))
		}
		if !s.Token.proper() {
			faults = append(faults, fmt.Errorf("%s: is no token: it must be one line of printable characters", n.TokenEnv))
		}
		f.sites = append(f.sites, s)
	}
	return f, errors.Join(faults...)
}

// Sites returns all forges: those that the operator names first.
func (f *Forges) Sites() []Site { return slices.Clone(f.sites) }

// Login returns the user and the token with which git reaches the repositories of a
// host over https. Both are empty if there is no token.
func (f *Forges) Login(host string) (user, password string) {
	if s, ok := f.site(strings.ToLower(host), false); ok && s.Token != "" {
		return dialects[s.Kind].user, string(s.Token)
	}
	return "", ""
}

// site returns the forge of a host. The port of a URL for ssh says nothing of the one
// that the forge has for people and programs.
func (f *Forges) site(host string, ssh bool) (Site, bool) {
	host = strings.TrimSuffix(host, ":443")
	i := slices.IndexFunc(f.sites, func(s Site) bool {
		return strings.TrimSuffix(s.Host, ":443") == host || ssh && withoutPort(s.Host) == withoutPort(host)
	})
	if i < 0 {
		return Site{}, false
	}
	return f.sites[i], true
}

func withoutPort(host string) string {
	u := url.URL{Host: host}
	return u.Hostname()
}

// At returns the repository that the URL of a remote names. The error says what is
// missing: it is for whoever wants the pull request.
func (f *Forges) At(remote string) (Repository, error) {
	host, path, ssh, ok := split(remote)
	if !ok {
		return Repository{}, errors.New("needs a source that is the URL of a repository on a forge; give the URL of the remote as source, or choose branch or patch")
	}
	s, ok := f.site(host, ssh)
	if !ok {
		return Repository{}, fmt.Errorf("%s is no forge that this server knows; its operator can name it under forges; or choose branch or patch", host)
	}
	if s.Token == "" {
		return Repository{}, fmt.Errorf("this server has no token for %s; its operator sets %s; or choose branch or patch", s.Host, s.TokenEnv)
	}
	parts := strings.Split(path, "/")
	if len(parts) < 2 || len(parts) > 2 && s.Kind != GitLab || slices.ContainsFunc(parts, improper) {
		return Repository{}, fmt.Errorf("the URL names no repository of %s; give one as in https://%s/owner/name", s.Host, s.Host)
	}
	return Repository{s, path, f.http}, nil
}

var (
	scpForm  = regexp.MustCompile(`^(?:[A-Za-z0-9_.-]+@)?([A-Za-z0-9][A-Za-z0-9.-]*):([^:].*)$`)
	partForm = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)
)

// split takes the URL of a remote apart. It knows the forms that sources may have.
func split(remote string) (host, path string, ssh, ok bool) {
	if u, err := url.Parse(remote); err == nil && (u.Scheme == "https" || u.Scheme == "ssh") {
		host, path, ssh = u.Host, u.Path, u.Scheme == "ssh"
	} else if m := scpForm.FindStringSubmatch(remote); m != nil && !strings.Contains(remote, "://") {
		host, path, ssh = m[1], m[2], true
	} else {
		return "", "", false, false
	}
	path = strings.TrimSuffix(strings.Trim(path, "/"), ".git")
	return strings.ToLower(host), path, ssh, host != ""
}

// improper reports whether a part of a path could lead elsewhere.
func improper(part string) bool {
	return part == "." || part == ".." || !partForm.MatchString(part)
}
