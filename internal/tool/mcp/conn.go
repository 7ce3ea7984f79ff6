package mcp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// A conn is an open connection to a server.
type conn struct {
	session *mcp.ClientSession
	process *process // nil: it is reached over HTTP
	web     *http.Client
	hide    func(string) string // takes secrets out of a text
	gone    chan struct{}       // closed when the connection is of no use any more
	once    sync.Once
	slow    atomic.Int32 // calls in a row that were not answered in time
}

// legacy is the newest version of the protocol that begins with a greeting.
const legacy = "2025-11-25"

// dial opens a connection. Servers that are older than the question by which newer
// ones are met may not answer it at all; they are greeted in the old way.
func (l *link) dial(ctx context.Context) (*conn, error) {
	first, cancel := context.WithTimeout(ctx, l.timeout()/3)
	defer cancel()
	c, err := l.meet(first, "")
	if err != nil && first.Err() != nil && ctx.Err() == nil {
		return l.meet(ctx, legacy)
	}
	return c, err
}

// meet opens a connection in a version of the protocol; empty: the newest that both
// know.
func (l *link) meet(ctx context.Context, version string) (*conn, error) {
	c := &conn{gone: make(chan struct{})}
	transport, err := l.transport(c)
	if err != nil {
		return nil, err
	}
	client := mcp.NewClient(&mcp.Implementation{Name: "autonoma", Version: l.cfg.Version}, &mcp.ClientOptions{
		Capabilities:   &mcp.ClientCapabilities{}, // none
		MultiRoundTrip: &mcp.MultiRoundTripOptions{Disabled: true},
		Logger:         slog.New(slog.DiscardHandler),
	})
	c.session, err = await(ctx, c.kill, func() (*mcp.ClientSession, error) {
		return client.Connect(ctx, transport, &mcp.ClientSessionOptions{ProtocolVersion: version})
	})
	if err != nil {
		c.kill()
		return nil, c.explain(ctx, err)
	}
	go func() {
		_ = c.session.Wait() // why it ended is told by the calls that it fails
		c.kill()
	}()
	return c, nil
}

// transport starts the program of the server, or prepares to reach its address.
func (l *link) transport(c *conn) (mcp.Transport, error) {
	given := l.Env
	if l.URL != "" {
		given = l.Headers
	}
	values, err := reveal(given, l.cfg.Getenv)
	if err != nil {
		return nil, err
	}
	c.hide = func(s string) string {
		if l.URL != "" {
			s = strings.ReplaceAll(s, l.URL, l.Where())
		}
		for _, v := range values {
			if len(v) >= 4 {
				s = strings.ReplaceAll(s, v, "***")
			}
		}
		return s
	}
	if l.URL != "" {
		c.web = client(values)
		return &mcp.StreamableClientTransport{Endpoint: l.URL, HTTPClient: c.web, DisableStandaloneSSE: true, MaxEventSize: longestMessage}, nil
	}
	env := []string{"PATH=" + l.cfg.Getenv("PATH"), "HOME=" + l.cfg.Getenv("HOME")}
	for key, value := range values {
		env = append(env, key+"="+value)
	}
	if c.process, err = start(l.Command, env); err != nil {
		return nil, err
	}
	return &mcp.IOTransport{Reader: c.process.out, Writer: c.process.in, MaxLineLength: longestMessage}, nil
}

func (c *conn) broken() bool {
	select {
	case <-c.gone:
		return true
	default:
		return false
	}
}

// kill ends the connection at once, and the program behind it.
func (c *conn) kill() {
	c.once.Do(func() {
		close(c.gone)
		if c.web != nil && c.session != nil {
			go c.session.Close() // it takes leave, and is bounded in time
		}
	})
	if c.process != nil {
		c.process.kill()
	}
	if c.web != nil {
		c.web.CloseIdleConnections()
	}
}

// mostSlow is how many calls in a row may go without an answer before a server counts
// as one that hangs.
const mostSlow = 2

// late takes note of a call that was not answered in time.
func (c *conn) late() {
	if c.slow.Add(1) >= mostSlow {
		c.kill()
	}
}

// parting is how long a server has to end by itself.
const parting = time.Second

// close ends the connection as the protocol has it, or else at once.
func (c *conn) close() {
	ctx, cancel := context.WithTimeout(context.Background(), parting)
	defer cancel()
	_, _ = await(ctx, c.kill, func() (struct{}, error) {
		err := c.session.Close() // takes leave, or closes the input of a program
		if c.process != nil {
			select {
			case <-c.process.ended:
			case <-ctx.Done():
			}
		}
		return struct{}{}, err
	})
	c.kill()
	if c.process != nil {
		<-c.process.ended
	}
}

// explain adds to an error what is known of the program, for the operator.
func (c *conn) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	text := err.Error()
	if c.process != nil {
		select { // one that broke off is about to end
		case <-c.process.ended:
		case <-time.After(patience):
		}
		text += c.process.obituary()
	}
	if c.hide != nil {
		text = c.hide(text)
	}
	return errors.New(clip(text, 2000))
}

// longestMessage is how many bytes a server may say at once.
const longestMessage = 16 << 20

// client returns an HTTP client that carries headers to one server and to no other.
func client(headers map[string]string) *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	t.MaxResponseHeaderBytes = 1 << 20
	return &http.Client{
		Transport: carrier{t, headers},
		CheckRedirect: func(r *http.Request, _ []*http.Request) error {
			return fmt.Errorf("it leads on to %s, which is not followed; if that is the server, name it as the url", r.URL.Redacted())
		},
	}
}

// A carrier adds headers to requests and bounds the answers.
type carrier struct {
	*http.Transport
	headers map[string]string
}

// RoundTrip implements [http.RoundTripper].
func (c carrier) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for name, value := range c.headers {
		r.Header.Set(name, value)
	}
	resp, err := c.Transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = bounded{io.LimitReader(resp.Body, longestMessage), resp.Body}
	return resp, nil
}

// bounded is a body that ends where the reader does.
type bounded struct {
	io.Reader
	io.Closer
}
