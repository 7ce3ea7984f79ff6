package worker_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"autonoma"
	"autonoma/internal/agent"
	"autonoma/internal/event"
	"autonoma/internal/model"
	"autonoma/internal/store"
)

// named is a model of a name, which charges.
type named struct {
	priced
	name string
}

func (n named) Info() model.Info {
	i := n.priced.Info()
	i.Name = n.name
	return i
}

// turnsOf returns what the turns of a run were for, and the notices that tell of its
// budget, in order.
func (h *house) turnsOf(id autonoma.RunID) (causes []autonoma.Cause, notices []string) {
	h.t.Helper()
	for _, e := range h.events(id) {
		switch n := dataOf[autonoma.Notice](e); {
		case e.Kind == autonoma.EventTurn:
			causes = append(causes, dataOf[agent.Turn](e).Cause)
		case e.Kind == autonoma.EventNotice && n.Code == "budget_short":
			notices = append(notices, n.Message)
		}
	}
	return causes, notices
}

// writes is a coder who makes an edit, is then busy for so many turns, and finishes
// when it is asked to.
const writes = `
  - match: {agent: coder-ai, phase: generate}
    turns:
      - calls: [{name: edit, args: {path: greet.txt, old: wrold, new: world}}]
        usage: {input: 4000, output: 1000}
      - repeat: %d
        calls: [{name: bash, args: {command: "echo {{turn}}"}}]
        usage: {input: 4000, output: 1000}
      - calls: [{name: finish, args: {summary: "Spell it right, as far as it goes.", confidence: 0.6}}]
        usage: {input: 4000, output: 1000}
`

// When the budget gets short a cheaper model goes on; then the agent is asked to finish,
// and what it had made is delivered.
func TestShortage(t *testing.T) {
	dear, cheap := model.Price{Known: true, Input: 10, Output: 100}, model.Price{Known: true, Input: 1, Output: 10}
	m := play(t, fmt.Sprintf(writes, 4), content) // at this tier the change is reviewed
	h := open(t, named{priced{m, dear, 0}, "dear"}, repository)
	h.core = named{priced{m, cheap, 0}, "cheap"}
	run := h.carryOut(func(r *autonoma.Request) {
		r.Scope, r.Intelligence, r.Budget = autonoma.Demo, autonoma.Pro, autonoma.Budget{MaxCostUSD: 1.92}
	})
	causes, notices := h.turnsOf(run.ID)
	if len(notices) == 0 || !strings.Contains(notices[0], "cheap goes on") {
		t.Fatalf("told %q; %s: %v, $%v", notices, run.Status, run.Error, run.Usage.CostUSD)
	}
	if run.Status != autonoma.Completed || run.Usage.CostUSD > 1.92 || slices.Contains(causes, autonoma.CauseFinish) {
		t.Errorf("%s: %v; used $%v in %v", run.Status, run.Error, run.Usage.CostUSD, causes)
	}
}

// A model whose next turn does not fit is asked, once, to finish with what there is; one
// that does not finish then is stopped.
func TestFinish(t *testing.T) {
	for _, tt := range []struct {
		name   string
		busy   int // turns between the edit and the finish
		status autonoma.Status
	}{{"finishes", 1, autonoma.Completed}, {"goes on", 40, autonoma.Failed}} {
		t.Run(tt.name, func(t *testing.T) {
			const most = 28_000 // two turns of 5,000 fit beside the longest answer; then only a short one does
			h := open(t, play(t, fmt.Sprintf(writes, tt.busy)), repository)
			run := h.carryOut(func(r *autonoma.Request) { r.Scope, r.Budget = autonoma.Demo, autonoma.Budget{MaxTokens: most} })
			causes, notices := h.turnsOf(run.ID)
			want := []autonoma.Cause{autonoma.CauseWork, autonoma.CauseWork, autonoma.CauseFinish}
			if !slices.Equal(causes, want) || len(notices) != 1 || !strings.Contains(notices[0], "asked to finish") {
				t.Errorf("turns %v, told %q", causes, notices)
			}
			if run.Status != tt.status || run.Usage.Tokens() > most {
				t.Fatalf("%s: %v; used %d", run.Status, run.Error, run.Usage.Tokens())
			}
			if tt.status == autonoma.Failed && run.Error.Code != autonoma.FailBudget {
				t.Errorf("failed with %v", run.Error)
			}
			if tt.status == autonoma.Completed && h.git("show", *run.Output.Branch+":greet.txt") != "hello world" {
				t.Errorf("output %+v", run.Output)
			}
			used := must(h.tasks.Usage(t.Context(), h.owner, time.Now(), time.Now()))(t)
			if !slices.ContainsFunc(used, func(s store.Spent) bool {
				return s.Cause == autonoma.CauseFinish && s.ModelCalls == 1 && s.Phase == autonoma.Generate
			}) {
				t.Errorf("usage %+v", used)
			}
		})
	}
}

// All executions of a run take the turns that it has.
func TestMaxTurns(t *testing.T) {
	h := open(t, play(t, fmt.Sprintf(writes, 40)), repository)
	run := h.carryOut(func(r *autonoma.Request) { r.Scope, r.Budget = autonoma.Demo, autonoma.Budget{MaxTurns: 3} })
	if run.Status != autonoma.Failed || run.Error.Code != autonoma.FailBudget || run.Usage.ModelCalls != 3 || !strings.Contains(run.Error.Message, "3 of 3 turns") {
		t.Errorf("%s: %v after %d turns", run.Status, run.Error, run.Usage.ModelCalls)
	}
}

// The runs of a tenant share what it has for a month. When that is used up those under
// way stop, and new ones are refused.
func TestMonth(t *testing.T) {
	h := open(t, play(t, fmt.Sprintf(writes, 1)), repository)
	tokens := int64(50_000)
	if _, err := h.db.ChangeTenant(t.Context(), h.owner.Tenant, func(t *autonoma.Tenant) { t.Month.Tokens = &tokens }); err != nil {
		t.Fatal(err)
	}
	ended := map[autonoma.Status]int{}
	for range 10 {
		req := autonoma.Request{Task: "Spell it.", Capabilities: []autonoma.Capability{autonoma.Build}, Source: h.repo, Scope: autonoma.Demo}
		made, err := h.tasks.Submit(t.Context(), h.owner, req)
		if errors.Is(err, autonoma.ErrBudget) && strings.Contains(err.Error(), "of this tenant's month") {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		run := h.until(made.ID, event.Last)
		if ended[run.Status]++; run.Status == autonoma.Failed {
			if run.Error.Code != autonoma.FailBudget {
				t.Fatal(run.Error)
			}
			// The rest is less than a turn; a budget that small is used up.
			tokens = must(h.tasks.Month(t.Context(), h.owner))(t).Spent.Tokens()
			must(h.db.ChangeTenant(t.Context(), h.owner.Tenant, func(t *autonoma.Tenant) { t.Month.Tokens = &tokens }))(t)
		}
	}
	month := must(h.tasks.Month(t.Context(), h.owner))(t)
	if ended[autonoma.Completed] < 2 || ended[autonoma.Failed] != 1 || month.Spent.Tokens() > 50_000 || month.Reserved.Tokens() != 0 {
		t.Errorf("%v with %+v", ended, month)
	}
}

// before is a model that does something before its second turn.
type before struct {
	model.Model
	do func()
}

func (b before) Turn(ctx context.Context, r model.Request) iter.Seq2[model.Delta, error] {
	if len(r.Messages) == 3 {
		b.do()
	}
	return b.Model.Turn(ctx, r)
}

// A budget that a tenant gets while its run is under way holds from the next turn on. A
// model whose price is not known cannot keep one in dollars.
func TestMonthUnderWay(t *testing.T) {
	var h *house
	none := 0.0
	h = open(t, before{priced{Model: play(t, fmt.Sprintf(writes, 40))}, func() {
		_, err := h.db.ChangeTenant(t.Context(), h.owner.Tenant, func(t *autonoma.Tenant) { t.Month.USD = &none })
		if err != nil {
			t.Error(err)
		}
	}}, repository)
	run := h.carryOut(demo)
	if run.Status != autonoma.Failed || run.Error.Code != autonoma.FailBudget || !strings.Contains(run.Error.Message, "price") || run.Usage.ModelCalls != 2 {
		t.Errorf("%s: %v after %d turns", run.Status, run.Error, run.Usage.ModelCalls)
	}
}
