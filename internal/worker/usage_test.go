package worker_test

import (
	"math"
	"testing"
	"time"

	"autonoma"
	"autonoma/internal/event"
	"autonoma/internal/model"
)

// What a tenant used is what its runs used: those that are over, by themselves or
// by request, and those under way.
func TestUsage(t *testing.T) {
	price := model.Price{Input: 3, Output: 15, CacheRead: 0.3, CacheWrite: 3.75, Known: true}
	h := open(t, priced{play(t, researcher, writers, coder, tester, reviewer), price, 0}, repository)
	begin := time.Now().UTC()
	whole := h.carryOut(nil)
	if whole.Usage.CostUSD == 0 {
		t.Fatalf("the run cost nothing: %+v", whole.Usage)
	}
	compare := func(when string, want autonoma.Usage) {
		t.Helper()
		var got autonoma.Usage
		for _, s := range must(h.tasks.Usage(t.Context(), h.owner, begin, time.Now().UTC()))(t) {
			got.Add(s.Usage)
			if s.Agent == "" || s.Model == "" || s.Day < begin.Format(time.DateOnly) {
				t.Errorf("%s: %+v", when, s)
			}
		}
		got.ToolCalls = want.ToolCalls // are not told
		if math.Abs(got.CostUSD-want.CostUSD) > 1e-9 {
			t.Errorf("%s: $%v, the runs cost $%v", when, got.CostUSD, want.CostUSD)
		}
		if got.CostUSD = want.CostUSD; got != want {
			t.Errorf("%s: %+v, the runs used %+v", when, got, want)
		}
	}
	compare("after a run", whole.Usage)

	h = open(t, priced{play(t, hanging["in a command"]), price, 0}, repository)
	id := h.submit(demo)
	h.until(id, func(e autonoma.Event) bool { return e.Kind == autonoma.EventTurn })
	compare("under way", h.run(id).Usage)
	if _, err := h.tasks.Cancel(t.Context(), h.owner, id); err != nil {
		t.Fatal(err)
	}
	h.until(id, event.Last)
	h.stop()
	used := h.run(id).Usage
	if used.ModelCalls != 1 {
		t.Errorf("the cancelled run used %+v", used)
	}
	compare("after it was cancelled", used)
}
