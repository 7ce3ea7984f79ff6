package egress

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"autonoma"
	"autonoma/internal/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Init()
	if url := os.Getenv(playClient); url != "" {
		fetch(url)
	}
	os.Exit(m.Run())
}

// A site is a server of the test with a name of its own, in TLS and without.
type site struct {
	t        *testing.T
	tls, web *httptest.Server

	mu   sync.Mutex
	seen []string // method, host and path of what arrived
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t}
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.seen = append(s.seen, strings.TrimSpace(r.Method+" "+r.Host+r.URL.Path+" "+string(body)+r.Header.Get("Proxy-Authorization")+r.Header.Get("Upgrade")))
		s.mu.Unlock()
		fmt.Fprint(w, "package")
	})
	s.tls, s.web = httptest.NewUnstartedServer(answer), httptest.NewServer(answer)
	s.tls.Config.ErrorLog, s.tls.EnableHTTP2 = quiet(), true
	s.tls.StartTLS()
	t.Cleanup(s.tls.Close)
	t.Cleanup(s.web.Close)
	return s
}

func (s *site) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

func portOf(srv *httptest.Server) int { return srv.Listener.Addr().(*net.TCPAddr).Port }

// names looks up what the test says, and counts.
type names struct {
	mu    sync.Mutex
	known map[string][]string
	asked []string
}

func (n *names) lookup(_ context.Context, host string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = append(n.asked, host)
	var addrs []netip.Addr
	for _, a := range n.known[host] {
		addrs = append(addrs, netip.MustParseAddr(a))
	}
	return addrs, nil
}

// A door is a session that is served on loopback.
type door struct {
	t       *testing.T
	session *Session
	names   *names
	address string
	close   func()
}

// world is a proxy for which the named hosts are this machine, and may be.
func world(s *site, private ...string) (*Proxy, *names) {
	n := &names{known: map[string][]string{"example.com": {"127.0.0.1"}, "other.example.com": {"127.0.0.1"}}}
	p := &Proxy{Lookup: n.lookup}
	for _, name := range private {
		p.Private = append(p.Private, Host{Name: name})
	}
	return p, n
}

// policy allows the hosts at both ports of the site.
func policy(s *site, hosts ...string) Policy {
	p := Policy{Name: "the test", How: "Ask the test."}
	for _, h := range hosts {
		p.Hosts = append(p.Hosts, Host{Name: h, Port: portOf(s.tls)}, Host{Name: h, Port: portOf(s.web)})
	}
	return p
}

func open(t *testing.T, p *Proxy, n *names, policy Policy) *door {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, p, n, policy, l)
}

func serve(t *testing.T, p *Proxy, n *names, policy Policy, l net.Listener) *door {
	t.Helper()
	d := &door{t: t, session: p.Session(policy), names: n, address: l.Addr().String()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.session.Serve(l)
	}()
	d.close = sync.OnceFunc(func() {
		l.Close()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Error("the session did not end with its listener")
		}
	})
	t.Cleanup(d.close)
	return d
}

func (d *door) dial() net.Conn {
	d.t.Helper()
	c, err := net.Dial("tcp", d.address)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

// ask says something and returns the status and the body of the answer; 0 if the
// connection ended without one.
func (d *door) ask(request string) (int, string) {
	d.t.Helper()
	c := d.dial()
	defer c.Close()
	io.WriteString(c, request)
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	if strings.HasPrefix(request, "CONNECT") && answer.StatusCode == 200 {
		return 200, "" // what follows is another conversation
	}
	body, _ := io.ReadAll(io.LimitReader(answer.Body, 4096))
	return answer.StatusCode, string(body)
}

// connect asks for a tunnel.
func (d *door) connect(address string) (int, string) {
	d.t.Helper()
	return d.ask("CONNECT " + address + " HTTP/1.1\r\nHost: " + address + "\r\n\r\n")
}

// tunnel opens a tunnel that must be granted.
func (d *door) tunnel(address string) net.Conn {
	d.t.Helper()
	c := d.dial()
	fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", address, address)
	b := make([]byte, len("HTTP/1.1 200 Connection established\r\n\r\n"))
	if _, err := io.ReadFull(c, b); err != nil || !strings.HasPrefix(string(b), "HTTP/1.1 200 ") {
		d.t.Fatalf("CONNECT %s: %q, %v", address, b, err)
	}
	return c
}

// get fetches a page of the site by TLS, with a name in the ClientHello.
func (d *door) get(s *site, address, name string) (string, error) {
	c := tls.Client(d.tunnel(address), &tls.Config{ServerName: name, InsecureSkipVerify: true})
	defer c.Close()
	fmt.Fprintf(c, "GET /simple HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", name)
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return string(body), err
}

func at(host string, srv *httptest.Server) string {
	return net.JoinHostPort(host, fmt.Sprint(portOf(srv)))
}

// last ends the session and returns the one decision that it came to.
func (d *door) last() autonoma.Egress {
	d.t.Helper()
	d.close()
	all := d.session.Decisions()
	if len(all) != 1 {
		d.t.Fatalf("decisions: %+v", all)
	}
	return all[0]
}

// leaks makes sure that after the test there is as much as before.
func leaks(t *testing.T) {
	t.Helper()
	count := func() (int, int) {
		fds, err := filepath.Glob("/proc/self/fd/*")
		if err != nil {
			t.Fatal(err)
		}
		return len(fds), runtime.NumGoroutine()
	}
	fds, goroutines := count()
	t.Cleanup(func() {
		deadline := time.Now().Add(10 * time.Second)
		for {
			f, g := count()
			if f <= fds && g <= goroutines {
				return
			}
			if time.Now().After(deadline) {
				stacks := make([]byte, 64<<10)
				t.Fatalf("%d descriptors and %d goroutines, before it were %d and %d\n%s", f, g, fds, goroutines, stacks[:runtime.Stack(stacks, true)])
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
}
