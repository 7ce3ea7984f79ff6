package worker_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"autonoma"
	"autonoma/internal/event"
	"autonoma/internal/model"
	"autonoma/internal/rigor"
)

// graph is steps, each written as its name, its agent, and the names it needs.
func graph(steps ...string) []autonoma.Step {
	var all []autonoma.Step
	for _, text := range steps {
		w := strings.Fields(text)
		all = append(all, autonoma.Step{
			ID: w[0], Agent: autonoma.AgentID(w[1]), Asks: "The part of " + w[0] + ".", Needs: w[2:],
			Pace: autonoma.Pace{autonoma.Generate: 1}, Status: autonoma.StepPending, Round: 1,
		})
	}
	return all
}

// begin gives the system a run of the steps, at scope poc, changed by adjust.
func (h *house) begin(steps []autonoma.Step, adjust func(*autonoma.Request)) autonoma.RunID {
	h.t.Helper()
	req := autonoma.Request{
		Task: "Two greetings.", Capabilities: []autonoma.Capability{autonoma.Build}, Scope: autonoma.POC,
		Source: h.repo, Verify: []string{"sh test.sh"},
	}
	if adjust != nil {
		adjust(&req)
	}
	return must(h.tasks.Start(h.t.Context(), h.owner, autonoma.KindWorkflow, req, steps))(h.t).ID
}

// part is a conversation in which the coder does the part of a step, and then says
// so.
func part(step, calls string) string {
	return fmt.Sprintf(`
  - match: {agent: coder-ai, phase: generate, contains: "The part of %s."}
    turns:
%s      - calls: [{name: finish, args: {summary: "Do %s.", confidence: 0.9}}]
`, step, calls, step)
}

func edit(path, old, new string) string {
	return fmt.Sprintf("      - calls: [{name: edit, args: {path: %s, old: %q, new: %q}}]\n", path, old, new)
}

// A gate is a model whose conversations with an agent wait, at their first turn,
// until so many of them are there: they come through only if they are under way at
// the same time.
type gate struct {
	model.Model
	agent  string
	here   chan struct{} // has room for all but one
	open   func()
	opened chan struct{}
}

func newGate(m model.Model, agent string, n int) *gate {
	opened := make(chan struct{})
	return &gate{m, agent, make(chan struct{}, n-1), sync.OnceFunc(func() { close(opened) }), opened}
}

func (g *gate) Turn(ctx context.Context, r model.Request) iter.Seq2[model.Delta, error] {
	if len(r.Messages) == 1 && strings.HasPrefix(r.System, "You are "+g.agent+",") {
		select {
		case g.here <- struct{}{}:
			select {
			case <-g.opened:
			case <-ctx.Done():
			}
		default:
			g.open()
		}
	}
	return g.Model.Turn(ctx, r)
}

const pair = `
-- left.txt --
left
-- right.txt --
right
-- both.txt --
one
two
three
-- test.sh --
test -s left.txt
`

const judge = `
  - match: {agent: review-ai, phase: generate}
    turns:
      - calls: [{name: finish, args: {verdict: approve, summary: "Both are right.", confidence: 0.8}}]
`

var diamond = []string{"plan planner-ai", "left coder-ai plan", "right coder-ai plan", "review review-ai left right"}

const plan = `
  - match: {agent: planner-ai, phase: generate}
    turns:
      - calls: [{name: finish, args: {summary: planned, confidence: 1, document: "Two parts."}}]
`

// statuses writes where the steps of a run are.
func statuses(run autonoma.Run) string {
	var all []string
	for _, s := range run.Steps {
		all = append(all, s.ID+" "+string(s.Status))
	}
	return strings.Join(all, ", ")
}

// Two coders work at the same time on different files; what they made is brought
// together without a model, checked, and judged together.
func TestDiamond(t *testing.T) {
	m := play(t, plan, part("left", edit("left.txt", "left", "LEFT")), part("right", edit("right.txt", "right", "RIGHT")), judge)
	h := open(t, newGate(m, "coder-ai", 2), pair)
	id := h.begin(graph(diamond...), nil)
	run := h.until(id, event.Last)
	if run.Status != autonoma.Completed || statuses(run) != "plan completed, left completed, right completed, merge-review completed, review completed" {
		t.Fatalf("%s: %v; %s", run.Status, run.Error, statuses(run))
	}
	out := run.Output
	branch := *out.Branch
	if left, right := h.git("show", branch+":left.txt"), h.git("show", branch+":right.txt"); left != "LEFT" || right != "RIGHT" {
		t.Errorf("the branch says %q and %q", left, right)
	}
	if v := out.Verification; v.Status != autonoma.Verified || v.Commit != out.HeadCommit {
		t.Errorf("verification %+v of %s", v, out.HeadCommit)
	}
	if _, said, _ := strings.Cut(out.Summary, "\n\nThe agents say: "); said != "Do left.\n\nDo right." || out.Confidence != 0.8 || out.FilesChanged != 2 {
		t.Errorf("output %+v", out)
	}
	if parents := strings.Fields(h.git("log", "-1", "--format=%P", branch)); len(parents) != 2 {
		t.Errorf("the result has %d parents", len(parents))
	}
	merge := run.Step("merge-review")
	for _, e := range h.events(id) {
		if e.Kind == autonoma.EventTurn && e.Execution == merge.Execution {
			t.Error("a model was asked to bring together what fits")
		}
	}
	h.stop()
	if left, err := h.spaces.Leftovers(); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// What two coders changed in the same lines is settled by a third, who sees both
// sides; the result has no trace of the conflict.
func TestConflict(t *testing.T) {
	settle := `
  - match: {agent: coder-ai, phase: generate, contains: "<data from=\"git\">\nboth.txt\n</data>"}
    turns:
      - calls: [{name: finish, args: {summary: "Done, I think.", confidence: 0.5}}]
      - calls: [{name: write, args: {path: both.txt, content: "one\nTWO and zwei\nthree\n"}}]
      - calls: [{name: finish, args: {summary: "Keep both words.", confidence: 0.7}}]
`
	h := open(t, play(t, settle, plan, part("left", edit("both.txt", "two", "TWO")), part("right", edit("both.txt", "two", "zwei")), judge), pair)
	run := h.until(h.begin(graph(diamond...), nil), event.Last)
	if run.Status != autonoma.Completed {
		t.Fatalf("%s: %v; %s", run.Status, run.Error, statuses(run))
	}
	branch := *run.Output.Branch
	if got := h.git("show", branch+":both.txt"); got != "one\nTWO and zwei\nthree" {
		t.Errorf("the branch says %q", got)
	}
	if log := h.git("log", "-p", "-m", "main.."+branch); strings.Contains(log, "<<<<<<<") {
		t.Errorf("the history holds a conflict:\n%s", log)
	}
	if v := run.Output.Verification; v.Status != autonoma.Verified || v.Commit != run.Output.HeadCommit {
		t.Errorf("verification %+v of %s", v, run.Output.HeadCommit)
	}
	var merged rigor.Merge
	for _, e := range h.events(run.ID) {
		if m := dataOf[rigor.Merge](e); e.Kind == autonoma.EventWork && m.What == "merge" {
			merged = m
		}
	}
	if !slices.Equal(merged.Conflicts, []string{"both.txt"}) || len(merged.Commits) != 2 {
		t.Errorf("the log tells of the merge %+v", merged)
	}
}

// A conflict that nobody settles fails the run, and hands over what fits: it says no
// more than that of what was done, and names what is left out.
func TestConflictLeft(t *testing.T) {
	h := open(t, play(t, `
  - match: {agent: coder-ai, phase: generate, contains: "Files in conflict"}
    turns:
      - calls: [{name: finish, args: {summary: "Done, I think.", confidence: 0.5}}]
      - calls: [{name: finish, args: {summary: "Quite sure.", confidence: 0.5}}]
`, plan, part("left", edit("both.txt", "two", "TWO")), part("right", edit("both.txt", "two", "zwei")), judge), pair)
	run := h.until(h.begin(graph(diamond...), nil), event.Last)
	if run.Status != autonoma.Failed || run.Error.Code != autonoma.FailConflict || !strings.Contains(run.Error.Message, "both.txt") {
		t.Fatalf("%s: %v", run.Status, run.Error)
	}
	if got := h.git("show", *run.Output.Branch+":both.txt"); got != "one\nTWO\nthree" && got != "one\nzwei\nthree" {
		t.Errorf("handed over is %q", got)
	}
	in, out := "left", "right"
	if strings.Contains(h.git("show", *run.Output.Branch+":both.txt"), "zwei") {
		in, out = out, in
	}
	notices := ""
	for _, e := range h.events(run.ID) {
		if n := dataOf[autonoma.Notice](e); e.Kind == autonoma.EventNotice && n.Code == "left_out" {
			notices += n.Message
		}
	}
	if _, said, _ := strings.Cut(run.Output.Summary, "\n\nThe agents say: "); said != "Do "+in+"." || strings.Count(notices, "step ") != 1 || !strings.Contains(notices, "step "+out+" ") {
		t.Errorf("of %s is said %q, and %q", in, run.Output.Summary, notices)
	}
}

// What passes its checks apart and not together is mended by the agent that brings
// it together. Here the ends of the flow are.
func TestTogether(t *testing.T) {
	files := pair + "-- more --\n"
	h := open(t, play(t, `
  - match: {agent: coder-ai, phase: generate, contains: "Checks that do not pass"}
    turns:
      - calls: [{name: write, args: {path: ok.txt, content: "both\n"}}]
      - calls: [{name: finish, args: {summary: "Let both be.", confidence: 0.7}}]
`, part("left", edit("left.txt", "left", "LEFT")), part("right", edit("right.txt", "right", "RIGHT"))), files)
	run := h.until(h.begin(graph("left coder-ai", "right coder-ai"), func(r *autonoma.Request) {
		r.Verify = []string{"grep -q left left.txt || grep -q right right.txt || test -e ok.txt"}
	}), event.Last)
	if run.Status != autonoma.Completed || statuses(run) != "left completed, right completed, merge completed" {
		t.Fatalf("%s: %v; %s", run.Status, run.Error, statuses(run))
	}
	out := run.Output
	if h.git("show", *out.Branch+":ok.txt") != "both" || out.Verification.Status != autonoma.Verified || out.Verification.Commit != out.HeadCommit {
		t.Errorf("output %+v", out)
	}
}

// Dependencies are there for all who begin at once, in the checkouts of each.
func TestSetupBeside(t *testing.T) {
	h := open(t, play(t, part("left", edit("left.txt", "left", "LEFT")), part("right", edit("right.txt", "right", "RIGHT"))), pair+"-- .gitignore --\ndeps/\n")
	run := h.until(h.begin(graph("left coder-ai", "right coder-ai"), func(r *autonoma.Request) {
		r.Setup, r.Verify = []string{"mkdir deps && echo here >deps/one"}, []string{"grep -q here deps/one"}
	}), event.Last)
	if run.Status != autonoma.Completed || run.Output.Verification.Status != autonoma.Verified {
		t.Fatalf("%s: %v; %+v", run.Status, run.Error, run.Output)
	}
}

// A step that only reads leaves the commit as it was: there is nothing to bring
// together.
func TestReadersBeside(t *testing.T) {
	h := open(t, play(t, plan, part("code", edit("left.txt", "left", "LEFT")), judge), pair)
	run := h.until(h.begin(graph("code coder-ai", "plan planner-ai", "review review-ai code plan"), nil), event.Last)
	if run.Status != autonoma.Completed || statuses(run) != "code completed, plan completed, review completed" {
		t.Fatalf("%s: %v; %s", run.Status, run.Error, statuses(run))
	}
	if run.Output.Verification.Commit != run.Output.HeadCommit || run.Output.FilesChanged != 1 {
		t.Errorf("output %+v", run.Output)
	}
}

// Steps that begin at the same time each look around, and each report is kept, with
// the execution that wrote it.
func TestResearchBeside(t *testing.T) {
	agentOf, looked := map[string]string{"left": "planner-ai", "right": "review-ai"}, ""
	for step, agent := range agentOf {
		looked += `
  - match: {phase: research, agent: ` + agent + `}
    turns:
      - calls: [{name: finish, args: {summary: looked, confidence: 1, document: "Seen by ` + step + `."}}]
`
	}
	h := open(t, play(t, looked, plan, judge), pair)
	id := h.begin(graph("left "+agentOf["left"], "right "+agentOf["right"]), func(r *autonoma.Request) { r.Scope = autonoma.MVP })
	run := h.until(id, event.Last)
	if run.Status != autonoma.Completed {
		t.Fatalf("%s: %v; %s", run.Status, run.Error, statuses(run))
	}
	got := h.artifacts(id)
	for step := range agentOf {
		if text := got["research."+step]; text != "Seen by "+step+"." {
			t.Errorf("what %s found is %q", step, text)
		}
	}
	if _, ok := got["research"]; ok {
		t.Error("one of two reports has the name of both")
	}
}
