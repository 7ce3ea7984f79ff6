package worker_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"autonoma"
	"autonoma/internal/event"
	"autonoma/internal/service"
)

// deploy is a change, and a step after it that a human must agree to.
func deploy() []autonoma.Step {
	steps := graph("code coder-ai", "deploy tester-ai code")
	step(steps, "deploy").Rules.Approval = true
	return steps
}

const deployer = `
  - match: {agent: tester-ai, phase: generate}
    turns:
      - calls: [{name: write, args: {path: deployed.txt, content: "yes\n"}}]
      - calls: [{name: finish, args: {summary: Deployed., confidence: 0.9}}]
`

// ask starts a run that comes to its question, and returns both.
func (h *house) ask(steps []autonoma.Step) (autonoma.RunID, autonoma.Approval) {
	h.t.Helper()
	id := h.begin(steps, nil)
	h.until(id, becomes(autonoma.AwaitingApproval))
	return id, h.pending(id)
}

func (h *house) pending(id autonoma.RunID) autonoma.Approval {
	h.t.Helper()
	a := must(h.asks.Pending(h.t.Context(), id))(h.t)
	if a == nil {
		h.t.Fatal("no question is pending")
	}
	return *a
}

func (h *house) approval(id autonoma.ApprovalID) autonoma.Approval {
	h.t.Helper()
	return must(h.asks.Get(h.t.Context(), h.owner, id))(h.t)
}

// asked returns the statuses of approvals that the log of a run tells of, in order.
func (h *house) asked(id autonoma.RunID) string {
	h.t.Helper()
	var told []string
	for _, e := range h.events(id) {
		if e.Kind == autonoma.EventApproval {
			told = append(told, string(dataOf[autonoma.ApprovalChanged](e).Status))
		}
	}
	return strings.Join(told, " ")
}

// A step that needs an approval waits for it, and nobody works on the run; a yes
// begins it within a second.
func TestApproved(t *testing.T) {
	h := open(t, play(t, part("code", edit("left.txt", "left", "LEFT")), deployer), pair)
	id, a := h.ask(deploy())
	run := h.run(id)
	if run.StatusDetail != a.Question || a.Step != "deploy" || a.Risk == "" || !strings.Contains(string(a.Evidence), "Do code.") || a.Deadline.Sub(a.CreatedAt) != autonoma.ApprovalTime {
		t.Errorf("%s: %q; %+v", run.Status, run.StatusDetail, a)
	}
	if patch := h.artifacts(id)["patch"]; !a.Changed || !strings.Contains(patch, "+LEFT") {
		t.Errorf("who is asked sees %q", patch)
	}
	h.idle(id)
	begin := time.Now()
	decided := must(h.asks.Decide(t.Context(), h.owner, a.ID, true, " go "))(t)
	if d := decided.Decision; decided.Status != autonoma.ApprovalApproved || d == nil || d.Key != h.owner.Key || d.Why != "go" || d.Name != "owner" {
		t.Errorf("%+v", decided)
	}
	h.until(id, func(e autonoma.Event) bool {
		s := dataOf[autonoma.StepChanged](e)
		return e.Kind == autonoma.EventStep && s.Step == "deploy" && s.Status == autonoma.StepRunning
	})
	if took := time.Since(begin); took > time.Second {
		t.Errorf("it went on after %v", took)
	}
	if run = h.until(id, event.Last); run.Status != autonoma.Completed || h.git("show", *run.Output.Branch+":deployed.txt") != "yes" {
		t.Errorf("%s: %v", run.Status, run.Error)
	}
	if got := h.asked(id); got != "pending approved" {
		t.Errorf("the log tells %s", got)
	}
}

// idle waits until there is no job of a run left.
func (h *house) idle(id autonoma.RunID) {
	h.t.Helper()
	for wait := time.Millisecond; wait < 10*time.Second; wait *= 2 {
		var n int
		if err := h.db.Writer().QueryRowContext(h.t.Context(), `
			SELECT count(*) FROM river_job WHERE state IN ('available', 'running', 'retryable', 'scheduled', 'pending')
				AND json_extract(args, '$.run') = ?`, id).Scan(&n); err != nil {
			h.t.Fatal(err)
		}
		if n == 0 {
			return
		}
		<-time.After(wait)
	}
	h.t.Fatalf("there are jobs of %s", id)
}

// A question outlives the process; so does the answer.
func TestApprovedAfterStart(t *testing.T) {
	h := open(t, play(t, part("code", edit("left.txt", "left", "LEFT")), deployer), pair)
	id, a := h.ask(deploy())
	h.stop()
	h.again()
	if now := h.pending(id); now.ID != a.ID || h.run(id).Status != autonoma.AwaitingApproval {
		t.Fatalf("%s: %+v", h.run(id).Status, now)
	}
	must(h.asks.Decide(t.Context(), h.owner, a.ID, true, ""))(t)
	if run := h.until(id, event.Last); run.Status != autonoma.Completed {
		t.Errorf("%s: %v", run.Status, run.Error)
	}
}

// The first step of a run may be one that a human must agree to.
func TestApprovalFirst(t *testing.T) {
	h := open(t, play(t, deployer), pair)
	steps := graph("deploy tester-ai")
	steps[0].Rules.Approval = true
	id, a := h.ask(steps)
	if run := h.run(id); !run.StartedAt.IsZero() {
		t.Error("the run has begun")
	}
	must(h.asks.Decide(t.Context(), h.owner, a.ID, true, ""))(t)
	if run := h.until(id, event.Last); run.Status != autonoma.Completed {
		t.Errorf("%s: %v", run.Status, run.Error)
	}
}

// A no ends the run; so does silence, which is not told as anybody's no; a run that
// is called off has no more questions. Whatever comes later is refused.
func TestNotApproved(t *testing.T) {
	for _, tt := range []struct {
		name   string
		end    func(h *house, id autonoma.RunID, a autonoma.Approval) error
		status autonoma.Status
		code   autonoma.FailureCode
		says   string
		asked  autonoma.ApprovalStatus
	}{
		{"no", func(h *house, id autonoma.RunID, a autonoma.Approval) error {
			_, err := h.asks.Decide(h.t.Context(), h.owner, a.ID, false, "not on a Friday")
			return err
		}, autonoma.Failed, autonoma.FailRejected, "not on a Friday", autonoma.ApprovalRejected},
		{"silence", func(h *house, id autonoma.RunID, a autonoma.Approval) error {
			return h.due(a.ID, 0)
		}, autonoma.Failed, autonoma.FailExpired, "nobody answered", autonoma.ApprovalExpired},
		{"silence for a while", func(h *house, id autonoma.RunID, a autonoma.Approval) error {
			return h.due(a.ID, 300*time.Millisecond)
		}, autonoma.Failed, autonoma.FailExpired, "nobody answered", autonoma.ApprovalExpired},
		{"called off", func(h *house, id autonoma.RunID, a autonoma.Approval) error {
			_, err := h.tasks.Cancel(h.t.Context(), h.owner, id)
			return err
		}, autonoma.Cancelled, "", "", autonoma.ApprovalWithdrawn},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := open(t, play(t, part("code", edit("left.txt", "left", "LEFT")), deployer), pair)
			id, a := h.ask(deploy())
			if err := tt.end(h, id, a); err != nil {
				t.Fatal(err)
			}
			run := h.until(id, event.Last)
			if run.Status != tt.status || tt.code != "" && (run.Error == nil || run.Error.Code != tt.code || !strings.Contains(run.Error.Message, tt.says)) {
				t.Errorf("%s: %+v", run.Status, run.Error)
			}
			now := h.approval(a.ID)
			if now.Status != tt.asked || (now.Decision != nil) != (tt.asked == autonoma.ApprovalRejected) {
				t.Errorf("%+v", now)
			}
			if got := h.asked(id); got != "pending "+string(tt.asked) {
				t.Errorf("the log tells %s", got)
			}
			if _, err := h.asks.Decide(t.Context(), h.owner, a.ID, true, ""); !errors.Is(err, autonoma.ErrConflict) {
				t.Errorf("a late answer: %v", err)
			}
			h.idle(id)
			if left, err := h.spaces.Leftovers(); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// due moves the deadline of a question to shortly after now, and gives news of it.
func (h *house) due(id autonoma.ApprovalID, in time.Duration) error {
	at := time.Now().Add(in).UnixMicro()
	_, err := h.db.Writer().ExecContext(h.t.Context(), `UPDATE approvals SET deadline = ? WHERE id = ?`, at, id)
	h.news.Wake("")
	return err
}

// A run that cannot be ended keeps no other from being ended.
func TestExpiredBesideBroken(t *testing.T) {
	h := open(t, play(t, part("code", edit("left.txt", "left", "LEFT")), deployer), pair)
	broken, first := h.ask(deploy())
	id, second := h.ask(deploy())
	if _, err := h.db.Writer().ExecContext(t.Context(), `UPDATE runs SET steps = '{' WHERE id = ?`, broken); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(h.due(first.ID, -time.Minute), h.due(second.ID, 0)); err != nil {
		t.Fatal(err)
	}
	if run := h.until(id, event.Last); run.Error == nil || run.Error.Code != autonoma.FailExpired {
		t.Errorf("%s: %v", run.Status, run.Error)
	}
}

// Whoever answers after the deadline is too late, even if nobody noticed it yet.
func TestTooLate(t *testing.T) {
	h := open(t, play(t, part("code", edit("left.txt", "left", "LEFT")), deployer), pair)
	id, a := h.ask(deploy())
	h.stop() // with it, who watches the deadlines
	if err := h.due(a.ID, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := h.asks.Decide(t.Context(), h.owner, a.ID, true, ""); !errors.Is(err, autonoma.ErrConflict) || !strings.Contains(err.Error(), "expired") {
		t.Errorf("a late yes: %v", err)
	}
	if run := h.run(id); run.Status != autonoma.Failed || run.Error.Code != autonoma.FailExpired {
		t.Errorf("%s: %v", run.Status, run.Error)
	}
}

// Of many who decide at once, exactly one is heard.
func TestDecideAtOnce(t *testing.T) {
	h := open(t, play(t, part("code", edit("left.txt", "left", "LEFT")), deployer), pair)
	id, a := h.ask(deploy())
	const people = 16
	said := make(chan error, people)
	var all sync.WaitGroup
	for i := range people {
		all.Go(func() {
			_, err := h.asks.Decide(t.Context(), h.owner, a.ID, i%2 == 0, fmt.Sprint(i))
			said <- err
		})
	}
	all.Wait()
	close(said)
	heard := 0
	for err := range said {
		switch {
		case err == nil:
			heard++
		case !errors.Is(err, autonoma.ErrConflict):
			t.Error(err)
		}
	}
	if heard != 1 {
		t.Errorf("%d were heard", heard)
	}
	run, now := h.until(id, event.Last), h.approval(a.ID)
	if (run.Status == autonoma.Completed) != (now.Status == autonoma.ApprovalApproved) {
		t.Errorf("the run is %s, the question %s", run.Status, now.Status)
	}
}

// While one step waits for a human, the one beside it goes on; when it is done the
// run waits.
func TestApprovalBeside(t *testing.T) {
	h := open(t, play(t, part("code", edit("left.txt", "left", "LEFT")), deployer), pair)
	steps := graph("code coder-ai", "deploy tester-ai")
	step(steps, "deploy").Rules.Approval = true
	id := h.begin(steps, nil)
	if run := h.run(id); run.Status == autonoma.AwaitingApproval {
		t.Error("the run waits while a step may be done")
	}
	h.until(id, becomes(autonoma.AwaitingApproval))
	if run := h.run(id); run.Step("code").Status != autonoma.StepCompleted {
		t.Errorf("steps: %s", statuses(run))
	}
	must(h.asks.Decide(t.Context(), h.owner, h.pending(id).ID, true, ""))(t)
	if run := h.until(id, event.Last); run.Status != autonoma.Completed || statuses(run) != "code completed, deploy completed, merge completed" {
		t.Errorf("%s: %v; %s", run.Status, run.Error, statuses(run))
	}
}

// A thousand runs that wait cost no goroutine, and no job.
func TestParked(t *testing.T) {
	h := open(t, play(t, deployer), pair)
	steps := graph("deploy tester-ai")
	steps[0].Rules.Approval = true
	h.begin(steps, nil)
	before := runtime.NumGoroutine()
	for range 999 {
		h.begin(steps, nil)
	}
	if after := runtime.NumGoroutine(); after > before+20 {
		t.Errorf("there were %d goroutines, and are %d", before, after)
	}
	pending, _, err := h.asks.List(t.Context(), h.owner, autonoma.ApprovalPending, service.Cursor{}, 2000)
	if err != nil || len(pending) != 1000 {
		t.Fatal(len(pending), err)
	}
	var jobs int
	if err := h.db.Writer().QueryRowContext(t.Context(), `SELECT count(*) FROM river_job`).Scan(&jobs); err != nil || jobs > 0 {
		t.Error(jobs, "jobs", err)
	}
}
