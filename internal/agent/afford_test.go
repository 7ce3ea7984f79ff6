package agent_test

import (
	"context"
	"iter"
	"slices"
	"strings"
	"testing"

	"autonoma"
	"autonoma/internal/agent"
	"autonoma/internal/model"
)

// What was decided when the budget got short is remembered: wherever it crashes, the
// conversation is the same, though there is budget enough by then.
func TestShortageReplays(t *testing.T) {
	const turns = `
    - calls: [{name: read, args: {path: a.txt}}]
    - calls: [{name: read, args: {path: a.txt}}]
    - calls: [{name: finish, args: {summary: As far as it goes., confidence: 0.5}}]
`
	poor := func(q agent.Quote) error {
		if len(q.Request.Messages) > 3 && q.Cause != autonoma.CauseFinish {
			return &autonoma.Failure{Code: autonoma.FailBudget, Message: "too dear"}
		}
		return nil
	}
	ladder := agent.Shortage{Ladder: []agent.Rung{agent.Cheaper, agent.Finish, agent.Stop}, Answer: 300, Ask: "Finish now."}
	c := newTalk(t, turns)
	c.shortage, c.affordIf = ladder, poor
	if r, err := c.work(t); err != nil || r.Summary != "As far as it goes." {
		t.Fatalf("%+v, %v", r, err)
	}
	last := c.asked[len(c.asked)-1]
	if said := last.Messages[len(last.Messages)-1]; said.Text != "Finish now." || last.MaxTokens != 300 || len(c.asked) != 3 {
		t.Fatalf("asked %d times, at last %+v with %d tokens", len(c.asked), said, last.MaxTokens)
	}
	for crash := 1; crash <= len(c.log); crash++ {
		again := newTalk(t, turns)
		again.shortage, again.affordIf, again.crash = ladder, poor, crash
		if _, err := again.work(t); crash < len(c.log) && err == nil {
			t.Fatalf("no crash after %d events", crash)
		}
		again.crash = 0
		if slices.ContainsFunc(again.log, func(e autonoma.Event) bool { return strings.Contains(string(e.Data), `"cause":"finish"`) }) {
			again.affordIf = nil // it would go on now, if it were asked once more
		}
		if r, err := again.work(t); err != nil || r.Summary != "As far as it goes." {
			t.Errorf("after a crash at event %d: %+v, %v", crash, r, err)
		}
		if got := again.asked[len(again.asked)-1].Messages; len(got) != len(last.Messages) {
			t.Errorf("after a crash at event %d: %d messages, want %d", crash, len(got), len(last.Messages))
		}
	}
}

// The cheaper model that went on goes on; one that is as dear, or cannot hold the
// conversation, is not asked.
func TestCheaper(t *testing.T) {
	c := newTalk(t, `
    - calls: [{name: read, args: {path: a.txt}}]
    - calls: [{name: read, args: {path: big.txt}}]
    - calls: [{name: finish, args: {summary: Done., confidence: 0.5}}]
`)
	answered := map[string]int{}
	says := c.says
	other := func(name string, context int) model.Model { return called{says, name, context, answered} }
	c.says = other("dear", 0)
	c.shortage = agent.Shortage{Ladder: []agent.Rung{agent.Cheaper}, Cheaper: func() []model.Model {
		return []model.Model{other("dear", 0), other("small", 10), other("cheap", 0)}
	}}
	c.affordIf = func(q agent.Quote) error {
		if len(q.Request.Messages) > 1 && q.Model.Name != "cheap" {
			return &autonoma.Failure{Code: autonoma.FailBudget, Message: "too dear"}
		}
		return nil
	}
	if _, err := c.work(t); err != nil || answered["dear"] != 1 || answered["cheap"] != 2 || answered["small"] != 0 {
		t.Errorf("%v; answered %v", err, answered)
	}
	notices := 0
	for _, e := range c.log {
		if e.Kind == autonoma.EventNotice {
			notices++
		}
	}
	if notices != 1 {
		t.Errorf("told %d times", notices)
	}
}

// called is a model of a name, with a context of so many tokens.
type called struct {
	model.Model
	name     string
	context  int
	answered map[string]int
}

func (m called) Info() model.Info {
	i := m.Model.Info()
	i.Name, i.ContextTokens = m.name, m.context
	return i
}

func (m called) Turn(ctx context.Context, r model.Request) iter.Seq2[model.Delta, error] {
	m.answered[m.name]++
	return m.Model.Turn(ctx, r)
}
