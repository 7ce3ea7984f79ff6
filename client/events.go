package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"autonoma"
	"autonoma/api"
)

// How patient a stream is.
const (
	silence  = 45 * time.Second       // the server shows a sign of life three times as often
	pause    = 250 * time.Millisecond // before connecting anew, unless the server says otherwise; twice as long each time
	longest  = 10 * time.Second       // of such pauses
	longLine = 64 << 20               // bytes of an event
)

// Events yields what happens to a run after event number after, in order and
// each once, until the run is over. When the connection breaks, or nothing is
// heard on it for too long, it connects anew and goes on where it was, for as
// long as ctx allows. It gives up if there is no server to begin with, and on a
// problem that the server tells of, unless that may pass (5xx, 429).
func (c *Client) Events(ctx context.Context, id autonoma.RunID, after int64) iter.Seq2[api.Event, error] {
	return func(yield func(api.Event, error) bool) {
		s := &stream{client: c, id: id, after: after, pause: pause}
		for wait := s.pause; ; wait = min(2*wait, longest) {
			before := s.after
			over, err := s.follow(ctx, yield)
			if over {
				return
			}
			if err != nil && !s.passing(err) {
				yield(api.Event{}, err)
				return
			}
			if s.after > before {
				wait = s.pause
			}
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				yield(api.Event{}, context.Cause(ctx))
				return
			}
		}
	}
}

// A stream is the events of a task, over as many connections as it takes.
type stream struct {
	client *Client
	id     autonoma.RunID
	after  int64         // number of the last event that was seen
	pause  time.Duration // before the next connection
	met    bool          // there is a server
}

// passing reports whether it makes sense to try again after err.
func (s *stream) passing(err error) bool {
	if p, ok := errors.AsType[*api.Problem](err); ok {
		return p.Status >= 500 || p.Status == http.StatusTooManyRequests
	}
	return s.met && !errors.Is(err, errUnfit)
}

// errUnfit is what a server sends that is no event of ours.
var errUnfit = errors.New("not a stream of events")

// follow connects once and yields events. It reports whether there will be no
// more: the task is over, or nobody wants them.
func (s *stream) follow(ctx context.Context, yield func(api.Event, error) bool) (over bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	alive := time.AfterFunc(silence, cancel)
	defer alive.Stop()
	resp, err := s.connect(ctx)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNoContent {
		return true, nil
	}
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return false, fmt.Errorf("%s: %w", resp.Request.URL.Path, errUnfit)
	}
	s.met = true
	for e, err := range parse(resp.Body, func(line []byte) { alive.Reset(silence); s.hear(line) }) {
		if err != nil {
			return false, err
		}
		if e.Seq <= s.after {
			continue
		}
		s.after = e.Seq
		if !yield(e, nil) || e.Last() {
			return true, nil
		}
	}
	return false, nil
}

// connect asks for the events that were not seen yet.
func (s *stream) connect(ctx context.Context) (*http.Response, error) {
	header := http.Header{"Accept": {"text/event-stream"}}
	if s.after > 0 {
		header.Set("Last-Event-ID", strconv.FormatInt(s.after, 10))
	}
	resp, err := s.client.send(ctx, http.MethodGet, api.PathOf(s.id)+"/events", nil, header)
	if err != nil {
		return nil, err
	}
	return resp, problemOf(resp)
}

// hear heeds what the server says about when to come again.
func (s *stream) hear(line []byte) {
	text, ok := bytes.CutPrefix(line, []byte("retry: "))
	if ms, err := strconv.Atoi(string(text)); ok && err == nil && ms > 0 {
		s.pause = min(time.Duration(ms)*time.Millisecond, longest)
	}
}

// parse yields the events in r, and calls heard with each line. An event that was
// cut off is none.
func parse(r io.Reader, heard func(line []byte)) iter.Seq2[api.Event, error] {
	return func(yield func(api.Event, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, longLine)
		var data []byte
		for lines.Scan() {
			line := lines.Bytes()
			heard(line)
			if text, ok := bytes.CutPrefix(line, []byte("data: ")); ok {
				data = append(data[:0], text...) // the other lines say the same once more
			}
			if len(line) > 0 || len(data) == 0 {
				continue
			}
			var e api.Event
			if err := json.Unmarshal(data, &e); err != nil {
				yield(e, fmt.Errorf("%w: %w", errUnfit, err))
				return
			}
			if !yield(e, nil) {
				return
			}
			data = data[:0]
		}
		if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
			yield(api.Event{}, fmt.Errorf("%w: an event is larger than %d bytes", errUnfit, longLine))
		}
	}
}
