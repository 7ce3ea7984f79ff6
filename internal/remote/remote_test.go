package remote_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"autonoma/internal/outbound"
	"autonoma/internal/remote"
	"autonoma/internal/workspace"
)

// names are what hosts are called; mixed has one address that is not public.
var names = map[string][]netip.Addr{
	"github.com":  {netip.MustParseAddr("2606:50c0:8000::153"), netip.MustParseAddr("140.82.121.3")},
	"inside.corp": {netip.MustParseAddr("10.1.2.3")},
	"mixed.test":  {netip.MustParseAddr("140.82.121.3"), netip.MustParseAddr("169.254.169.254")},
	"localhost":   {netip.MustParseAddr("127.0.0.1")},
}

func lookup(_ context.Context, host string) ([]netip.Addr, error) {
	if addrs, ok := names[strings.ToLower(host)]; ok {
		return addrs, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// rules are those of an operator who names the sources given. Tenants are called by
// their identifiers.
func rules(t *testing.T, sources ...remote.Source) *remote.Rules {
	t.Helper()
	for i := range sources {
		if err := errors.Join(sources[i].Check(), sources[i].Open(func(name string) string { return "token-in-" + name })); err != nil {
			t.Fatal(err)
		}
	}
	return &remote.Rules{
		Sources: sources, Guard: &outbound.Guard{Setting: "sourceAllow", AnyPort: true, Lookup: lookup},
		Tenant: func(_ context.Context, id string) (string, error) { return "name-of-" + id, nil },
	}
}

// secretFile writes a file that nobody else can read.
func secretFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// refused returns why a URL may not be reached.
func refused(t *testing.T, r *remote.Rules, tenant, url string) (workspace.Reason, string) {
	t.Helper()
	access, err := r.Reach(t.Context(), tenant, url)
	wrong, ok := errors.AsType[*workspace.SourceError](err)
	if !ok {
		t.Errorf("%s is reached by %+v, %v", url, access, err)
		return "", ""
	}
	return wrong.Reason, wrong.Error()
}

// A stranger's URL leads to public addresses, as nobody, and git connects to those that
// were judged.
func TestStranger(t *testing.T) {
	r := rules(t)
	access, err := r.Reach(t.Context(), "a", "https://github.com/acme/x.git")
	if err != nil || access.Password != "" || access.Key != "" || access.Own || access.Name != "" || len(access.Addresses) != 2 || !access.Addresses[0].Is4() {
		t.Errorf("%+v %v", access, err)
	}
	for _, host := range []string{
		"127.0.0.1", "localhost", "[::1]", "10.0.0.8", "192.168.1.1", "169.254.169.254", "[fd00::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "100.100.100.200",
		"inside.corp", "INSIDE.corp", "mixed.test", "127.1", "0x7f000001", "2130706433", "0.0.0.0",
	} {
		for _, url := range []string{"https://" + host + "/x.git", "https://" + host + ":8443/x.git"} {
			if reason, why := refused(t, r, "a", url); reason != workspace.ReasonDenied {
				t.Errorf("%s: %s", url, why)
			}
			if r.Check(t.Context(), url) == nil {
				t.Errorf("%s is accepted", url)
			}
		}
	}
	for _, url := range []string{"git@github.com:acme/x.git", "ssh://git@github.com/acme/x.git", "ssh://git@127.0.0.1/x"} {
		if reason, why := refused(t, r, "a", url); reason != workspace.ReasonDenied || !strings.Contains(why, "name a key for it under sources") {
			t.Errorf("%s: %s", url, why)
		}
	}
	if reason, why := refused(t, r, "a", "https://nowhere.example/x"); reason != workspace.ReasonUnreachable {
		t.Error(why)
	}
	if err := r.Check(t.Context(), "https://nowhere.example/x"); err != nil {
		t.Errorf("a name that cannot be looked up now is refused for ever: %v", err)
	}
	r.Proxied = true
	if access, err := r.Reach(t.Context(), "a", "https://nowhere.example/x"); err != nil || len(access.Addresses) > 0 {
		t.Errorf("the proxy is not left to look names up: %+v %v", access, err)
	}
	r.Guard.Allow = []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}
	if access, err := r.Reach(t.Context(), "a", "https://inside.corp/x"); err != nil || fmt.Sprint(access.Addresses) != "[10.1.2.3]" {
		t.Errorf("%+v %v", access, err)
	}
}

// A name that comes to mean something else between two looks is judged anew.
func TestRebinding(t *testing.T) {
	r, at := rules(t), "140.82.121.3"
	r.Guard.Lookup = func(context.Context, string) ([]netip.Addr, error) { return []netip.Addr{netip.MustParseAddr(at)}, nil }
	if err := r.Check(t.Context(), "https://evil.example/x"); err != nil {
		t.Fatal(err)
	}
	at = "127.0.0.1"
	refused(t, r, "a", "https://evil.example/x")
}

// A credential is for its place and its tenants, and for nothing beside them.
func TestSources(t *testing.T) {
	key := secretFile(t, "a key")
	file := secretFile(t, "token-in-file\n")
	r := rules(t,
		remote.Source{At: "GitHub.com/acme", TokenEnv: "ACME", Tenants: []string{"name-of-a"}},
		remote.Source{At: "github.com/acme/deep", TokenFile: file, User: "me"},
		remote.Source{At: "github.com/acme", SSHKey: key, KnownHosts: "/etc/ssh/known", Tenants: []string{"a"}},
		remote.Source{At: "inside.corp:8443"},
		remote.Source{At: "[fd00::1]:2222", SSHKey: key},
	)
	r.Forge = func(host string) (string, string, bool) { return "forge", "token-of-" + host, host == "forge.corp" }
	for _, tt := range []struct{ tenant, url, user, password, key string }{
		{"a", "https://github.com/acme/x.git", "x-access-token", "token-in-ACME", ""},
		{"a", "https://GITHUB.com/acme.git", "x-access-token", "token-in-ACME", ""},
		{"a", "https://github.com:443/acme/x", "x-access-token", "token-in-ACME", ""},
		{"a", "https://github.com/acme/deep/x", "me", "token-in-file", ""},
		{"b", "https://github.com/acme/deep/x", "me", "token-in-file", ""},
		{"b", "https://github.com/acme/x.git", "", "", ""}, // not theirs
		{"a", "https://github.com/acmeevil/x", "", "", ""}, // another place
		{"a", "https://github.com/x/acme", "", "", ""},
		{"a", "git@github.com:acme/x.git", "", "", key},
		{"a", "ssh://git@github.com/acme/x.git", "", "", key},
		{"b", "https://inside.corp:8443/any", "", "", ""},
		{"b", "ssh://[fd00::1]:2222/any", "", "", key},
		{"b", "https://forge.corp/any", "forge", "token-of-forge.corp", ""},
	} {
		access, err := r.Reach(t.Context(), tt.tenant, tt.url)
		if err != nil || access.User != tt.user || access.Password != tt.password || access.Key != tt.key || access.Own {
			t.Errorf("%s by %s: %+v %v", tt.url, tt.tenant, access, err)
		}
		if (access.Name == "") != (tt.password == "" && tt.key == "") {
			t.Errorf("%s by %s: what is fetched is kept as %q", tt.url, tt.tenant, access.Name)
		}
	}
	for _, tt := range []struct{ tenant, url string }{
		{"b", "git@github.com:acme/x.git"}, {"a", "git@github.com:other/x.git"}, {"a", "ssh://git@github.com:2222/acme/x"},
		{"a", "https://inside.corp/any"}, {"a", "ssh://inside.corp:8443/any"}, {"a", "file:///x"}, {"a", "/x"},
	} {
		refused(t, r, tt.tenant, tt.url)
	}
	// A token that was renewed is the one that is used.
	if err := os.WriteFile(file, []byte("token-renewed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if access, err := r.Reach(t.Context(), "a", "https://github.com/acme/deep/x"); err != nil || access.Password != "token-renewed" {
		t.Errorf("%+v %v", access, err)
	}
	// Only what is named.
	r.Breadth = remote.Named
	refused(t, r, "b", "https://github.com/other/x")
	for _, url := range []string{"https://inside.corp:8443/x", "https://forge.corp/x"} {
		if _, err := r.Reach(t.Context(), "b", url); err != nil {
			t.Error(err)
		}
	}
}

// The owner's tasks reach what the owner reaches, and nobody else's do.
func TestOwner(t *testing.T) {
	r := rules(t, remote.Source{At: "github.com/acme", TokenEnv: "ACME"})
	r.Owner = "name-of-owner"
	for _, url := range []string{"git@inside.corp:x", "https://inside.corp/x", "https://127.0.0.1/x"} {
		if access, err := r.Reach(t.Context(), "owner", url); err != nil || !access.Own {
			t.Errorf("%s: %+v %v", url, access, err)
		}
		refused(t, r, "other", url)
	}
	if access, err := r.Reach(t.Context(), "owner", "https://github.com/acme/x"); err != nil || access.Own || access.Password != "token-in-ACME" {
		t.Errorf("%+v %v", access, err)
	}
}

func TestCheckSource(t *testing.T) {
	open := filepath.Join(t.TempDir(), "open")
	if err := os.WriteFile(open, []byte("token"), 0o644); err != nil {
		t.Fatal(err)
	}
	none := func(string) string { return "" }
	for _, s := range []remote.Source{
		{}, {At: "http://x.test"}, {At: "x.test/../y"}, {At: "x test"}, {At: "user@x.test"}, {At: "x.test", TokenEnv: "A B"}, {At: "x.test", TokenEnv: "A", TokenFile: "/a"},
		{At: "x.test", TokenEnv: "A", SSHKey: "/k"}, {At: "x.test", SSHKey: "/a b"}, {At: "x.test", SSHKey: "k"}, {At: "x.test", SSHKey: "/%h"}, {At: "x.test", KnownHosts: "/k"}, {At: "x.test", TokenEnv: "A", User: "a:b"},
		{At: "x.test:99999999"}, {At: "x.test/team?x"}, {At: "https://me:two@x.test"}, {At: "x.test", Tenants: []string{}},
		{At: "x.test", TokenEnv: "A"}, {At: "x.test", TokenFile: "/missing"}, {At: "x.test", TokenFile: open}, {At: "x.test", SSHKey: open},
		{At: "x.test", TokenFile: secretFile(t, "two\nlines")},
	} {
		if err := errors.Join(s.Check(), s.Open(none)); err == nil || strings.Contains(err.Error(), "two") {
			t.Errorf("%+v is taken: %v", s, err)
		}
	}
	s := remote.Source{At: "x.test", TokenFile: secretFile(t, "a-token")}
	if err := errors.Join(s.Check(), s.Open(none)); err != nil {
		t.Error(err)
	}
	if secret, err := s.Secret(); err != nil || secret != "a-token" {
		t.Error(secret, err)
	}
	if !slices.Contains(remote.Breadths, remote.Any) {
		t.Error("any is no choice")
	}
}
