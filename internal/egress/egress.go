// Package egress is the way out of a sandbox: a proxy that knows where commands may
// go.
//
// The one idea: whoever asks is told no unless a [Policy] names the host. A name that
// is allowed is looked up once, here, for there are no names in the sandbox; each of
// its addresses is judged; and one of those is connected to. What goes through is TLS
// whose ClientHello asks for that very name, or plain HTTP that is read and written
// anew, so that neither an address nor another host that happens to live beside an
// allowed one can be reached through it. Every decision is counted and can be told.
//
// It does not look into TLS, adds no credentials, keeps nothing, and knows nothing of
// runs. What it is not asked to allow by the operator it never allows, whoever asks.
package egress

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpproxy"

	"autonoma/internal/outbound"
)

// A Proxy is what the ways out of a process have in common.
type Proxy struct {
	// Private are the hosts that may have addresses which are not public, at whatever
	// port a policy names.
	Private []Host
	// Upstream returns the operator's proxy for a request to a URL, nil for none.
	// Names are looked up there then. Nil: there is none.
	Upstream func(*url.URL) (*url.URL, error)
	// Lookup returns the addresses of a host; nil means those the system knows.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	// Limits bound each command; zero fields take those of [DefaultLimits].
	Limits Limits
}

// Limits bound what one command can do.
type Limits struct {
	Connections int           // at one time
	Sent        int64         // bytes, in all
	Received    int64         // bytes, in all
	Header      int           // bytes of the head of a request
	Begin       time.Duration // for a request to be told, and for a ClientHello to arrive
	Idle        time.Duration // without a byte either way, after which a connection is closed
	HalfOpen    time.Duration // the same where one side has nothing more to say
}

// DefaultLimits are enough to install what large projects depend on.
func DefaultLimits() Limits {
	return Limits{
		Connections: 256, Sent: 256 << 20, Received: 16 << 30, Header: 32 << 10,
		Begin: 15 * time.Second, Idle: 3 * time.Minute, HalfOpen: 30 * time.Second,
	}
}

func (l Limits) or(d Limits) Limits {
	return Limits{
		Connections: cmp.Or(l.Connections, d.Connections), Sent: cmp.Or(l.Sent, d.Sent), Received: cmp.Or(l.Received, d.Received),
		Header: cmp.Or(l.Header, d.Header), Begin: cmp.Or(l.Begin, d.Begin), Idle: cmp.Or(l.Idle, d.Idle), HalfOpen: cmp.Or(l.HalfOpen, d.HalfOpen),
	}
}

// Environment returns the operator's own proxies, as the usual variables name them.
// Their passwords stay here.
func Environment(getenv func(string) string) func(*url.URL) (*url.URL, error) {
	first := func(names ...string) string {
		for _, name := range names {
			if v := getenv(name); v != "" {
				return v
			}
		}
		return ""
	}
	c := httpproxy.Config{
		HTTPProxy:  first("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"),
		HTTPSProxy: first("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"),
		NoProxy:    first("NO_PROXY", "no_proxy"),
	}
	return c.ProxyFunc()
}

// upstream returns the operator's proxy on the way to a host.
func (p *Proxy) upstream(scheme, address string) (*url.URL, error) {
	if p.Upstream == nil {
		return nil, nil
	}
	u, err := p.Upstream(&url.URL{Scheme: scheme, Host: address})
	if err == nil && u != nil && u.Scheme != "http" && u.Scheme != "https" {
		err = fmt.Errorf("the operator's proxy is of the kind %s, which is not spoken here; name one of http or https", u.Scheme)
	}
	return u, err
}

// addresses looks a host up, once, and judges all that it stands for.
func (p *Proxy) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	addrs := []netip.Addr{}
	if addr, err := netip.ParseAddr(host); err == nil {
		addrs = append(addrs, addr)
	} else {
		lookup := p.Lookup
		if lookup == nil {
			lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
				return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
			}
		}
		if addrs, err = lookup(ctx, host); err != nil {
			return nil, unreachable(host, err)
		}
	}
	own := slices.ContainsFunc(p.Private, func(h Host) bool { return h.covers(host) })
	for _, a := range addrs {
		if !outbound.Public(a) && (!own || !outbound.Internal(a)) {
			return nil, notPublic(host, own)
		}
	}
	if len(addrs) == 0 {
		return nil, unreachable(host, &net.DNSError{Err: "no address", Name: host, IsNotFound: true})
	}
	return addrs, nil
}

// dial connects to a host that a policy allows, directly.
func (p *Proxy) dial(ctx context.Context, host string, port int) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	addrs, err := p.addresses(ctx, host)
	if err != nil {
		return nil, err
	}
	conn, err := outbound.Connect(ctx, "tcp", addrs, strconv.Itoa(port))
	if err != nil {
		return nil, unreachable(host, err)
	}
	return conn, nil
}

// dialTime bounds how long it takes to look a host up and to connect to it.
const dialTime = 30 * time.Second

// target reads host:port the one way in which it is meant to be written.
func target(address string) (host string, port int, err error) {
	host, number, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.ParseUint(number, 10, 16)
	host = canonical(host)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != number || !nameOrAddress(host) {
		return "", 0, fmt.Errorf("%q is not a host and a port", address)
	}
	return host, int(n), nil
}

func canonical(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

// nameOrAddress reports whether host is an address, or made of what names are.
func nameOrAddress(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Zone() == ""
	}
	if host == "" || len(host) > 253 {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// hopByHop are what concerns a proxy and its client alone, beside what the standard
// library takes off.
func hopByHop(h http.Header) {
	for _, name := range []string{"Upgrade", "Proxy-Authorization", "Proxy-Authenticate", "Proxy-Connection"} {
		h.Del(name)
	}
}
