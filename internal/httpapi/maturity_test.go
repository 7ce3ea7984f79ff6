package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/store"
)

// mature says what an agent has shown to ann.
func (k *kit) mature(agent autonoma.AgentID, m autonoma.Maturity) {
	k.t.Helper()
	by := must(k.cfg.Who(k.t.Context(), k.ann))(k.t)
	if err := k.db.Update(k.t.Context(), func(tx *store.Tx) error { return tx.SaveMaturity(by.Tenant, agent, m) }); err != nil {
		k.t.Fatal(err)
	}
}

// acmf returns what the maturity of ann's coder is judged by.
func (k *kit) acmf() api.ACMF {
	k.t.Helper()
	return must(k.client(k.ann).Agent(k.t.Context(), "coder-ai"))(k.t).ACMF
}

// How far an agent goes is the lower of what is asked for and what it has earned, for
// whom it has earned it.
func TestEarnedModes(t *testing.T) {
	k := newKit(t)
	k.mature("coder-ai", autonoma.Maturity{Mode: autonoma.Observe, Tasks: 1})
	k.mature("review-ai", autonoma.Maturity{Mode: autonoma.Autonomous, Tasks: 1})
	for _, tt := range []struct {
		key    string
		agent  autonoma.AgentID
		asked  autonoma.Mode
		wanted autonoma.Mode
	}{
		{k.chief, "coder-ai", "", autonoma.Observe},
		{k.chief, "coder-ai", autonoma.Autonomous, autonoma.Observe},
		{k.chief, "review-ai", "", autonoma.Autonomous},
		{k.chief, "review-ai", autonoma.Autonomous, autonoma.Autonomous},
		{k.chief, "review-ai", autonoma.Learning, autonoma.Learning},
		{k.bob, "coder-ai", autonoma.Autonomous, autonoma.Assisted},
		{k.bob, "review-ai", "", autonoma.Assisted},
	} {
		c := k.client(tt.key)
		made := must(c.Invoke(t.Context(), tt.agent, api.Invoke{Prompt: "x", ACMFMode: tt.asked}))(t)
		e := must(c.Execution(t.Context(), made.ExecutionID))(t)
		if made.ACMFMode != tt.wanted || e.ACMFMode != tt.wanted {
			t.Errorf("%s, asked for %q: %s, its execution %s, want %s", tt.agent, tt.asked, made.ACMFMode, e.ACMFMode, tt.wanted)
		}
	}
	task := must(k.client(k.ann).Task(t.Context(), k.submit()))(t)
	exec := must(k.client(k.chief).Execution(t.Context(), *task.Steps[0].ExecutionID))(t)
	if task.ACMFMode != autonoma.Autonomous || exec.Personality != "coder-ai" || exec.ACMFMode != autonoma.Observe {
		t.Errorf("a task goes as far as %s, its first execution as far as %s", task.ACMFMode, exec.ACMFMode)
	}
	modes := ""
	for _, a := range must(k.client(k.ann).Agents(t.Context()))(t).Agents {
		modes += fmt.Sprint(a.ID, " ", a.ACMFMode, ", ")
	}
	if modes != "coder-ai OBSERVE, judge-ai ASSISTED, review-ai AUTONOMOUS, " {
		t.Errorf("agents: %s", modes)
	}
}

// An agent that fails again and again loses its mode, and one that shows all that is
// asked for gains one. Its status and the log of the run tell of both.
func TestModesAreGainedAndLost(t *testing.T) {
	k := newKit(t)
	for n := range autonoma.MaxFailures - 1 {
		k.ended(n+1, 0, &autonoma.Failure{Code: autonoma.FailTurns})
		k.ended(n+1, 0, &autonoma.Failure{Code: autonoma.FailModel}) // which tells nothing
	}
	if got := k.acmf(); got.Mode != autonoma.Assisted || got.ConsecutiveFailures != 4 || got.Tasks != 4 {
		t.Errorf("one before: %+v", got)
	}
	k.ended(30, 0, &autonoma.Failure{Code: autonoma.FailTurns})
	at := time.Date(2026, 2, 23, 12, 30, 0, 0, time.UTC)
	want := api.ACMF{
		Mode: autonoma.Learning, Since: &at, NextMode: new(autonoma.Assisted),
		Remaining: &api.Remaining{Tasks: 200, SuccessRate: 0.9, ConsecutiveSuccesses: 30, AverageConfidence: 0.8},
		Changes: []api.ModeChange{{
			From: autonoma.Assisted, To: autonoma.Learning, At: at,
			Reason: "coder-ai failed 5 times in a row and went from ASSISTED to LEARNING",
		}},
	}
	if diff := cmp.Diff(want, k.acmf()); diff != "" {
		t.Errorf("after the fifth failure (-want +got):\n%s", diff)
	}

	k.mature("coder-ai", autonoma.Maturity{
		Mode: autonoma.Learning, Since: at, Tasks: 199, Successes: 199, SuccessesInARow: 199, Confidence: 199_000_000,
	})
	k.ended(40, 1, nil)
	got := k.acmf()
	if got.Mode != autonoma.Assisted || got.Tasks != 0 || len(got.Changes) != 2 || got.Changes[0].From != autonoma.Learning ||
		!strings.Contains(got.Changes[0].Reason, "100.0 % of 200 tasks") || must(k.client(k.ann).Agents(t.Context()))(t).Agents[0].ACMFMode != autonoma.Assisted {
		t.Errorf("after the 200th task: %+v", got)
	}
	runs := must(k.db.Runs(t.Context(), runsOf(k)))(t)
	codes := ""
	for _, e := range must(k.tasks.Events(t.Context(), must(k.cfg.Who(t.Context(), k.ann))(t), runs[0].ID, 0, 100))(t) {
		var n autonoma.Notice
		if e.Kind == autonoma.EventNotice && json.Unmarshal(e.Data, &n) == nil {
			codes += n.Code
		}
	}
	if codes != "mode_gained" {
		t.Errorf("the log of the last run has the notices %q", codes)
	}
}

// over submits a task of ann's of which one execution is completed, and another failed
// with the run.
func (k *kit) over(changed bool) (run autonoma.RunID, done, failed autonoma.ExecutionID) {
	k.t.Helper()
	exec, _ := k.take(k.submit(), "wrk_1")
	exec.Status, exec.CompletedAt, exec.Result = autonoma.StepCompleted, time.Now(), &autonoma.Result{Confidence: 1, Changed: changed, Commit: "c", Base: "b"}
	k.save(exec)
	if err := k.db.Update(k.t.Context(), func(tx *store.Tx) error {
		run, err := tx.Run(exec.Run)
		if err != nil {
			return err
		}
		run.Step(exec.Step).Status = autonoma.StepCompleted
		_, err = k.steps.Begin(k.t.Context(), tx, &run, time.Now())
		return err
	}); err != nil {
		k.t.Fatal(err)
	}
	next, _ := k.take(exec.Run, "wrk_1")
	next.Status, next.CompletedAt, next.Error = autonoma.StepFailed, time.Now(), &autonoma.Failure{Code: autonoma.FailTurns}
	k.save(next)
	k.become(exec.Run, autonoma.Failed, "", next.Error)
	return exec.Run, exec.ID, next.ID
}

// say gives feedback.
func (k *kit) say(key, body string, more ...string) reply {
	k.t.Helper()
	return k.do(key, "POST", "/v1/feedback", body, more...)
}

// What a person says of a task is about what changed the repository. A rejection counts
// against the agent, once; to agree is written down.
func TestFeedback(t *testing.T) {
	k := newKit(t)
	run, done, failed := k.over(true)
	r := k.say(k.ann, `{"taskId": "`+string(run)+`", "signal": "reject", "reason": " The wrong file. "}`)
	said := decoded[api.Feedback](t, r, http.StatusCreated)
	want := api.Feedback{
		ID: said.ID, TaskID: run, Executions: []api.JudgedExecution{{ExecutionID: done, Personality: "coder-ai"}},
		Signal: autonoma.Reject, Reason: new("The wrong file."), KeyID: said.KeyID, Name: "ann", CreatedAt: said.CreatedAt,
	}
	if diff := cmp.Diff(want, said); diff != "" || r.Header.Get("Location") != "/v1/feedback/"+string(said.ID) {
		t.Errorf("Location %s\n%s", r.Header.Get("Location"), diff)
	}
	if got := k.acmf(); *got.OverrideRate != 1 || got.ConsecutiveSuccesses != 0 || got.Tasks != 1 || got.ConsecutiveFailures != 0 {
		t.Errorf("after the rejection: %+v", got)
	}
	for name, body := range map[string]string{
		"of the task":      `{"taskId": "` + string(run) + `", "signal": "reject"}`,
		"of the execution": `{"executionId": "` + string(done) + `", "signal": "reject", "reason": "other words"}`,
	} {
		if again := decoded[api.Feedback](t, k.say(k.ann, body), http.StatusCreated); again.ID != said.ID || *again.Reason != "The wrong file." {
			t.Errorf("the same again, %s: %+v", name, again)
		}
	}
	if got := k.acmf(); *got.OverrideRate != 1 {
		t.Errorf("said three times, it counts %v", *got.OverrideRate)
	}
	if p := k.say(k.ann, `{"executionId": "`+string(done)+`", "signal": "accept"}`).problem(t); p.Code != api.Conflict || !strings.Contains(p.Detail, string(said.ID)) {
		t.Errorf("the contrary: %+v", p)
	}
	other := decoded[api.Feedback](t, k.say(k.ann, `{"executionId": "`+string(failed)+`", "signal": "accept"}`), http.StatusCreated)
	if other.ID == said.ID || other.Executions[0].Personality != "review-ai" || other.Reason != nil {
		t.Errorf("of the other execution: %+v", other)
	}
	if got := must(k.client(k.ann).Agent(t.Context(), "review-ai"))(t).ACMF; *got.OverrideRate != 0 || got.ConsecutiveFailures != 1 {
		t.Errorf("to accept changed something: %+v", got)
	}

	page := decoded[api.Feedbacks](t, k.do(k.reader, "GET", "/v1/feedback?limit=1", ""), 200)
	rest := decoded[api.Feedbacks](t, k.do(k.reader, "GET", "/v1/feedback?cursor="+*page.NextCursor, ""), 200)
	if page.Feedback[0].ID != other.ID || len(rest.Feedback) != 1 || rest.NextCursor != nil {
		t.Errorf("the list: %+v, %+v", page, rest)
	}
	if diff := cmp.Diff(rest.Feedback[0], must(k.client(k.reader).Feedback(t.Context(), said.ID))(t)); diff != "" {
		t.Errorf("one by itself:\n%s", diff)
	}
}

// A client says what a person says, and lists all of it, newest first.
func TestFeedbackOfAClient(t *testing.T) {
	k := newKit(t)
	run, done, _ := k.over(true)
	c := k.client(k.ann)
	first := must(c.GiveFeedback(t.Context(), api.GiveFeedback{TaskID: run, Signal: autonoma.Accept}))(t)
	second := must(c.GiveFeedback(t.Context(), api.GiveFeedback{ExecutionID: done, Signal: autonoma.Accept}))(t)
	var all []autonoma.FeedbackID
	for f, err := range c.AllFeedback(t.Context()) {
		all = append(all, must(f, err)(t).ID)
	}
	if first.ID != second.ID || !slices.Equal(all, []autonoma.FeedbackID{first.ID}) {
		t.Errorf("%s, %s, all: %v", first.ID, second.ID, all)
	}
}

// Where nothing was changed, the last execution has the word. What is sent again with
// the same key is answered as before.
func TestFeedbackOnWords(t *testing.T) {
	k := newKit(t)
	run, _, failed := k.over(false)
	body := `{"taskId": "` + string(run) + `", "signal": "reject"}`
	first := k.say(k.ann, body, "Idempotency-Key", "once")
	if said := decoded[api.Feedback](t, first, http.StatusCreated); said.Executions[0].ExecutionID != failed || len(said.Executions) != 1 {
		t.Errorf("%+v", said)
	}
	if again := k.say(k.ann, body, "Idempotency-Key", "once"); again.Header.Get("Idempotent-Replayed") != "true" || string(again.body) != string(first.body) {
		t.Errorf("%s", again.body)
	}
}

// What feedback is not taken, and what is said instead.
func TestBadFeedback(t *testing.T) {
	k := newKit(t)
	run, done, _ := k.over(true)
	waits := k.submit()
	exec, _ := k.take(k.submit(), "wrk_1")
	idle := k.submit()
	k.become(idle, autonoma.Cancelled, "", nil)
	about := func(field string, id any) string { return fmt.Sprintf(`{"%s": "%s", "signal": "reject"}`, field, id) }
	for _, tt := range []struct {
		name, key, body string
		status          int
		says            string
	}{
		{"by a reader", k.reader, about("taskId", run), 403, "write"},
		{"by somebody else", k.bob, about("taskId", run), 404, ""},
		{"by somebody else, of an execution", k.bob, about("executionId", done), 404, "give feedback: " + string(done)}, // and not of which run it is
		{"of nothing there is", k.ann, about("taskId", "task_000000000000"), 404, ""},
		{"of nothing there can be", k.ann, about("executionId", "task_000000000000"), 404, ""},
		{"before its end", k.ann, about("taskId", waits), 409, "wait for its end"},
		{"of an execution before its end", k.ann, about("executionId", exec.ID), 409, "wait for its end"},
		{"of what never began", k.ann, about("taskId", idle), 409, "nothing was done"},
		{"of nothing", k.ann, `{"signal": "reject"}`, 422, "either"},
		{"of both", k.ann, `{"taskId": "` + string(run) + `", "executionId": "` + string(done) + `", "signal": "reject"}`, 422, "either"},
		{"no signal", k.ann, `{"taskId": "` + string(run) + `"}`, 422, "accept or reject"},
		{"another signal", k.ann, `{"taskId": "` + string(run) + `", "signal": "like"}`, 422, "accept or reject"},
		{"too long", k.ann, `{"taskId": "` + string(run) + `", "signal": "reject", "reason": "` + strings.Repeat("x", 2001) + `"}`, 422, "2000"},
	} {
		r := k.say(tt.key, tt.body)
		if r.StatusCode != tt.status || !strings.Contains(string(r.body), tt.says) {
			t.Errorf("%s: %d %s", tt.name, r.StatusCode, r.body)
		}
	}
	if got := k.acmf(); *got.OverrideRate != 0 {
		t.Errorf("something was counted: %+v", got)
	}
}
