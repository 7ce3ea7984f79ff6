package egress

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"autonoma"
)

// tunnel answers a CONNECT, and carries TLS to the host that was asked for.
func (v *visit) tunnel(w http.ResponseWriter, r *http.Request, way *passage) {
	there, err := v.connect(r.Context(), way.host, way.port)
	if err != nil {
		way.refused(err)
		v.policy.explain(w, way.address(), asRefusal(way.host, err))
		return
	}
	defer there.Close()
	here, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		way.refused(err)
		return
	}
	defer here.Close()
	defer context.AfterFunc(v.ctx, func() { // the command has ended
		_ = here.Close()
		_ = there.Close()
	})()
	_ = here.SetDeadline(time.Now().Add(v.limits.Begin))
	if _, err := io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		way.refused(unreachable(way.host, err))
		return
	}
	hello, err := greeting(buffered.Reader, way)
	if errors.Is(err, io.EOF) || v.ctx.Err() != nil {
		return // it thought better of it
	}
	if err != nil {
		way.refused(err)
		_, _ = here.Write(accessDenied)
		return
	}
	_ = there.SetWriteDeadline(time.Now().Add(v.limits.Idle))
	if _, err := there.Write(hello); err != nil || way.send(len(hello)) != nil {
		return
	}
	t := &line{way: way, limits: v.limits}
	t.carry(here, buffered.Reader, there)
}

// accessDenied is how TLS says so.
var accessDenied = []byte{21, 3, 3, 0, 2, 2, 49}

// greeting reads the ClientHello and makes sure that it is for the host that was asked
// for. To an address one comes without a name.
func greeting(r io.Reader, way *passage) ([]byte, error) {
	hello, name, err := readHello(r)
	_, notName := netip.ParseAddr(way.host)
	switch {
	case errors.Is(err, errHidden):
		return nil, &refusal{code: autonoma.EgressName, text: err.Error()}
	case errors.Is(err, io.EOF):
		return nil, err
	case err != nil:
		return nil, &refusal{autonoma.EgressProtocol, "what was said to " + way.address() + " is not TLS: CONNECT is for TLS alone", err}
	case name == "" && notName == nil, canonical(name) == way.host:
		return hello, nil
	}
	return nil, &refusal{code: autonoma.EgressName, text: "the ClientHello to " + way.address() + " asks for another host"}
}

// connect connects to a host, or to the operator's proxy, which then does.
func (v *visit) connect(ctx context.Context, host string, port int) (net.Conn, error) {
	up, err := v.proxy.upstream("https", addressOf(host, port))
	if err != nil {
		return nil, unreachable(host, err)
	}
	if up == nil {
		return v.proxy.dial(ctx, host, port)
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn, err := through(ctx, up, addressOf(host, port))
	if err != nil {
		return nil, unreachable(host, err)
	}
	return conn, nil
}

// through asks the operator's proxy for a connection. Its password is told to it alone.
func through(ctx context.Context, proxy *url.URL, address string) (net.Conn, error) {
	port := proxy.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[proxy.Scheme]
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(proxy.Hostname(), port))
	if err != nil {
		return nil, err
	}
	if proxy.Scheme == "https" {
		conn = tls.Client(conn, &tls.Config{ServerName: proxy.Hostname()})
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // the command has ended, or time is up
	defer stop()
	request := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: http.Header{}}
	if u := proxy.User; u != nil {
		password, _ := u.Password()
		request.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password)))
	}
	buffered := bufio.NewReader(conn)
	err = request.Write(conn)
	if err == nil {
		err = granted(buffered, request)
	}
	if err == nil && buffered.Buffered() > 0 {
		err = errors.New("the operator's proxy speaks before it is asked") // with TLS, the client begins
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// granted reads what the operator's proxy answers.
func granted(r *bufio.Reader, request *http.Request) error {
	answer, err := http.ReadResponse(r, request)
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the operator's proxy answers %s", answer.Status)
	}
	return nil
}

// A line carries bytes both ways.
type line struct {
	way    *passage
	limits Limits
	last   atomic.Int64 // when the last byte came, either way
	half   atomic.Bool  // one side has said all
}

// carry returns when both sides have said all, or one does not want to hear more, or
// nothing was said for too long. What the client has said already is in said.
func (l *line) carry(here net.Conn, said io.Reader, there net.Conn) {
	_ = here.SetDeadline(time.Time{})
	_ = there.SetDeadline(time.Time{})
	l.last.Store(time.Now().UnixNano())
	var both sync.WaitGroup
	both.Go(func() { l.copy(there, said, here, l.way.send) })
	both.Go(func() { l.copy(here, there, there, l.way.receive) })
	both.Wait()
}

// copy carries what is read, from a connection, to the other.
func (l *line) copy(to net.Conn, from io.Reader, conn net.Conn, count func(int) error) {
	buf := make([]byte, 32<<10)
	for {
		_ = conn.SetReadDeadline(time.Now().Add(l.patience()))
		n, err := from.Read(buf)
		if n > 0 {
			l.last.Store(time.Now().UnixNano())
			_ = to.SetWriteDeadline(time.Now().Add(l.limits.Idle))
			if count(n) != nil {
				break
			}
			if _, err := to.Write(buf[:n]); err != nil {
				break
			}
		}
		if errors.Is(err, os.ErrDeadlineExceeded) && time.Since(time.Unix(0, l.last.Load())) < l.patience() {
			continue // the other side speaks
		}
		if err == io.EOF {
			l.half.Store(true)
			_ = closeWrite(to)
			// Whoever waits for the other side does so for a shorter time from now on.
			_ = to.SetReadDeadline(time.Now().Add(l.limits.HalfOpen))
			return
		}
		if err != nil {
			break
		}
	}
	_ = to.Close()
	_ = conn.Close()
}

func (l *line) patience() time.Duration {
	if l.half.Load() {
		return l.limits.HalfOpen
	}
	return l.limits.Idle
}
