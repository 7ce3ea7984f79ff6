package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"time"

	"github.com/go-chi/chi/v5"

	"autonoma"
)

// A note remembers what is worth telling about a request at its end.
type note struct {
	http.ResponseWriter
	id      string
	request string // method and path
	route   string
	actor   autonoma.Actor
	status  int   // zero until the answer began
	bytes   int64 // of the answer's body
	err     error
}

type noteKey struct{}

// noteOf returns the note of the request that ctx belongs to.
func noteOf(ctx context.Context) *note {
	n, _ := ctx.Value(noteKey{}).(*note)
	if n == nil {
		return new(note)
	}
	return n
}

// WriteHeader implements [http.ResponseWriter].
func (n *note) WriteHeader(status int) {
	if n.status == 0 && status >= 200 {
		n.status = status
	}
	n.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (n *note) Write(p []byte) (int, error) {
	if n.status == 0 {
		n.status = http.StatusOK
	}
	m, err := n.ResponseWriter.Write(p)
	n.bytes += int64(m)
	return m, err
}

// Unwrap lets [http.ResponseController] reach the writer beneath.
func (n *note) Unwrap() http.ResponseWriter { return n.ResponseWriter }

// saneID is what a request may be called by its sender. Anything else could
// forge lines of a log.
var saneID = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._:-]{0,127}$`)

// noted gives the request its name and writes one line about it at its end, with
// all that is known by then. It tells neither query nor key.
func (s *server) noted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		n := &note{ResponseWriter: w, id: r.Header.Get("X-Request-Id"), request: r.Method + " " + r.URL.Path}
		if !saneID.MatchString(n.id) {
			n.id = autonoma.NewRequestID()
		}
		h := w.Header()
		h.Set("X-Request-Id", n.id)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		r = r.WithContext(context.WithValue(r.Context(), noteKey{}, n))
		defer func() { s.tell(r, n, time.Since(began)) }()
		next.ServeHTTP(n, r)
	})
}

// routed notes which route a request took.
func routed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { noteOf(r.Context()).route = chi.RouteContext(r.Context()).RoutePattern() }()
		next.ServeHTTP(w, r)
	})
}

func (s *server) tell(r *http.Request, n *note, took time.Duration) {
	attrs := []slog.Attr{
		slog.String("request_id", n.id),
		slog.String("method", r.Method), slog.String("route", n.route), slog.String("path", r.URL.Path),
		slog.Int("status", n.status), slog.Int64("bytes", n.bytes), slog.Duration("took", took),
		slog.String("from", r.RemoteAddr), slog.String("tenant", string(n.actor.Tenant)), slog.String("key", string(n.actor.Key)),
	}
	level := slog.LevelInfo
	if n.err != nil {
		attrs = append(attrs, slog.Any("err", n.err))
	}
	if n.status >= 500 {
		level = slog.LevelError
	}
	s.Log.LogAttrs(r.Context(), level, "request", attrs...)
}

// recovered makes a problem of a panic, and keeps the server up.
func (s *server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			n := noteOf(r.Context())
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v)
			}
			s.Log.ErrorContext(r.Context(), "panic", "request_id", n.id, "value", v, "stack", string(debug.Stack()))
			if n.status != 0 { // half an answer must not pass for a whole one
				panic(http.ErrAbortHandler)
			}
			s.fail(w, r, errPanic)
		}()
		next.ServeHTTP(w, r)
	})
}
