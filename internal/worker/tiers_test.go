package worker_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"autonoma"
	"autonoma/internal/event"
	"autonoma/internal/model"
	"autonoma/internal/rigor"
	"autonoma/internal/service"
)

// ultra asks for candidates.
func ultra(r *autonoma.Request) { r.Intelligence = autonoma.Ultra }

// What tells the candidates apart, in their order.
const (
	smallest = "Yours: the smallest change"
	robust   = "Yours: robustness"
	clear    = "Yours: clarity"
)

// said is what the candidate says that works in a spirit.
func said(spirit string) string {
	return "In the spirit of " + strings.TrimPrefix(spirit, "Yours: ") + "."
}

// try is the conversation of the candidate that works in a spirit. It may be asked to
// mend what it left, and does not.
func try(spirit, calls string) string {
	finish := fmt.Sprintf("      - calls: [{name: finish, args: {summary: %q, confidence: 0.9}}]\n", said(spirit))
	return fmt.Sprintf(`
  - match: {agent: coder-ai, phase: generate, contains: "%s"}
    turns:
%s`, spirit, calls) + finish + finish
}

const (
	content = `
  - match: {agent: coder-ai, phase: optimize}
    turns:
      - calls: [{name: finish, args: {verdict: approve, summary: "Nothing of weight.", confidence: 0.9}}]
`
	stuck = `      - calls: [{name: glob, args: {pattern: none}}]
        repeat: 10
`
	chosenByJudge = `
  - match: {agent: coder-ai, phase: review}
    turns:
      - calls: [{name: finish, args: {candidate: code.9, summary: "The one that is not there.", confidence: 0.9}}]
      - calls: [{name: finish, args: {candidate: code.2, summary: "It is easier to read.", confidence: 0.9}}]
`
)

func write(path, text string) string {
	return fmt.Sprintf("      - calls: [{name: write, args: {path: %s, content: %q}}]\n", path, text)
}

// An ear hears what a model is asked first in its conversations.
type ear struct {
	model.Model
	mu    sync.Mutex
	heard []model.Request
}

func (e *ear) Turn(ctx context.Context, r model.Request) iter.Seq2[model.Delta, error] {
	if len(r.Messages) == 1 {
		e.mu.Lock()
		e.heard = append(e.heard, r)
		e.mu.Unlock()
	}
	return e.Model.Turn(ctx, r)
}

// asked returns the first messages to an agent in a phase.
func (e *ear) asked(agent autonoma.AgentID, phase autonoma.Phase) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []string
	for _, r := range e.heard {
		if strings.HasPrefix(r.System, "You are "+string(agent)+",") && strings.Contains(r.System, "\nPhase: "+string(phase)+"\n") {
			all = append(all, r.Messages[0].Text)
		}
	}
	return all
}

// choices returns what the log of a run tells of choices.
func (h *house) choices(id autonoma.RunID) []autonoma.Choice {
	h.t.Helper()
	var all []autonoma.Choice
	for _, e := range h.events(id) {
		if c := dataOf[rigor.Choice](e); e.Kind == autonoma.EventWork && c.What == "choice" {
			all = append(all, c.Choice)
		}
	}
	return all
}

// chose returns the only choice of a run, which must have come to an end.
func (h *house) chose(run autonoma.Run) autonoma.Choice {
	h.t.Helper()
	all := h.choices(run.ID)
	if run.Status != autonoma.Completed || len(all) != 1 {
		h.t.Fatalf("%s: %v; %s; choices %+v", run.Status, run.Error, statuses(run), all)
	}
	return all[0]
}

// Of three candidates one passes its checks, so it is taken over, whatever the others
// say of themselves. The others are no part of the result, nobody who follows hears of
// them, and what they cost is told.
func TestEvidenceDecides(t *testing.T) {
	m := &ear{Model: play(t, content, try(smallest, write("both.txt", "mine\n")), try(robust, write("left.txt", "")+write("lost.txt", "lost\n")), try(clear, write("right.txt", "RIGHT\n")+write("ok.txt", "ok\n")), judge)}
	h := open(t, m, pair)
	id := h.begin(graph("code coder-ai", "review review-ai code"), func(r *autonoma.Request) {
		ultra(r)
		r.Verify = []string{"sh test.sh", "test -e ok.txt"}
	})
	run := h.until(id, event.Last)
	choice := h.chose(run)
	if got := statuses(run); got != "code.1 completed, code.2 completed, code.3 completed, code completed, review completed" {
		t.Errorf("steps: %s", got)
	}
	if choice.Step != "code.3" || choice.By != autonoma.ByEvidence || run.Step("code").Chosen != "code.3" {
		t.Errorf("chosen is %+v", choice)
	}
	out := run.Output
	if files := h.git("diff", "--name-only", "main", *out.Branch); files != "ok.txt\nright.txt" || out.Verification.Status != autonoma.Verified {
		t.Errorf("changed is %q, %s", files, out.Verification.Status)
	}
	if !strings.Contains(out.Summary, said(clear)) || strings.Contains(out.Summary, said(smallest)) || strings.Contains(out.Summary, said(robust)) {
		t.Errorf("summary %q", out.Summary)
	}
	if heard := strings.Join(m.asked("review-ai", autonoma.Generate), "\n"); !strings.Contains(heard, said(clear)) || strings.Contains(heard, said(smallest)) || strings.Contains(heard, said(robust)) {
		t.Errorf("the reviewer hears\n%s", heard)
	}
	var all autonoma.Usage
	for _, s := range run.Steps {
		if s.Candidate != "" && s.Used.ModelCalls < 3 {
			t.Errorf("%s used %+v", s.ID, s.Used)
		}
		all.Add(s.Used)
	}
	if all != run.Usage {
		t.Errorf("the steps used %+v, the run %+v", all, run.Usage)
	}
	if lost := choice.Lost(); lost.ModelCalls != run.Step("code.1").Used.ModelCalls+run.Step("code.2").Used.ModelCalls {
		t.Errorf("lost %+v", lost)
	}
	if text := h.artifacts(id)["code"]; !strings.Contains(text, "code.3 was chosen by evidence") || !strings.Contains(text, "What was not chosen cost 7 model calls") {
		t.Errorf("the document says\n%s", text)
	}
	h.stop()
	if left, err := h.spaces.Leftovers(); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// Among candidates that are equally good a judge decides. It sees their changes, not
// what their agents say, and nothing of one that evidence has ruled out.
func TestJudgeDecides(t *testing.T) {
	m := &ear{Model: play(t, content, chosenByJudge, try(smallest, edit("both.txt", "two", "TWO")), try(robust, edit("both.txt", "two", "zwei")), try(clear, write("left.txt", "")))}
	h := open(t, m, pair)
	run := h.until(h.begin(graph("code coder-ai"), ultra), event.Last)
	choice := h.chose(run)
	if choice.Step != "code.2" || choice.By != autonoma.ByJudge || choice.Why != "It is easier to read." {
		t.Errorf("chosen is %+v", choice)
	}
	if got := h.git("show", *run.Output.Branch+":both.txt"); got != "one\nzwei\nthree" {
		t.Errorf("the branch says %q", got)
	}
	asked := m.asked("coder-ai", autonoma.Review)
	if len(asked) != 1 || !strings.Contains(asked[0], "+TWO") || !strings.Contains(asked[0], "+zwei") || strings.Contains(asked[0], "left.txt") || strings.Contains(asked[0], "spirit") {
		t.Errorf("the judge is asked %q", asked)
	}
	h.stop()
}

// Candidates that made the same change need no judge, and one that comes to no end
// leaves it at the first.
func TestNoJudge(t *testing.T) {
	same := try("Yours: ", edit("both.txt", "two", "TWO"))
	h := open(t, play(t, content, same), pair)
	if c := h.chose(h.until(h.begin(graph("code coder-ai"), ultra), event.Last)); c.By != autonoma.ByLikeness || c.Step != "code.1" {
		t.Errorf("chosen is %+v", c)
	}
	h = open(t, play(t, content, `
  - match: {agent: coder-ai, phase: review}
    turns: [{repeat: 60, calls: [{name: finish, args: {candidate: none, summary: "None.", confidence: 0.9}}]}]
`, try(robust, edit("both.txt", "two", "zwei")), same), pair)
	if c := h.chose(h.until(h.begin(graph("code coder-ai"), ultra), event.Last)); c.By != autonoma.ByOrder || c.Step != "code.1" {
		t.Errorf("chosen is %+v", c)
	}
}

// A candidate that gets nowhere does not end the run; what failed is told. When all
// do, the run fails with the last of them, and resuming it tries them all again.
func TestCandidatesFail(t *testing.T) {
	h := open(t, play(t, content, try(smallest, stuck), try(robust, edit("both.txt", "two", "TWO")), try(clear, stuck)), pair)
	run := h.until(h.begin(graph("code coder-ai"), ultra), event.Last)
	choice := h.chose(run)
	if choice.Step != "code.2" || choice.By != autonoma.ByDefault || choice.Candidates[0].Failure != autonoma.FailLoop {
		t.Errorf("chosen is %+v", choice)
	}
	if got := statuses(run); got != "code.1 failed, code.2 completed, code.3 failed, code completed" {
		t.Errorf("steps: %s", got)
	}
	if !strings.Contains(h.log(run.ID), `"code":"loop_detected"`) {
		t.Error("the log does not tell why")
	}

	h = open(t, play(t, try("Yours: ", stuck)), pair)
	run = h.until(h.begin(graph("code coder-ai", "review review-ai code"), ultra), event.Last)
	if run.Status != autonoma.Failed || run.Error.Code != autonoma.FailLoop || run.Output != nil {
		t.Fatalf("%s: %+v", run.Status, run.Error)
	}
	if got := statuses(run); got != "code.1 failed, code.2 failed, code.3 failed, code pending, review pending" {
		t.Errorf("steps: %s", got)
	}
	again := h.until(must(h.tasks.Resume(t.Context(), h.owner, run.ID))(t).ID, event.Last)
	if again.Status != autonoma.Failed || again.Usage.ModelCalls != run.Usage.ModelCalls {
		t.Errorf("resumed: %s, %d calls", again.Status, again.Usage.ModelCalls)
	}
}

// What a review sends back goes to the step itself, which goes on from what was chosen.
// A run that fails later is resumed without trying any candidate again.
func TestBackAfterChoice(t *testing.T) {
	says := []string{content, try(smallest, edit("both.txt", "two", "TWO")), try(robust, stuck), try(clear, stuck), `
  - match: {agent: review-ai, phase: generate, contains: "+TWO AND MORE"}
    turns:
      - calls: [{name: finish, args: {verdict: approve, summary: "Now it is right.", confidence: 0.8}}]
        fail: [{status: 401}]
  - match: {agent: review-ai, phase: generate}
    turns:
      - calls: [{name: finish, args: {verdict: changes, summary: "Say more.", confidence: 0.8}}]
`, part("code", edit("both.txt", "TWO", "TWO AND MORE"))}
	h := open(t, model.Retry(play(t, says...), impatient, nil), pair)
	steps := graph("code coder-ai", "review review-ai code")
	steps[1].Back = &autonoma.Back{To: "code", Rounds: 1}
	old := h.until(h.begin(steps, ultra), event.Last)
	if old.Status != autonoma.Failed || old.Error.Code != autonoma.FailModel || old.Step("code").Round != 2 || old.Step("code").Chosen != "code.1" {
		t.Fatalf("%s: %v; %s; round %d %v", old.Status, old.Error, statuses(old), old.Step("code").Round, h.git("show", *old.Output.Branch))
	}
	if len(h.choices(old.ID)) != 1 || h.git("show", *old.Output.Branch+":both.txt") != "one\nTWO AND MORE\nthree" {
		t.Errorf("choices %+v, output %+v", h.choices(old.ID), old.Output)
	}
	run := h.until(must(h.tasks.Resume(t.Context(), h.owner, old.ID))(t).ID, event.Last)
	if run.Status != autonoma.Completed || run.Usage.ModelCalls != 1 || h.git("show", *run.Output.Branch+":both.txt") != "one\nTWO AND MORE\nthree" {
		t.Errorf("%s: %v; %s; %d calls", run.Status, run.Error, statuses(run), run.Usage.ModelCalls)
	}
	renewed := h.until(must(h.tasks.Retry(t.Context(), h.owner, old.ID))(t).ID, event.Last)
	if renewed.Status != autonoma.Completed || len(renewed.Steps) != 5 || len(h.choices(renewed.ID)) != 1 {
		t.Errorf("retried: %s: %v; %s", renewed.Status, renewed.Error, statuses(renewed))
	}
}

// A judgment that sends the work back to before the candidates has them try again.
func TestBackBeforeChoice(t *testing.T) {
	h := open(t, play(t, content, plan, try("Yours: ", write("both.txt", "{{turn}}\n")), `
  - match: {agent: review-ai, phase: generate}
    turns:
      - calls: [{name: finish, args: {verdict: changes, summary: "Plan it anew.", confidence: 0.8}}]
`), pair)
	steps := graph("plan planner-ai", "code coder-ai plan", "review review-ai code")
	steps[2].Back = &autonoma.Back{To: "plan", Rounds: 1}
	run := h.until(h.begin(steps, ultra), event.Last)
	if run.Status != autonoma.Completed || len(h.choices(run.ID)) != 2 || run.Step("code.3").Round != 2 || run.Step("code").Chosen != "code.1" {
		t.Errorf("%s: %v; %s; %+v", run.Status, run.Error, statuses(run), h.choices(run.ID))
	}
}

// A step of a workflow has candidates by its own rules. What others left before it is
// brought together once, for all of them.
func TestCandidatesByRule(t *testing.T) {
	h := open(t, play(t, content, try(smallest, write("a.txt", "a\n")), try(robust, write("a.txt", "a\n")), try(clear, write("left.txt", "")), part("left", edit("left.txt", "left", "LEFT")), part("right", edit("right.txt", "right", "RIGHT"))), pair)
	steps := graph("left coder-ai", "right coder-ai", "code coder-ai left right")
	steps[2].Rules.Intelligence = autonoma.Ultra
	run := h.until(h.begin(steps, nil), event.Last)
	if c := h.chose(run); c.By != autonoma.ByLikeness {
		t.Errorf("chosen is %+v", c)
	}
	if got := statuses(run); got != "left completed, right completed, merge-code completed, code.1 completed, code.2 completed, code.3 completed, code completed" {
		t.Errorf("steps: %s", got)
	}
	b := *run.Output.Branch
	if got := h.git("show", b+":left.txt") + h.git("show", b+":right.txt") + h.git("show", b+":a.txt"); got != "LEFTRIGHTa" {
		t.Errorf("the branch says %q", got)
	}
}

// A step that takes no part has candidates that take none, and one that is tried again
// when it fails has candidates that are.
func TestRulesOfCandidates(t *testing.T) {
	skips := func(_ autonoma.Run, s autonoma.Step, _ []service.Outcome) (service.Decision, error) {
		return service.Decision{Skip: strings.Contains(s.Asks, "code")}, nil
	}
	h := openWith(t, play(t, judge), pair, 2, skips)
	run := h.until(h.begin(graph("code coder-ai", "review review-ai code"), ultra), event.Last)
	if got := statuses(run); got != "code.1 skipped, code.2 skipped, code.3 skipped, code skipped, review completed" {
		t.Errorf("steps: %s", got)
	}
	once := `
  - match: {agent: coder-ai, phase: generate}
    turns:
      - calls: [{name: edit, args: {path: both.txt, old: two, new: TWO}}]
        fail: [{status: 401}]
      - calls: [{name: finish, args: {summary: Done., confidence: 0.9}}]
`
	h = open(t, model.Retry(play(t, content, once), impatient, nil), pair)
	steps := graph("code coder-ai")
	steps[0].Rules.Retries = 1
	run = h.until(h.begin(steps, ultra), event.Last)
	if c := h.chose(run); c.By != autonoma.ByLikeness || run.Step("code.1").Tries != 1 || run.Step("code.3").Tries != 1 {
		t.Errorf("chosen is %+v; %s", c, statuses(run))
	}
}

// A human is asked about what was chosen, once, and about no candidate.
func TestConsentToChoice(t *testing.T) {
	h := open(t, play(t, content, try("Yours: ", edit("both.txt", "two", "TWO"))), pair)
	id := h.begin(graph("code coder-ai"), func(r *autonoma.Request) { ultra(r); r.Mode = autonoma.Learning })
	h.until(id, becomes(autonoma.AwaitingApproval))
	h.answer(id, autonoma.LowRisk)
	run := h.until(id, event.Last)
	told := 0
	for _, e := range h.events(id) {
		if e.Kind == autonoma.EventApproval {
			told++
		}
	}
	if h.chose(run); told != 2 || run.Output.Branch == nil { // that it was asked, and that it was answered
		t.Errorf("%d events tell of questions; output %+v", told, run.Output)
	}
}

// A process that dies while the judge thinks does nothing twice: no candidate works
// again, and there is one choice.
func TestCutInChoice(t *testing.T) {
	m := play(t, content, `
  - match: {agent: coder-ai, phase: review}
    turns:
      - calls: [{name: finish, args: {candidate: none, summary: "None.", confidence: 0.9}}]
      - calls: [{name: finish, args: {candidate: code.3, summary: "It reads well.", confidence: 0.9}}]
        fail: [{hang: true}]
`, try(smallest, edit("both.txt", "two", "TWO")), try(robust, edit("both.txt", "two", "zwei")), try(clear, edit("both.txt", "two", "deux")))
	h := open(t, m, pair)
	id := h.begin(graph("code coder-ai"), ultra)
	h.until(id, func(e autonoma.Event) bool {
		return e.Kind == autonoma.EventCall && strings.Contains(string(e.Data), `"loop":"judge"`)
	})
	h.halt()
	h.again()
	run := h.until(id, event.Last)
	if c := h.chose(run); c.Step != "code.3" || c.By != autonoma.ByJudge {
		t.Errorf("chosen is %+v", c)
	}
	turns := map[autonoma.ExecutionID]int{}
	for _, e := range h.events(id) {
		if e.Kind == autonoma.EventTurn {
			turns[e.Execution]++
		}
	}
	got := slices.Collect(func(yield func(int) bool) {
		for _, s := range run.Steps {
			if !yield(turns[s.Execution]) {
				return
			}
		}
	})
	if !slices.Equal(got, []int{3, 3, 3, 2}) || len(turns) != 4 {
		t.Errorf("turns of the steps: %v, of %d executions", got, len(turns))
	}
}

// Calling a run off stops all candidates.
func TestCancelCandidates(t *testing.T) {
	h := openWith(t, play(t, try("Yours: ", "      - calls: [{name: bash, args: {command: \"sleep 600\"}}]\n")), pair, 3, nil)
	id := h.begin(graph("code coder-ai"), ultra)
	turns := 0
	h.until(id, func(e autonoma.Event) bool {
		if e.Kind == autonoma.EventTurn {
			turns++
		}
		return turns == 3
	})
	begin := time.Now()
	run := must(h.tasks.Cancel(t.Context(), h.owner, id))(t)
	for h.running(id) {
		<-time.After(10 * time.Millisecond)
	}
	if took := time.Since(begin); took > time.Second {
		t.Errorf("it took %v", took)
	}
	if got := statuses(run); got != "code.1 cancelled, code.2 cancelled, code.3 cancelled, code pending" {
		t.Errorf("steps: %s", got)
	}
	if used := run.Step("code.1").Used.ModelCalls + run.Step("code.2").Used.ModelCalls + run.Step("code.3").Used.ModelCalls; used != 3 {
		t.Errorf("the steps used %d calls", used)
	}
}

// A task of tier ultra has candidates for the step that makes the change, an agent that
// is invoked by name has not: that is one execution.
func TestWhoHasCandidates(t *testing.T) {
	h := open(t, play(t, content, reviewer, tester, try("Yours: ", edit("greet.txt", "wrold", "world")), `
  - match: {agent: tester-ai, phase: optimize}
    turns:
      - calls: [{name: finish, args: {verdict: approve, summary: "Nothing of weight.", confidence: 0.9}}]
`, coder), repository)
	run := h.carryOut(func(r *autonoma.Request) { ultra(r); r.Scope = autonoma.POC })
	if h.chose(run); statuses(run) != "implementation.1 completed, implementation.2 completed, implementation.3 completed, implementation completed, testing completed, review completed" {
		t.Errorf("steps: %s", statuses(run))
	}
	if phases := run.CompletedPhases(); !slices.Equal(phases, []string{"implementation", "testing", "review"}) {
		t.Errorf("phases %v", phases)
	}
	if run := h.invoke("coder-ai", func(r *autonoma.Request) { ultra(r); r.Scope = autonoma.POC }); run.Status != autonoma.Completed || len(run.Steps) != 1 {
		t.Errorf("%s: %v; %s", run.Status, run.Error, statuses(run))
	}
}
