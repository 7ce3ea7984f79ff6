package setup

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"autonoma"
	"autonoma/internal/egress"
	"autonoma/internal/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Init()
	os.Exit(m.Run())
}

// Set-up gets the operator's settings of package clients, and none of the secrets
// among them; what they name may be reached. A registry stays named where its password
// is taken away: without it, a client would look for the same packages elsewhere.
func TestClients(t *testing.T) {
	home := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(".npmrc", "registry=https://npm.example.com/\n"+
		"//npm.example.com/:_authToken=npm_secret\n"+
		"_password=c2VjcmV0\n"+
		"key=\"-----BEGIN PRIVATE KEY-----\\nMIIEvQ\\n-----END PRIVATE KEY-----\"\n"+
		"//npm.example.com/:key=MIIEvQ\n"+
		"proxy=http://me:secret@proxy.example.com\n"+
		"https-proxy = http://proxy.example.com\n"+
		"cafile=/etc/ssl/ca.pem\n")
	write(".config/pip/pip.conf", "[global]\nindex-url = https://me:secret@pip.example.com:8443/simple\n")
	env := map[string]string{
		"HOME": home, "GOPROXY": "https://me:secret@go.example.com,goproxy.example.com|direct", "GOSUMDB": "sum.example.com+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
		"PIP_EXTRA_INDEX_URL": "http://token@10.0.0.5/simple", "HTTPS_PROXY": "http://me:secret@proxy.example.com",
	}
	c := clientsOf(func(name string) string { return env[name] })
	if c.err != nil {
		t.Fatal(c.err)
	}
	if want := "registry=https://npm.example.com/\ncafile=/etc/ssl/ca.pem\n"; c.files["npmrc"] != want {
		t.Errorf("npm is told %q", c.files["npmrc"])
	}
	if want := "[global]\nindex-url = https://pip.example.com:8443/simple\n"; c.files["pip.conf"] != want {
		t.Errorf("pip is told %q", c.files["pip.conf"])
	}
	if c.files["goenv"] != "" {
		t.Errorf("what is not there is %q", c.files["goenv"])
	}
	all := strings.Join(c.env, "\n") + fmt.Sprint(c.files)
	for _, secret := range []string{"secret", "token@", "proxy.example.com\n"} {
		if strings.Contains(strings.ReplaceAll(all, "goproxy.example.com", ""), secret) {
			t.Errorf("set-up is told %q:\n%s", secret, all)
		}
	}
	if !slices.Contains(c.env, "GOPROXY=https://go.example.com,goproxy.example.com|direct") || !slices.Contains(c.env, "PIP_EXTRA_INDEX_URL=http://10.0.0.5/simple") {
		t.Errorf("the environment is %q", c.env)
	}
	names := egress.Policy{Hosts: c.hosts}.Names()
	if want := []string{"10.0.0.5:80", "go.example.com", "goproxy.example.com", "npm.example.com", "pip.example.com:8443", "sum.example.com"}; !slices.Equal(names, want) {
		t.Errorf("hosts are %q, want %q", names, want)
	}
	if want := []string{"GOPROXY", "PIP_EXTRA_INDEX_URL", filepath.Join(home, ".npmrc"), filepath.Join(home, ".config/pip/pip.conf")}; !slices.Equal(c.secrets, want) {
		t.Errorf("passwords are in %q, want %q", c.secrets, want)
	}
}

// A file that holds a password in no URL is told of as well.
func TestWithheldFromFile(t *testing.T) {
	home := t.TempDir()
	place := filepath.Join(home, ".npmrc")
	getenv := func(name string) string { return map[string]string{"HOME": home}[name] }
	for text, want := range map[string][]string{
		"//npm.example.com/:_authToken=npm_x\n": {place},
		"key=MIIEvQ\n":                          {place},
		"proxy=http://proxy.example.com\n":      nil,
	} {
		if err := os.WriteFile(place, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := Withheld(getenv); !slices.Equal(got, want) {
			t.Errorf("of %q is told %q, want %q", text, got, want)
		}
	}
}

// Set-up reaches what its policy names and nothing else, from whatever level, and both
// are told; one that fails for that says so.
func TestWayOut(t *testing.T) {
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "package of", r.Host) }))
	defer registry.Close()
	port := registry.Listener.Addr().(*net.TCPAddr).Port
	for _, level := range []sandbox.Level{sandbox.Namespaces, sandbox.Bubblewrap} {
		t.Run(string(level), func(t *testing.T) {
			box, r, err := sandbox.Open(t.Context(), string(level))
			if err != nil {
				if os.Getenv("AUTONOMA_TEST_REQUIRE") == "1" {
					t.Fatal(err)
				}
				t.Logf("not on this machine: %s", r.Problem)
				return
			}
			index := fmt.Sprintf("http://me:secret@registry.example.com:%d/simple", port)
			in := New(t.TempDir(), box, nil, nil, func(name string) string { return map[string]string{"PIP_INDEX_URL": index}[name] })
			in.Proxy.Private = []egress.Host{{Name: "registry.example.com"}}
			in.Proxy.Lookup = func(context.Context, string) ([]netip.Addr, error) {
				return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
			}
			var told []autonoma.Egress
			files := t.TempDir()
			p := Plan{Languages: []string{"Python"}, Told: func(all []autonoma.Egress) { told = append(told, all...) }, Commands: []string{
				`curl -sS --fail-with-body "$PIP_INDEX_URL" >got`,
				"env >env; curl -sS https://evil.example.com",
			}}
			checkout := func(context.Context) (string, error) { return files, nil }
			done, err := in.Install(t.Context(), p, checkout)
			if !errors.Is(err, ErrFailed) {
				t.Fatal(err)
			}
			got, _ := os.ReadFile(filepath.Join(files, "got"))
			if want := fmt.Sprintf("package of registry.example.com:%d\n", port); string(got) != want {
				t.Errorf("the registry answered %q, want %q; %+v", got, want, done)
			}
			env, _ := os.ReadFile(filepath.Join(files, "env"))
			if strings.Contains(string(env), "secret") {
				t.Errorf("a password is in the environment:\n%s", env)
			}
			output := done.Steps[len(done.Steps)-1].Output
			for _, said := range []string{"evil.example.com:443 was not reached: the policy of set-up does not name", "the password in PIP_INDEX_URL is not given"} {
				if !strings.Contains(output, said) {
					t.Errorf("the output does not say %q:\n%s", said, output)
				}
			}
			if len(told) != 2 || told[0].Allowed || told[0].Host != "evil.example.com" || !told[1].Allowed || told[1].Received == 0 {
				t.Errorf("told %+v", told)
			}

			// What was installed before is not told again.
			p.Commands = p.Commands[:1]
			for range 2 {
				if _, err := in.Install(t.Context(), p, checkout); err != nil {
					t.Fatal(err)
				}
			}
			if len(told) != 3 {
				t.Errorf("told %+v", told)
			}
		})
	}
}

// What lets package clients fetch again takes nothing else away.
func TestOnline(t *testing.T) {
	in := New(t.TempDir(), nil, nil, nil, func(name string) string { return map[string]string{"GOPROXY": "https://go.example.com"}[name] })
	got := in.Online([]string{"GOPROXY=off", "npm_config_offline=true", "PIP_NO_INDEX=1", "CARGO_NET_OFFLINE=true", "A=b"})
	if slices.Contains(got, "GOPROXY=off") || slices.Contains(got, "npm_config_offline=true") || !slices.Contains(got, "A=b") || !slices.Contains(got, "GOPROXY=https://go.example.com") {
		t.Errorf("%q", got)
	}
}
