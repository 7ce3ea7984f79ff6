package worker_test

import (
	"strings"
	"sync"
	"testing"

	"autonoma"
	"autonoma/internal/event"
	"autonoma/internal/model"
	"autonoma/internal/service"
	"autonoma/internal/store"
	"autonoma/internal/workspace/workspacetest"
)

// agent returns what an agent did for the owner.
func (h *house) agent(id autonoma.AgentID) service.AgentRecord {
	h.t.Helper()
	return must(h.agents.Get(h.t.Context(), h.owner, id))(h.t)
}

// Runs that end at the same time are each counted once, those whose checks fail as
// failures, and all is as it was after a restart.
func TestMaturityIsCounted(t *testing.T) {
	h := openWith(t, play(t, researcher, `
  - match: {agent: coder-ai, phase: generate, contains: "# Task\n\nSpoil"}
    turns:
      - calls: [{name: edit, args: {path: greet.txt, old: hello, new: goodbye}}]
      - calls: [{name: finish, args: {summary: "Spoilt.", confidence: 0.9}}]
      - calls: [{name: finish, args: {summary: "I leave it so.", confidence: 0.9}}]
`, coder), repository, 6, nil)
	poc := func(r *autonoma.Request) { r.Scope = autonoma.POC }
	spoil := func(r *autonoma.Request) { poc(r); r.Task = "Spoil the greeting." }
	if run := h.invoke("coder-ai", spoil); run.Output == nil || run.Output.Verification.Status != autonoma.NotVerified {
		t.Fatalf("%s: %v", run.Status, run.Error)
	}
	if got := h.agent("coder-ai").Maturity; got.Tasks != 1 || got.FailuresInARow != 1 || got.Confidence != 0 {
		t.Errorf("after a result that does not hold: %+v", got)
	}
	const runs = 8
	var all sync.WaitGroup
	for range runs {
		req := autonoma.Request{Task: "Spell the greeting right.", Source: h.repo, Verify: []string{"sh test.sh"}, Scope: autonoma.POC}
		id := must(h.tasks.Invoke(t.Context(), h.owner, "coder-ai", req))(t).ID
		all.Go(func() { h.until(id, event.Last) })
	}
	all.Wait()
	got := h.agent("coder-ai")
	m := got.Maturity
	if m.Mode != autonoma.Assisted || m.Tasks != runs+1 || m.Successes != runs || m.SuccessesInARow != runs || m.Confidence != runs*950_000 || got.Record.Completed != runs+1 {
		t.Errorf("%+v, %+v", m, got.Record)
	}
	h.stop()
	h.again()
	if again := h.agent("coder-ai"); again.Maturity != m {
		t.Errorf("after a restart: %+v, before %+v", again.Maturity, m)
	}
}

// What fails by what the agent did is counted as that, each try by itself.
func TestFailuresAreCounted(t *testing.T) {
	h := open(t, play(t, hanging["in a command"]), pair)
	steps := graph("work coder-ai")
	steps[0].Rules.TimeoutSeconds, steps[0].Rules.Retries = 1, 1
	run := h.until(h.begin(steps, nil), event.Last)
	if run.Status != autonoma.Failed || run.Error.Code != autonoma.FailStepTime {
		t.Fatalf("%s: %v", run.Status, run.Error)
	}
	if got := h.agent("coder-ai"); got.Maturity.Tasks != 2 || got.Maturity.FailuresInARow != 2 || got.Record.Failed != 2 {
		t.Errorf("%+v, %+v", got.Maturity, got.Record)
	}
}

// What tells nothing of an agent is not counted: here, that its model was refused.
func TestBlameless(t *testing.T) {
	h := open(t, play(t, `
  - match: {agent: coder-ai}
    turns:
      - calls: [{name: finish, args: {summary: done, confidence: 1}}]
        fail: [{status: 401, forever: true}]
`), repository)
	run := h.invoke("coder-ai", demo)
	if got := h.agent("coder-ai"); run.Status != autonoma.Failed || got.Record.Failed != 1 || got.Maturity.Tasks != 0 {
		t.Errorf("%s: %+v", run.Status, got)
	}
}

// What a resumed run takes over was counted where it was done, and is not counted
// again: not for the record either.
func TestResumedIsCountedOnce(t *testing.T) {
	says, steps := failing()
	h := open(t, model.Retry(play(t, says), impatient, nil), pair)
	old := h.until(h.begin(steps, nil), event.Last)
	before := h.agent("coder-ai")
	if before.Maturity.Tasks == 0 || before.Maturity.Tasks != before.Record.Completed {
		t.Fatalf("%+v", before)
	}
	run := h.until(must(h.tasks.Resume(t.Context(), h.owner, old.ID))(t).ID, event.Last)
	after, tester := h.agent("coder-ai"), h.agent("tester-ai")
	if run.Status != autonoma.Completed || after.Maturity != before.Maturity || after.Record != before.Record {
		t.Errorf("%s: %+v, before %+v", run.Status, after, before)
	}
	if tester.Maturity.Tasks != 1 || tester.Record.Completed != 1 || tester.Record.Failed != 1 {
		t.Errorf("who did the rest: %+v", tester)
	}
	copied := h.work(autonoma.RunID(run.Step("code").Execution)).Execution
	said := must(h.says.Give(t.Context(), h.owner, service.Remark{Execution: copied.ID, Signal: autonoma.Reject}))(t)
	if said.About[0].Execution != old.Step("code").Execution || h.agent("coder-ai").Maturity.Overrides != 1 {
		t.Errorf("what is said of a copy is about %+v", said.About)
	}
	again := must(h.says.Give(t.Context(), h.owner, service.Remark{Execution: old.Step("code").Execution, Signal: autonoma.Reject}))(t)
	if again.ID != said.ID || h.agent("coder-ai").Maturity.Overrides != 1 {
		t.Errorf("said of the original too: %+v", again)
	}
}

// An agent that has earned no more than to observe proposes, whatever the run would
// allow, and what others build on its proposal is one too. Where it changes nothing,
// the others' work is delivered.
func TestEarnedObserve(t *testing.T) {
	h := open(t, play(t, researcher, writers, coder, tester, reviewer), repository)
	earned := func(agent autonoma.AgentID) {
		t.Helper()
		if err := h.db.Update(t.Context(), func(tx *store.Tx) error {
			return tx.SaveMaturity(h.owner.Tenant, agent, autonoma.Maturity{Mode: autonoma.Observe, Tasks: 1})
		}); err != nil {
			t.Fatal(err)
		}
	}
	earned("review-ai")
	if run := h.carryOut(nil); run.Status != autonoma.Completed || run.Output.Branch == nil {
		t.Errorf("with a reviewer that observes: %s, %+v", run.Status, run.Output)
	}
	earned("coder-ai")
	run := h.carryOut(nil)
	if run.Status != autonoma.Completed || run.Output.Branch != nil || run.Mode != autonoma.Assisted || h.git("branch", "--list", "autonoma/"+string(run.ID)) != "" {
		t.Errorf("with a coder that observes: %s, %+v", run.Status, run.Output)
	}
	told := ""
	for _, e := range h.events(run.ID) {
		if n := dataOf[autonoma.Notice](e); e.Kind == autonoma.EventNotice && n.Code == "proposed" {
			told = n.Message
		}
	}
	if !strings.Contains(told, "coder-ai") || !strings.Contains(h.artifacts(run.ID)["patch"], "+hello world") {
		t.Errorf("the log says %q", told)
	}
}

// The commits of a source earn credits for those whose work is to change code. They
// are reckoned anew with each run, and added up over sources.
func TestTrainingCredits(t *testing.T) {
	h := open(t, play(t, researcher, coder), repository)
	for _, subject := range []string{"Say why it is so", "Spell it out twice", "wip"} {
		workspacetest.Write(t, h.repo, "-- note.txt --\n"+subject+"\n")
		workspacetest.Commit(t, h.repo, subject)
	}
	if got := h.agent("coder-ai").Maturity.Credits; got != 0 {
		t.Errorf("before anybody looked: %v", got)
	}
	commits := strings.Count(h.git("log", "--format=%s"), "\n") + 1
	telling := 0
	for subject := range strings.Lines(h.git("log", "--format=%s")) {
		if len(strings.Fields(subject)) > 2 {
			telling++
		}
	}
	poc := func(r *autonoma.Request) { r.Scope = autonoma.POC }
	for range 2 {
		run := h.invoke("coder-ai", poc)
		past := h.work(run.ID).Execution.Result.History
		if past == nil || past.Commits != commits || past.Telling != telling || telling == commits {
			t.Fatalf("%s: %+v of %d commits, %d of which tell something", run.Status, past, commits, telling)
		}
		at := h.work(run.ID).Execution.CompletedAt
		if got, want := h.agent("coder-ai").Maturity.Credits, past.Credits(autonoma.Build, at); got < want*0.999 || got > want*1.001 || got == 0 {
			t.Errorf("credits are %v, want %v", got, want)
		}
	}
	if h.agent("coder-ai").Maturity.Credits != h.agent("tester-ai").Maturity.Credits || h.agent("security-ai").Maturity.Credits != 0 {
		t.Errorf("others: %+v, %+v", h.agent("tester-ai").Maturity, h.agent("security-ai").Maturity)
	}
}
