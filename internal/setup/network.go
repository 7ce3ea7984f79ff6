package setup

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"autonoma/internal/egress"
	"autonoma/internal/sandbox"
)

// settings are the variables that tell package clients how to reach their
// registries. They are handed to set-up, without passwords. Proxies are not among
// them: the sandbox has one, and those of the operator are used behind it.
var settings = []string{
	"SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
	"GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOFLAGS",
	"npm_config_registry", "NPM_CONFIG_REGISTRY", "npm_config_cafile",
	"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CERT", "PIP_DEFAULT_TIMEOUT", "PIP_TRUSTED_HOST",
	"CARGO_HTTP_CAINFO",
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

// clients are the settings of the operator's package clients.
type clients struct {
	env     []string
	files   map[string]string // by name: what set-up gets of them
	hosts   []egress.Host     // that they name
	secrets []string          // the settings that hold a password, which set-up does not get
	err     error             // why they could not be read
}

// clientsOf reads the operator's settings.
func clientsOf(getenv func(string) string) clients {
	c := clients{
		env:   []string{"GOTOOLCHAIN=local", "npm_config_audit=false", "npm_config_fund=false", "npm_config_update_notifier=false", "PIP_DISABLE_PIP_VERSION_CHECK=1"},
		files: map[string]string{},
	}
	for _, name := range settings {
		if v := getenv(name); v != "" {
			c.env = append(c.env, name+"="+c.take(name, v, passwords.ReplaceAllString(v, "://")))
			if name == "GOPROXY" || name == "GOSUMDB" {
				c.hosts = append(c.hosts, bareHosts(v)...)
			}
		}
	}
	for _, f := range clientFiles {
		text, place, err := f.read(getenv("HOME"))
		if err != nil {
			c.err = errors.Join(c.err, fmt.Errorf("set-up: %w", err))
		}
		c.files[f.name] = c.take(place, text, withoutSecrets(passwords.ReplaceAllString(text, "://")))
	}
	return c
}

// Withheld names the operator's settings that hold a password, which set-up is not
// given.
func Withheld(getenv func(string) string) []string { return clientsOf(getenv).secrets }

// passwords finds who logs in in a URL.
var passwords = regexp.MustCompile(`://[^/\s@"']*@`)

// take takes down the hosts that a setting names. Without its password a registry says
// that it wants one, and no client looks for the same package elsewhere, as it would
// without the registry.
func (c *clients) take(name, text, public string) string {
	if passwords.MatchString(text) || passwordLine.MatchString(text) {
		c.secrets = append(c.secrets, name)
	}
	c.hosts = append(c.hosts, urlHosts(public)...)
	return public
}

// urls finds the beginning of URLs, up to the host and port.
var urls = regexp.MustCompile(`https?://[A-Za-z0-9._\[\]:-]+`)

// urlHosts returns the hosts of the URLs in a text.
func urlHosts(text string) []egress.Host {
	var hosts []egress.Host
	for _, found := range urls.FindAllString(text, -1) {
		u, err := url.Parse(found)
		if err != nil {
			continue // no client can use it either
		}
		port, _ := strconv.Atoi(u.Port())
		if u.Scheme == "http" && port == 0 {
			port = 80
		}
		if h, err := egress.ParseHost(u.Hostname()); err == nil && u.Hostname() != "" {
			hosts = append(hosts, egress.Host{Name: h.Name, Port: port})
		}
	}
	return hosts
}

// bareHosts returns the hosts that Go's settings name without a scheme.
func bareHosts(text string) []egress.Host {
	var hosts []egress.Host
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(",| ", r) }) {
		name, _, _ := strings.Cut(word, "+") // of GOSUMDB, beside its key
		name, _, _ = strings.Cut(name, "/")
		if h, err := egress.ParseHost(name); err == nil && strings.Contains(name, ".") {
			hosts = append(hosts, h)
		}
	}
	return hosts
}

// secretLine tells lines that hold, or may hold, what only the operator should
// know: set-up runs code of packages. A proxy of the operator is no use to it either.
var secretLine = regexp.MustCompile(`(?i)(auth|token|passw|secret|username|email|_key|private key|^\s*(//\S*:)?key\s*=|^\s*(https?-?)?proxy\s*=)`)

// passwordLine tells those of them that surely hold a password, a token or a key.
var passwordLine = regexp.MustCompile(`(?im)^[^=\n]*(_auth|token|passw(or)?d|secret|_key|\bkey)\s*=`)

func withoutSecrets(text string) string {
	var kept strings.Builder
	for line := range strings.Lines(text) {
		if !secretLine.MatchString(line) {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// read returns the settings on the host and where they stand; nothing if there are none.
func (f clientFile) read(home string) (text, place string, err error) {
	for _, place := range f.places {
		if rest, ok := strings.CutPrefix(place, "~/"); ok {
			place = filepath.Join(home, rest)
		}
		b, err := os.ReadFile(place)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
			continue
		}
		return string(b), place, err
	}
	return "", "", nil
}

// settingsPath is where set-up finds the copies.
const settingsPath = "/run/autonoma/settings"

// copy puts copies of the clients' files into dir, and returns what lets set-up find
// them.
func (c clients) copy(dir string, box sandbox.Sandbox) (mounts []sandbox.Mount, env []string, err error) {
	if c.err != nil {
		return nil, nil, c.err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("set-up: %w", err)
	}
	at := dir
	if sandbox.MapsPaths(box) {
		at = settingsPath
		mounts = []sandbox.Mount{{Source: dir, Target: at}}
	}
	for _, f := range clientFiles {
		if err := os.WriteFile(filepath.Join(dir, f.name), []byte(c.files[f.name]), 0o600); err != nil {
			return nil, nil, fmt.Errorf("set-up: %w", err)
		}
		env = append(env, f.env+"="+filepath.Join(at, f.name))
	}
	return mounts, env, nil
}

// policy says what the commands of a plan may reach.
func (in *Installer) policy(p Plan) egress.Policy {
	return egress.Policy{
		Name:  "set-up",
		How:   "The operator can allow more with the setting setupNetwork, see docs/guide/network.md.",
		Hosts: slices.Concat(egress.For(p.Languages, p.Commands), in.clients.hosts, in.Allow),
	}
}

// explain says what of the network may be why a command failed.
func (in *Installer) explain(way *egress.Session) string {
	var b strings.Builder
	for _, e := range way.Decisions() {
		if !e.Allowed || e.Reason != "" {
			fmt.Fprintf(&b, "\nautonoma: %s was not reached: %s", e.Address(), e.Detail)
		}
	}
	for _, name := range in.clients.secrets {
		fmt.Fprintf(&b, "\nautonoma: the password in %s is not given to set-up, see docs/guide/network.md", name)
	}
	return b.String()
}

// Online returns the environment of commands that have a way out to registries: in
// env, nothing tells package clients any more that there is none.
func (in *Installer) Online(env []string) []string {
	env = slices.DeleteFunc(slices.Clone(env), func(kv string) bool { return slices.Contains(offline, kv) })
	return append(env, in.clients.env...)
}
