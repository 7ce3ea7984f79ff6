// Package wire carries one turn of a conversation over HTTP, for all protocols
// alike.
//
// A protocol says where to send what, and hands over a [Reader] that makes
// deltas of the events that come back; [Client.Turn] does the rest: it asks,
// maps every way of failing to a model.Error, watches that bytes keep coming,
// and insists on the terminal event. The one idea to know: a stream that ends
// before its Reader is satisfied is an error, however clean its end.
//
// It tries each turn once; asking again is for model.Retry.
package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"autonoma/internal/model"
)

// DefaultIdle is how long a server may send nothing at all, before it has begun
// to answer and between two bytes. It is long because some models think in
// silence, and small machines take their time to read a long conversation.
const DefaultIdle = 10 * time.Minute

// A Config says which model of which server to ask, and how.
type Config struct {
	Info model.Info
	// BaseURL is where the server's doors begin; each protocol has its own
	// default and its own idea of what belongs to it.
	BaseURL string
	Key     Key          // may be empty: servers on one's own machine ask for none
	HTTP    *http.Client // default: NewHTTP
	// Idle is how long the server may send nothing at all, before it has begun
	// to answer and between two bytes. Default: DefaultIdle.
	Idle time.Duration
	// Thinking is how Info.Effort is asked for, where a protocol has more
	// than one way: "adaptive" (default) or "budget".
	Thinking string
}

// A Client sends turns through one door of a server.
type Client struct {
	Config
	url    string
	header http.Header
}

// Client returns a client for the door at path below the base URL, or below
// fallback if there is none.
func (c Config) Client(fallback, path string, header http.Header) *Client {
	if c.HTTP == nil {
		c.HTTP = NewHTTP()
	}
	if c.Idle <= 0 {
		c.Idle = DefaultIdle
	}
	base := c.BaseURL
	if base == "" {
		base = fallback
	}
	return &Client{Config: c, url: strings.TrimRight(base, "/") + path, header: header}
}

// A Reader makes an answer of events. It is used for one turn.
type Reader interface {
	// Read takes in an event and returns what it says. A Delta with Done ends
	// the turn; so does an error. A *model.Error is completed with the name
	// of the model; any other error means that the server broke the protocol.
	Read(Event) (model.Delta, error)
	// End returns the answer if the stream may end here, or nil if that cuts
	// it off.
	End() *model.Answer
}

// NewHTTP returns a client for model servers: proxies come from the
// environment, connecting is bounded in time and answering is not (see
// Client.Idle), and redirects are not followed, since that would carry a key to
// somewhere else or turn a POST into a GET.
func NewHTTP() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	t.TLSHandshakeTimeout = 10 * time.Second
	t.MaxIdleConnsPerHost = 16
	t.MaxResponseHeaderBytes = 1 << 20
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Turn sends body as JSON and reads the stream that comes back.
func (c *Client) Turn(ctx context.Context, body any, reader func() Reader) iter.Seq2[model.Delta, error] {
	return func(yield func(model.Delta, error) bool) {
		live := watch(ctx, c.Idle)
		defer live.stop()
		said := func(d model.Delta) bool {
			live.pause() // the listener's time is not the server's
			defer live.beat()
			return yield(d, nil)
		}
		if err := c.turn(live, body, reader(), said); err != nil {
			yield(model.Delta{}, c.explain(ctx, live, err))
		}
	}
}

// turn returns nil when the turn is whole or said has returned false.
func (c *Client) turn(live *pulse, body any, r Reader, said func(model.Delta) bool) error {
	resp, err := c.post(live, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := c.checkHead(resp); err != nil {
		return err
	}
	for e, err := range Events(live.reader(resp.Body)) {
		if err != nil {
			return &model.Error{Kind: model.Cut, Message: "the answer broke off", Err: err}
		}
		d, err := r.Read(e)
		if err != nil {
			return err
		}
		if d.Done != nil {
			d.Done = c.complete(d.Done)
			said(d)
			return nil
		}
		if !said(d) {
			return nil
		}
	}
	if done := r.End(); done != nil {
		said(model.Delta{Done: c.complete(done)})
		return nil
	}
	return &model.Error{Kind: model.Cut, Message: "the answer ended before it was whole"}
}

func (c *Client) complete(a *model.Answer) *model.Answer {
	a.Price = c.Info.Price
	if a.Model == "" {
		a.Model = c.Info.Name
	}
	a.Message.Role = model.Assistant
	return a
}

func (c *Client) post(live *pulse, body any) (*http.Response, error) {
	b, err := Marshal(body)
	if err != nil {
		return nil, &model.Error{Kind: model.InvalidRequest, Message: "the request cannot be encoded", Err: err}
	}
	req, err := http.NewRequestWithContext(live.ctx, http.MethodPost, c.url, bytes.NewReader(b))
	if err != nil {
		return nil, &model.Error{Kind: model.NotFound, Message: "the base URL is not a URL: check the configuration"}
	}
	for name, values := range c.header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("User-Agent", "autonoma")
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, &model.Error{Kind: model.Unreachable, Message: "no connection to " + req.URL.Host, Err: unwrapURL(err)}
	}
	live.beat()
	return resp, nil
}

// checkHead makes an error of an answer that is not a stream.
func (c *Client) checkHead(resp *http.Response) error {
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if resp.StatusCode == http.StatusOK && media != "application/json" && media != "text/html" {
		return nil // servers that stream are careless about the type
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	if err != nil {
		b = nil // what the status says is enough
	}
	e := ReadProblem(b).Error(resp.StatusCode)
	e.RetryAfter = retryAfter(resp.Header, time.Now())
	if resp.StatusCode == http.StatusOK && e.Kind == "" {
		e.Kind, e.Message = model.Malformed, "the server did not stream; it sent "+media+": "+e.Message
	}
	return e
}

// explain turns err into what the caller of Turn gets to see.
func (c *Client) explain(ctx context.Context, live *pulse, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("ask %s/%s: %w", c.Info.Provider, c.Info.Name, context.Cause(ctx))
	}
	var e *model.Error
	if !errors.As(err, &e) {
		e = &model.Error{Kind: model.Malformed, Message: "the server broke the protocol", Err: err}
	}
	if live.dead() {
		e = &model.Error{Kind: model.Stalled, Message: fmt.Sprintf("nothing came for %v", c.Idle)}
	}
	e.Provider, e.Model = c.Info.Provider, c.Info.Name
	e.Message = c.Key.hide(e.Message)
	return e
}

// Marshal encodes v as JSON without escaping what only HTML minds: models read
// it, and pay for it by the byte.
func Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Stop returns why an answer stopped: whoever makes calls waits for them, even
// where a server calls that an ordinary end.
func Stop(said model.StopReason, calls int) model.StopReason {
	switch {
	case said == model.StopEnd && calls > 0:
		return model.StopCalls
	case said == model.StopCalls && calls == 0:
		return model.StopEnd
	}
	return said
}
