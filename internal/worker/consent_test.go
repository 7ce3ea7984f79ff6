package worker_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"autonoma"
	"autonoma/internal/event"
	"autonoma/internal/rigor"
)

// pipeline is a change of what runs on build servers.
const pipeline = `
  - match: {agent: coder-ai, phase: generate, contains: "The part of code."}
    turns:
      - calls: [{name: write, args: {path: .github/workflows/ci.yml, content: "on: push\n"}}]
      - calls: [{name: bash, args: {command: "git push --force origin main; true"}}]
      - calls: [{name: finish, args: {summary: "Run it on push.", confidence: 0.9}}]
`

// inMode begins a run of one change, with its agents in a mode.
func (h *house) inMode(m autonoma.Mode) autonoma.RunID {
	h.t.Helper()
	return h.begin(graph("code coder-ai"), func(r *autonoma.Request) { r.Mode = m })
}

// buried is a change whose patch is longer than what is shown of one, and which deletes
// data at its end.
const buried = `
  - match: {agent: coder-ai, phase: generate, contains: "The part of code."}
    turns:
      - calls: [{name: bash, args: {command: "head -c 1100000 /dev/zero | tr '\\0' a >a.txt; echo 'DROP TABLE users;' >z.sql"}}]
      - calls: [{name: finish, args: {summary: "Make room.", confidence: 0.9}}]
`

// What a change does decides who is asked: nobody about a plain one or in mode
// AUTONOMOUS, a human about a critical one in ASSISTED and about any in LEARNING.
// OBSERVE hands nothing over.
func TestConsent(t *testing.T) {
	plain := part("code", edit("left.txt", "left", "LEFT"))
	for _, tt := range []struct {
		mode   autonoma.Mode
		script string
		risk   autonoma.Risk // of the question; empty: none is asked
		branch bool
	}{
		{autonoma.Assisted, plain, "", true},
		{autonoma.Assisted, pipeline, autonoma.CriticalRisk, true},
		{autonoma.Assisted, buried, autonoma.CriticalRisk, true},
		{autonoma.Learning, plain, autonoma.LowRisk, true},
		{autonoma.Observe, pipeline, "", false},
	} {
		t.Run(fmt.Sprintf("%s %s", tt.mode, tt.risk), func(t *testing.T) {
			h := open(t, play(t, tt.script), pair)
			id := h.inMode(tt.mode)
			if tt.risk != "" {
				h.until(id, becomes(autonoma.AwaitingApproval))
				h.answer(id, tt.risk)
			}
			run := h.until(id, event.Last)
			if run.Status != autonoma.Completed || (run.Output.Branch != nil) != tt.branch {
				t.Errorf("%s: %v; %+v", run.Status, run.Error, run.Output)
			}
			if tt.risk == "" && h.asked(id) != "" {
				t.Errorf("the log tells %s", h.asked(id))
			}
			if !strings.Contains(h.log(id), `"what":"effects"`) {
				t.Error("the log does not tell of effects")
			}
		})
	}
}

// log returns the data of all events of a run.
func (h *house) log(id autonoma.RunID) string {
	h.t.Helper()
	var b strings.Builder
	for _, e := range h.events(id) {
		b.Write(e.Data)
	}
	return b.String()
}

// answer agrees to what is asked about a change, and looks at what is shown before.
func (h *house) answer(id autonoma.RunID, risk autonoma.Risk) {
	h.t.Helper()
	h.idle(id)
	a := h.pending(id)
	if a.Kind != autonoma.AskChange || a.Risk != risk || a.Execution == "" || !a.Changed || h.artifacts(id)["patch"] == "" {
		h.t.Errorf("%+v", a)
	}
	if work := must(h.agents.Execution(h.t.Context(), h.owner, a.Execution))(h.t); work.Question == nil || work.Question.ID != a.ID {
		h.t.Errorf("the execution shows %+v", work.Question)
	}
	if branches := h.git("branch", "--list", "autonoma/*"); branches != "" {
		h.t.Errorf("before the answer there is %s", branches)
	}
	begin := time.Now()
	must(h.asks.Decide(h.t.Context(), h.owner, a.ID, true, ""))(h.t)
	h.until(id, func(e autonoma.Event) bool {
		return e.Kind == autonoma.EventWork && dataOf[rigor.Answer](e).Approval == a.ID
	})
	if took := time.Since(begin); took > time.Second {
		h.t.Errorf("it went on after %v", took)
	}
}

// Who is asked is told what is at stake: the effects of the change, what was tried
// without effect, and what the platform found out about it.
func TestConsentEvidence(t *testing.T) {
	h := open(t, play(t, pipeline), pair)
	id := h.inMode(autonoma.Assisted)
	h.until(id, becomes(autonoma.AwaitingApproval))
	a := h.pending(id)
	var evidence struct {
		Effects      []autonoma.Effect
		Verification autonoma.Verification
	}
	if err := json.Unmarshal(a.Evidence, &evidence); err != nil {
		t.Fatal(err)
	}
	kinds := map[autonoma.EffectKind]string{}
	for _, e := range evidence.Effects {
		kinds[e.Kind] = e.What
	}
	if kinds["ci"] != ".github/workflows/ci.yml" || !strings.Contains(kinds["force_push"], "git push --force") || evidence.Verification.Status != autonoma.Verified {
		t.Errorf("%+v", evidence)
	}
	if !strings.Contains(a.Reason, ".github/workflows/ci.yml") || !strings.Contains(a.Question, "coder-ai") {
		t.Errorf("%s: %s", a.Question, a.Reason)
	}
}

// A no about a change is the end of it, and so is silence: nothing of it is handed
// over, and what was made before is.
func TestNoConsent(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(h *house, a autonoma.Approval) error
		code autonoma.FailureCode
		says string
	}{
		{"no", func(h *house, a autonoma.Approval) error {
			_, err := h.asks.Decide(h.t.Context(), h.owner, a.ID, false, "not our runners")
			return err
		}, autonoma.FailRejected, "not our runners"},
		{"silence", func(h *house, a autonoma.Approval) error { return h.due(a.ID, 0) }, autonoma.FailExpired, "nobody answered in time"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := open(t, play(t, part("first", edit("left.txt", "left", "LEFT")), pipeline), pair)
			steps := graph("first coder-ai", "code coder-ai first")
			step(steps, "code").Rules.Retries = 3 // which change nobody's mind
			id := h.begin(steps, nil)
			h.until(id, becomes(autonoma.AwaitingApproval))
			if err := tt.end(h, h.pending(id)); err != nil {
				t.Fatal(err)
			}
			run := h.until(id, event.Last)
			if run.Status != autonoma.Failed || run.Error.Code != tt.code || !strings.Contains(run.Error.Message, tt.says) {
				t.Fatalf("%s: %+v", run.Status, run.Error)
			}
			if files := h.git("ls-tree", "-r", "--name-only", *run.Output.Branch); strings.Contains(files, "ci.yml") || h.git("show", *run.Output.Branch+":left.txt") != "LEFT" {
				t.Errorf("the branch holds %s", files)
			}
			if strings.Contains(h.artifacts(id)["patch"], "ci.yml") {
				t.Error("the patch still holds what was refused")
			}
			overrides := 0
			if tt.code == autonoma.FailRejected { // silence is nobody's disagreement
				overrides = 1
			}
			if m := must(h.agents.Get(t.Context(), h.owner, "coder-ai"))(t).Maturity; m.Overrides != overrides || m.Tasks != 1 {
				t.Errorf("%d overrides in %d tasks, want %d in the first step's", m.Overrides, m.Tasks, overrides)
			}
		})
	}
}

// A question in the middle of an execution outlives the process, and nothing is done
// twice for it.
func TestConsentAfterStart(t *testing.T) {
	h := open(t, play(t, pipeline), pair)
	id := h.inMode(autonoma.Assisted)
	h.until(id, becomes(autonoma.AwaitingApproval))
	a := h.pending(id)
	h.stop()
	h.again()
	h.idle(id)
	if now := h.pending(id); now.ID != a.ID || h.run(id).Status != autonoma.AwaitingApproval {
		t.Fatalf("%s: %+v", h.run(id).Status, now)
	}
	must(h.asks.Decide(t.Context(), h.owner, a.ID, true, ""))(t)
	run := h.until(id, event.Last)
	if run.Status != autonoma.Completed || run.Usage.ModelCalls != 3 {
		t.Errorf("%s after %d model calls: %v", run.Status, run.Usage.ModelCalls, run.Error)
	}
	for _, e := range h.events(id) {
		if e.Kind == autonoma.EventRepeat {
			t.Errorf("something was done once more: %s", e.Data)
		}
	}
	if got := h.asked(id); got != "pending approved" {
		t.Errorf("the log tells %s", got)
	}
}

// asker asks a human before it goes on.
const asker = `
  - match: {agent: coder-ai, phase: generate, contains: "The part of code."}
    turns:
      - calls:
          - {name: edit, args: {path: left.txt, old: left, new: LEFT}}
          - {name: ask, args: {question: "Upper case?", why: "Readers notice.", options: ["yes", "no"]}}
      - calls: [{name: finish, args: {summary: "Do code.", confidence: 0.9}}]
`

// An agent's question is answered by a human, and the agent is told what was said;
// silence is not told as anybody's no.
func TestAsk(t *testing.T) {
	for _, tt := range []struct {
		name  string
		end   func(h *house, a autonoma.Approval) error
		hears string
	}{
		{"yes", func(h *house, a autonoma.Approval) error {
			_, err := h.asks.Decide(h.t.Context(), h.owner, a.ID, true, "yes, like a title")
			return err
		}, "A human answered: yes, like a title"},
		{"no", func(h *house, a autonoma.Approval) error {
			_, err := h.asks.Decide(h.t.Context(), h.owner, a.ID, false, "")
			return err
		}, "A human answered: no."},
		{"silence", func(h *house, a autonoma.Approval) error { return h.due(a.ID, 0) }, "neither a yes nor a no"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := open(t, play(t, asker), pair)
			id := h.inMode(autonoma.Assisted)
			h.until(id, becomes(autonoma.AwaitingApproval))
			h.idle(id)
			a := h.pending(id)
			if a.Kind != autonoma.AskPerson || a.Question != "Upper case?\n1. yes\n2. no" || a.Reason != "Readers notice." || a.Changed {
				t.Errorf("%+v", a)
			}
			if err := tt.end(h, a); err != nil {
				t.Fatal(err)
			}
			run := h.until(id, event.Last)
			if run.Status != autonoma.Completed || h.git("show", *run.Output.Branch+":left.txt") != "LEFT" || run.Usage.ToolCalls != 3 {
				t.Errorf("%s: %v; %+v", run.Status, run.Error, run.Usage)
			}
			if !strings.Contains(h.log(id), tt.hears) || strings.Contains(h.log(id), "interrupted") {
				t.Errorf("the agent does not hear %q", tt.hears)
			}
		})
	}
}

// A step's own time does not pass while a human thinks.
func TestAskTakesNoTime(t *testing.T) {
	h := open(t, play(t, asker), pair)
	steps := graph("code coder-ai")
	steps[0].Rules.TimeoutSeconds = 5
	id := h.begin(steps, nil)
	h.until(id, becomes(autonoma.AwaitingApproval))
	h.idle(id)
	a := h.pending(id)
	past := time.Now().Add(-time.Hour).UnixMicro() // it was asked an hour ago
	for _, update := range []string{`UPDATE approvals SET created_at = ?1 WHERE run = ?2`, `UPDATE executions SET started_at = ?1 WHERE run = ?2`} {
		if _, err := h.db.Writer().ExecContext(t.Context(), update, past, id); err != nil {
			t.Fatal(err)
		}
	}
	must(h.asks.Decide(t.Context(), h.owner, a.ID, true, ""))(t)
	if run := h.until(id, event.Last); run.Status != autonoma.Completed {
		t.Errorf("%s: %v", run.Status, run.Error)
	}
}

// Work that is sent back takes its questions with it; those of steps beside it stay.
func TestAskBeside(t *testing.T) {
	beside := strings.ReplaceAll(pipeline, "The part of code.", "The part of beside.")
	h := open(t, play(t, part("code", edit("left.txt", "left", "LEFT")), beside, `
  - match: {agent: review-ai, phase: generate}
    turns:
      - calls: [{name: finish, args: {verdict: changes, summary: Once more., confidence: 0.9}}]
  - match: {agent: review-ai, phase: generate}
    turns:
      - calls: [{name: finish, args: {verdict: approve, summary: It is right., confidence: 0.9}}]
`), pair)
	steps := graph("beside coder-ai", "code coder-ai", "review review-ai code")
	step(steps, "review").Back = &autonoma.Back{To: "code", Rounds: 1}
	id := h.begin(steps, nil)
	h.until(id, becomes(autonoma.AwaitingApproval))
	h.idle(id)
	a := h.pending(id)
	if a.Step != "beside" || h.asked(id) != "pending" {
		t.Fatalf("%+v; the log tells %s", a, h.asked(id))
	}
	must(h.asks.Decide(t.Context(), h.owner, a.ID, true, ""))(t)
	if run := h.until(id, event.Last); run.Status != autonoma.Completed {
		t.Errorf("%s: %v", run.Status, run.Error)
	}
}

// People have as long to answer as the operator says.
func TestAnswerIn(t *testing.T) {
	h := open(t, play(t, pipeline, part("first", edit("left.txt", "left", "LEFT"))), pair)
	h.stop()
	h.answerIn = time.Hour
	h.again()
	steps := graph("first coder-ai", "code coder-ai first", "last coder-ai code")
	step(steps, "first").Rules.Approval = true
	id := h.begin(steps, nil)
	for range 2 {
		h.until(id, becomes(autonoma.AwaitingApproval))
		h.idle(id)
		a := h.pending(id)
		if in := a.Deadline.Sub(a.CreatedAt); in != time.Hour {
			t.Errorf("%s is to be answered in %v", a.Kind, in)
		}
		if a.Kind == autonoma.AskChange {
			return
		}
		must(h.asks.Decide(t.Context(), h.owner, a.ID, true, ""))(t)
		h.until(id, func(e autonoma.Event) bool {
			return e.Kind == autonoma.EventApproval && dataOf[autonoma.ApprovalChanged](e).Kind == autonoma.AskChange
		})
	}
	t.Error("the change was not asked about")
}
