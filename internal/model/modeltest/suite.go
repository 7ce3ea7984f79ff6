package modeltest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"autonoma/internal/model"
	"autonoma/internal/model/script"
	"autonoma/internal/model/wire"
)

// A Wire is a protocol under test.
type Wire struct {
	New  func(wire.Config) model.Model
	Base string // what its base URLs have after the host, such as "/v1"
	// Thinks tells that thoughts are shown, and given back with a proof.
	Thinks bool
}

const key = "sk-very-secret-0123456789"

// open returns the wire's model that asks the server at url.
func (w Wire) open(url string) model.Model { return w.openIdle(url, 0) }

func (w Wire) openIdle(url string, idle time.Duration) model.Model {
	return w.New(wire.Config{
		Info: model.Info{
			Provider: "tested", Name: "m", Effort: "high", MaxOutputTokens: 8000,
			Price: model.Price{Input: 1, Output: 2, Known: true},
		},
		BaseURL: url + w.Base,
		Key:     key,
		Idle:    idle,
	})
}

// Run checks that the protocol does what this package model promises, against
// a server that enforces the protocol's rules.
func (w Wire) Run(t *testing.T) {
	t.Run("conversation", w.conversation)
	t.Run("failures", w.failures)
	t.Run("cut", w.cut)
	t.Run("slow", w.slow)
	t.Run("stalled", w.stalled)
	t.Run("cancel", w.cancel)
	t.Run("keys", w.keys)
	t.Run("unreachable", w.unreachable)
	t.Run("retry", w.retry)
}

const conversationScript = `
name: repair
conversations:
- match: {agent: coder-ai, phase: generate, contains: "repair"}
  turns:
  - thinking: "First I look – then I leap."
    text: "I run the tests & read <the> file. 你好"
    calls:
    - {name: bash, args: {command: "go test ./... && echo \"<ok>\""}}
    - {name: read, args: {path: "a b.go"}}
    usage: {input: 1200, output: 80, cacheRead: 1000, cacheWrite: 7}
  - calls: [{name: read, rawArgs: '{"path": "half'}]
  - thinking: "Hm."
    calls: [{name: no_such_tool, args: {}}]
  - text: "Done."
`

func (w Wire) conversation(t *testing.T) {
	s := NewServer(t, conversationScript)
	said, answers, err := Talk(t, w.open(s.URL), Ask("please repair it"))
	if err != nil {
		t.Fatal(err)
	}
	if len(answers) != 4 {
		t.Fatalf("%d answers", len(answers))
	}
	first := answers[0]
	want := []model.Call{
		{ID: "call_0_0_0", Name: "bash", Args: `{"command":"go test ./... && echo \"<ok>\""}`},
		{ID: "call_0_0_1", Name: "read", Args: `{"path":"a b.go"}`},
	}
	if !reflect.DeepEqual(first.Message.Calls, want) || first.Message.Text != "I run the tests & read <the> file. 你好" {
		t.Errorf("first answer: %+v", first.Message)
	}
	if u := (model.Usage{InputTokens: 1200, OutputTokens: 80, CacheReadTokens: 1000, CacheWriteTokens: 7}); first.Usage != u {
		t.Errorf("usage %+v, want %+v", first.Usage, u)
	}
	if cost := first.Usage.Cost(first.Price); cost != (1200+2*80)/1e6 {
		t.Errorf("cost %v", cost)
	}
	if got := answers[1].Message.Calls[0].Args; got != `{"path": "half` {
		t.Errorf("malformed arguments came as %q", got)
	}
	if got := answers[2].Message.Calls[0].Name; got != "no_such_tool" {
		t.Errorf("unknown tool came as %q", got)
	}
	if a := answers[3]; a.Stop != model.StopEnd || a.Message.Text != "Done." {
		t.Errorf("last answer: %+v", a)
	}
	if w.Thinks && said.Messages[1].Opaque == nil {
		t.Errorf("the thoughts of the first answer are lost")
	}
	sameIDs(t, s, answers)
}

// sameIDs checks that answers carry the ids in the server's log, each of its
// own.
func sameIDs(t *testing.T, s *Server, answers []model.Answer) {
	t.Helper()
	var got, want []string
	for _, a := range answers {
		got = append(got, a.ID)
	}
	for _, e := range s.Log() {
		if e.Sent {
			want = append(want, e.Response)
		}
	}
	if !slices.Equal(got, want) || len(slices.Compact(slices.Sorted(slices.Values(got)))) != len(got) {
		t.Errorf("ids of answers %q, in the log %q", got, want)
	}
}

func (w Wire) failures(t *testing.T) {
	for _, tt := range []struct {
		name, fail string
		kind       model.Kind
		retry      bool
		status     int
		after      time.Duration
	}{
		{"rate limit with hint", "{status: 429, retryAfter: 1500ms}", model.RateLimited, true, 429, 1500 * time.Millisecond},
		{"rate limit", "{status: 429}", model.RateLimited, true, 429, 0},
		{"overloaded", "{status: 529}", model.Overloaded, true, 529, 0},
		{"internal error", "{status: 500}", model.Overloaded, true, 500, 0},
		{"bad gateway", "{status: 502, retryAfter: 2s}", model.Overloaded, true, 502, 2 * time.Second},
		{"timeout", "{status: 408}", model.Conflict, true, 408, 0},
		{"conflict", "{status: 409}", model.Conflict, true, 409, 0},
		{"wrong key", "{status: 401}", model.Unauthorized, false, 401, 0},
		{"no money", "{status: 402}", model.Quota, false, 402, 0},
		{"forbidden", "{status: 403}", model.Forbidden, false, 403, 0},
		{"no such model", "{status: 404}", model.NotFound, false, 404, 0},
		{"bad request", "{status: 400}", model.InvalidRequest, false, 400, 0},
		{"too long", "{tooLong: true}", model.TooLong, false, 400, 0},
		{"refusal", "{refuse: true}", model.Refused, false, 0, 0},
		{"error in the middle", "{error: overloaded}", model.Overloaded, true, 0, 0},
		{"server error in the middle", "{error: api_error}", model.Overloaded, true, 0, 0},
		{"cut", "{cut: true}", model.Cut, true, 0, 0},
		{"cut that looks like an end", "{cut: true, clean: true}", model.Cut, true, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := NewServer(t, "conversations: [{turns: [{text: hello, fail: ["+tt.fail+"]}]}]")
			m := w.open(s.URL)
			_, err := model.Collect(m.Turn(t.Context(), Ask("x")), nil)
			var e *model.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			if e.Kind != tt.kind || e.Retryable() != tt.retry || e.Status != tt.status || e.RetryAfter != tt.after {
				t.Errorf("got %+v", e)
			}
			if e.Provider != "tested" || e.Model != "m" || e.Message == "" {
				t.Errorf("does not say who and why: %q", e)
			}
			if a, err := model.Collect(m.Turn(t.Context(), Ask("x")), nil); err != nil || a.Message.Text != "hello" {
				t.Errorf("the second time: %+v, %v", a, err)
			}
		})
	}
	t.Run("empty answer", func(t *testing.T) {
		s := NewServer(t, "conversations: [{turns: [{text: hello, fail: [{empty: true}]}]}]")
		a, err := model.Collect(w.open(s.URL).Turn(t.Context(), Ask("x")), nil)
		if err != nil || a.Stop != model.StopEnd || a.Message.Text != "" || a.Message.Calls != nil {
			t.Errorf("got %+v, %v", a, err)
		}
	})
	t.Run("length", func(t *testing.T) {
		s := NewServer(t, `conversations: [{turns: [{calls: [{name: bash, rawArgs: '{"comm'}], stop: max_tokens}]}]`)
		a, err := model.Collect(w.open(s.URL).Turn(t.Context(), Ask("x")), nil)
		if err != nil || a.Stop != model.StopLength || a.Message.Calls[0].Args != `{"comm` {
			t.Errorf("got %+v, %v", a, err)
		}
	})
}

// cut breaks an answer off after each number of bytes: what is not the whole
// answer must be an error.
func (w Wire) cut(t *testing.T) {
	yaml := `conversations: [{turns: [{thinking: hm, text: hello, calls: [{name: bash, args: {command: ls}}], usage: {input: 9, output: 9}}]}]`
	whole, err := model.Collect(w.open(NewServer(t, yaml).URL).Turn(t.Context(), Ask("x")), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, clean := range []bool{false, true} {
		wholes := 0
		for after := 1; wholes < 3 && after < 20_000; after += 13 {
			sc := Script(t, yaml)
			sc.Conversations[0].Turns[0].Fail = []script.Failure{{Cut: true, After: after, Clean: clean}}
			s := Start(t, sc)
			a, err := model.Collect(w.open(s.URL).Turn(t.Context(), Ask("x")), nil)
			a.Message.Opaque, whole.Message.Opaque = nil, nil // hold ids that differ
			switch {
			case err == nil && (!reflect.DeepEqual(a.Message, whole.Message) || a.Stop != whole.Stop):
				t.Fatalf("cut after %d bytes (clean: %v) is taken for an answer: %+v", after, clean, a)
			case err == nil:
				wholes++
			case model.KindOf(err) != model.Cut && model.KindOf(err) != model.Unreachable:
				t.Fatalf("cut after %d bytes (clean: %v): %v", after, clean, err)
			}
		}
		if clean && wholes == 0 {
			t.Error("no cut was late enough to leave a whole answer")
		}
	}
}

func (w Wire) slow(t *testing.T) {
	s := NewServer(t, "conversations: [{turns: [{text: hello, delay: 300ms}]}]")
	if _, err := model.Collect(w.openIdle(s.URL, 20*time.Second).Turn(t.Context(), Ask("x")), nil); err != nil {
		t.Errorf("a patient client: %v", err)
	}
	_, err := model.Collect(w.openIdle(s.URL, 30*time.Millisecond).Turn(t.Context(), Ask("x")), nil)
	if model.KindOf(err) != model.Stalled {
		t.Errorf("an impatient client: %v", err)
	}
}

// stalled checks that a server that falls silent is given up and asked again.
func (w Wire) stalled(t *testing.T) {
	for name, fail := range map[string]string{
		"before the first byte": "{hang: true}",
		"in the middle":         "{hang: true, after: 100}",
	} {
		t.Run(name, func(t *testing.T) {
			s := NewServer(t, "conversations: [{turns: [{text: hello, fail: ["+fail+","+fail+"]}]}]")
			m := w.openIdle(s.URL, 200*time.Millisecond)
			_, err := model.Collect(m.Turn(t.Context(), Ask("x")), nil)
			var e *model.Error
			if !errors.As(err, &e) || e.Kind != model.Stalled || !e.Retryable() || !strings.Contains(e.Message, "nothing came for 200ms") {
				t.Fatalf("got %v", err)
			}
			a, err := model.Collect(model.Retry(m, model.Policy{Base: time.Millisecond}, nil).Turn(t.Context(), Ask("x")), nil)
			if err != nil || a.Message.Text != "hello" || len(s.Log()) < 3 {
				t.Errorf("got %+v, %v after %d requests", a, err, len(s.Log()))
			}
		})
	}
}

func (w Wire) cancel(t *testing.T) {
	s := NewServer(t, "conversations: [{turns: [{text: hello, fail: [{hang: true}]}]}]")
	why := errors.New("the user cancelled")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { cancel(why) })
	begin := time.Now()
	_, err := model.Collect(w.open(s.URL).Turn(ctx, Ask("x")), nil)
	var e *model.Error
	if !errors.Is(err, why) || errors.As(err, &e) || time.Since(begin) > 10*time.Second {
		t.Errorf("after %v: %v", time.Since(begin), err)
	}
}

// keys checks that a key that a server quotes goes no further.
func (w Wire) keys(t *testing.T) {
	s := NewServer(t, "conversations: [{turns: [{text: hello, fail: [{status: 401, message: 'bad key "+key+"'}]}]}]")
	_, err := model.Collect(w.open(s.URL).Turn(t.Context(), Ask("x")), nil)
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

func (w Wire) unreachable(t *testing.T) {
	_, err := model.Collect(w.open("http://127.0.0.1:1").Turn(t.Context(), Ask("x")), nil)
	if model.KindOf(err) != model.Unreachable {
		t.Errorf("got %v", err)
	}
}

// retry checks that the wire and model.Retry go together.
func (w Wire) retry(t *testing.T) {
	s := NewServer(t, `conversations: [{turns: [{text: hello, fail: [{status: 529, times: 2}, {cut: true}, {error: overloaded}]}]}]`)
	policy := model.Policy{Base: time.Millisecond}
	a, err := model.Collect(model.Retry(w.open(s.URL), policy, nil).Turn(t.Context(), Ask("x")), nil)
	if err != nil || a.Message.Text != "hello" || len(s.Log()) != 5 {
		t.Errorf("got %+v, %v after %d requests", a, err, len(s.Log()))
	}
}
