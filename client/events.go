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
	"time"

	"autonoma"
	"autonoma/api"
)

// How patient a stream is.
const (
	silence   = 45 * time.Second       // the server shows a sign of life three times as often
	firstRest = 250 * time.Millisecond // before connecting anew; twice as long each time
	longest   = 5 * time.Second
	longLine  = 64 << 20 // bytes of an event
)

// Events yields what happens to a task after event number after, in order and
// each once, until the task is over. When the connection breaks, or nothing is
// heard on it for too long, it connects anew and goes on where it was, for as
// long as ctx allows. It gives up if there is no server to begin with, and on a
// problem that the server tells of, unless that may pass (5xx, 429).
func (c *Client) Events(ctx context.Context, id autonoma.RunID, after int64) iter.Seq2[api.Event, error] {
	return func(yield func(api.Event, error) bool) {
		rest, met := firstRest, false
		for {
			over, err := c.follow(ctx, id, &after, func(e api.Event) bool {
				rest, met = firstRest, true
				return yield(e, nil)
			})
			if over {
				return
			}
			met = met || err == nil
			if err != nil && !passing(err, met) {
				yield(api.Event{}, err)
				return
			}
			select {
			case <-time.After(rest):
				rest = min(2*rest, longest)
			case <-ctx.Done():
				yield(api.Event{}, context.Cause(ctx))
				return
			}
		}
	}
}

// passing reports whether it makes sense to try again after err, depending on
// whether a server was met before.
func passing(err error, met bool) bool {
	if p, ok := errors.AsType[*api.Problem](err); ok {
		return p.Status >= 500 || p.Status == http.StatusTooManyRequests
	}
	return met && !errors.Is(err, errUnfit)
}

// errUnfit is what a server sends that is no event of ours.
var errUnfit = errors.New("not a stream of events")

// follow connects once and passes on events, counting in after. It reports
// whether there will be no more: the task is over, or nobody wants them.
func (c *Client) follow(ctx context.Context, id autonoma.RunID, after *int64, pass func(api.Event) bool) (over bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	header := http.Header{"Accept": {"text/event-stream"}}
	if *after > 0 {
		header.Set("Last-Event-ID", strconv.FormatInt(*after, 10))
	}
	alive := time.AfterFunc(silence, cancel)
	defer alive.Stop()
	resp, err := c.send(ctx, http.MethodGet, pathOf(id)+"/events", nil, header)
	if err != nil {
		return false, err
	}
	if err := problemOf(resp); err != nil {
		return false, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNoContent {
		return true, nil
	}
	for e, err := range parse(resp.Body, func() { alive.Reset(silence) }) {
		if err != nil {
			return false, err
		}
		if e.Seq <= *after {
			continue
		}
		*after = e.Seq
		if !pass(e) || e.Last() {
			return true, nil
		}
	}
	return false, nil
}

// parse yields the events in r, and calls heard at each line. An event that was
// cut off is none.
func parse(r io.Reader, heard func()) iter.Seq2[api.Event, error] {
	return func(yield func(api.Event, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, longLine)
		var data []byte
		for lines.Scan() {
			heard()
			line := lines.Bytes()
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
