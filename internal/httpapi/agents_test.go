package httpapi_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
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

// beat has a worker say that it is alive until the time given.
func (k *kit) beat(id autonoma.WorkerID, until time.Time) {
	k.t.Helper()
	w := autonoma.Worker{ID: id, Host: "here", Slots: 4, SeenAt: until.Add(-time.Minute), Until: until}
	if err := k.db.Beat(k.t.Context(), w); err != nil {
		k.t.Fatal(err)
	}
}

// take takes the execution of a run that waits, as a worker would.
func (k *kit) take(id autonoma.RunID, by autonoma.WorkerID) (exec autonoma.Execution, lease store.Lease) {
	k.t.Helper()
	if run := must(k.db.Run(k.t.Context(), id))(k.t); run.Status == autonoma.Queued {
		k.become(id, autonoma.InProgress, "", nil)
	}
	k.change(id, func(run *autonoma.Run) autonoma.Event {
		waits := func(s autonoma.Step) bool { return s.Status == autonoma.StepPending && s.Execution != "" }
		run.Steps[slices.IndexFunc(run.Steps, waits)].Status = autonoma.StepRunning
		return autonoma.NewEvent(autonoma.EventStep, "", time.Now(), autonoma.StepChanged{})
	})
	run := must(k.db.Run(k.t.Context(), id))(k.t)
	if err := k.db.Update(k.t.Context(), func(tx *store.Tx) (err error) {
		if exec, err = tx.Execution(run.Current().Execution); err != nil {
			return err
		}
		exec.Worker = by
		lease, err = tx.Take(&exec, time.Now())
		return err
	}); err != nil {
		k.t.Fatal(err)
	}
	return exec, lease
}

// save stores what a worker made of an execution, and counts its end.
func (k *kit) save(exec autonoma.Execution) {
	k.t.Helper()
	if err := k.db.Update(k.t.Context(), func(tx *store.Tx) error {
		run, err := tx.Run(exec.Run)
		if err != nil {
			return err
		}
		told, err := k.steps.Ended(tx, run, exec, exec.CompletedAt)
		return errors.Join(err, tx.SaveExecution(exec), tx.SaveRun(run, told...))
	}); err != nil {
		k.t.Fatal(err)
	}
}

// ended submits a task of ann's whose first execution ends, n minutes after noon, as
// the result and the failure say.
func (k *kit) ended(n int, confidence float64, why *autonoma.Failure) {
	k.t.Helper()
	exec, _ := k.take(k.submit(), "wrk_1")
	end := time.Date(2026, 2, 23, 12, n, 0, 0, time.UTC)
	exec.StartedAt, exec.CompletedAt, exec.Error, exec.Status = end.Add(-time.Duration(n)*time.Second), end, why, autonoma.StepFailed
	if why == nil {
		exec.Status, exec.Result = autonoma.StepCompleted, &autonoma.Result{Confidence: confidence, Document: "long"}
	}
	k.save(exec)
	k.become(exec.Run, autonoma.Cancelled, "", nil)
}

// All agents are listed but those that work for the platform. Whether they are
// there depends on the workers, whether they are busy on one's own work alone.
func TestListAgents(t *testing.T) {
	k := newKit(t)
	state := func(key string) string {
		t.Helper()
		text := ""
		all := must(k.client(key).Agents(t.Context()))(t)
		for _, a := range all.Agents {
			text += fmt.Sprintf("%s %s %s %d, ", a.ID, a.Status, a.Health, a.ActiveTasks)
		}
		return text + fmt.Sprint(all.Total)
	}
	check := func(when, key, want string) {
		t.Helper()
		if got := state(key); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
	check("without a worker", k.ann, "coder-ai offline unhealthy 0, judge-ai offline unhealthy 0, review-ai offline unhealthy 0, 3")
	k.beat("wrk_1", time.Now().Add(-time.Second))
	check("with a dead worker", k.ann, "coder-ai offline unhealthy 0, judge-ai offline unhealthy 0, review-ai offline unhealthy 0, 3")
	k.beat("wrk_2", time.Now().Add(time.Hour))
	check("with a worker", k.ann, "coder-ai available healthy 0, judge-ai available healthy 0, review-ai available healthy 0, 3")
	id := k.submit()
	check("while a task is queued", k.ann, "coder-ai available healthy 0, judge-ai available healthy 0, review-ai available healthy 0, 3")
	k.take(id, "wrk_2")
	check("at work", k.ann, "coder-ai busy healthy 1, judge-ai available healthy 0, review-ai available healthy 0, 3")
	check("at work for somebody else", k.bob, "coder-ai available healthy 0, judge-ai available healthy 0, review-ai available healthy 0, 3")
	k.become(id, autonoma.WaitingProvider, "", nil)
	check("waiting for a provider", k.ann, "coder-ai busy degraded 1, judge-ai available healthy 0, review-ai available healthy 0, 3")
	k.do(k.ann, "GET", "/v1/agents/list", "") // as documented
	if r := k.do(k.ann, "GET", "/v1/agents/list?limit=1", ""); r.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a parameter that is none: %d", r.StatusCode)
	}
}

// What an agent did is counted from its executions, and shown to whom they belong.
func TestAgentStatus(t *testing.T) {
	k := newKit(t)
	k.beat("wrk_1", time.Now().Add(time.Hour))
	got := must(k.client(k.ann).Agent(t.Context(), "coder-ai"))(t)
	if got.SuccessRate != nil || got.AverageDurationMS != nil || got.LastActiveAt != nil || got.ACMF.AverageConfidence != nil {
		t.Errorf("before any work: %+v", got)
	}
	failure := &autonoma.Failure{Code: autonoma.FailTurns}
	k.ended(1, 0.5, nil)
	k.ended(2, 0, failure)
	k.ended(3, 0.9, nil)
	k.ended(4, 1, nil)
	k.submit()

	for _, name := range []autonoma.AgentID{"coder-ai", "doc-ai"} {
		got = must(k.client(k.ann).Agent(t.Context(), name))(t)
		want := api.AgentStatus{
			Agent: api.Agent{
				ID: "coder-ai", Name: "Coder", Description: "d", Capability: autonoma.Build,
				Status: api.Available, Health: api.Healthy, ACMFMode: autonoma.Assisted,
			},
			QueuedTasks: 1, CompletedTasks: 3, FailedTasks: 1, SuccessRate: new(0.75), AverageDurationMS: new(int64(2666)),
			LastActiveAt: new(time.Date(2026, 2, 23, 12, 4, 0, 0, time.UTC)),
			ACMF: api.ACMF{
				Mode: autonoma.Assisted, Tasks: 4, SuccessRate: new(0.75), ConsecutiveSuccesses: 2, OverrideRate: new(0.0), AverageConfidence: new(0.8),
				NextMode:  new(autonoma.Autonomous),
				Remaining: &api.Remaining{Tasks: 496, SuccessRate: 0.2, ConsecutiveSuccesses: 48, AverageConfidence: 0.1},
				Changes:   []api.ModeChange{},
			},
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	k.ended(5, 0, failure)
	k.ended(6, 0, failure)
	got = must(k.client(k.ann).Agent(t.Context(), "coder-ai"))(t)
	if got.ACMF.ConsecutiveSuccesses != 0 || got.ACMF.ConsecutiveFailures != 2 || got.FailedTasks != 3 {
		t.Errorf("after two failures: %+v", got.ACMF)
	}
	exec, _ := k.take(k.submit(), "wrk_1")
	if got = must(k.client(k.ann).Agent(t.Context(), "coder-ai"))(t); !got.LastActiveAt.Equal(api.Seconds(exec.StartedAt)) || got.Status != api.Busy {
		t.Errorf("at work: %s, last active at %v", got.Status, got.LastActiveAt)
	}

	var others map[string]any
	r := k.do(k.bob, "GET", "/v1/agents/coder-ai/status", "")
	if err := json.Unmarshal(r.body, &others); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"activeTasks": 0.0, "queuedTasks": 0.0, "completedTasks": 0.0, "failedTasks": 0.0, "successRate": nil, "averageDurationMs": nil, "lastActiveAt": nil,
		"id": "coder-ai", "name": "Coder", "description": "d", "capability": "BUILD", "status": "available", "health": "healthy", "acmfMode": "ASSISTED",
		"acmf": map[string]any{
			"mode": "ASSISTED", "tasks": 0.0, "successRate": nil, "consecutiveSuccesses": 0.0, "consecutiveFailures": 0.0,
			"overrideRate": nil, "averageConfidence": nil, "nextMode": "AUTONOMOUS", "since": nil, "credits": 0.0, "changes": []any{},
			"remaining": map[string]any{"tasks": 500.0, "successRate": 0.95, "consecutiveSuccesses": 50.0, "overrideRate": 0.0, "averageConfidence": 0.9},
		},
	}
	if diff := cmp.Diff(want, others); diff != "" {
		t.Errorf("what bob sees (-want +got):\n%s", diff)
	}
}

// Words that paths use are no agents, and neither are those of the platform.
func TestNoSuchAgent(t *testing.T) {
	k := newKit(t)
	for _, id := range []string{"nobody", "list", "orchestrator", "orchestrator-ai", "meta-ai", "CODER-AI", "coder-ai%20", "..%2fcoder-ai", "%00", strings.Repeat("a", 5000)} {
		if r := k.do(k.ann, "GET", "/v1/agents/"+id+"/status", ""); r.StatusCode != http.StatusNotFound {
			t.Errorf("%.20s: %d %s", id, r.StatusCode, r.body)
		}
	}
	// This is the task called status, as far as paths go; there is none.
	req := must(http.NewRequestWithContext(t.Context(), "GET", k.URL+"/v1/agents/tasks/status", nil))(t)
	req.Header.Set("Authorization", "Bearer "+k.ann)
	resp := must(k.Client().Do(req))(t)
	if resp.Body.Close(); resp.StatusCode != http.StatusNotFound {
		t.Errorf("tasks: %d", resp.StatusCode)
	}
}

// Who works on what is told to whom the work belongs.
func TestCoordination(t *testing.T) {
	k := newKit(t)
	empty := must(k.client(k.ann).Coordination(t.Context()))(t)
	if len(empty.ActiveTasks)+len(empty.Workers)+empty.Queue.Queued != 0 || empty.Queue.OldestSeconds != nil ||
		!maps.Equal(empty.Queue.ByPriority, map[autonoma.Priority]int{autonoma.Low: 0, autonoma.Normal: 0, autonoma.High: 0}) {
		t.Errorf("when nothing happens: %+v", empty)
	}
	k.beat("wrk_1", time.Now().Add(time.Hour))
	k.beat("wrk_2", time.Now().Add(time.Hour))
	k.beat("wrk_3", time.Now().Add(-time.Hour))
	old, parked, working, _ := k.submit(), k.submit(), k.submit(), k.submit()
	k.do(k.ann, "POST", "/v1/agents/tasks", `{"task": "x", "capabilities": ["BUILD"], "priority": "high"}`)
	over, _ := k.take(old, "wrk_1")
	k.become(over.Run, autonoma.Failed, "", &autonoma.Failure{Code: autonoma.FailTurns})
	k.take(parked, "wrk_1")
	k.become(parked, autonoma.WaitingProvider, "", nil)
	exec, _ := k.take(working, "wrk_1")

	got := must(k.client(k.ann).Coordination(t.Context()))(t)
	if got.Queue.Queued != 2 || got.Queue.ByPriority[autonoma.High] != 1 || got.Queue.ByPriority[autonoma.Normal] != 1 || *got.Queue.OldestSeconds < 0 {
		t.Errorf("queue: %+v", got.Queue)
	}
	if ids := []autonoma.RunID{got.ActiveTasks[0].TaskID, got.ActiveTasks[1].TaskID}; !slices.Equal(ids, []autonoma.RunID{working, parked}) || len(got.ActiveTasks) != 2 {
		t.Errorf("active, newest first: %+v", got.ActiveTasks)
	}
	first := got.ActiveTasks[0]
	want := []api.ActiveAgent{
		{ID: "coder-ai", ExecutionID: &exec.ID, StepID: "work", Status: autonoma.StepRunning, DependsOn: []string{}},
		{ID: "review-ai", StepID: "review", Status: autonoma.StepPending, DependsOn: []string{"work"}},
		{ID: "coder-ai", StepID: "again", Status: autonoma.StepPending, DependsOn: []string{"review"}},
	}
	if diff := cmp.Diff(want, first.Agents); diff != "" || *first.CurrentAgent != "coder-ai" || first.Pattern != "sequential" || first.Kind != autonoma.KindTask {
		t.Errorf("%+v\n%s", first, diff)
	}
	busy := map[autonoma.WorkerID]int{}
	for _, w := range got.Workers {
		busy[w.ID] = w.Busy
	}
	if !maps.Equal(busy, map[autonoma.WorkerID]int{"wrk_1": 1, "wrk_2": 0}) || got.Workers[0].Host != "here" || got.Workers[0].Slots != 4 {
		t.Errorf("workers: %+v", got.Workers)
	}

	others := must(k.client(k.bob).Coordination(t.Context()))(t)
	if len(others.ActiveTasks) > 0 || others.Queue.Queued > 0 || others.Queue.OldestSeconds != nil || len(others.Workers) != 2 || others.Workers[0].Busy > 0 {
		t.Errorf("what bob sees: %+v", others)
	}
	k.do(k.ann, "GET", "/v1/agents/orchestrator/coordination", "") // as documented
}

// The steps of a run are in a line, or they are not.
func TestCoordinationPattern(t *testing.T) {
	k := newKit(t)
	step := func(id, needs string) string {
		return `{"id": "` + id + `", "agent": "coder-ai", "task": "x", "dependsOn": [` + needs + `]}`
	}
	for _, tt := range []struct {
		want  api.Teamwork
		steps []string
	}{
		{api.Single, []string{step("a", "")}},
		{api.Sequential, []string{step("a", ""), step("b", `"a"`), step("c", `"b"`)}},
		{api.Graph, []string{step("a", ""), step("b", "")}},
		{api.Graph, []string{step("a", ""), step("b", `"a"`), step("c", `"a"`), step("d", `"b", "c"`)}},
	} {
		run := k.runOf(`{"workflow": {"name": "w", "pattern": "graph", "steps": [` + strings.Join(tt.steps, ", ") + `]}}`)
		k.become(run.WorkflowID, autonoma.InProgress, "", nil)
		if got := must(k.client(k.ann).Coordination(t.Context()))(t).ActiveTasks[0]; got.TaskID != run.WorkflowID || got.Pattern != tt.want {
			t.Errorf("%d steps: %s is %s, want %s", len(tt.steps), got.TaskID, got.Pattern, tt.want)
		}
	}
}

// A coordination is bounded, however much is under way.
func TestCoordinationIsBounded(t *testing.T) {
	k := newKit(t)
	var last autonoma.RunID
	for range 101 {
		last = k.submit()
		k.become(last, autonoma.InProgress, "", nil)
	}
	got := must(k.client(k.ann).Coordination(t.Context()))(t)
	if len(got.ActiveTasks) != 100 || got.ActiveTasks[0].TaskID != last {
		t.Errorf("%d are shown, the first is %s", len(got.ActiveTasks), got.ActiveTasks[0].TaskID)
	}
}

// A task that is over can be asked for again: as it was, as a task of its own.
func TestRetry(t *testing.T) {
	k := newKit(t)
	r := k.do(k.ann, "POST", "/v1/agents/tasks", `{"task": "x", "capabilities": ["OPERATE"], "scope": "poc", "priority": "low",
		"metadata": {"a": "b"}, "verify": ["true"], "budget": {"maxTokens": 7}, "acmfMode": "OBSERVE"}`)
	var made api.CreatedTask
	if err := json.Unmarshal(r.body, &made); err != nil {
		t.Fatal(err)
	}
	path := made.StatusURL + "/retry"
	k.become(made.TaskID, autonoma.InProgress, "", nil)
	if p := k.do(k.ann, "POST", path, "").problem(t); p.Code != api.Conflict {
		t.Errorf("one that is under way: %+v", p)
	}
	k.become(made.TaskID, autonoma.Failed, "", &autonoma.Failure{Code: autonoma.FailTurns})
	r = k.do(k.ann, "POST", path, "")
	var again api.CreatedTask
	if err := json.Unmarshal(r.body, &again); err != nil || r.StatusCode != http.StatusAccepted || r.Header.Get("Location") != again.StatusURL || again.TaskID == made.TaskID {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	first, second := must(k.client(k.ann).Task(t.Context(), made.TaskID))(t), must(k.client(k.ann).Task(t.Context(), again.TaskID))(t)
	if second.Status != autonoma.Queued || second.RetryOf == nil || *second.RetryOf != made.TaskID || second.Error != nil || *second.Budget.MaxTokens != 7 {
		t.Errorf("%+v", second)
	}
	was, is := must(k.db.Run(t.Context(), first.TaskID))(t), must(k.db.Run(t.Context(), second.TaskID))(t)
	if diff := cmp.Diff(was.Request, is.Request); diff != "" {
		t.Errorf("what is asked for changed:\n%s", diff)
	}
	if got := must(k.client(k.ann).RetryTask(t.Context(), made.TaskID))(t); got.TaskID == again.TaskID {
		t.Error("once more is the same task")
	}
	if r := k.do(k.reader, "POST", path, ""); r.StatusCode != http.StatusForbidden {
		t.Errorf("by a reader: %d", r.StatusCode)
	}
	if r := k.do(k.ann, "POST", "/v1/agents/tasks/nonsense/retry", ""); r.StatusCode != http.StatusNotFound {
		t.Errorf("of nothing: %d", r.StatusCode)
	}
}
