package egress

import (
	"context"
	"crypto/subtle"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"

	"autonoma"
)

// A Session is the way out of one command, or of several that come one after the
// other: what they may send is counted together.
type Session struct {
	proxy  *Proxy
	policy Policy
	limits Limits
	told   tally

	sent, received atomic.Int64
}

// Session returns a way out with the given policy.
func (p *Proxy) Session(policy Policy) *Session {
	return &Session{proxy: p, policy: policy, limits: p.Limits.or(DefaultLimits())}
}

// Decisions returns what was decided so far, what was refused first.
func (s *Session) Decisions() []autonoma.Egress { return s.told.all() }

// Serve answers what connects to l, until that is closed: then it ends all that is
// under way, and returns when that has ended.
func (s *Session) Serve(l net.Listener) {
	ctx, cancel := context.WithCancel(context.Background())
	v := &visit{Session: s, ctx: ctx}
	if shared, ok := l.(interface{ ProxyAuthorization() string }); ok {
		v.password = shared.ProxyAuthorization()
	}
	v.direct, v.via = v.transports()
	web := &http.Server{
		Handler:           v,
		ReadHeaderTimeout: s.limits.Begin,
		IdleTimeout:       s.limits.Idle,
		MaxHeaderBytes:    s.limits.Header,
		ErrorLog:          log.New(io.Discard, "", 0), // what goes wrong with a client is the client's
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	_ = web.Serve(&few{Listener: l, free: make(chan struct{}, s.limits.Connections)}) // it ends with the listener
	cancel()
	_ = web.Close()
	v.close()
	v.under.Wait()
	v.direct.CloseIdleConnections()
	v.via.CloseIdleConnections()
}

// A visit is one Serve of a session.
type visit struct {
	*Session
	ctx      context.Context // done when the listener is closed
	password string          // to insist on; empty: nobody else can come
	direct   *http.Transport
	via      *http.Transport // the operator's proxy

	mu      sync.Mutex
	closing bool
	under   sync.WaitGroup // requests
}

// enter reports whether a request may still be begun; if so, it has to be left.
func (v *visit) enter() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.closing {
		v.under.Add(1)
	}
	return !v.closing
}

// close lets no further request begin.
func (v *visit) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closing = true
}

// ServeHTTP implements [http.Handler].
func (v *visit) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !v.enter() {
		return
	}
	defer v.under.Done()
	if v.password != "" && subtle.ConstantTimeCompare([]byte(r.Header.Get("Proxy-Authorization")), []byte(v.password)) != 1 {
		w.Header().Set("Proxy-Authenticate", `Basic realm="autonoma"`)
		http.Error(w, "autonoma: this way out belongs to another command", http.StatusProxyAuthRequired)
		return
	}
	address, tunnel := r.URL.Host, r.Method == http.MethodConnect
	if !tunnel && r.URL.Scheme == "http" && r.URL.Port() == "" {
		address = net.JoinHostPort(r.URL.Hostname(), "80")
	}
	host, port, err := target(address)
	if err != nil || r.URL.User != nil || tunnel && r.RequestURI != address || !tunnel && r.URL.Scheme != "http" {
		w.Header().Set("Connection", "close")
		http.Error(w, "autonoma: this is a proxy: it takes CONNECT host:port, or a request for an http:// URL", http.StatusBadRequest)
		return
	}
	way := &passage{session: v.Session, host: host, port: port}
	defer way.close()
	if err := v.admit(host, port); err != nil {
		way.refused(err)
		v.policy.explain(w, way.address(), asRefusal(host, err))
		return
	}
	if tunnel {
		v.tunnel(w, r, way)
	} else {
		v.forward(w, r, way)
	}
}

// admit reports what is wrong with going to a host.
func (s *Session) admit(host string, port int) error {
	switch {
	case !s.policy.allows(host, port):
		return notNamed(s.policy, addressOf(host, port))
	case s.sent.Load() >= s.limits.Sent:
		return overLimit("sent")
	case s.received.Load() >= s.limits.Received:
		return overLimit("received")
	}
	return nil
}

func asRefusal(host string, err error) *refusal {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r
	}
	return unreachable(host, err)
}

// forward passes on a request without TLS. It is written anew, so that what stands in
// it twice or in two ways reaches nobody.
func (v *visit) forward(w http.ResponseWriter, r *http.Request, way *passage) {
	relay := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			hopByHop(p.Out.Header)
			p.Out.Host = p.In.URL.Host
			if p.Out.Body != nil {
				p.Out.Body = &metered{p.Out.Body, way.send}
			}
		},
		Transport: v,
		ModifyResponse: func(answer *http.Response) error {
			hopByHop(answer.Header)
			answer.Body = &metered{answer.Body, way.receive}
			return nil
		},
		ErrorLog: log.New(io.Discard, "", 0),
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			way.refused(err)
			v.policy.explain(w, way.address(), asRefusal(way.host, err))
		},
	}
	relay.ServeHTTP(w, r)
}

// RoundTrip carries a request without TLS, over the operator's proxy if there is one
// on the way.
func (v *visit) RoundTrip(r *http.Request) (*http.Response, error) {
	if up, err := v.proxy.upstream("http", r.URL.Host); err != nil || up != nil {
		return v.via.RoundTrip(r)
	}
	return v.direct.RoundTrip(r)
}

// transports returns what carries requests without TLS: to hosts that are judged when
// they are connected to, and to the operator's proxy, which is not.
func (v *visit) transports() (direct, via *http.Transport) {
	direct = &http.Transport{
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			host, port, err := target(address)
			if err != nil {
				return nil, err
			}
			return v.proxy.dial(ctx, host, port)
		},
		DisableCompression:     true,
		MaxResponseHeaderBytes: int64(v.limits.Header) * 4,
		ResponseHeaderTimeout:  v.limits.Idle,
		IdleConnTimeout:        v.limits.HalfOpen,
	}
	via = direct.Clone()
	via.DialContext = (&net.Dialer{Timeout: dialTime}).DialContext
	via.Proxy = func(r *http.Request) (*url.URL, error) { return v.proxy.upstream("http", r.URL.Host) }
	return direct, via
}

// few lets so many connections in at one time, and closes what comes beyond.
type few struct {
	net.Listener
	free chan struct{}
}

func (f *few) Accept() (net.Conn, error) {
	for {
		c, err := f.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case f.free <- struct{}{}:
			return &counted{Conn: c, leave: sync.OnceFunc(func() { <-f.free })}, nil
		default:
			_ = c.Close() // it is the client's loss
		}
	}
}

// counted gives its place free when it is closed.
type counted struct {
	net.Conn
	leave func()
}

func (c *counted) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// CloseWrite says that nothing more will be sent.
func (c *counted) CloseWrite() error { return closeWrite(c.Conn) }

func closeWrite(c net.Conn) error {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}
