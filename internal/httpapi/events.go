package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"autonoma"
	"autonoma/api"
)

// sign is how often a stream shows that it is alive when nothing happens.
const sign = 15 * time.Second

// EventQuery says which events are asked for, and how. What is embedded in what huma reads
// has to be exported.
type EventQuery struct {
	Accept string `header:"Accept" hidden:"true"` // the document says it with the answers
	LastID string `header:"Last-Event-ID" doc:"The number of the last event seen; takes precedence over after."`
	After  string `query:"after" doc:"Only events after this number."`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"How many events a page holds at most. A stream has no pages."`
}

// after returns the number of the last event that the client has seen.
func (in EventQuery) after() (int64, error) {
	field, text := "after", in.After
	if in.LastID != "" {
		field, text = "Last-Event-ID", in.LastID
	}
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, &autonoma.FieldError{Field: field, Reason: "must be the number of an event"}
	}
	return n, nil
}

type bodyOut struct {
	Body func(huma.Context)
}

type taskEventsIn struct {
	TaskID string `path:"taskId" doc:"Names the task, or the execution of an agent that was invoked by name."`
	EventQuery
}

func (s *server) taskEvents(ctx context.Context, by autonoma.Actor, in *taskEventsIn) (*bodyOut, error) {
	id, err := runID(in.TaskID)
	if err != nil {
		return nil, err
	}
	return s.events(ctx, by, id, in.EventQuery)
}

// events sends the log of a run. A client that was cut off says where and misses
// nothing.
func (s *server) events(ctx context.Context, by autonoma.Actor, id autonoma.RunID, in EventQuery) (*bodyOut, error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	run, err := s.Tasks.Get(ctx, by, id) // before the events: what is over by now has all of them
	if err != nil {
		return nil, err
	}
	page, err := s.page(ctx, by, id, after, in.Limit)
	if err != nil {
		return nil, err
	}
	if wantsJSON(in.Accept) {
		return &bodyOut{func(hc huma.Context) { writeJSON(hc, http.StatusOK, page) }}, nil
	}
	if run.Status.Final() && len(page.Events) == 0 {
		// All was told before. This is what stops a browser from coming again.
		return &bodyOut{func(hc huma.Context) { hc.SetStatus(http.StatusNoContent) }}, nil
	}
	ctx, stop := context.WithCancel(ctx)
	closing := context.AfterFunc(s.open, stop) // streams end when the server closes
	news, err := s.Tasks.Follow(ctx, by, id, after, sign)
	if err != nil {
		stop()
		return nil, err
	}
	return &bodyOut{func(hc huma.Context) {
		defer stop()
		defer closing()
		stream(hc, news)
	}}, nil
}

// page returns the events after the given one, which must be there: to wait for
// what comes after an event that nobody has seen is to wait for ever.
func (s *server) page(ctx context.Context, by autonoma.Actor, id autonoma.RunID, after int64, limit int) (api.Events, error) {
	events, err := s.Tasks.Events(ctx, by, id, max(after-1, 0), limit+2)
	if err != nil {
		return api.Events{}, err
	}
	if after > 0 {
		if len(events) == 0 {
			return api.Events{}, &autonoma.FieldError{Field: "after", Reason: "is beyond the last event; ask without it"}
		}
		events = events[1:]
	}
	page := api.Events{Events: []api.Event{}}
	for _, e := range events[:min(limit, len(events))] {
		page.Events = append(page.Events, api.EventOf(e))
	}
	if len(events) > limit {
		next := strconv.FormatInt(events[limit-1].Seq, 10)
		page.NextCursor = &next
	}
	return page, nil
}

// wantsJSON reports whether, of the two types that there are, JSON is the first
// that is accepted. Anything else gets the stream.
func wantsJSON(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		media, _, _ := strings.Cut(part, ";")
		switch strings.ToLower(strings.TrimSpace(media)) {
		case "application/json", "application/*":
			return true
		case "text/event-stream", "text/*", "*/*":
			return false
		}
	}
	return false
}

// stream sends events as they happen, for as long as something may happen.
func stream(hc huma.Context, news iter.Seq2[[]autonoma.Event, error]) {
	r, w := humachi.Unwrap(hc)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // proxies must not collect what is meant to be seen now
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	if err := relay(newSlow(w), news); err != nil { // too late for a problem, and the client will come again
		noteOf(r.Context()).err = fmt.Errorf("stream: %w", err)
	}
}

// relay sends events until there can be no more.
func relay(out *slow, news iter.Seq2[[]autonoma.Event, error]) error {
	if err := out.send([]byte("retry: 1000\n\n")); err != nil {
		return err
	}
	for events, err := range news {
		if err != nil {
			return err
		}
		if err := out.send(frames(events)); err != nil {
			return err
		}
	}
	return nil
}

// frames are events as server-sent events, or a comment if there are none, lest
// somebody on the way think that the connection is dead.
func frames(events []autonoma.Event) []byte {
	if len(events) == 0 {
		return []byte(": still here\n\n")
	}
	var b bytes.Buffer
	for _, e := range events {
		data, err := json.Marshal(api.EventOf(e)) // on one line
		if err != nil {
			panic(fmt.Sprintf("httpapi: event %d of %s: %v", e.Seq, e.Run, err))
		}
		fmt.Fprintf(&b, "id: %d\nevent: %s\ndata: %s\n\n", e.Seq, e.Kind, data)
	}
	return b.Bytes()
}

func writeJSON(hc huma.Context, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	hc.SetHeader("Content-Type", "application/json")
	hc.SetStatus(status)
	_, _ = hc.BodyWriter().Write(append(body, '\n'))
}
