// Package outbound decides where a URL that a stranger gave may lead us.
//
// A server that calls such URLs can be made to call what only it can reach: itself,
// its neighbours, the metadata of its cloud. So there is one [Guard], and it is asked
// twice: when a URL is given, to tell its owner, and when it is called. Only the
// second counts, for names may come to mean something else: the guard looks a name
// up once, judges every address, and connects to one of those and to nothing else.
//
// It says nothing about what is sent, and follows no redirect by itself.
package outbound

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Guard lets through what leads to public addresses, and to the networks that the
// operator allows.
type Guard struct {
	Allow []netip.Prefix

	// Setting is what the operator can allow further networks by; empty: callbackAllow.
	Setting string
	// AnyPort lets through every port: of who speaks no HTTP in the clear.
	AnyPort bool

	// Lookup returns the addresses of a host; nil means those the system knows.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
}

// A Refusal is why a URL may not be called. It is meant for whoever gave the URL.
type Refusal struct{ Reason string }

func (r *Refusal) Error() string { return r.Reason }

func refuse(format string, args ...any) error { return &Refusal{fmt.Sprintf(format, args...)} }

// lookupTime bounds how long a name is looked up when a URL is given.
const lookupTime = 3 * time.Second

// Check returns a [Refusal], and no other error, if a URL must not be called, or cannot
// be as its host does not exist. A host that cannot be looked up just now is left to be
// judged when it is called.
func (g *Guard) Check(ctx context.Context, text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Opaque != "" {
		return refuse("must be an https:// or http:// URL")
	}
	if u.User != nil {
		return refuse("must not hold a user or a password: what is sent is signed instead")
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	_, err = g.Addresses(ctx, u.Hostname(), portOf(u))
	if refused, ok := errors.AsType[*Refusal](err); ok {
		return refused
	}
	if missing, ok := errors.AsType[*net.DNSError](err); ok && missing.IsNotFound {
		return refuse("must have a host that exists")
	}
	return nil
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "http":
		return "80"
	}
	return "443"
}

// Addresses returns the addresses of a host, all of which may be called at the port, for
// whoever connects by other means. If one may not, the error is a [Refusal].
func (g *Guard) Addresses(ctx context.Context, host, port string) ([]netip.Addr, error) {
	addrs, err := g.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return nil, refuse("must have a port between 1 and 65535")
	}
	for _, a := range addrs {
		if g.allowed(a) {
			continue
		}
		if !Public(a) {
			// Which address a name has here is nobody's business who does not know it.
			return nil, refuse("must lead to a public address; the operator can allow another network with %s", cmp.Or(g.Setting, "callbackAllow"))
		}
		// A request that is read by what is no web server can do harm there.
		if !g.AnyPort && n < 1024 && n != 80 && n != 443 {
			return nil, refuse("must have the port 80, 443, or one from 1024 on: those below are for other services")
		}
	}
	return addrs, nil
}

// numeric is the last part of a host that some programs take for an address: decimal,
// octal or hexadecimal.
var numeric = regexp.MustCompile(`^([0-9]+|0[xX][0-9a-fA-F]*)$`)

// resolve returns the addresses that a host stands for. Addresses are written in the
// one usual way, or not at all: what others would read as one is not looked up.
func (g *Guard) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if host == "" || strings.ContainsFunc(host, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return nil, refuse("must have a host of ASCII characters; write an international name as xn--…")
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Zone() != "" {
			return nil, refuse("must not have an address with a zone")
		}
		return []netip.Addr{addr}, nil
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	if numeric.MatchString(labels[len(labels)-1]) || strings.ContainsAny(host, ":%[]") {
		return nil, refuse("must have a name, or an address as in 192.0.2.1 or [2001:db8::1]")
	}
	lookup := g.Lookup
	if lookup == nil {
		lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	addrs, err := lookup(ctx, host)
	if err == nil && len(addrs) == 0 {
		err = &net.DNSError{Err: "no address", Name: host, IsNotFound: true}
	}
	return addrs, err
}

func (g *Guard) allowed(a netip.Addr) bool {
	a = a.Unmap()
	return slices.ContainsFunc(g.Allow, func(p netip.Prefix) bool { return p.Contains(a) })
}

// DialContext connects to a host that may be called: to the addresses that were
// judged, one after the other until one answers.
func (g *Guard) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addrs, err := g.Addresses(ctx, host, port)
	if err != nil {
		return nil, err
	}
	return Connect(ctx, network, addrs, port)
}

// Connect connects to one of the addresses of a host, which somebody has judged: one
// after the other until one answers.
func Connect(ctx context.Context, network string, addrs []netip.Addr, port string) (net.Conn, error) {
	var failed error
	for i, a := range addrs {
		// Each gets its share of the time that is left.
		dialer := net.Dialer{}
		if end, ok := ctx.Deadline(); ok {
			dialer.Timeout = time.Until(end) / time.Duration(len(addrs)-i)
		}
		conn, err := dialer.DialContext(ctx, network, net.JoinHostPort(a.Unmap().String(), port))
		if err == nil {
			return conn, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, failed
}

// Client returns a client that goes only where the guard lets it, by itself: a proxy
// of the environment would look names up in our stead. It follows no redirect.
func (g *Guard) Client() *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            g.DialContext,
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    10 * time.Second,
			MaxIdleConns:           64,
			MaxIdleConnsPerHost:    2,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			DisableCompression:     true, // nobody unpacks what may be a bomb
		},
	}
}
