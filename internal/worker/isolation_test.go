package worker_test

import (
	"slices"
	"strings"
	"testing"

	"autonoma"
	"autonoma/internal/event"
	"autonoma/internal/model"
	"autonoma/internal/sandbox"
)

// levelsOf returns the levels that the log of a run names, in order.
func (h *house) levelsOf(id autonoma.RunID) []string {
	h.t.Helper()
	var all []string
	for _, e := range h.events(id) {
		if how := dataOf[autonoma.StepChanged](e).Isolation; e.Kind == autonoma.EventStep && how != nil {
			all = append(all, how.Level)
		}
	}
	return all
}

// How the commands of an execution are confined, and what has shown it, stands with the
// execution, its step, the log, the verification and the evidence. Where the server was
// started again at another level in between, each says which level it speaks of.
func TestIsolationIsRecorded(t *testing.T) {
	says := `
  - match: {agent: coder-ai, phase: generate}
    turns:
      - calls: [{name: edit, args: {path: greet.txt, old: wrold, new: world}}]
        fail: [{status: 529, times: 2}]
      - calls: [{name: finish, args: {summary: Spell it right., confidence: 0.9}}]
`
	h := open(t, model.Retry(play(t, says), impatient, nil), repository)
	strong := must(openBox())(t)
	id := h.begin(graph("work coder-ai"), nil)
	run := h.until(id, becomes(autonoma.WaitingProvider)) // when its base was checked
	exec := must(h.db.Execution(t.Context(), run.Steps[0].Execution))(t)
	if exec.Isolation == nil || exec.Isolation.Level != string(strong.Level()) || len(exec.Isolation.ProvenBy) == 0 || run.Steps[0].Isolation != exec.Isolation.Level {
		t.Fatalf("the execution: %+v, the step: %q", exec.Isolation, run.Steps[0].Isolation)
	}
	for _, c := range strong.proof.Checks {
		if held := slices.Contains(exec.Isolation.ProvenBy, c.Name); held != c.OK || held == slices.Contains(exec.Isolation.NotProven, c.Name) {
			t.Errorf("%+v is not in %+v as it was", c, exec.Isolation)
		}
	}

	h.stop()
	box, proof, err := sandbox.Open(t.Context(), string(sandbox.None))
	h.box = &proven{must(box, err)(t), proof}
	h.again()
	h.hurry(id)
	run = h.until(id, event.Last)
	if run.Status != autonoma.Completed {
		t.Fatalf("%s: %v", run.Status, run.Error)
	}
	exec = must(h.db.Execution(t.Context(), exec.ID))(t)
	if exec.Isolation.Level != "none" || run.Steps[0].Isolation != "none" {
		t.Errorf("the execution: %+v, the step: %q", exec.Isolation, run.Steps[0].Isolation)
	}
	want := slices.Compact([]string{string(strong.Level()), "none"})
	if got := h.levelsOf(id); !slices.Equal(got, want) {
		t.Errorf("the log names %v, want %v", got, want)
	}
	v, r := run.Output.Verification, h.evidence(id)
	if v.Isolation != "none" || !slices.Contains(v.ProvenBy, "commands run") || slices.Contains(v.ProvenBy, "host files are hidden") {
		t.Errorf("verification: %+v", v)
	}
	if r.Isolation != v.Isolation || !slices.Equal(r.ProvenBy, v.ProvenBy) || len(r.Commands) != 1 || r.Commands[0].Base == nil {
		t.Fatalf("evidence: %+v", r)
	}
	if base, head := r.Commands[0].Base.Isolation, r.Commands[0].Head.Isolation; base != string(strong.Level()) || head != "none" {
		t.Errorf("evidence: on the base at %q, on the result at %q", base, head)
	}
	if len(r.Executions) != 1 || r.Executions[0].ID != exec.ID || r.Executions[0].Agent != "coder-ai" || r.Executions[0].Isolation.Level != "none" {
		t.Errorf("evidence: executions %+v", r.Executions)
	}
}

// An execution that would be confined less than its tenant demands does not begin: it
// waits, says so once, and begins when it may.
func TestTooWeakWaits(t *testing.T) {
	h := open(t, play(t, coder), repository)
	id := h.demanding("gvisor")
	waits := func(e autonoma.Event) bool {
		return e.Kind == autonoma.EventNotice && dataOf[autonoma.Notice](e).Code == "isolation_too_weak"
	}
	run := h.until(id, waits)
	h.hurry(id)
	h.hurry(id) // it has looked again, and waits again
	h.stop()
	if run.Status != autonoma.Queued || !run.StartedAt.IsZero() {
		t.Errorf("while it waits it is %s, since %v", run.Status, run.StartedAt)
	}
	h.demand("")
	if _, err := h.db.Writer().ExecContext(t.Context(), `UPDATE river_job SET state = 'available', scheduled_at = created_at WHERE state = 'scheduled'`); err != nil {
		t.Fatal(err)
	}
	h.again()
	if run = h.until(id, event.Last); run.Status != autonoma.Completed {
		t.Fatalf("%s: %v", run.Status, run.Error)
	}
	told, before := 0, true
	for _, e := range h.events(id) {
		if waits(e) {
			told++
			if said := dataOf[autonoma.Notice](e).Message; !before || !strings.Contains(said, " is less than gvisor") || strings.Contains(said, "unavailable") {
				t.Errorf("event %d says %q", e.Seq, said)
			}
		}
		before = before && e.Kind != autonoma.EventPhase
	}
	if told != 1 {
		t.Errorf("it says %d times that it waits", told)
	}
}

// After a day of waiting for a stronger sandbox somebody has to be told that nothing
// comes of it. Nothing was run by then.
func TestTooWeakFails(t *testing.T) {
	h := open(t, play(t, coder), repository)
	id := h.demanding("gvisor")
	h.until(id, func(e autonoma.Event) bool { return e.Kind == autonoma.EventNotice })
	h.dayAgo(`UPDATE events SET at = ? WHERE run = ? AND kind = 'notice'`, id)
	h.hurry(id)
	run := h.until(id, event.Last)
	if run.Status != autonoma.Failed || run.Error.Code != autonoma.FailIsolation || !run.Error.Retryable || !strings.Contains(run.Error.Message, " is less than gvisor") {
		t.Errorf("%s: %+v", run.Status, run.Error)
	}
	for _, e := range h.events(id) {
		if e.Kind == autonoma.EventPhase || e.Kind == autonoma.EventTurn {
			t.Errorf("event %d is a %s", e.Seq, e.Kind)
		}
	}
}

// demanding gives the system a task that nobody looks at before its tenant demands a
// level.
func (h *house) demanding(level string) autonoma.RunID {
	h.t.Helper()
	h.stop()
	id := h.submit(demo)
	h.demand(level)
	h.again()
	return id
}

// demand has the tenant demand a level from now on.
func (h *house) demand(level string) {
	h.t.Helper()
	must(h.db.ChangeTenant(h.t.Context(), h.owner.Tenant, func(t *autonoma.Tenant) { t.MinLevel = level }))(h.t)
}
