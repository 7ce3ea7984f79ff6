package worker_test

import (
	"log/slog"
	"strings"
	"testing"

	"autonoma"
	"autonoma/internal/event"
	"autonoma/internal/service"
	"autonoma/internal/worker"
)

// invoke has one agent carry out a request, and returns the run when it is over.
func (h *house) invoke(agent autonoma.AgentID, adjust func(*autonoma.Request)) autonoma.Run {
	h.t.Helper()
	req := autonoma.Request{Task: "Spell the greeting right.", Source: h.repo, Verify: []string{"sh test.sh"}}
	if adjust != nil {
		adjust(&req)
	}
	return h.until(must(h.tasks.Invoke(h.t.Context(), h.owner, agent, req))(h.t).ID, event.Last)
}

func (h *house) work(id autonoma.RunID) service.Work {
	h.t.Helper()
	return must(h.agents.Execution(h.t.Context(), h.owner, autonoma.ExecutionID(id)))(h.t)
}

// An agent that is invoked by name goes the way of all: its work is proven and
// delivered. The run and its execution have one name.
func TestInvoke(t *testing.T) {
	h := open(t, play(t, researcher, coder), repository)
	run := h.invoke("doc-ai", nil)
	if run.Status != autonoma.Completed || run.Kind != autonoma.KindRigor || len(run.Steps) != 1 || run.Output.Verification.Status != autonoma.Verified {
		t.Fatalf("%+v", run)
	}
	if got := h.git("show", "autonoma/"+string(run.ID)+":greet.txt"); got != "hello world" {
		t.Errorf("the branch says %q", got)
	}
	w := h.work(run.ID)
	e := w.Execution
	if string(e.ID) != string(run.ID) || e.Agent != "coder-ai" || e.Status != autonoma.StepCompleted || e.Result.Confidence != 0.95 || len(e.Phases) != 5 {
		t.Errorf("%+v", e)
	}
	if e.Usage != run.Usage || e.Usage.ModelCalls != 4 || e.Usage.ToolCalls == 0 {
		t.Errorf("it used %+v, the run %+v", e.Usage, run.Usage)
	}
	names := map[string]bool{}
	for _, a := range w.Artifacts {
		names[a.Name] = true
	}
	if !names["patch"] || !names["bundle"] || !names["research"] {
		t.Errorf("artifacts: %v", names)
	}
}

// Who observes proposes: what is made is kept, and the source is left alone.
func TestObserve(t *testing.T) {
	h := open(t, play(t, researcher, writers, coder, tester, reviewer), repository)
	for name, run := range map[string]autonoma.Run{
		"invoked": h.invoke("coder-ai", func(r *autonoma.Request) { r.Mode = autonoma.Observe }),
		"a task":  h.carryOut(func(r *autonoma.Request) { r.Mode = autonoma.Observe }),
	} {
		if run.Status != autonoma.Completed || run.Output.Branch != nil || run.Output.FilesChanged == 0 {
			t.Errorf("%s: %s, %+v", name, run.Status, run.Output)
		}
		if got := h.git("branch", "--list", "autonoma/*"); got != "" {
			t.Errorf("%s: there is a branch %s", name, got)
		}
		if got := h.artifacts(run.ID)["patch"]; !strings.Contains(got, "+hello world") {
			t.Errorf("%s: the patch is %q", name, got)
		}
	}
}

// Who is invoked to judge has done its work when it has judged, whatever the verdict.
func TestInvokeJudge(t *testing.T) {
	h := open(t, play(t, researcher, `
  - match: {agent: review-ai, phase: generate}
    turns:
      - calls: [{name: finish, args: {verdict: changes, summary: It is misspelt., confidence: 0.9}}]
`), repository)
	run := h.invoke("review-ai", nil)
	if run.Status != autonoma.Completed || run.Error != nil || h.work(run.ID).Execution.Result.Verdict != autonoma.Changes {
		t.Errorf("%s: %+v", run.Status, run.Error)
	}
}

// The executions of a task know what each of them used, and what it made.
func TestExecutions(t *testing.T) {
	h := open(t, play(t, researcher, writers, coder, tester, reviewer), repository)
	run := h.carryOut(nil)
	var used autonoma.Usage
	for _, s := range run.Steps {
		w := h.work(autonoma.RunID(s.Execution))
		if w.Execution.Usage.ModelCalls == 0 {
			t.Errorf("%s used %+v", s.ID, w.Execution.Usage)
		}
		used.Add(w.Execution.Usage)
		for _, a := range w.Artifacts {
			if a.Name != s.ID && a.Name != "research" {
				t.Errorf("%s made %s", s.ID, a.Name)
			}
		}
		if s.ID == "requirements" && len(w.Artifacts) != 2 {
			t.Errorf("%s made %d artifacts", s.ID, len(w.Artifacts))
		}
	}
	if used != run.Usage {
		t.Errorf("the executions used %+v, the run %+v", used, run.Usage)
	}
}

// A worker says that it is there and what it does, as long as it is there. One that
// begins knows that no other is.
func TestPresence(t *testing.T) {
	h := open(t, play(t, `
  - match: {agent: coder-ai}
    turns:
      - calls: [{name: bash, args: {command: "while ! test -e go; do sleep 0.01; done"}}]
      - calls: [{name: finish, args: {summary: done, confidence: 1}}]
`), repository)
	look := func() service.Coordination {
		t.Helper()
		return must(h.agents.Coordination(t.Context(), h.owner))(t)
	}
	id := h.submit(demo)
	h.until(id, func(e autonoma.Event) bool { return e.Kind == autonoma.EventTurn })
	got := look()
	if len(got.Workers) != 1 || got.Workers[0].Executions != 1 || got.Workers[0].Host != "here" || got.Workers[0].Slots != 2 || len(got.Active) != 1 {
		t.Errorf("at work: %+v", got)
	}
	h.release(id, "go")
	h.until(id, event.Last)
	if got := look(); len(got.Workers) != 1 || got.Workers[0].Executions != 0 || len(got.Active) != 0 {
		t.Errorf("at rest: %+v", got)
	}
	next := worker.New(worker.Config{DB: h.db, Workspaces: h.spaces, Log: slog.New(slog.DiscardHandler)})
	if err := next.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := look(); len(got.Workers) != 0 {
		t.Errorf("when another begins: %+v", got.Workers)
	}
	h.stop()
}

// A worker that ends is not there.
func TestLeave(t *testing.T) {
	h := open(t, play(t, coder), repository)
	h.stop()
	if got := must(h.agents.Coordination(t.Context(), h.owner))(t); len(got.Workers) != 0 {
		t.Errorf("%+v", got.Workers)
	}
	all := must(h.agents.List(t.Context(), h.owner))(t)
	if len(all) != 25 || !all[0].Offline {
		t.Errorf("%d agents, the first is %+v", len(all), all[0])
	}
}
