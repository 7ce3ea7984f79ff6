package worker_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"autonoma"
	"autonoma/internal/agent"
	"autonoma/internal/event"
)

// Six agents take a task to a branch that passes its checks.
func TestFlow(t *testing.T) {
	h := open(t, play(t, researcher, writers, coder, tester, reviewer), repository)
	before := h.git("rev-parse", "HEAD")
	run := h.carryOut(nil)
	if run.Status != autonoma.Completed || run.Progress != 100 || run.Output == nil {
		t.Fatalf("%s (%s) at %d: %v", run.Status, run.StatusDetail, run.Progress, run.Error)
	}
	want := []string{"requirements", "planning", "architecture", "implementation", "testing", "review"}
	if got := run.CompletedPhases(); !slices.Equal(got, want) {
		t.Errorf("completed %v", got)
	}
	out := run.Output
	if out.Verification.Status != autonoma.Verified || out.Verification.Commit != out.HeadCommit || out.Verification.Isolation == "" {
		t.Errorf("verification %+v of %s", out.Verification, out.HeadCommit)
	}
	if c := out.Verification.Commands; len(c) != 1 || c[0].Command != "sh test.sh" || c[0].Before != autonoma.Failing || c[0].After != autonoma.Passed {
		t.Errorf("checks %+v", c)
	}
	summary := fmt.Sprintf("2 files changed (+2 −1), commit %.12s.\nVerified: 1 of 1 checks pass in a clean checkout (isolation: %s).\n"+
		"- `sh test.sh`: failed → passed\n\nThe agents say: Spell world right. It was a slip.", out.HeadCommit, out.Verification.Isolation)
	if out.Summary != summary || out.Confidence != 0.8 || out.FilesChanged != 2 || out.Insertions != 2 || out.Deletions != 1 {
		t.Errorf("output %+v", out)
	}

	branch := "autonoma/" + string(run.ID)
	if out.Branch == nil || *out.Branch != branch {
		t.Fatalf("branch %v", out.Branch)
	}
	if got := h.git("rev-parse", branch); got != out.HeadCommit {
		t.Errorf("the branch is at %s, not at %s", got, out.HeadCommit)
	}
	if got := h.git("show", branch+":greet.txt"); got != "hello world" {
		t.Errorf("the branch says %q", got)
	}
	if out.BaseCommit != before || h.git("rev-parse", "HEAD") != before || h.git("status", "--porcelain") != "" {
		t.Errorf("the user's checkout changed: %s", h.git("status", "--porcelain"))
	}
	h.stop() // the run is over before its workspaces are gone
	if left, err := h.spaces.Leftovers(); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// What agents write for others, and what is delivered, can be had as artifacts.
func TestArtifacts(t *testing.T) {
	h := open(t, play(t, researcher, writers, coder, tester, reviewer), repository)
	run := h.carryOut(nil)
	got := h.artifacts(run.ID)
	for name, want := range map[string]string{
		"research":     "The greeting is in greet.txt.",
		"requirements": "AC1: the greeting is spelt right.",
		"planning":     "1. greet.txt",
		"architecture": "Nothing to decide.",
		"patch":        "+hello world",
		"bundle":       "# v2 git bundle",
		"evidence":     `"payloadType":"application/vnd.in-toto+json"`,
	} {
		if !strings.Contains(got[name], want) {
			t.Errorf("%s is %.80q", name, got[name])
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("there is also %s", name)
	}
}

// The log has no gap, the phases of each execution come in order, progress never
// goes back, and usage is the sum of the turns.
func TestLog(t *testing.T) {
	h := open(t, play(t, researcher, writers, coder, tester, reviewer), repository)
	id := h.submit(nil)
	last := 0
	run := h.until(id, func(e autonoma.Event) bool {
		if p := h.run(id).Progress; p < last {
			t.Errorf("progress goes back from %d to %d at event %d", last, p, e.Seq)
		} else {
			last = p
		}
		return event.Last(e)
	})
	phases := map[autonoma.ExecutionID][]autonoma.Phase{}
	var output, turns int64
	for i, e := range h.events(id) {
		if e.Seq != int64(i+1) {
			t.Fatalf("event %d has number %d", i+1, e.Seq)
		}
		switch e.Kind {
		case autonoma.EventPhase:
			if p := dataOf[autonoma.PhaseChanged](e); p.Status == autonoma.StepCompleted {
				phases[e.Execution] = append(phases[e.Execution], p.Phase)
			}
		case autonoma.EventTurn:
			output += int64(dataOf[agent.Turn](e).Answer.Usage.OutputTokens)
			turns++
		}
	}
	if len(phases) != 6 {
		t.Errorf("there are %d executions", len(phases))
	}
	for id, got := range phases {
		if !slices.Equal(got, autonoma.Phases) {
			t.Errorf("%s went through %v", id, got)
		}
	}
	if run.Usage.ModelCalls != turns || run.Usage.OutputTokens != output || output == 0 {
		t.Errorf("usage is %+v; %d turns with %d tokens are in the log", run.Usage, turns, output)
	}
}

// A reviewer who asks for changes sends the work back, once, with its points.
func TestSecondRound(t *testing.T) {
	h := open(t, play(t, researcher, writers, `
  - match: {agent: coder-ai, phase: generate, contains: "greet.txt:1 lacks a mark"}
    turns:
      - calls: [{name: edit, args: {path: greet.txt, old: world, new: "world!"}}]
      - calls: [{name: finish, args: {summary: Add the mark., confidence: 0.9}}]
`, coder, `
  - match: {agent: tester-ai, phase: generate, contains: "greet.txt:1 lacks a mark"}
    turns:
      - calls: [{name: finish, args: {summary: Nothing to add., confidence: 0.9}}]
`, tester, `
  - match: {agent: review-ai, phase: generate, contains: "+hello world!"}
    turns:
      - calls: [{name: finish, args: {verdict: approve, summary: Now it is right., confidence: 0.9}}]
  - match: {agent: review-ai, phase: generate}
    turns:
      - calls: [{name: finish, args: {verdict: changes, summary: "greet.txt:1 lacks a mark", confidence: 0.9}}]
`), repository)
	id := h.submit(nil)
	last, back := 0, false
	run := h.until(id, func(e autonoma.Event) bool {
		p := h.run(id).Progress
		back = back || p < last
		last = p
		return event.Last(e)
	})
	if run.Status != autonoma.Completed || back {
		t.Fatalf("%s: %v; progress went back: %v", run.Status, run.Error, back)
	}
	if got := h.git("show", *run.Output.Branch+":greet.txt"); got != "hello world!" {
		t.Errorf("the branch says %q", got)
	}
	if got := h.git("log", "--format=%an %s", "main.."+*run.Output.Branch); got != "coder-ai Add the mark\ntester-ai Test that there is a greeting\ncoder-ai Spell world right" {
		t.Errorf("commits:\n%s", got)
	}
	if run.Output.Verification.Status != autonoma.Verified || run.Output.Verification.Commit != run.Output.HeadCommit {
		t.Errorf("verification %+v of %s", run.Output.Verification, run.Output.HeadCommit)
	}
	for _, s := range run.Steps {
		want := 1
		if s.ID == "implementation" || s.ID == "testing" || s.ID == "review" {
			want = 2
		}
		if s.Round != want || s.Status != autonoma.StepCompleted {
			t.Errorf("%s is %s in round %d", s.ID, s.Status, s.Round)
		}
	}
}

// How a run ends whose result is not as it should be, and what is left of it.
func TestOutcome(t *testing.T) {
	const helpless = `
  - match: {agent: coder-ai, phase: generate}
    turns:
      - calls: [{name: edit, args: {path: greet.txt, old: wrold, new: wrld}}]
      - calls: [{name: finish, args: {summary: Try to spell it., confidence: 0.3}}]
      - calls: [{name: finish, args: {summary: Try again., confidence: 0.3}}]
      - calls: [{name: finish, args: {summary: Give up., confidence: 0.2}}]
  - match: {agent: tester-ai, phase: generate}
    turns:
      - calls: [{name: finish, args: {summary: Nothing to add., confidence: 0.9}}]
      - calls: [{name: finish, args: {summary: Nothing to add., confidence: 0.9}}]
      - calls: [{name: finish, args: {summary: Nothing to add., confidence: 0.9}}]
`
	const stern = `
  - match: {agent: review-ai, phase: generate}
    turns:
      - calls: [{name: finish, args: {verdict: changes, summary: I do not like it., confidence: 0.9}}]
`
	const idle = `
  - match: {agent: coder-ai, phase: generate}
    turns:
      - text: Nothing has to be done.
  - match: {agent: tester-ai, phase: generate}
    turns:
      - text: Nothing has to be tested.
`
	for _, tt := range []struct {
		name   string
		says   []string
		adjust func(*autonoma.Request)
		status autonoma.Status
		code   autonoma.FailureCode
		proof  autonoma.VerificationStatus
		branch bool
	}{
		{
			name: "checks fail at mvp", says: []string{researcher, writers, helpless, reviewer},
			status: autonoma.Failed, code: autonoma.FailVerification, proof: autonoma.NotVerified, branch: true,
		},
		{
			name: "checks fail at poc", says: []string{helpless, reviewer},
			adjust: func(r *autonoma.Request) { r.Scope = autonoma.POC },
			status: autonoma.Completed, proof: autonoma.NotVerified, branch: true,
		},
		{
			name: "rejected twice at mvp", says: []string{researcher, writers, `
  - match: {agent: coder-ai, phase: generate, contains: I do not like it}
    turns:
      - text: It is good as it is.
`, coder, tester, stern},
			status: autonoma.Failed, code: autonoma.FailReview, proof: autonoma.Verified, branch: true,
		},
		{
			name: "rejected twice at poc", says: []string{`
  - match: {agent: coder-ai, phase: generate, contains: I do not like it}
    turns:
      - text: It is good as it is.
`, coder, tester, stern},
			adjust: func(r *autonoma.Request) { r.Scope = autonoma.POC },
			status: autonoma.Completed, proof: autonoma.Verified, branch: true,
		},
		{
			name: "nothing changed", says: []string{idle, reviewer},
			adjust: func(r *autonoma.Request) { r.Scope, r.Verify = autonoma.POC, []string{"true"} },
			status: autonoma.Completed, proof: autonoma.NotApplicable,
		},
		{
			name: "demo", says: []string{coder},
			adjust: func(r *autonoma.Request) { r.Scope = autonoma.Demo },
			status: autonoma.Completed, proof: autonoma.NotApplicable, branch: true,
		},
		{
			name: "only a patch", says: []string{coder},
			adjust: func(r *autonoma.Request) { r.Scope, r.Delivery = autonoma.Demo, autonoma.DeliverPatch },
			status: autonoma.Completed, proof: autonoma.NotApplicable,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := open(t, play(t, tt.says...), repository)
			run := h.carryOut(tt.adjust)
			if run.Status != tt.status || run.Output == nil {
				t.Fatalf("%s (%s): %v", run.Status, run.StatusDetail, run.Error)
			}
			if tt.code != "" && (run.Error == nil || run.Error.Code != tt.code) || tt.code == "" && run.Error != nil {
				t.Errorf("error %v, want %q", run.Error, tt.code)
			}
			if got := run.Output.Verification.Status; got != tt.proof {
				t.Errorf("verification %s, want %s", got, tt.proof)
			}
			if got := h.git("branch", "--list", "autonoma/*"); (got != "") != tt.branch || (run.Output.Branch != nil) != tt.branch {
				t.Errorf("branches %q, output %v", got, run.Output.Branch)
			}
			changed := run.Output.HeadCommit != run.Output.BaseCommit
			if _, ok := h.artifacts(run.ID)["patch"]; ok != changed {
				t.Errorf("there is a patch: %v, for %d changed files", ok, run.Output.FilesChanged)
			}
		})
	}
}

// A branch that cannot be made does not lose the result.
func TestNoBranch(t *testing.T) {
	h := open(t, play(t, coder), repository)
	h.git("branch", "autonoma") // in the way of autonoma/<run>
	run := h.carryOut(func(r *autonoma.Request) { r.Scope = autonoma.Demo })
	if run.Status != autonoma.Failed || run.Error == nil || run.Error.Code != autonoma.FailDelivery || run.Output.Branch != nil {
		t.Fatalf("%s: %v", run.Status, run.Error)
	}
	if got := h.artifacts(run.ID)["patch"]; !strings.Contains(got, "+hello world") {
		t.Errorf("the patch is %q", got)
	}
}

// A completed execution knows how long its phases took, from which later ones are
// expected to take as long.
func TestPace(t *testing.T) {
	h := open(t, play(t, coder), repository)
	run := h.carryOut(demo)
	exec, err := h.db.Execution(t.Context(), run.Step("implementation").Execution)
	if err != nil || len(exec.Phases) != 5 || exec.Phases[4].CompletedAt.IsZero() {
		t.Errorf("phases: %+v, %v", exec.Phases, err)
	}
	if pace, err := h.db.Pace(t.Context(), "coder-ai"); err != nil || pace.Total() <= 0 {
		t.Errorf("pace: %v, %v", pace, err)
	}
}
