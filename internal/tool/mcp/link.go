package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// A link is a server and the connection to it, which all runs share.
type link struct {
	Server
	name string
	cfg  Config

	// turn holds a token while somebody looks at what follows or changes it.
	turn   chan struct{}
	conn   *conn // nil: none is open
	begun  []time.Time
	failed time.Time // when it could not be met, and why
	why    error
	closed bool
}

func newLink(name string, s Server, cfg Config) *link {
	return &link{Server: s, name: name, cfg: cfg, turn: make(chan struct{}, 1)}
}

// A server that ends again and again is not begun again for ever, and one that cannot
// be met does not hold up everybody who would like to.
const (
	mostBegins  = 5
	beginWithin = time.Minute
	rest        = time.Minute
)

var errClosed = errors.New("this program is shutting down")

// open returns a connection that works, as far as is known: the one there is, or a
// new one.
func (l *link) open(ctx context.Context) (*conn, error) {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if l.closed {
		return nil, errClosed
	}
	if l.conn != nil && !l.conn.broken() {
		return l.conn, nil
	}
	l.conn = nil
	now := time.Now()
	if now.Sub(l.failed) < rest {
		return nil, l.why
	}
	l.begun = slices.DeleteFunc(l.begun, func(t time.Time) bool { return now.Sub(t) > beginWithin })
	if len(l.begun) == mostBegins {
		return nil, fmt.Errorf("it was begun %d times within %v; it is left alone for a while", mostBegins, beginWithin)
	}
	l.begun = append(l.begun, now)
	limited, cancel := l.limit(ctx)
	defer cancel()
	c, err := l.dial(limited)
	if err != nil {
		if ctx.Err() == nil { // it was not whoever asked that ended it
			l.failed, l.why = time.Now(), err
		}
		return nil, err
	}
	l.conn = c
	return c, nil
}

// limit bounds the time that the server has for something.
func (l *link) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, l.timeout(), fmt.Errorf("it did not answer within %v", l.timeout()))
}

// close ends the connection, and lets no other begin.
func (l *link) close() {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	l.closed = true
	if l.conn != nil {
		l.conn.close()
	}
}

// A listing is what a server has.
type listing struct {
	offers []Offer
	notes  []string
	err    error
}

// Bounds of a listing: how many tools are looked at, and of how many it is said why they
// are left out.
const (
	mostListed = 1000
	mostNotes  = 10
)

// list asks the server for its tools, and takes those that are wanted and that a model
// can be told of.
func (l *link) list(ctx context.Context) listing {
	c, err := l.open(ctx)
	if err != nil {
		return listing{err: err}
	}
	limited, cancel := l.limit(ctx)
	defer cancel()
	found, err := await(limited, c.kill, func() (listing, error) {
		var found listing
		missing, listed := slices.Clone(l.Tools), 0
		for t, err := range c.session.Tools(limited, nil) {
			if err != nil {
				return found, err
			}
			if len(l.Tools) == 0 || slices.Contains(l.Tools, t.Name) {
				found.add(l.name, t)
			}
			missing = slices.DeleteFunc(missing, func(name string) bool { return name == t.Name })
			if listed++; listed == mostListed {
				break
			}
		}
		if len(missing) > 0 {
			found.note("The MCP server %s has no tool %s, which mcp.%s.tools names.", l.name, strings.Join(missing, ", "), l.name)
		}
		return found, nil
	})
	if err != nil {
		if limited.Err() != nil && ctx.Err() == nil {
			c.late()
		}
		return listing{err: c.explain(limited, err)}
	}
	// In the same order each time, for the caches of providers.
	slices.SortFunc(found.offers, func(a, b Offer) int { return strings.Compare(a.Spec.Name, b.Spec.Name) })
	return found
}

// add adds a tool of a server, or a note of why it is left out.
func (f *listing) add(server string, t *mcp.Tool) {
	s, err := spec(server, t)
	if err == nil && slices.ContainsFunc(f.offers, func(o Offer) bool { return o.Spec.Name == s.Name }) {
		err = errors.New("there are two of that name")
	}
	if err != nil {
		f.note("The tool %s of the MCP server %s is left out: %s.", clip(t.Name, 80), server, clip(err.Error(), 300))
		return
	}
	f.offers = append(f.offers, Offer{Server: server, Tool: t.Name, Spec: s})
}

func (f *listing) note(format string, args ...any) {
	if len(f.notes) < mostNotes {
		f.notes = append(f.notes, fmt.Sprintf(format, args...))
	}
}

// call has the server do something, and returns what a model is told of it.
func (l *link) call(ctx context.Context, name string, args json.RawMessage) (string, error) {
	c, err := l.open(ctx)
	if err != nil {
		l.cfg.Log.WarnContext(ctx, "MCP server", "server", l.name, "err", err)
		return "", fmt.Errorf("the MCP server %s is not there now; nothing was done. Go on without it, or try once more later", l.name)
	}
	limited, cancel := l.limit(ctx)
	defer cancel()
	result, err := await(limited, c.kill, func() (*mcp.CallToolResult, error) {
		return c.session.CallTool(limited, &mcp.CallToolParams{Name: name, Arguments: args})
	})
	if err == nil {
		c.slow.Store(0)
		return render(result)
	}
	if limited.Err() != nil {
		if ctx.Err() == nil {
			c.late()
		}
		return "", fmt.Errorf("the MCP server %s: %w; the call may or may not have taken effect", l.name, context.Cause(limited))
	}
	if refused, ok := errors.AsType[*jsonrpc.Error](err); ok && refused.Code != codeTransport {
		return "", fmt.Errorf("the MCP server %s refuses: %s", l.name, excerpt(refused.Message))
	}
	select { // what has broken off is about to be known as broken
	case <-c.gone:
	case <-time.After(patience):
	}
	l.cfg.Log.WarnContext(ctx, "MCP call", "server", l.name, "tool", name, "err", c.explain(ctx, err))
	return "", fmt.Errorf("the MCP server %s broke off; the call may or may not have taken effect", l.name)
}

// codeTransport is the code of the errors by which the library itself says that it lost
// a message, or did not get an answer.
const codeTransport = -32005

// fix says what to do about a server that is not there.
func (l *link) fix(err error) string {
	_, unset := errors.AsType[errUnset](err)
	switch {
	case unset:
		return "set the variable where autonoma is started, or change mcp." + l.name
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return "install the program, or name its full path in mcp." + l.name + ".command"
	case l.URL != "":
		return "see that the server runs, and that mcp." + l.name + ".url leads to it and the headers are right"
	}
	return "start it by hand and see what it says: " + l.Where()
}

// patience is how long something may take to notice that it should end.
const patience = 200 * time.Millisecond

// await returns what do returns. At the end of ctx it does not wait for what does
// not notice it, as a write to somebody who does not read: stop has to end that.
func await[T any](ctx context.Context, stop func(), do func() (T, error)) (T, error) {
	type outcome struct {
		v   T
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		v, err := do()
		done <- outcome{v, err}
	}()
	select {
	case o := <-done:
		return o.v, o.err
	case <-ctx.Done():
	}
	select {
	case o := <-done:
		return o.v, o.err
	case <-time.After(patience):
		stop()
		var none T
		return none, context.Cause(ctx)
	}
}
