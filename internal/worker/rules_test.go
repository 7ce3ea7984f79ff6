package worker_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"autonoma"
	"autonoma/internal/event"
	"autonoma/internal/model"
	"autonoma/internal/service"
)

// step returns the step of the given name, to be changed.
func step(steps []autonoma.Step, id string) *autonoma.Step {
	for i := range steps {
		if steps[i].ID == id {
			return &steps[i]
		}
	}
	return nil
}

// A step that fails ends the run: the one beside it is called off within a second,
// and what was completed is handed over.
func TestStepFails(t *testing.T) {
	m := play(t, part("first", edit("left.txt", "left", "LEFT")), part("stays", "      - calls: [{name: bash, args: {command: \"sleep 600\"}}]\n"), `
  - match: {agent: tester-ai}
    turns: [{fail: [{status: 401, forever: true}]}]
`)
	h := open(t, newGate(m, "tester-ai", 1), pair)
	id := h.begin(graph("first coder-ai", "stays coder-ai first", "fails tester-ai first"), func(r *autonoma.Request) { r.Scope = autonoma.Demo })
	run := h.until(id, event.Last)
	if run.Status != autonoma.Failed || run.Error.Code != autonoma.FailModel || run.Error.Agent != "tester-ai" {
		t.Fatalf("%s: %+v", run.Status, run.Error)
	}
	if got := statuses(run); got != "first completed, stays cancelled, fails failed" {
		t.Errorf("steps: %s", got)
	}
	for h.running(id) {
		<-time.After(10 * time.Millisecond)
	}
	if took := time.Since(run.CompletedAt); took > time.Second {
		t.Errorf("the other went on for %v", took)
	}
	if run.Output == nil || h.git("show", *run.Output.Branch+":left.txt") != "LEFT" {
		t.Errorf("output %+v", run.Output)
	}
	all := h.events(id)
	if last := all[len(all)-1]; !event.Last(last) {
		t.Errorf("after the end there is %s %s", last.Kind, last.Data)
	}
	h.stop()
	if left, err := h.spaces.Leftovers(); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// Cancelling a run stops all that is under way in it, within a second.
func TestCancelAll(t *testing.T) {
	m := play(t, part("left", "      - calls: [{name: bash, args: {command: \"sleep 600\"}}]\n"), part("right", "      - calls: [{name: bash, args: {command: \"sleep 600\"}}]\n"))
	h := open(t, m, pair)
	id := h.begin(graph("left coder-ai", "right coder-ai"), nil)
	turns := 0
	h.until(id, func(e autonoma.Event) bool {
		if e.Kind == autonoma.EventTurn {
			turns++
		}
		return turns == 2
	})
	begin := time.Now()
	if _, err := h.tasks.Cancel(t.Context(), h.owner, id); err != nil {
		t.Fatal(err)
	}
	for h.running(id) {
		<-time.After(10 * time.Millisecond)
	}
	if took := time.Since(begin); took > time.Second {
		t.Errorf("it took %v", took)
	}
	h.stop()
	if got := statuses(h.run(id)); got != "left cancelled, right cancelled" {
		t.Errorf("steps: %s", got)
	}
	if left, err := h.spaces.Leftovers(); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A step is tried again as often as its rules say, from where it began, and the log
// tells of each try.
func TestRetries(t *testing.T) {
	for _, tt := range []struct {
		retries, failures int
		status            autonoma.Status
	}{{2, 2, autonoma.Completed}, {1, 2, autonoma.Failed}, {0, 1, autonoma.Failed}} {
		t.Run(fmt.Sprintf("%d of %d", tt.retries, tt.failures), func(t *testing.T) {
			h := open(t, model.Retry(play(t, fmt.Sprintf(`
  - match: {agent: coder-ai, phase: generate}
    turns:
      - calls: [{name: edit, args: {path: left.txt, old: left, new: LEFT}}]
      - calls: [{name: finish, args: {summary: Done., confidence: 0.9}}]
        fail: [{status: 401, times: %d}]
`, tt.failures)), impatient, nil), pair)
			steps := graph("work coder-ai")
			steps[0].Rules.Retries = tt.retries
			run := h.until(h.begin(steps, nil), event.Last)
			if run.Status != tt.status || run.Steps[0].Tries != min(tt.retries, tt.failures) {
				t.Fatalf("%s after %d tries: %v", run.Status, run.Steps[0].Tries, run.Error)
			}
			var told []string
			for _, e := range h.events(run.ID) {
				if s := dataOf[autonoma.StepChanged](e); e.Kind == autonoma.EventStep {
					told = append(told, fmt.Sprint(s.Status, s.Tries))
				}
			}
			want := "running0 failed0"
			if tt.retries > 0 {
				want += " running1 failed1"
			}
			if tt.status == autonoma.Completed {
				want += " running2 completed2"
			}
			if got := strings.Join(told, " "); got != want {
				t.Errorf("the log tells %s, want %s", got, want)
			}
		})
	}
}

// A step that takes too long fails, also if the server was started in between.
func TestStepTimeout(t *testing.T) {
	h := open(t, play(t, hanging["in a command"]), pair)
	steps := graph("work coder-ai")
	steps[0].Rules.TimeoutSeconds = 1
	run := h.until(h.begin(steps, nil), event.Last)
	if run.Status != autonoma.Failed || run.Error.Code != autonoma.FailStepTime {
		t.Fatalf("%s: %v", run.Status, run.Error)
	}
	steps[0].Rules.TimeoutSeconds = 3600
	id := h.begin(steps, nil)
	h.until(id, func(e autonoma.Event) bool { return e.Kind == autonoma.EventTurn })
	h.halt()
	long := time.Now().Add(-2 * time.Hour).UnixMicro()
	if _, err := h.db.Writer().ExecContext(t.Context(), `UPDATE executions SET started_at = ? WHERE run = ?`, long, id); err != nil {
		t.Fatal(err)
	}
	h.again()
	if run = h.until(id, event.Last); run.Status != autonoma.Failed || run.Error.Code != autonoma.FailStepTime {
		t.Errorf("after a start: %s: %v", run.Status, run.Error)
	}
}

// A step may have a scope and a tier of its own.
func TestStepScope(t *testing.T) {
	h := open(t, play(t, part("rough", edit("left.txt", "left", "LEFT")), part("fine", edit("right.txt", "right", "RIGHT"))), pair)
	steps := graph("rough coder-ai", "fine coder-ai rough")
	step(steps, "rough").Rules.Scope = autonoma.Demo
	run := h.until(h.begin(steps, nil), event.Last)
	checked := map[autonoma.ExecutionID]bool{}
	for _, e := range h.events(run.ID) {
		if what := dataOf[struct{ What string }](e).What; e.Kind == autonoma.EventWork && what == "verification.0" {
			checked[e.Execution] = true
		}
	}
	if run.Status != autonoma.Completed || checked[run.Step("rough").Execution] || !checked[run.Step("fine").Execution] {
		t.Errorf("%s: %v; checked are %v", run.Status, run.Error, checked)
	}
}

// rules resolve steps by their name: skip: its When is "never", and fill in what the
// steps before said.
func rules(_ autonoma.Run, s autonoma.Step, done []service.Outcome) (service.Decision, error) {
	switch s.Rules.When {
	case "never":
		return service.Decision{Skip: true}, nil
	case "wrong":
		return service.Decision{}, errors.New("no such thing: colour")
	}
	var said []string
	for _, o := range done {
		said = append(said, fmt.Sprintf("%s is %s: %s", o.Step, o.Status, o.Result.Summary))
	}
	return service.Decision{Asks: s.Asks + " (" + strings.Join(said, "; ") + ")"}, nil
}

// A step whose condition is not met is skipped and counts as done; what follows is
// asked with what the steps before came to filled in, and begins where they left off.
func TestSkip(t *testing.T) {
	h := openWith(t, play(t, plan, part("code", edit("left.txt", "left", "LEFT")), `
  - match: {agent: coder-ai, phase: generate, contains: "The part of last. (plan is completed: planned; code is completed: Do code.; not is skipped: )"}
    turns:
      - calls: [{name: edit, args: {path: left.txt, old: LEFT, new: Left}}]
      - calls: [{name: finish, args: {summary: "Do last.", confidence: 0.9}}]
`), pair, 2, rules)
	steps := graph("plan planner-ai", "code coder-ai plan", "not coder-ai code", "last coder-ai not")
	step(steps, "not").Rules.When = "never"
	run := h.until(h.begin(steps, nil), event.Last)
	if run.Status != autonoma.Completed || statuses(run) != "plan completed, code completed, not skipped, last completed" {
		t.Fatalf("%s: %v; %s", run.Status, run.Error, statuses(run))
	}
	if got := h.git("show", *run.Output.Branch+":left.txt"); got != "Left" {
		t.Errorf("the branch says %q", got)
	}
	if s := run.Step("last"); s.Asks != "The part of last." || !strings.HasPrefix(s.Asked, s.Asks+" (") {
		t.Errorf("asked is %q as %q", s.Asks, s.Asked)
	}
}

// The ends of a run may be skipped, and all of it.
func TestSkipAll(t *testing.T) {
	h := openWith(t, play(t, part("code", edit("left.txt", "left", "LEFT"))), pair, 2, rules)
	steps := graph("code coder-ai", "not coder-ai code")
	step(steps, "not").Rules.When = "never"
	run := h.until(h.begin(steps, nil), event.Last)
	if run.Status != autonoma.Completed || statuses(run) != "code completed, not skipped" || run.Output.Branch == nil {
		t.Errorf("%s: %v; %s", run.Status, run.Error, statuses(run))
	}
	step(steps, "code").Rules.When = "never"
	run = h.until(h.begin(steps, nil), event.Last)
	if run.Status != autonoma.Completed || statuses(run) != "code skipped, not skipped" || run.Output != nil {
		t.Errorf("%s: %v; %s", run.Status, run.Error, statuses(run))
	}
}

// Rules that cannot be worked out fail the run, and name the step; what was made is
// handed over.
func TestUnresolved(t *testing.T) {
	h := openWith(t, play(t, part("code", edit("left.txt", "left", "LEFT"))), pair, 2, rules)
	steps := graph("code coder-ai", "odd coder-ai code")
	step(steps, "odd").Rules.When = "wrong"
	run := h.until(h.begin(steps, nil), event.Last)
	if run.Status != autonoma.Failed || run.Error.Code != autonoma.FailStepRules || !strings.Contains(run.Error.Message, "step odd: no such thing: colour") {
		t.Fatalf("%s: %v", run.Status, run.Error)
	}
	if run.Output == nil || run.Output.Branch == nil || run.Step("code").Status != autonoma.StepCompleted {
		t.Errorf("output %+v", run.Output)
	}
	steps[1].Needs = nil
	run = h.until(h.begin(steps[1:], nil), event.Last)
	if run.Status != autonoma.Failed || run.Error.Code != autonoma.FailStepRules {
		t.Errorf("at the start: %s: %v", run.Status, run.Error)
	}
}

// An execution whose provider is down waits, while the one beside it goes on; only
// when nothing goes on the run waits.
func TestWaitingBeside(t *testing.T) {
	m := play(t, `
  - match: {agent: tester-ai, phase: generate}
    turns:
      - calls: [{name: finish, args: {summary: Nothing., confidence: 0.9}}]
        fail: [{status: 529, times: 2}]
`, part("code", "      - calls: [{name: bash, args: {command: \"while ! test -e go; do sleep 0.01; done; rm go\"}}]\n"+edit("left.txt", "left", "LEFT")))
	h := open(t, model.Retry(m, impatient, nil), pair)
	id := h.begin(graph("code coder-ai", "test tester-ai"), nil)
	run := h.until(id, func(e autonoma.Event) bool {
		n := dataOf[autonoma.Notice](e)
		return e.Kind == autonoma.EventNotice && n.Code == string(autonoma.WaitingProvider) && strings.Contains(n.Message, "529")
	})
	if run.Status != autonoma.InProgress {
		t.Errorf("the run is %s while code is under way", run.Status)
	}
	h.release(id, "go")
	h.until(id, becomes(autonoma.WaitingProvider))
	h.hurry(id)
	if run = h.until(id, event.Last); run.Status != autonoma.Completed || statuses(run) != "code completed, test completed" {
		t.Errorf("%s: %v; %s", run.Status, run.Error, statuses(run))
	}
}

// Sending the work back calls off what follows from it and is under way.
func TestSentBackBeside(t *testing.T) {
	m := play(t, `
  - match: {agent: coder-ai, phase: generate, contains: "lacks a mark"}
    turns:
      - calls: [{name: edit, args: {path: left.txt, old: LEFT, new: "LEFT!"}}]
      - calls: [{name: finish, args: {summary: Add the mark., confidence: 0.9}}]
`, part("code", edit("left.txt", "left", "LEFT")), `
  - match: {agent: review-ai, phase: generate, contains: "+LEFT!"}
    turns:
      - calls: [{name: finish, args: {verdict: approve, summary: Now it is right., confidence: 0.9}}]
  - match: {agent: review-ai, phase: generate}
    turns:
      - calls: [{name: finish, args: {verdict: changes, summary: "left.txt:1 lacks a mark", confidence: 0.9}}]
  - match: {agent: planner-ai, phase: generate, contains: "Add the mark."}
    turns:
      - calls: [{name: finish, args: {summary: noted, confidence: 1, document: "A mark."}}]
  - match: {agent: planner-ai, phase: generate}
    turns: [{fail: [{hang: true, forever: true}]}]
`)
	h := open(t, m, pair)
	steps := graph("code coder-ai", "review review-ai code", "notes planner-ai code")
	step(steps, "review").Back = &autonoma.Back{To: "code", Rounds: 1}
	run := h.until(h.begin(steps, nil), event.Last)
	if run.Status != autonoma.Completed || h.git("show", *run.Output.Branch+":left.txt") != "LEFT!" {
		t.Fatalf("%s: %v; %s", run.Status, run.Error, statuses(run))
	}
	all := must(h.db.Executions(t.Context(), run.ID))(t)
	ended := map[autonoma.StepStatus]int{}
	for _, e := range all {
		ended[e.Status]++
	}
	if ended[autonoma.StepCompleted] != 5 || ended[autonoma.StepCancelled] != 1 {
		t.Errorf("executions ended as %v", ended)
	}
	if log := h.git("log", "--format=%s", "main.."+*run.Output.Branch); log != "Add the mark\nDo code" {
		t.Errorf("commits:\n%s", log)
	}
}

// Two executions that end at the same moment begin the step that needs both once.
func TestBegunOnce(t *testing.T) {
	finish := "      - calls: [{name: finish, args: {summary: Done., confidence: 1, document: Done.}}]\n"
	says := "\n  - match: {agent: planner-ai, phase: generate}\n    turns:\n" + finish
	h := openWith(t, newGate(play(t, says), "planner-ai", 8), pair, 8, nil)
	var steps []string
	last := "last planner-ai"
	for i := range 8 {
		steps = append(steps, fmt.Sprintf("s%d planner-ai", i))
		last += fmt.Sprintf(" s%d", i)
	}
	run := h.until(h.begin(graph(append(steps, last)...), func(r *autonoma.Request) { r.Scope = autonoma.Demo }), event.Last)
	if run.Status != autonoma.Completed {
		t.Fatalf("%s: %v", run.Status, run.Error)
	}
	if all := must(h.db.Executions(t.Context(), run.ID))(t); len(all) != 9 {
		t.Errorf("there are %d executions of 9 steps", len(all))
	}
}
