package egress

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"autonoma"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// What a policy names is reached, in TLS and without, and told.
func TestAllowed(t *testing.T) {
	leaks(t)
	s := newSite(t)
	p, n := world(s, "example.com", "*.example.com")
	d := open(t, p, n, policy(s, "example.com", "*.example.com"))
	for _, host := range []string{"example.com", "EXAMPLE.com", "example.com.", "other.example.com"} {
		if got, err := d.get(s, at(host, s.tls), strings.TrimSuffix(host, ".")); got != "package" {
			t.Errorf("%s: %q, %v", host, got, err)
		}
	}
	if status, body := d.ask("GET http://" + at("example.com", s.web) + "/plain HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); status != 200 || body != "package" {
		t.Errorf("without TLS: %d %s", status, body)
	}
	d.close()
	all := d.session.Decisions()
	if len(all) != 3 {
		t.Fatalf("decisions: %+v", all)
	}
	for _, e := range all {
		if !e.Allowed || e.Reason != "" || e.Received == 0 || e.Port != portOf(s.web) && e.Sent == 0 {
			t.Errorf("%+v", e)
		}
	}
	if i := slices.IndexFunc(all, func(e autonoma.Egress) bool { return e.Host == "example.com" && e.Port == portOf(s.tls) }); i < 0 || all[i].Count != 3 {
		t.Errorf("three connections to one host are told as %+v", all)
	}
}

// What a policy does not name is refused by it, whatever it is.
func TestNotNamed(t *testing.T) {
	s := newSite(t)
	p, n := world(s, "example.com", "*.example.com")
	for _, address := range []string{
		at("other.example.com", s.tls), at("notexample.com", s.tls), "example.com:443", at("example.com.evil.org", s.tls),
		at("127.0.0.1", s.tls), at("localhost", s.tls), at("::1", s.tls), "169.254.169.254:80", "[fd00:ec2::254]:443", "metadata.google.internal:80",
		at("0x7f000001", s.tls), at("2130706433", s.tls),
	} {
		d := open(t, p, n, policy(s, "example.com"))
		status, body := d.connect(address)
		if e := d.last(); status != 403 || e.Allowed || e.Reason != autonoma.EgressPolicy || e.Count != 1 {
			t.Errorf("%s: %d %s, told as %+v", address, status, body, e)
		}
		for _, said := range []string{"the policy of the test does not name", "It names example.com", "Ask the test."} {
			if !strings.Contains(body, said) {
				t.Errorf("%s: the answer does not say %q:\n%s", address, said, body)
			}
		}
	}
	d := open(t, p, n, policy(s, "*.example.com"))
	if status, _ := d.connect(at("example.com", s.tls)); status != 403 {
		t.Errorf("*.example.com covers example.com: %d", status)
	}
	if status, _ := d.ask("GET http://" + at("evil.org", s.web) + "/ HTTP/1.1\r\nHost: x\r\n\r\n"); status != 403 {
		t.Errorf("without TLS: %d", status)
	}
	if len(n.asked) > 0 || len(s.requests()) > 0 {
		t.Errorf("looked up %v, reached %v", n.asked, s.requests())
	}
}

// A name that is allowed must not lead to where only we can reach.
func TestAddresses(t *testing.T) {
	s := newSite(t)
	for _, tt := range []struct {
		addrs   []string
		private bool
		refused bool
	}{
		{[]string{"127.0.0.1"}, false, true},
		{[]string{"127.0.0.1"}, true, false},
		{[]string{"::1"}, false, true},
		{[]string{"::ffff:127.0.0.1"}, false, true},
		{[]string{"::7f00:1"}, true, true},
		{[]string{"10.1.2.3"}, false, true},
		{[]string{"192.168.0.1"}, false, true},
		{[]string{"172.16.0.1"}, false, true},
		{[]string{"::ffff:10.1.2.3"}, false, true},
		{[]string{"64:ff9b::10.1.2.3"}, true, true},
		{[]string{"64:ff9b:1::10.1.2.3"}, true, true},
		{[]string{"2002:0a01:0203::1"}, true, true},
		{[]string{"100.64.0.1"}, false, true},
		{[]string{"fc00::1"}, false, true},
		{[]string{"fe80::1"}, true, true},
		{[]string{"0.0.0.0"}, true, true},
		{[]string{"::"}, true, true},
		{[]string{"224.0.0.1"}, true, true},
		{[]string{"255.255.255.255"}, true, true},
		{[]string{"169.254.169.254"}, true, true},
		{[]string{"::ffff:169.254.169.254"}, true, true},
		{[]string{"fd00:ec2::254"}, true, true},
		{[]string{"168.63.129.16"}, true, true},
		{[]string{"100.100.100.200"}, true, true},
		{[]string{"8.8.8.8", "127.0.0.1"}, false, true},
		{[]string{"127.0.0.1", "169.254.169.254"}, true, true},
	} {
		p, n := world(s)
		if tt.private {
			p, n = world(s, "example.com")
		}
		n.known["example.com"] = tt.addrs
		d := open(t, p, n, policy(s, "example.com"))
		for _, ask := range []func() (int, string){
			func() (int, string) { return d.connect(at("example.com", s.tls)) },
			func() (int, string) {
				return d.ask("GET http://" + at("example.com", s.web) + "/ HTTP/1.1\r\nHost: x\r\n\r\n")
			},
		} {
			status, body := ask()
			if refused := status == 403; refused != tt.refused || !refused && status != 200 {
				t.Errorf("%v, private %v: %d %s", tt.addrs, tt.private, status, body)
			}
			for _, a := range tt.addrs {
				if strings.Contains(body, a) {
					t.Errorf("%v: the answer tells an address: %s", tt.addrs, body)
				}
			}
		}
		d.close()
		for _, e := range d.session.Decisions() {
			if e.Allowed == tt.refused || tt.refused && e.Reason != autonoma.EgressAddress {
				t.Errorf("%v, private %v: told as %+v", tt.addrs, tt.private, e)
			}
		}
	}
}

// A name is looked up once for a connection; what it means later is judged then.
func TestRebinding(t *testing.T) {
	s := newSite(t)
	p, n := world(s, "example.com")
	var lookups atomic.Int64
	p.Lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
		if lookups.Add(1) == 1 {
			return n.lookup(ctx, host)
		}
		return []netip.Addr{netip.MustParseAddr("169.254.169.254")}, nil
	}
	d := open(t, p, n, policy(s, "example.com"))
	if got, err := d.get(s, at("example.com", s.tls), "example.com"); got != "package" {
		t.Errorf("%q, %v", got, err)
	}
	if n := lookups.Load(); n != 1 {
		t.Errorf("looked up %d times for one connection", n)
	}
	if status, body := d.connect(at("example.com", s.tls)); status != 403 {
		t.Errorf("the second time: %d %s", status, body)
	}
}

// In a tunnel there is TLS, for the host that it was opened for.
func TestOtherHostInTunnel(t *testing.T) {
	s := newSite(t)
	p, n := world(s, "example.com")
	pol := policy(s, "example.com")
	for name, want := range map[string]autonoma.EgressCode{"other.example.com": autonoma.EgressName, "": autonoma.EgressName} {
		d := open(t, p, n, pol)
		if got, err := d.get(s, at("example.com", s.tls), name); err == nil {
			t.Errorf("a ClientHello for %q: %s", name, got)
		} else if name != "" && !strings.Contains(err.Error(), "access denied") {
			t.Errorf("a ClientHello for %q: %v", name, err)
		}
		if e := d.last(); e.Allowed || e.Reason != want {
			t.Errorf("a ClientHello for %q is told as %+v", name, e)
		}
	}
	for _, said := range []string{"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n", "SSH-2.0-x\r\n", "\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00", strings.Repeat("\x16", 100)} {
		d := open(t, p, n, pol)
		c := d.tunnel(at("example.com", s.tls))
		io.WriteString(c, said)
		if b, err := io.ReadAll(c); err == nil && !strings.HasPrefix(string(b), string(accessDenied)) {
			t.Errorf("%q is answered with %q", said, b)
		}
		if e := d.last(); e.Allowed || e.Reason != autonoma.EgressProtocol {
			t.Errorf("%q is told as %+v", said, e)
		}
	}
	if got := s.requests(); len(got) > 0 {
		t.Errorf("reached %v", got)
	}
}

// What could be read in two ways is refused, or written anew in one.
func TestSmuggling(t *testing.T) {
	s := newSite(t)
	p, n := world(s, "example.com")
	host := at("example.com", s.web)
	for _, tt := range []struct {
		name, request string
		status        int
		seen          string
	}{
		{"two hosts", "GET http://" + host + "/ HTTP/1.1\r\nHost: " + host + "\r\nHost: evil.org\r\n\r\n", 400, ""},
		{"no host", "GET http://" + host + "/ HTTP/1.1\r\n\r\n", 400, ""},
		{"another host", "GET http://" + host + "/a HTTP/1.1\r\nHost: evil.org\r\n\r\n", 200, "GET " + host + "/a"},
		{"a user", "GET http://me@" + host + "/ HTTP/1.1\r\nHost: x\r\n\r\n", 400, ""},
		{"no URL", "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 400, ""},
		{"another scheme", "GET ftp://" + host + "/ HTTP/1.1\r\nHost: x\r\n\r\n", 400, ""},
		{"TLS by us", "GET https://" + host + "/ HTTP/1.1\r\nHost: x\r\n\r\n", 400, ""},
		{"two lengths", "POST http://" + host + "/b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400, ""},
		{"length and chunks", "POST http://" + host + "/c HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\nGET /secret HTTP/1.1\r\n\r\n", 200, "POST " + host + "/c hi"},
		{"odd chunks", "POST http://" + host + "/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501, ""},
		{"a space in a header", "GET http://" + host + "/ HTTP/1.1\r\nHost : x\r\n\r\n", 400, ""},
		{"what is between us", "GET http://" + host + "/d HTTP/1.1\r\nHost: x\r\nProxy-Authorization: Basic secret\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", 200, "GET " + host + "/d"},
		{"a tunnel with a user", "CONNECT me@" + host + " HTTP/1.1\r\nHost: x\r\n\r\n", 400, ""},
		{"a tunnel with a path", "CONNECT " + host + "/x HTTP/1.1\r\nHost: x\r\n\r\n", 400, ""},
		{"a tunnel without a port", "CONNECT example.com HTTP/1.1\r\nHost: x\r\n\r\n", 400, ""},
		{"a tunnel to a service", "CONNECT example.com:https HTTP/1.1\r\nHost: x\r\n\r\n", 400, ""},
		{"HTTP/2 without TLS", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, ""},
	} {
		s.mu.Lock()
		s.seen = nil
		s.mu.Unlock()
		d := open(t, p, n, policy(s, "example.com"))
		status, body := d.ask(tt.request)
		got := strings.Join(s.requests(), "; ")
		if (status != tt.status && (tt.status == 200 || status < 400)) || got != tt.seen {
			t.Errorf("%s: %d %s, reached %q, want %d %q", tt.name, status, body, got, tt.status, tt.seen)
		}
	}
}

// A client that says much, or little, or nothing, is not waited for.
func TestPatience(t *testing.T) {
	leaks(t)
	s := newSite(t)
	p, n := world(s, "example.com")
	p.Limits = Limits{Begin: 100 * time.Millisecond, Idle: 150 * time.Millisecond, HalfOpen: 50 * time.Millisecond, Connections: 4}
	d := open(t, p, n, policy(s, "example.com"))
	if status, _ := d.ask("CONNECT " + at("example.com", s.tls) + " HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n"); status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a huge header: %d", status)
	}
	gone := func(what string, c net.Conn) {
		t.Helper()
		begin := time.Now()
		if _, err := io.Copy(io.Discard, c); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("%s: still there after %s", what, time.Since(begin))
		}
		c.Close()
	}
	slow := d.dial()
	io.WriteString(slow, "CONNECT exam")
	gone("half a request", slow)
	gone("no request", d.dial())
	gone("no ClientHello", d.tunnel(at("example.com", s.tls)))
	half := d.tunnel(at("example.com", s.tls))
	io.WriteString(half, "\x16\x03\x01\x02\x00\x01")
	gone("half a ClientHello", half)

	var many []net.Conn
	for range 4 {
		many = append(many, d.dial())
	}
	gone("one too many", d.dial())
	for _, c := range many {
		c.Close()
	}
}

// A tunnel that nobody uses ends, and so does one of which a side has gone.
func TestIdle(t *testing.T) {
	leaks(t)
	l, err := net.Listen("tcp4", "127.0.0.1:0") // says nothing, and does not hang up
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
		}
	}()
	s := newSite(t)
	p, n := world(s, "example.com")
	p.Limits = Limits{Idle: 200 * time.Millisecond, HalfOpen: 20 * time.Millisecond}
	port := l.Addr().(*net.TCPAddr).Port
	d := open(t, p, n, Policy{Hosts: []Host{{"example.com", port}}})
	for _, half := range []bool{false, true} {
		c := d.tunnel(fmt.Sprintf("example.com:%d", port))
		c.Write(helloFor(t, "example.com"))
		begin := time.Now()
		if half {
			c.(*net.TCPConn).CloseWrite()
		}
		io.Copy(io.Discard, c)
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("half open %v: ended after %s", half, took)
		}
	}
}

// What a command may send and receive has an end.
func TestBytes(t *testing.T) {
	s := newSite(t)
	for _, limits := range []Limits{{Sent: 2000}, {Received: 3}} {
		p, n := world(s, "example.com")
		p.Limits = limits
		d := open(t, p, n, policy(s, "example.com"))
		d.ask("POST http://" + at("example.com", s.web) + "/ HTTP/1.1\r\nHost: x\r\nContent-Length: 3000\r\nConnection: close\r\n\r\n" + strings.Repeat("x", 3000))
		status, body := d.connect(at("example.com", s.tls))
		if status != 403 || !strings.Contains(body, "as much as it may") {
			t.Errorf("%+v: afterwards %d %s", limits, status, body)
		}
		d.close()
		for _, e := range d.session.Decisions() {
			if e.Allowed || e.Reason != autonoma.EgressLimit {
				t.Errorf("%+v: told as %+v", limits, e)
			}
		}
	}
}

// A command that ends takes its connections with it.
func TestEndsWithOpenConnections(t *testing.T) {
	leaks(t)
	s := newSite(t)
	p, n := world(s, "example.com")
	d := open(t, p, n, policy(s, "example.com"))
	var open []net.Conn
	for range 5 {
		c := d.tunnel(at("example.com", s.tls))
		c.Write(helloFor(t, "example.com"))
		open = append(open, c, d.dial(), d.tunnel(at("example.com", s.tls)))
	}
	d.close()
	for _, c := range open {
		io.Copy(io.Discard, c)
		c.Close()
	}
	if sum := len(d.session.Decisions()); sum == 0 {
		t.Error("what was open is not told")
	}
}

// Nor does it wait for what the operator's proxy does not say.
func TestEndsWhileAsking(t *testing.T) {
	leaks(t)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	asked := make(chan net.Conn)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			asked <- c
		}
	}()
	s := newSite(t)
	p, n := world(s)
	p.Upstream = func(*url.URL) (*url.URL, error) { return url.Parse("http://" + l.Addr().String()) }
	d := open(t, p, n, policy(s, "example.com"))
	for _, request := range []string{"CONNECT " + at("example.com", s.tls), "GET http://" + at("example.com", s.web) + "/"} {
		c := d.dial()
		io.WriteString(c, request+" HTTP/1.1\r\nHost: x\r\n\r\n")
		defer (<-asked).Close()
	}
	begin := time.Now()
	d.close()
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %s to end", took)
	}
}

// guarded is a listener that others can reach as well.
type guarded struct{ net.Listener }

func (guarded) ProxyAuthorization() string { return "Basic right" }

func TestPassword(t *testing.T) {
	s := newSite(t)
	p, n := world(s, "example.com")
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := serve(t, p, n, policy(s, "example.com"), guarded{l})
	for password, want := range map[string]int{"": 407, "Proxy-Authorization: Basic wrong\r\n": 407, "Proxy-Authorization: Basic right\r\n": 200} {
		if got, body := d.ask("CONNECT " + at("example.com", s.tls) + " HTTP/1.1\r\nHost: x\r\n" + password + "\r\n"); got != want {
			t.Errorf("%q: %d %s, want %d", password, got, body, want)
		}
	}
}

// The operator's own proxy is used for what is allowed, and nothing else; its password
// stays outside.
func TestUpstream(t *testing.T) {
	s := newSite(t)
	var asked []string
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.Host)
		if want := "Basic " + base64.StdEncoding.EncodeToString([]byte("me:secret")); r.Header.Get("Proxy-Authorization") != want {
			w.WriteHeader(407)
			return
		}
		if r.Method != http.MethodConnect {
			fmt.Fprint(w, "by proxy")
			return
		}
		there, err := net.Dial("tcp", s.tls.Listener.Addr().String())
		if err != nil {
			t.Error(err)
			return
		}
		defer there.Close()
		here, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer here.Close()
		io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
		go io.Copy(there, here)
		io.Copy(here, there)
	}))
	defer up.Close()
	p, n := world(s)
	env := map[string]string{"HTTPS_PROXY": strings.Replace(up.URL, "//", "//me:secret@", 1), "http_proxy": strings.Replace(up.URL, "//", "//me:secret@", 1), "NO_PROXY": "direct.example.com"}
	p.Upstream = Environment(func(name string) string { return env[name] })
	d := open(t, p, n, policy(s, "example.com", "direct.example.com"))
	if got, err := d.get(s, at("example.com", s.tls), "example.com"); got != "package" {
		t.Errorf("%q, %v", got, err)
	}
	if status, body := d.ask("GET http://" + at("example.com", s.web) + "/x HTTP/1.1\r\nHost: x\r\n\r\n"); status != 200 || body != "by proxy" {
		t.Errorf("without TLS: %d %s", status, body)
	}
	if got, err := d.get(s, at("example.com", s.tls), "evil.org"); err == nil {
		t.Errorf("another host: %s", got)
	}
	for _, refused := range []string{at("evil.org", s.tls), at("direct.example.com", s.tls)} {
		if status, body := d.connect(refused); status < 400 || strings.Contains(body, "secret") {
			t.Errorf("%s: %d %s", refused, status, body)
		}
	}
	if want := []string{"CONNECT " + at("example.com", s.tls), "GET " + at("example.com", s.web), "CONNECT " + at("example.com", s.tls)}; !slices.Equal(asked, want) {
		t.Errorf("the proxy was asked for %q, want %q", asked, want)
	}
	if !slices.Equal(n.asked, []string{"direct.example.com"}) {
		t.Errorf("looked up %v", n.asked)
	}

	p.Upstream = func(*url.URL) (*url.URL, error) { return url.Parse("socks5://127.0.0.1:1") }
	if status, body := open(t, p, n, policy(s, "example.com")).connect(at("example.com", s.tls)); status != 502 {
		t.Errorf("a proxy of another kind: %d %s", status, body)
	}
}

// However many hosts a command thinks of, few are told apart, and all are counted.
func TestFlood(t *testing.T) {
	s := newSite(t)
	p, n := world(s)
	d := open(t, p, n, policy(s, "example.com"))
	const hosts = 300
	for i := range hosts {
		if status, _ := d.connect(fmt.Sprintf("h%d.evil.org:443", i)); status != 403 {
			t.Fatalf("%d", status)
		}
	}
	d.close()
	all, sum := d.session.Decisions(), 0
	for _, e := range all {
		sum += e.Count
	}
	if len(all) > mostTold+1 || sum != hosts {
		t.Errorf("%d events tell of %d refusals, want at most %d and %d", len(all), sum, mostTold+1, hosts)
	}
}
