package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"autonoma"
	"autonoma/api"
	"autonoma/client"
)

// serve returns a client of a server that answers as handle does. The server of
// the API is tested with this client in package httpapi; here are the servers that
// one does not wish for.
func serve(t *testing.T, handle http.HandlerFunc) *client.Client {
	t.Helper()
	srv := httptest.NewServer(handle)
	t.Cleanup(srv.Close)
	return &client.Client{BaseURL: srv.URL + "/", Key: "secret"}
}

// Every kind of error means the same on both sides of the wire.
func TestErrorsKeepTheirMeaning(t *testing.T) {
	for _, kind := range []error{
		autonoma.ErrInvalid, autonoma.ErrUnauthenticated, autonoma.ErrForbidden, autonoma.ErrNotFound,
		autonoma.ErrConflict, autonoma.ErrLimited, autonoma.ErrUnavailable,
	} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			p := api.ProblemOf(fmt.Errorf("because: %w", kind))
			w.WriteHeader(p.Status)
			_ = json.NewEncoder(w).Encode(p)
		})
		if _, err := c.Task(t.Context(), "task_a1b2c3d4e5f6"); !errors.Is(err, kind) || err.Error() != "because" {
			t.Errorf("%v became %v", kind, err)
		}
		if _, err := c.Diff(t.Context(), "task_a1b2c3d4e5f6"); !errors.Is(err, kind) {
			t.Errorf("%v became %v", kind, err)
		}
	}
}

func TestFieldErrors(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		p := api.ProblemOf((&autonoma.Request{}).Normalize())
		w.WriteHeader(p.Status)
		_ = json.NewEncoder(w).Encode(p)
	})
	_, err := c.CreateTask(t.Context(), api.CreateTask{})
	faults, ok := errors.AsType[autonoma.FieldErrors](err)
	if !ok || len(faults) != 2 || faults[0].Field != "task" || !errors.Is(err, autonoma.ErrInvalid) {
		t.Errorf("%v", err)
	}
}

// What is no answer of the API is told as what it is.
func TestStrangeServers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		handle http.HandlerFunc
		want   string
	}{
		{"a proxy's page", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(502)
			_, _ = io.WriteString(w, "<h1>Bad Gateway</h1>")
		}, "the server answered 502 Bad Gateway"},
		{"a redirect to where the key must not go", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		}, "the server answered 302 Found"},
		{"a page that is fine", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, "read the answer of /v1/info"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := serve(t, tt.handle).Info(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v", err)
			}
		})
	}
	if _, err := (&client.Client{BaseURL: "http://127.0.0.1:1", Key: "secret"}).Info(t.Context()); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("no server: %v", err)
	}
}

// A stream that is cut anywhere, even within an event, is taken up where it was:
// no event is missed, none comes twice.
func TestEventsAcrossCuts(t *testing.T) {
	const last = 40
	random := rand.New(rand.NewPCG(1, 2))
	var log strings.Builder
	ends := []int{0}
	for seq := 1; seq <= last; seq++ {
		log.WriteString(frame(t, seq, last))
		ends = append(ends, log.Len())
	}
	connections := 0
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		connections++
		if connections%5 == 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		after, _ := strconv.Atoi(r.Header.Get("Last-Event-ID"))
		rest := log.String()[ends[after]:]
		_, _ = io.WriteString(w, "retry: 1\n\n: here\n\n"+rest[:min(len(rest), 100+random.IntN(2000))])
		w.(http.Flusher).Flush()
		if connections%2 == 0 {
			panic(http.ErrAbortHandler)
		}
	})
	var got []int64
	for e, err := range c.Events(t.Context(), "task_a1b2c3d4e5f6", 0) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e.Seq)
	}
	want := []int64{}
	for n := range int64(last) {
		want = append(want, n+1)
	}
	if !slices.Equal(got, want) || connections < 5 {
		t.Errorf("over %d connections: %v", connections, got)
	}
}

// frame is an event as the server sends it; the last ends the task.
func frame(t *testing.T, seq, last int) string {
	e := autonoma.NewEvent(autonoma.EventNotice, "", time.Now(), autonoma.Notice{Code: "x", Message: strings.Repeat("long ", 30)})
	if seq == last {
		e = autonoma.NewEvent(autonoma.EventStatus, "", time.Now(), autonoma.StatusChanged{Status: autonoma.Completed})
	}
	data, err := json.Marshal(api.Event{RunID: "task_a1b2c3d4e5f6", Seq: int64(seq), At: e.At, Kind: e.Kind, Data: e.Data})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", seq, e.Kind, data)
}

func TestEventsThatEnd(t *testing.T) {
	for _, tt := range []struct {
		name   string
		handle http.HandlerFunc
		kind   error // nil: no error
	}{
		{"all was seen", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, nil},
		{"there is no such task", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(404)
			_ = json.NewEncoder(w).Encode(api.NewProblem(api.NotFound, "no"))
		}, autonoma.ErrNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := 0
			for _, err := range serve(t, tt.handle).Events(t.Context(), "task_a1b2c3d4e5f6", 0) {
				n++
				if !errors.Is(err, tt.kind) {
					t.Errorf("%v", err)
				}
			}
			if (n == 1) != (tt.kind != nil) {
				t.Errorf("it yields %d times", n)
			}
		})
	}
	t.Run("nobody is there to begin with", func(t *testing.T) {
		for _, err := range (&client.Client{BaseURL: "http://127.0.0.1:1"}).Events(t.Context(), "task_a1b2c3d4e5f6", 0) {
			if err == nil {
				t.Error("an event from nowhere")
			}
		}
	})
	for _, mediaType := range []string{"text/html", "text/event-stream"} {
		t.Run("not events but "+mediaType, func(t *testing.T) {
			c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", mediaType)
				_, _ = io.WriteString(w, "data: <html>\n\n")
			})
			for _, err := range c.Events(t.Context(), "task_a1b2c3d4e5f6", 0) {
				if err == nil || !strings.Contains(err.Error(), "not a stream of events") {
					t.Errorf("%v", err)
				}
			}
		})
	}
	t.Run("nobody wants to know", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			w.(http.Flusher).Flush()
			cancel()
			<-r.Context().Done()
		})
		var last error
		for _, err := range c.Events(ctx, "task_a1b2c3d4e5f6", 0) {
			last = err
		}
		if !errors.Is(last, context.Canceled) {
			t.Errorf("%v", last)
		}
	})
}

// The pages of a listing are one sequence, which can be left at any place.
func TestTasksAcrossPages(t *testing.T) {
	next := "n"
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		page := api.Tasks{Tasks: []api.Task{{TaskID: "task_000000000001"}, {TaskID: "task_000000000002"}}, NextCursor: &next}
		switch r.FormValue("cursor") {
		case "n":
			page = api.Tasks{Tasks: []api.Task{{TaskID: "task_000000000003"}}}
		case "":
			if r.FormValue("status") != "failed" {
				t.Errorf("asked with %s", r.URL.RawQuery)
			}
		}
		_ = json.NewEncoder(w).Encode(page)
	})
	var got []autonoma.RunID
	for task, err := range c.Tasks(t.Context(), autonoma.Failed) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, task.TaskID)
	}
	if !slices.Equal(got, []autonoma.RunID{"task_000000000001", "task_000000000002", "task_000000000003"}) {
		t.Errorf("%v", got)
	}
	for range c.Tasks(t.Context(), autonoma.Failed) {
		break
	}
}
