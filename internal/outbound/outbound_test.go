package outbound_test

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"autonoma/internal/outbound"
)

// names is what the tests call the internet.
var names = map[string][]string{
	"public.example": {"93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"},
	"half.example":   {"93.184.215.14", "10.0.0.7"},
	"local.example":  {"127.0.0.1"},
	"localhost":      {"::1", "127.0.0.1"},
	"six.example":    {"fd00::1"},
	"nat64.example":  {"64:ff9b::5db8:d70e"},
}

func lookup(_ context.Context, host string) ([]netip.Addr, error) {
	texts, ok := names[strings.TrimSuffix(strings.ToLower(host), ".")]
	if !strings.Contains(host, "example") && !ok { // a resolver that makes an address of everything
		texts, ok = names["public.example"], true
	}
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	var all []netip.Addr
	for _, t := range texts {
		all = append(all, netip.MustParseAddr(t))
	}
	return all, nil
}

// Whatever it is written as, only what is public is called.
func TestCheck(t *testing.T) {
	g := &outbound.Guard{Lookup: lookup}
	for url, ok := range map[string]bool{
		// Public.
		"https://public.example": true, "http://public.example/x?y=z": true, "https://PUBLIC.example.:8443/": true,
		"https://93.184.215.14": true, "https://93.184.215.14:443/": true, "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/": true,
		"https://[::ffff:93.184.215.14]": true, "https://nat64.example": true, "https://[2002:5db8:d70e::1]": true,
		"https://public.example:1024": true, "https://public.example:65535": true,
		// This machine.
		"http://localhost": false, "http://LOCALHOST.": false, "http://local.example": false, "http://127.0.0.1": false,
		"http://127.0.0.1:8080/x": false, "http://127.255.255.254": false, "http://0.0.0.0": false, "http://0.1.2.3": false,
		"http://[::1]": false, "http://[::]": false, "http://[0:0:0:0:0:0:0:1]:80": false,
		// Its neighbours.
		"http://10.0.0.1": false, "http://172.16.0.1": false, "http://172.31.255.255": false, "http://192.168.1.1": false,
		"http://100.64.0.1": false, "http://169.254.1.1": false, "http://198.18.0.1": false, "http://half.example": false,
		"http://[fe80::1]": false, "http://[fd00::1]": false, "http://[fc00::1]": false, "http://[fec0::1]": false, "http://six.example": false,
		// Metadata of clouds.
		"http://169.254.169.254/latest/meta-data/": false, "http://100.100.100.200": false, "http://192.0.0.192": false,
		"http://168.63.129.16": false, "http://[fd00:ec2::254]": false,
		// Many, or nobody.
		"http://224.0.0.1": false, "http://255.255.255.255": false, "http://240.0.0.1": false, "http://[ff02::1]": false,
		"http://192.0.2.1": false, "http://[2001:db8::1]": false, "http://203.0.113.5": false,
		// IPv4 in IPv6.
		"http://[::ffff:127.0.0.1]": false, "http://[::ffff:7f00:1]": false, "http://[::ffff:169.254.169.254]": false, "http://[::127.0.0.1]": false,
		"http://[64:ff9b::7f00:1]": false, "http://[64:ff9b::10.0.0.1]": false, "http://[64:ff9b:1::5db8:d70e]": false,
		"http://[2002:7f00:1::1]": false, "http://[2002:a00:1::]": false, "http://[2001:0:53aa:64c:0:fbfe:80ff:fffe]": false,
		// Addresses in disguise.
		"http://2130706433": false, "http://0x7f000001": false, "http://0X7F.0.0.1": false, "http://017700000001": false,
		"http://0177.0.0.1": false, "http://127.1": false, "http://127.0.1": false, "http://127.0.0.1.": false, "http://0": false,
		"http://0x": false, "http://127.0.0.0x1": false, "http://1.2.3.4.5": false, "http://256.1.1.1": false, "http://1572395042": false,
		"http://１２７.0.0.1": false, "http://ⓛocalhost": false, "http://127。0。0。1": false, "http://[fe80::1%25eth0]": false,
		"http://%31%32%37.0.0.1": false, "http://[127.0.0.1]": false, "http://[::ffff:127.0.0.1%25lo]": false,
		// Other forms.
		"ftp://public.example": false, "file:///etc/passwd": false, "gopher://public.example": false, "javascript:alert(1)": false,
		"//public.example": false, "public.example": false, "": false, "https://": false, "https://:443": false, "https:public.example": false,
		"https://user@public.example": false, "https://user:pass@public.example": false, "https://@public.example": false,
		"https://public.example@127.0.0.1": false, "https://public.example\\@127.0.0.1": false, "https://missing.example": false,
		// Ports of other services.
		"http://public.example:22": false, "http://public.example:25": false, "http://public.example:0": false,
		"http://public.example:65536": false, "http://93.184.215.14:1023": false,
	} {
		err := g.Check(t.Context(), url)
		if (err == nil) != ok {
			t.Errorf("%s: %v", url, err)
		}
		if _, told := errors.AsType[*outbound.Refusal](err); err != nil && !told {
			t.Errorf("%s: not for its owner: %v", url, err)
		}
	}
}

// The operator can allow networks, with any port.
func TestAllow(t *testing.T) {
	g := &outbound.Guard{Lookup: lookup, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("fd00::/16")}}
	for url, ok := range map[string]bool{
		"http://127.0.0.1:22": true, "http://[::ffff:127.0.0.1]": true, "http://six.example": true, "https://local.example:1": true,
		"http://localhost": false /* ::1 too */, "http://10.0.0.1": false, "http://[fd01::1]": false, "http://2130706433": false,
		"https://user@127.0.0.1": false, "https://public.example:22": false,
	} {
		if err := g.Check(t.Context(), url); (err == nil) != ok {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// A name that cannot be looked up just now is accepted, but not called.
func TestLookupFails(t *testing.T) {
	g := &outbound.Guard{Lookup: func(context.Context, string) ([]netip.Addr, error) {
		return nil, &net.DNSError{Err: "server misbehaving", IsTemporary: true}
	}}
	if err := g.Check(t.Context(), "https://public.example"); err != nil {
		t.Error(err)
	}
	if conn, err := g.DialContext(t.Context(), "tcp", "public.example:443"); err == nil {
		conn.Close()
		t.Error("it was called")
	}
}

// A name that means something else when it is called than when it was given leads
// nowhere else: each lookup is judged, and what was judged is what is called.
func TestRebinding(t *testing.T) {
	called := 0
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called++ }))
	defer inside.Close()
	_, port, err := net.SplitHostPort(inside.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	answers := []string{"93.184.215.14", "127.0.0.1", "::ffff:127.0.0.1", "93.184.215.14"}
	asked := 0
	g := &outbound.Guard{Lookup: func(context.Context, string) ([]netip.Addr, error) {
		asked++
		return []netip.Addr{netip.MustParseAddr(answers[asked-1])}, nil
	}}
	url := "http://rebind.example:" + port
	if err := g.Check(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		resp, err := g.Client().Get(url)
		if err == nil {
			resp.Body.Close()
		}
		if _, refused := errors.AsType[*outbound.Refusal](err); !refused {
			t.Errorf("%v", err)
		}
	}
	if called > 0 || asked != 3 {
		t.Errorf("looked up %d times, called %d times", asked, called)
	}
}

// What is allowed is called, under its own name; a redirect is not followed, a proxy
// not asked.
func TestClient(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://192.0.2.1:1")
	hosts := []string{}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hosts = append(hosts, r.Host); len(hosts) > 1 {
			return
		}
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	defer web.Close()
	_, port, err := net.SplitHostPort(web.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	g := &outbound.Guard{
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Lookup: func(context.Context, string) ([]netip.Addr, error) { // the first does not answer
			return []netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.1")}, nil
		},
	}
	resp, err := g.Client().Get("http://name.example:" + port)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusFound || len(hosts) != 1 || hosts[0] != "name.example:"+port {
		t.Errorf("%d from %q", resp.StatusCode, hosts)
	}
}

// A certificate that nobody vouches for is no better where a network is allowed.
func TestCertificates(t *testing.T) {
	called := false
	web := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	web.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	web.StartTLS()
	defer web.Close()
	g := &outbound.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	resp, err := g.Client().Get(web.URL)
	if err == nil {
		resp.Body.Close()
	}
	if _, untrusted := errors.AsType[*tls.CertificateVerificationError](err); !untrusted || called {
		t.Errorf("%v", err)
	}
}
