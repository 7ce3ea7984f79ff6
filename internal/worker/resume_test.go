package worker_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"autonoma"
	"autonoma/internal/event"
	"autonoma/internal/model"
	"autonoma/internal/store"
	"autonoma/internal/workspace/workspacetest"
)

// failing is a graph whose last step fails the first time.
func failing() (string, []autonoma.Step) {
	return plan + part("code", edit("left.txt", "left", "LEFT")) + part("more", edit("right.txt", "right", "RIGHT")) + `
  - match: {agent: tester-ai, phase: generate}
    turns:
      - calls: [{name: write, args: {path: tested.txt, content: "yes\n"}}]
      - calls: [{name: finish, args: {summary: Tested., confidence: 0.9}}]
        fail: [{status: 401}]
`, graph("plan planner-ai", "code coder-ai plan", "more coder-ai plan", "test tester-ai code more")
}

// A run that failed is resumed as a new one, in which only what failed is done: on
// the commits of the old run, wherever the source is by now.
func TestResume(t *testing.T) {
	says, steps := failing()
	h := open(t, model.Retry(play(t, says), impatient, nil), pair)
	old := h.until(h.begin(steps, nil), event.Last)
	if old.Status != autonoma.Failed || old.Step("test").Status != autonoma.StepFailed {
		t.Fatalf("%s: %v; %s", old.Status, old.Error, statuses(old))
	}
	base := old.Output.BaseCommit
	workspacetest.Write(t, h.repo, "-- left.txt --\nmoved on\n")
	workspacetest.Commit(t, h.repo, "Move on")

	run := must(h.tasks.Resume(t.Context(), h.owner, old.ID))(t)
	if run = h.until(run.ID, event.Last); run.Status != autonoma.Completed || run.ID == old.ID || run.Resumes != old.ID {
		t.Fatalf("%s: %v; %s", run.Status, run.Error, statuses(run))
	}
	branch := *run.Output.Branch
	got := h.git("show", branch+":left.txt") + h.git("show", branch+":right.txt") + h.git("show", branch+":tested.txt")
	if got != "LEFTRIGHTyes" || run.Output.BaseCommit != base || run.Output.Verification.Status != autonoma.Verified {
		t.Errorf("the branch says %q, output is %+v", got, run.Output)
	}
	turns, notice := map[autonoma.ExecutionID]bool{}, ""
	for _, e := range h.events(run.ID) {
		switch e.Kind {
		case autonoma.EventTurn:
			turns[e.Execution] = true
		case autonoma.EventNotice:
			notice += dataOf[autonoma.Notice](e).Message
		}
	}
	if len(turns) != 1 || !turns[run.Step("test").Execution] {
		t.Errorf("models worked on %v", turns)
	}
	if want := fmt.Sprintf("taken over from %s: plan, code, more, merge-test", old.ID); !strings.Contains(notice, want) {
		t.Errorf("the log says %q", notice)
	}
	if got := h.artifacts(run.ID)["plan"]; got != "Two parts." {
		t.Errorf("the plan is %q", got)
	}
	if now := h.run(old.ID); now.Status != autonoma.Failed {
		t.Errorf("the old run is %s", now.Status)
	}
}

// A run that was called off while it waited for a human asks again when it is resumed,
// and shows what there is.
func TestResumeCancelled(t *testing.T) {
	h := open(t, play(t, part("code", edit("left.txt", "left", "LEFT")), deployer), pair)
	id, first := h.ask(deploy())
	if _, err := h.tasks.Cancel(t.Context(), h.owner, id); err != nil {
		t.Fatal(err)
	}
	run := must(h.tasks.Resume(t.Context(), h.owner, id))(t)
	a := h.pending(run.ID)
	if run.Status != autonoma.AwaitingApproval || a.ID == first.ID || !a.Changed || !strings.Contains(h.artifacts(run.ID)["patch"], "+LEFT") {
		t.Fatalf("%s: %+v", run.Status, a)
	}
	must(h.asks.Decide(t.Context(), h.owner, a.ID, true, ""))(t)
	if run = h.until(run.ID, event.Last); run.Status != autonoma.Completed || h.git("show", *run.Output.Branch+":left.txt") != "LEFT" {
		t.Errorf("%s: %v", run.Status, run.Error)
	}
}

// What cannot be resumed: a run that goes on, one that has nothing left to do, one of
// somebody else, and one whose repository is gone.
func TestResumeNot(t *testing.T) {
	says, steps := failing()
	h := open(t, model.Retry(play(t, says), impatient, nil), pair)
	old := h.until(h.begin(steps, nil), event.Last)
	other := h.owner
	other.Tenant = autonoma.NewTenantID()
	if _, err := h.tasks.Resume(t.Context(), other, old.ID); !errors.Is(err, autonoma.ErrNotFound) {
		t.Errorf("somebody else: %v", err)
	}
	done := h.until(must(h.tasks.Retry(t.Context(), h.owner, old.ID))(t).ID, event.Last)
	if done.Status != autonoma.Completed {
		t.Fatalf("%s: %v", done.Status, done.Error)
	}
	if _, err := h.tasks.Resume(t.Context(), h.owner, done.ID); !errors.Is(err, autonoma.ErrConflict) {
		t.Errorf("a completed one: %v", err)
	}
	if err := os.RemoveAll(filepath.Join(h.data, "workspaces", "runs", string(old.ID))); err != nil {
		t.Fatal(err)
	}
	run := h.until(must(h.tasks.Resume(t.Context(), h.owner, old.ID))(t).ID, event.Last)
	if run.Status != autonoma.Failed || run.Error.Code != autonoma.FailSource || !strings.Contains(run.Error.Message, "retry") {
		t.Errorf("one whose repository is gone: %s: %v", run.Status, run.Error)
	}
	waits := h.begin(graph("work coder-ai"), nil)
	if _, err := h.tasks.Retry(t.Context(), h.owner, waits); !errors.Is(err, autonoma.ErrConflict) && !h.run(waits).Status.Final() {
		t.Errorf("one that goes on: %v", err)
	}
}

// A run that is retried does everything once more.
func TestRetry(t *testing.T) {
	says, steps := failing()
	h := open(t, model.Retry(play(t, says), impatient, nil), pair)
	old := h.until(h.begin(steps, nil), event.Last)
	run := must(h.tasks.Retry(t.Context(), h.owner, old.ID))(t)
	if len(run.Steps) != len(steps) || run.Kind != old.Kind || run.Resumes != "" {
		t.Errorf("%s %+v", run.Kind, run.Steps)
	}
	if run = h.until(run.ID, event.Last); run.Status != autonoma.Completed || run.Usage.ModelCalls != old.Usage.ModelCalls+1 {
		t.Errorf("%s: %v; %d calls where there were %d", run.Status, run.Error, run.Usage.ModelCalls, old.Usage.ModelCalls)
	}
}

// Executions that are cut off while they work beside each other go on after the next
// start, each where it was.
func TestRestartBeside(t *testing.T) {
	wait := "      - calls: [{name: bash, args: {command: \"while ! test -e go; do sleep 0.01; done; rm go\"}}]\n"
	m := play(t, plan, part("left", edit("left.txt", "left", "LEFT")+wait), part("right", edit("right.txt", "right", "RIGHT")+wait), judge)
	h := open(t, m, pair)
	id := h.begin(graph(diamond...), nil)
	turns := 0
	h.until(id, func(e autonoma.Event) bool {
		if e.Kind == autonoma.EventTurn {
			turns++
		}
		return turns == 2+2+1 // the planner's, and two of each coder
	})
	h.halt()
	h.again()
	for s := h.run(id); s.Step("left").Status == autonoma.StepRunning || s.Step("right").Status == autonoma.StepRunning; s = h.run(id) {
		// A checkout is put back before the command is made again, and loses the file;
		// when the step is done it goes away.
		places, _ := filepath.Glob(filepath.Join(h.data, "workspaces", "runs", string(id), "*", "work-*", "files"))
		for _, place := range places {
			_ = os.WriteFile(filepath.Join(place, "go"), nil, 0o600)
		}
		<-time.After(20 * time.Millisecond)
	}
	run := h.until(id, event.Last)
	if run.Status != autonoma.Completed {
		t.Fatalf("%s: %v; %s", run.Status, run.Error, statuses(run))
	}
	if got := h.git("show", *run.Output.Branch+":left.txt") + h.git("show", *run.Output.Branch+":right.txt"); got != "LEFTRIGHT" {
		t.Errorf("the branch says %q", got)
	}
	if all := must(h.db.Executions(t.Context(), id))(t); len(all) != 5 {
		t.Errorf("there are %d executions of 5 steps", len(all))
	}
}

// watcher adds up what the turns that are under way may cost at worst, and compares
// it with what is left.
type watcher struct {
	model.Model
	db  func() *store.DB
	run func() autonoma.RunID

	mu       sync.Mutex
	underway int64
	worst    int64 // of spent and under way together
}

func (w *watcher) Turn(ctx context.Context, r model.Request) iter.Seq2[model.Delta, error] {
	return func(yield func(model.Delta, error) bool) {
		cost := int64(r.MaxTokens)
		run, err := w.db().Run(ctx, w.run())
		if err != nil {
			yield(model.Delta{}, err)
			return
		}
		w.mu.Lock()
		w.underway += cost
		w.worst = max(w.worst, run.Usage.Tokens()+w.underway)
		w.mu.Unlock()
		defer func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.underway -= cost
		}()
		for d, err := range w.Model.Turn(ctx, r) {
			if !yield(d, err) {
				return
			}
		}
	}
}

// However many executions of a run there are, together they never use more than its
// budget, nor begin a turn that could; and what is there is used.
func TestBudgetBeside(t *testing.T) {
	const children = 64
	for _, tt := range []struct {
		name   string
		budget int64
		status autonoma.Status
	}{
		{"enough", children*1500 + 60_000, autonoma.Completed},
		{"too little", children * 1000, autonoma.Failed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var h *house
			var id autonoma.RunID
			begun := make(chan struct{})
			w := &watcher{Model: newGate(play(t, `
  - match: {agent: planner-ai}
    turns:
      - calls: [{name: finish, args: {summary: done, confidence: 1, document: done}}]
        usage: {input: 1000, output: 500}
`), "planner-ai", 2), db: func() *store.DB { return h.db }, run: func() autonoma.RunID { <-begun; return id }}
			h = openWith(t, w, pair, children, nil)
			var steps []string
			for i := range children {
				steps = append(steps, fmt.Sprintf("s%d planner-ai", i))
			}
			id = h.begin(graph(steps...), func(r *autonoma.Request) {
				r.Scope, r.Budget = autonoma.Demo, autonoma.Budget{MaxTokens: tt.budget}
			})
			close(begun)
			run := h.until(id, event.Last)
			if run.Status != tt.status || tt.status == autonoma.Failed && run.Error.Code != autonoma.FailBudget {
				t.Fatalf("%s: %v", run.Status, run.Error)
			}
			if run.Usage.Tokens() > tt.budget || w.worst > tt.budget {
				t.Errorf("used %d, and %d at worst, of %d", run.Usage.Tokens(), w.worst, tt.budget)
			}
		})
	}
}
