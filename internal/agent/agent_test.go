package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"autonoma"
	"autonoma/internal/agent"
	"autonoma/internal/journal"
	"autonoma/internal/model"
	"autonoma/internal/tool"
)

const finish = `
    - calls: [{name: finish, args: {summary: Done., confidence: 0.9, decisions: [so]}}]
`

// How conversations come to their end.
func TestEnds(t *testing.T) {
	for _, tt := range []struct {
		name   string
		yields autonoma.Yield
		turns  string
		want   autonoma.Result
		told   []string // what the model is told on the way, as parts of messages
	}{
		{
			name:  "with finish",
			turns: finish,
			want:  autonoma.Result{Summary: "Done.", Confidence: 0.9, Decisions: []string{"so"}},
		},
		{
			name:  "with plain text",
			turns: `    - text: " All is well. \n\n I think. "`,
			want:  autonoma.Result{Summary: "All is well. \n\n I think.", Confidence: 0.5},
		},
		{
			name: "with plain text that is a document", yields: autonoma.Document,
			turns: `    - text: "# Plan\n\n1. this"`,
			want:  autonoma.Result{Summary: "# Plan", Document: "# Plan\n\n1. this", Confidence: 0.5},
		},
		{
			name: "with a document", yields: autonoma.Document,
			turns: `
    - calls: [{name: finish, args: {summary: Planned., confidence: 2, document: ""}}]
    - calls: [{name: finish, args: {summary: Planned., confidence: 2, document: "# Plan"}}]
`,
			want: autonoma.Result{Summary: "Planned.", Document: "# Plan", Confidence: 1},
			told: []string{"error: the document is empty"},
		},
		{
			name: "with a judgment, after a wrong verdict and none", yields: autonoma.Judgment,
			turns: `
    - text: I like it.
    - calls: [{name: finish, args: {summary: Good., confidence: 1, verdict: great}}]
    - calls: [{name: finish, args: {summary: Good., confidence: 1, verdict: approve}}]
`,
			want: autonoma.Result{Summary: "Good.", Confidence: 1, Verdict: autonoma.Approve},
			told: []string{"Call finish with your verdict.", "error: the verdict must be approve or changes"},
		},
		{
			name: "with a judge who never gives a verdict", yields: autonoma.Judgment,
			turns: `
    - text: I like it.
    - text: I said it.
`,
			want: autonoma.Result{Summary: "I said it.", Confidence: 0.5},
			told: []string{"Call finish with your verdict."},
		},
		{
			name: "after a tool that is not there",
			turns: `
    - calls: [{name: browse, args: {url: x}}]
` + finish,
			want: autonoma.Result{Summary: "Done.", Confidence: 0.9, Decisions: []string{"so"}},
			told: []string{`error: there is no tool "browse"; there are bash, read, write, edit, glob, grep, finish`},
		},
		{
			name: "after malformed arguments",
			turns: `
    - calls: [{name: read, rawArgs: '{"path": "a.t'}]
    - calls: [{name: read, args: {file: a.txt}}]
    - calls: [{name: read, args: {path: 7}}]
    - calls: [{name: read, rawArgs: '{"path":"a.txt"} {"path":"b.txt"}'}]
` + finish,
			want: autonoma.Result{Summary: "Done.", Confidence: 0.9, Decisions: []string{"so"}},
			told: []string{"the JSON ends too soon", `unknown field "file"`, "cannot unmarshal number", "something after the JSON"},
		},
		{
			name: "after an answer that was too long",
			turns: `
    - text: On and on
      stop: max_tokens
    - calls: [{name: write, rawArgs: '{"path": "b.txt", "content": "b'}]
      stop: max_tokens
` + finish,
			want: autonoma.Result{Summary: "Done.", Confidence: 0.9, Decisions: []string{"so"}},
			told: []string{"Go on from there in smaller pieces.", "the JSON ends too soon"},
		},
		{
			name: "after nothing at all",
			turns: `
    - calls: [{name: finish, args: {summary: Done., confidence: 1}}]
      fail: [{empty: true, times: 2}]
`,
			want: autonoma.Result{Summary: "Done.", Confidence: 1},
			told: []string{"You said nothing.", "You said nothing."},
		},
		{
			name: "after a failed command",
			turns: `
    - calls: [{name: bash, args: {command: frobnicate}}]
` + finish,
			want: autonoma.Result{Summary: "Done.", Confidence: 0.9, Decisions: []string{"so"}},
			told: []string{"error: exit code 127\nfrobnicate: command not found"},
		},
		{
			name: "with finish among other calls",
			turns: `
    - calls:
        - {name: finish, args: {summary: Done., confidence: 1}}
        - {name: bash, args: {command: append three}}
`,
			want: autonoma.Result{Summary: "Done.", Confidence: 1},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newTalk(t, tt.turns)
			if tt.yields != "" {
				c.yields = tt.yields
			}
			got, err := c.work(t)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("result (-want +got)\n%s", d)
			}
			var told []string
			for _, m := range c.asked[len(c.asked)-1].Messages[1:] {
				if m.Role != model.Assistant {
					told = append(told, m.Text)
				}
			}
			if len(told) != len(tt.told) {
				t.Fatalf("the model was told %q", told)
			}
			for i, want := range tt.told {
				if !strings.Contains(told[i], want) {
					t.Errorf("the model was told %q, want %q", told[i], want)
				}
			}
		})
	}
}

// All calls of a turn are made, in order, and each is answered.
func TestParallelCalls(t *testing.T) {
	c := newTalk(t, `
    - text: At once.
      calls:
        - {name: bash, args: {command: append three}}
        - {name: read, args: {path: a.txt}}
        - {name: read, args: {path: none}}
        - {name: bash, args: {command: append four}}
`+finish)
	if _, err := c.work(t); err != nil {
		t.Fatal(err)
	}
	if got := c.desk.files["a.txt"]; got != "one\ntwo\nthree\nfour\n" {
		t.Errorf("a.txt is %q", got)
	}
	messages := c.asked[1].Messages
	asked, answers := messages[1], messages[2:]
	if len(answers) != 4 {
		t.Fatalf("%d answers", len(answers))
	}
	for i, m := range answers {
		if m.Role != model.Tool || m.Answer != asked.Calls[i].ID || m.Failed != (i == 2) {
			t.Errorf("answer %d is %+v", i, m)
		}
	}
	if !strings.Contains(answers[1].Text, "three") || strings.Contains(answers[1].Text, "four") {
		t.Errorf("between the commands the model reads %q", answers[1].Text)
	}
	if c.used.ToolCalls != 5 || c.used.ModelCalls != 2 {
		t.Errorf("used %+v", c.used)
	}
}

// The beginning of a conversation never changes.
func TestPrefix(t *testing.T) {
	c := newTalk(t, `
    - calls: [{name: bash, args: {command: append three}}]
    - calls: [{name: read, args: {path: a.txt}}]
`+finish+`
    - calls: [{name: read, args: {path: a.txt}}]
`+finish)
	if _, err := c.work(t, "There is more."); err != nil {
		t.Fatal(err)
	}
	for i, r := range c.asked[1:] {
		before := c.asked[i]
		if d := cmp.Diff(before.Messages, r.Messages[:len(before.Messages)]); d != "" || r.System != before.System {
			t.Errorf("request %d begins otherwise:\n%s", i+2, d)
		}
		if d := cmp.Diff(before.Tools, r.Tools); d != "" {
			t.Errorf("request %d has other tools:\n%s", i+2, d)
		}
	}
	if last := c.asked[3].Messages; last[len(last)-1].Text != "There is more." {
		t.Errorf("the conversation goes on with %q", last[len(last)-1].Text)
	}
}

// An agent that does the same again and again is told, and then stopped.
func TestLoops(t *testing.T) {
	for _, tt := range []struct {
		name        string
		turns       string
		ends, nudge int // calls until the end, and until the model is told; 0: never
	}{
		{"the same call", `
    - repeat: 20
      calls: [{name: read, args: {path: a.txt}}]
`, 6, 3},
		{"the same failure", `
    - repeat: 20
      calls: [{name: bash, args: {command: frobnicate}}]
`, 6, 3},
		{"a call that changes something", `
    - repeat: 10
      calls: [{name: bash, args: {command: append again}}]
` + finish, 0, 0},
		{"different calls", `
    - repeat: 10
      calls: [{name: read, args: {path: "{{turn}}.txt"}}]
` + finish, 0, 0},
		{"something between", `
    - repeat: 5
      calls: [{name: read, args: {path: a.txt}}]
    - calls: [{name: glob, args: {pattern: "**"}}]
    - repeat: 5
      calls: [{name: read, args: {path: a.txt}}]
` + finish, 0, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newTalk(t, tt.turns)
			_, err := c.work(t)
			f, failed := errors.AsType[*autonoma.Failure](err)
			switch {
			case tt.ends == 0 && err != nil:
				t.Fatal(err)
			case tt.ends > 0 && (!failed || f.Code != autonoma.FailLoop || len(c.calls()) != tt.ends):
				t.Errorf("after %d calls: %v", len(c.calls()), err)
			}
			nudge := 0
			for i, call := range c.calls() {
				if strings.Contains(call.Output, "Do something else, or finish.") {
					nudge = i + 1
					break
				}
			}
			if nudge != tt.nudge {
				t.Errorf("told at call %d, want %d", nudge, tt.nudge)
			}
		})
	}
}

// An agent has so many turns in all, and no more.
func TestTurns(t *testing.T) {
	c := newTalk(t, `
    - repeat: 4
      calls: [{name: read, args: {path: "{{turn}}.txt"}}]
`+finish+`
    - repeat: 4
      calls: [{name: read, args: {path: "{{turn}}.txt"}}]
`+finish)
	c.turns = 8
	_, err := c.work(t, "More.")
	if f, ok := errors.AsType[*autonoma.Failure](err); !ok || f.Code != autonoma.FailTurns || len(c.asked) != 8 {
		t.Errorf("after %d turns: %v", len(c.asked), err)
	}
}

// A turn that the run cannot afford is not asked for.
func TestAfford(t *testing.T) {
	c := newTalk(t, finish)
	c.afford = errors.New("too dear")
	if _, err := c.work(t); !errors.Is(err, c.afford) || len(c.asked) > 0 || len(c.log) > 0 {
		t.Errorf("%v, after %d turns", err, len(c.asked))
	}
}

// What a turn used is counted in full.
func TestUsage(t *testing.T) {
	c := newTalk(t, `
    - calls: [{name: read, args: {path: a.txt}}]
      usage: {input: 100, output: 10, cacheWrite: 50}
    - calls: [{name: finish, args: {summary: Done., confidence: 1}}]
      usage: {input: 20, output: 5, cacheRead: 150}
`)
	if _, err := c.work(t); err != nil {
		t.Fatal(err)
	}
	want := autonoma.Usage{InputTokens: 170, OutputTokens: 15, CachedTokens: 150, ModelCalls: 2, ToolCalls: 2}
	if c.used != want {
		t.Errorf("used %+v, want %+v", c.used, want)
	}
}

// A model may break a long turn: it is asked to go on, with what it said.
func TestPause(t *testing.T) {
	c := newTalk(t, finish)
	paused := model.Answer{Message: model.Message{Role: model.Assistant, Text: "Thinking"}, Stop: model.StopPause}
	c.says = sequence{c.says, &[]model.Answer{paused, {
		Message: model.Message{Role: model.Assistant, Text: "Thought."}, Stop: model.StopEnd,
	}}}
	r, err := c.work(t)
	if err != nil || r.Summary != "Thought." {
		t.Fatalf("%+v, %v", r, err)
	}
	if last := c.asked[1].Messages; last[len(last)-1].Text != "Thinking" || last[len(last)-1].Role != model.Assistant {
		t.Errorf("asked again with %+v", last)
	}
}

// sequence gives one answer after the other.
type sequence struct {
	model.Model
	answers *[]model.Answer
}

func (s sequence) Turn(context.Context, model.Request) iter.Seq2[model.Delta, error] {
	return func(yield func(model.Delta, error) bool) {
		next := (*s.answers)[0]
		*s.answers = (*s.answers)[1:]
		yield(model.Delta{Done: &next}, nil)
	}
}

// whole is a conversation in which much happens.
const whole = `
    - text: I look.
      calls:
        - {name: read, args: {path: a.txt}}
        - {name: grep, args: {pattern: two}}
    - calls: [{name: bash, args: {command: append three}}]
    - calls:
        - {name: bash, args: {command: append four}}
        - {name: bash, args: {command: nonsense}}
        - {name: edit, args: {path: a.txt, old: one, new: "1"}}
    - text: Too much
      stop: max_tokens
    - repeat: 4
      calls: [{name: read, args: {path: a.txt}}]
    - calls: [{name: finish, args: {summary: Nearly., confidence: 0.5}}]
    - calls: [{name: write, args: {path: b.txt, content: b}}]
    - calls: [{name: finish, args: {summary: Done., confidence: 1}}]
`

// Wherever a conversation is cut off, it goes on as if it had not been: no turn
// that was answered is asked again, and at most the call in flight is repeated.
func TestResume(t *testing.T) {
	t.Run("much happens", func(t *testing.T) {
		resume(t, func() *talk { return newTalk(t, whole) })
	})
	t.Run("it is summed up", func(t *testing.T) {
		resume(t, func() *talk { return long(t) })
	})
	t.Run("it is refused as too long", func(t *testing.T) {
		resume(t, func() *talk { return long(t).unknown(0) })
	})
}

// resume has the same talk cut off wherever it can be.
func resume(t *testing.T, begin func() *talk) {
	t.Helper()
	c := begin()
	want, err := c.work(t, "More.")
	if err != nil {
		t.Fatal(err)
	}
	last := c.asked[len(c.asked)-1].Messages
	outcomes := outcomesOf(t, c.log)
	for at := 1; at < len(c.log); at++ {
		for _, when := range []string{"after an event", "before an event"} {
			again := begin()
			again.crash = at
			if when == "after an event" { // it was written, and then the process died
				again.log = c.log[:at:at]
			} else if _, err := again.work(t, "More."); !errors.Is(err, errCrash) { // what was done is not written
				t.Fatalf("crash %s %d: %v", when, at, err)
			}
			before, answered := len(again.asked), again.answered
			again.crash = 0
			got, err := again.work(t, "More.")
			if err != nil {
				t.Fatalf("cut %s %d: %v", when, at, err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("cut %s %d: result (-want +got)\n%s", when, at, d)
			}
			if d := cmp.Diff(outcomes, outcomesOf(t, again.log)); d != "" {
				t.Errorf("cut %s %d: log (-want +got)\n%s", when, at, d)
			}
			if len(again.asked) > before {
				if d := cmp.Diff(last, again.asked[len(again.asked)-1].Messages); d != "" {
					t.Errorf("cut %s %d: the last request (-want +got)\n%s", when, at, d)
				}
			}
			if n := again.answered - answered; n != answers(c.log[at:]) {
				t.Errorf("cut %s %d: %d answers more, want %d", when, at, n, answers(c.log[at:]))
			}
			if !equal(again.desk.files, c.desk.files) {
				t.Errorf("cut %s %d: files %v, want %v", when, at, again.desk.files, c.desk.files)
			}
		}
	}
}

// answers counts what the model has answered.
func answers(log []autonoma.Event) int {
	n := 0
	for _, e := range log {
		if e.Kind == autonoma.EventTurn || e.Kind == autonoma.EventCompaction {
			n++
		}
	}
	return n
}

// outcomesOf returns what the log says was done, without what may differ.
func outcomesOf(t *testing.T, log []autonoma.Event) []string {
	t.Helper()
	var all []string
	for _, e := range log {
		if e.Kind == autonoma.EventRepeat {
			continue
		}
		var data map[string]any
		if err := json.Unmarshal(e.Data, &data); err != nil {
			t.Fatal(err)
		}
		delete(data, "durationMs")
		if answer, ok := data["answer"].(map[string]any); ok {
			delete(answer, "id")
		}
		all = append(all, fmt.Sprint(e.Kind, " ", data))
	}
	return all
}

// A call that takes the process down with it is not made for ever: the fourth
// time the model is told instead.
func TestRepeatedInterruption(t *testing.T) {
	c := newTalk(t, `
    - calls: [{name: bash, args: {command: append three}}]
`+finish)
	c.crash = 1 // after the turn is written, and before the call is
	for range 4 {
		if _, err := c.work(t); !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		// The call is told of before it is made once more.
		c.crash = len(c.log) + 1
	}
	ran := c.desk.ran
	c.crash = 0
	if _, err := c.work(t); err != nil {
		t.Fatal(err)
	}
	call := c.calls()[0]
	if !call.Failed || !strings.Contains(call.Output, "interrupted several times") || c.desk.ran != ran {
		t.Errorf("after %d tries: %+v", ran, call)
	}
	if ran != 4 {
		t.Errorf("the command ran %d times, want 4: once, and three times more", ran)
	}
	if got := c.desk.files["a.txt"]; got != "one\ntwo\n" {
		t.Errorf("a.txt is %q", got)
	}
}

// A call whose effects nobody can take back is made once, even if that is cut off: the
// model is told. One that was not begun is made, when it is known that it was not.
func TestOnce(t *testing.T) {
	for _, when := range []struct {
		crash, made int
		told        string
	}{
		{crash: 1, made: 2, told: "interrupted; it may or may not have taken effect"}, // the first call is made, and not written
		{crash: 2, made: 2, told: "posted"},                                           // the turn after it is not written
	} {
		c := newTalk(t, `
    - calls: [{name: post, args: {text: one}}]
    - calls: [{name: post, args: {text: two}}]
`+finish)
		made := 0
		c.more = tool.Set{tool.Foreign(model.ToolSpec{Name: "post", Schema: json.RawMessage(`{"type":"object","properties":{"text":{}}}`)},
			func(context.Context, json.RawMessage) (string, error) { made++; return "posted", nil })}
		c.crash = when.crash
		if _, err := c.work(t); !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		c.crash = 0
		if _, err := c.work(t); err != nil {
			t.Fatal(err)
		}
		if calls := c.calls(); made != when.made || len(calls) < 2 || !strings.Contains(calls[0].Output, when.told) || calls[1].Output != "posted" {
			t.Errorf("crash after %d: made %d times, want %d: %+v", when.crash, made, when.made, calls)
		}
		for _, e := range c.log {
			if e.Kind == autonoma.EventRepeat {
				t.Errorf("crash after %d: it is said to be made again", when.crash)
			}
		}
	}
}

// The end of the context ends the work with its cause, and leaves the log as it is.
func TestCancelled(t *testing.T) {
	c := newTalk(t, finish)
	ctx, cancel := context.WithCancelCause(t.Context())
	over := errors.New("over")
	cancel(over)
	a := &agent.Agent{Loop: "generate", Model: c.says, Turns: 1, Journal: journal.Open("exec_1", c, nil, nil)}
	if _, err := a.Work(ctx, "You are coder-ai, a test.", "Do it."); !errors.Is(err, over) || len(c.log) > 0 {
		t.Errorf("%v, %d events", err, len(c.log))
	}
}
