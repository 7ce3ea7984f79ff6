package egress

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"autonoma"
	"autonoma/internal/sandbox"
)

const playClient = "AUTONOMA_TEST_FETCH"

// fetch is the life of a package client: it fetches the URLs in a line, by the proxy
// that the environment names, and prints what came of each.
func fetch(urls string) {
	roots := x509.NewCertPool()
	certificate, _ := os.ReadFile("ca.pem")
	roots.AppendCertsFromPEM(certificate)
	for u := range strings.FieldsSeq(urls) {
		client := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: roots}}}
		answer, err := client.Get(u)
		if err != nil {
			fmt.Println(err)
			continue
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		fmt.Println(answer.StatusCode, string(body))
	}
	os.Exit(0)
}

// levels runs f with a sandbox of each level that this machine offers.
func levels(t *testing.T, f func(t *testing.T, box sandbox.Sandbox)) {
	for _, level := range []sandbox.Level{sandbox.Namespaces, sandbox.Bubblewrap, sandbox.None} {
		t.Run(string(level), func(t *testing.T) {
			box, r, err := sandbox.Open(t.Context(), string(level))
			if err != nil {
				if os.Getenv("AUTONOMA_TEST_REQUIRE") == "1" || level == sandbox.None {
					t.Fatal(err)
				}
				t.Logf("not on this machine: %s", r.Problem)
				return
			}
			f(t, box)
		})
	}
}

// command fetches URLs in a sandbox.
func command(t *testing.T, s *site, out io.Writer, urls ...string) sandbox.Command {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ws := t.TempDir()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.tls.Certificate().Raw})
	if err := os.WriteFile(filepath.Join(ws, "ca.pem"), ca, 0o644); err != nil {
		t.Fatal(err)
	}
	return sandbox.Command{Argv: []string{exe}, Workspace: ws, Env: []string{playClient + "=" + strings.Join(urls, " ")},
		Mounts: []sandbox.Mount{{Source: exe, Target: exe}}, Stdout: out, Stderr: out}
}

// From a sandbox, what is allowed is reached through the proxy that its environment
// names, and what is not is not, by whatever name.
func TestFromSandbox(t *testing.T) {
	s := newSite(t)
	levels(t, func(t *testing.T, box sandbox.Sandbox) {
		leaks(t)
		p, _ := world(s, "example.com")
		session := p.Session(policy(s, "example.com"))
		var out strings.Builder
		c := command(t, s, &out, "https://"+at("example.com", s.tls)+"/a", "http://"+at("example.com", s.web)+"/b",
			"https://"+at("evil.org", s.tls), "http://169.254.169.254/latest/meta-data", "http://"+at("10.0.0.1", s.web))
		c.Egress = session.Serve
		if e, err := box.Run(t.Context(), c); err != nil || !e.OK() {
			t.Fatalf("%+v %v\n%s", e, err, out.String())
		}
		line := strings.SplitN(out.String(), "\n", 3)
		if line[0] != "200 package" || line[1] != "200 package" || strings.Contains(line[2], "package") || strings.Count(line[2], "the policy of the test does not name") != 2 {
			t.Errorf("the command got:\n%s", out.String())
		}
		var told []string
		for _, e := range session.Decisions() {
			told = append(told, fmt.Sprintf("%s %v %s", e.Address(), e.Allowed, e.Reason))
		}
		want := fmt.Sprintf("%s false policy;169.254.169.254:80 false policy;%s false policy", at("10.0.0.1", s.web), at("evil.org", s.tls))
		if got := strings.Join(told, ";"); !strings.HasPrefix(got, want) || len(told) != 5 {
			t.Errorf("told %s, want %s and two that were allowed", got, want)
		}
	})
}

// Two commands at once have a way out each: what one may, the other may not.
func TestTwoAtOnce(t *testing.T) {
	s := newSite(t)
	levels(t, func(t *testing.T, box sandbox.Sandbox) {
		p, _ := world(s, "example.com", "other.example.com")
		var both sync.WaitGroup
		for mine, others := range map[string]string{"example.com": "other.example.com", "other.example.com": "example.com"} {
			session := p.Session(policy(s, mine))
			both.Go(func() {
				var out strings.Builder
				c := command(t, s, &out, "http://"+at(mine, s.web), "http://"+at(others, s.web))
				c.Egress = session.Serve
				if e, err := box.Run(t.Context(), c); err != nil || !e.OK() {
					t.Errorf("%+v %v\n%s", e, err, out.String())
				}
				if !strings.HasPrefix(out.String(), "200 package\n403 ") {
					t.Errorf("%s got:\n%s", mine, out.String())
				}
				for _, e := range session.Decisions() {
					if e.Allowed != (e.Host == mine) || e.Count != 1 || e.Reason != map[bool]autonoma.EgressCode{false: autonoma.EgressPolicy}[e.Allowed] {
						t.Errorf("%s: told as %+v", mine, e)
					}
				}
			})
		}
		both.Wait()
	})
}
