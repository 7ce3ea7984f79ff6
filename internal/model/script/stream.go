package script

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"autonoma/internal/model"
)

// An event is what a server sends while it streams.
type event struct {
	name string // "" in protocols that do not name them
	data any    // encoded as JSON, unless it is raw
}

// raw is data that is sent as it is.
type raw string

func (e event) bytes() []byte {
	var b bytes.Buffer
	if e.name != "" {
		fmt.Fprintf(&b, "event: %s\n", e.name)
	}
	if text, ok := e.data.(raw); ok {
		fmt.Fprintf(&b, "data: %s\n\n", text)
		return b.Bytes()
	}
	data, err := json.Marshal(e.data)
	if err != nil {
		panic(err) // only maps of plain values are sent
	}
	fmt.Fprintf(&b, "data: %s\n\n", data)
	return b.Bytes()
}

// stream sends an answer event by event, up to where f wants it to break.
func (s *Server) stream(ctx context.Context, w http.ResponseWriter, d dialect, a answer, f *Failure, entry int) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	events := d.events(a)
	switch {
	case f != nil && f.Cut:
		cutOff(w, events, *f)
		return
	case f != nil && f.Hang:
		_ = sendPart(w, events, *f)
		<-ctx.Done()
		return
	case f != nil && f.Error != "":
		events = append(events[:len(events)/2], d.errorEvent(problemOf(d, *f)))
	}
	last := len(events) - 1
	for _, e := range events[:last] {
		if send(w, e.bytes()) != nil {
			return // the client went away
		}
	}
	end := func() error { return send(w, events[last].bytes()) }
	if f != nil && f.late() {
		_ = end()
		return
	}
	_ = s.log.deliver(entry, end)
}

// problemOf is what an error event of f reports.
func problemOf(d dialect, f Failure) any {
	if f.Error == "overloaded" {
		return d.problem(529, model.Overloaded, orWord(f.Message, "overloaded"))
	}
	return d.problem(http.StatusInternalServerError, model.Overloaded, orWord(f.Message, "internal error"))
}

func send(w http.ResponseWriter, b []byte) error {
	if _, err := w.Write(b); err != nil {
		return err
	}
	return http.NewResponseController(w).Flush()
}

// cutOff sends the first bytes of events, and then either ends as if that were
// all or drops the connection.
func cutOff(w http.ResponseWriter, events []event, f Failure) {
	if err := sendPart(w, events, f); err != nil || f.Clean {
		return
	}
	panic(http.ErrAbortHandler) // the way to break a connection that net/http offers
}

// sendPart sends the first bytes of events.
func sendPart(w http.ResponseWriter, events []event, f Failure) error {
	var all []byte
	for _, e := range events {
		all = append(all, e.bytes()...)
	}
	n := f.After
	if n == 0 {
		n = len(all) / 2
	}
	return send(w, all[:min(n, len(all))])
}
