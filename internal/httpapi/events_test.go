package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"autonoma"
	"autonoma/api"
)

// A client that comes back with any number gets what follows, each once.
func TestResumeAtEveryNumber(t *testing.T) {
	k := newKit(t)
	id := k.submit()
	k.happen(id, 5)
	k.become(id, autonoma.Cancelled, "", nil)
	const last = 7
	path := "/v1/agents/tasks/" + string(id) + "/events"
	for after := range last {
		for _, how := range []string{"header", "query", "both"} {
			query, headers := "", []string{"Accept", "text/event-stream"}
			if how != "header" {
				query = fmt.Sprintf("?after=%d", after)
			}
			if how == "both" {
				query = "?after=0" // as a browser does that comes back to the address it began with
			}
			if how != "query" {
				headers = append(headers, "Last-Event-ID", strconv.Itoa(after))
			}
			r := k.do(k.ann, "GET", path+query, "", headers...)
			if got, want := seqs(t, r.body), upTo(after+1, last); !slices.Equal(got, want) {
				t.Errorf("after %d by %s: %v, want %v", after, how, got, want)
			}
			if ct := r.Header.Get("Content-Type"); ct != "text/event-stream" {
				t.Errorf("Content-Type %q", ct)
			}
		}
	}
	if r := k.do(k.ann, "GET", path, "", "Last-Event-ID", strconv.Itoa(last)); r.StatusCode != http.StatusNoContent {
		t.Errorf("who has seen all gets %d %s", r.StatusCode, r.body)
	}
}

// Events are seen as they happen, across a cut, by a stream that was there before
// they were.
func TestFollowLive(t *testing.T) {
	k := newKit(t)
	id := k.submit()
	path := "/v1/agents/tasks/" + string(id) + "/events"
	var got []int64
	for len(got) < 6 {
		ctx, cut := context.WithCancel(t.Context())
		req := must(http.NewRequestWithContext(ctx, "GET", k.URL+path, nil))(t)
		req.Header.Set("Authorization", "Bearer "+k.ann)
		if len(got) > 0 {
			req.Header.Set("Last-Event-ID", strconv.FormatInt(got[len(got)-1], 10))
		}
		resp := must(k.Client().Do(req))(t)
		k.happen(id, 2) // after the stream began
		lines := bufio.NewScanner(resp.Body)
		for seen := 0; seen < 2 && lines.Scan(); {
			if text, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
				got = append(got, must(strconv.ParseInt(text, 10, 64))(t))
				seen++
			}
		}
		cut()
		resp.Body.Close()
	}
	if want := upTo(1, len(got)); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// The form of an event, to the byte where it matters.
func TestEventForm(t *testing.T) {
	k := newKit(t)
	id := k.submit()
	k.happen(id, 1)
	k.become(id, autonoma.Failed, "gone", &autonoma.Failure{Code: autonoma.FailSource, Message: "m"})
	path := "/v1/agents/tasks/" + string(id) + "/events"
	body := string(k.do(k.ann, "GET", path, "").body)
	frames := strings.Split(strings.TrimSuffix(body, "\n\n"), "\n\n")
	if len(frames) != 4 || frames[0] != "retry: 1000" {
		t.Fatalf("%q", body)
	}
	if head := "id: 2\nevent: notice\ndata: {\"runId\":\"" + string(id) + "\",\"seq\":2,\"at\":\""; !strings.HasPrefix(frames[2], head) {
		t.Errorf("%q does not begin with %q", frames[2], head)
	}
	if tail := `"kind":"notice","executionId":null,"data":{"code":"x","message":"line\nline"}}`; !strings.HasSuffix(frames[2], tail) {
		t.Errorf("%q does not end with %q", frames[2], tail)
	}
}

func TestEventsAsPages(t *testing.T) {
	k := newKit(t)
	id := k.submit()
	k.happen(id, 6)
	var got []int64
	path := "/v1/agents/tasks/" + string(id) + "/events?limit=3"
	query := ""
	for {
		var page api.Events
		r := k.do(k.ann, "GET", path+query, "", "Accept", "application/json")
		if err := json.Unmarshal(r.body, &page); err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			got = append(got, e.Seq)
		}
		if page.NextCursor == nil {
			break
		}
		query = "&after=" + *page.NextCursor
	}
	if want := upTo(1, 7); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if r := k.do(k.ann, "GET", path+"&after=7", "", "Accept", "application/json"); string(r.body) != `{"events":[],"nextCursor":null}`+"\n" {
		t.Errorf("who has seen all gets %s", r.body)
	}
}

func TestAccept(t *testing.T) {
	k := newKit(t)
	id := k.submit()
	k.become(id, autonoma.Cancelled, "", nil)
	for accept, want := range map[string]string{
		"":                                    "text/event-stream",
		"*/*":                                 "text/event-stream",
		"text/event-stream":                   "text/event-stream",
		"application/json":                    "application/json",
		"Application/JSON;q=0.9, */*":         "application/json",
		"text/event-stream, application/json": "text/event-stream",
		"image/png":                           "text/event-stream",
		";;,,":                                "text/event-stream",
	} {
		r := k.do(k.ann, "GET", "/v1/agents/tasks/"+string(id)+"/events", "", "Accept", accept)
		if got := r.Header.Get("Content-Type"); got != want {
			t.Errorf("%q is answered with %s", accept, got)
		}
	}
	if r := k.do(k.ann, "GET", "/v1/agents/tasks/"+string(id), "", "Accept", "application/xml"); r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("elsewhere there is only JSON, not %s", r.Header.Get("Content-Type"))
	}
}

// A thousand follow one run, and one in ten of them never reads. The run does not
// notice, and the others miss nothing.
func TestFollowMany(t *testing.T) {
	k := newKit(t)
	id := k.submit()
	const readers, happens = 1000, 50
	var there, done sync.WaitGroup
	there.Add(readers)
	ended := make(chan struct{})
	for i := range readers {
		done.Go(func() {
			req, err := http.NewRequestWithContext(t.Context(), "GET", k.URL+"/v1/agents/tasks/"+string(id)+"/events", nil)
			if err != nil {
				t.Error(err)
			}
			req.Header.Set("Authorization", "Bearer "+k.ann)
			resp, err := k.Client().Do(req)
			there.Done()
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			if i%10 == 0 {
				<-ended
				return
			}
			next := int64(1)
			for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
				text, ok := strings.CutPrefix(lines.Text(), "id: ")
				if !ok {
					continue
				}
				if n, err := strconv.ParseInt(text, 10, 64); err != nil || n != next {
					t.Errorf("reader %d: %q, want %d", i, text, next)
				}
				next++
			}
			if next != happens+3 {
				t.Errorf("reader %d ended before %d", i, next)
			}
		})
	}
	there.Wait()
	k.happen(id, happens)
	k.become(id, autonoma.Cancelled, "", nil)
	close(ended)
	done.Wait()
}

// A server that shuts down ends its streams, at once and without an event lost.
func TestShutdownEndsStreams(t *testing.T) {
	k := newKit(t)
	id := k.submit()
	req := must(http.NewRequestWithContext(t.Context(), "GET", k.URL+"/v1/agents/tasks/"+string(id)+"/events", nil))(t)
	req.Header.Set("Authorization", "Bearer "+k.ann)
	resp := must(k.Client().Do(req))(t)
	defer resp.Body.Close()
	if _, err := resp.Body.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := k.Config.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(resp.Body); err != nil {
		t.Errorf("the stream was cut in the middle: %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

// seqs returns the numbers of the events in a stream, and checks that ids and
// data agree.
func seqs(t *testing.T, body []byte) []int64 {
	t.Helper()
	var ids []int64
	for line := range strings.Lines(string(body)) {
		line = strings.TrimSuffix(line, "\n")
		if text, ok := strings.CutPrefix(line, "id: "); ok {
			ids = append(ids, must(strconv.ParseInt(text, 10, 64))(t))
		}
		if text, ok := strings.CutPrefix(line, "data: "); ok {
			var e api.Event
			if err := json.Unmarshal([]byte(text), &e); err != nil || e.Seq != ids[len(ids)-1] {
				t.Errorf("event %d: %v: %s", ids[len(ids)-1], err, text)
			}
		}
	}
	return ids
}

func upTo(first, last int) []int64 {
	all := []int64{}
	for n := first; n <= last; n++ {
		all = append(all, int64(n))
	}
	return all
}
