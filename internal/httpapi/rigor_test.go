package httpapi_test

import (
	"context"
	"encoding/json"
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

const invoke = "/v1/admin/rigor/invoke/"

// invoke invokes the coder for ann.
func (k *kit) invoke() autonoma.ExecutionID {
	k.t.Helper()
	return must(k.client(k.chief).Invoke(k.t.Context(), "coder-ai", api.Invoke{Prompt: "do it"}))(k.t).ExecutionID
}

// The vendor's own example works as it is printed, and can be followed from the
// queue on.
func TestInvoke(t *testing.T) {
	k := newKit(t)
	r := k.do(k.chief, "POST", invoke+"doc-ai", `{"prompt": "Generate unit tests for auth module", "priority": "normal", "acmfMode": "ASSISTED"}`)
	var made map[string]any
	if err := json.Unmarshal(r.body, &made); err != nil || r.StatusCode != http.StatusAccepted {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	id, _ := made["executionId"].(string)
	want := map[string]any{
		"executionId": id, "personality": "coder-ai", "status": "queued", "acmfMode": "ASSISTED", "statusUrl": "/v1/admin/rigor/status/" + id,
	}
	if diff := cmp.Diff(want, made); diff != "" || r.Header.Get("Location") != want["statusUrl"] || !strings.HasPrefix(id, "exec_") {
		t.Errorf("Location %q\n%s", r.Header.Get("Location"), diff)
	}

	var got map[string]any
	if err := json.Unmarshal(k.do(k.chief, "GET", "/v1/admin/rigor/status/"+id, "").body, &got); err != nil {
		t.Fatal(err)
	}
	keys := []string{
		"executionId", "personality", "runId", "status", "phase", "progress", "phases", "gates", "confidence", "acmfMode", "approval",
		"output", "artifacts", "decisions", "usage", "error", "createdAt", "startedAt", "completedAt", "sandbox", "links",
	}
	slices.Sort(keys)
	if diff := cmp.Diff(keys, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	for key, want := range map[string]any{
		"executionId": id, "runId": id, "personality": "coder-ai", "status": "queued", "phase": nil, "progress": 0.0, "confidence": nil,
		"acmfMode": "ASSISTED", "approval": nil, "output": nil, "error": nil, "startedAt": nil, "completedAt": nil, "sandbox": nil,
	} {
		if got[key] != want {
			t.Errorf("%s is %v, want %v", key, got[key], want)
		}
	}
	phases, _ := got["phases"].([]any)
	if len(phases) != 5 || !cmp.Equal(phases[4], any(map[string]any{
		"name": "review", "status": "pending", "progress": 0.0, "duration": nil, "startedAt": nil, "completedAt": nil,
	})) {
		t.Errorf("phases: %v", phases)
	}
}

// What the modes allow is the lower of what is asked for and what is earned.
func TestInvokeModes(t *testing.T) {
	k := newKit(t)
	for asked, want := range map[autonoma.Mode]autonoma.Mode{
		"": autonoma.Assisted, autonoma.Observe: autonoma.Observe, autonoma.Learning: autonoma.Learning, autonoma.Assisted: autonoma.Assisted, autonoma.Autonomous: autonoma.Assisted,
	} {
		got := must(k.client(k.chief).Invoke(t.Context(), "coder-ai", api.Invoke{Prompt: "x", ACMFMode: asked}))(t)
		if got.ACMFMode != want {
			t.Errorf("invoke: %s becomes %s, want %s", asked, got.ACMFMode, want)
		}
		task := must(k.client(k.ann).CreateTask(t.Context(), api.CreateTask{Task: "x", Capabilities: []autonoma.Capability{autonoma.Build}, ACMFMode: asked}))(t)
		delivery := autonoma.DeliverBranch
		if want == autonoma.Observe {
			delivery = autonoma.DeliverPatch
		}
		if got := must(k.client(k.ann).Task(t.Context(), task.TaskID))(t); got.ACMFMode != want || got.Delivery != delivery {
			t.Errorf("task: %s becomes %s, delivered as %s", asked, got.ACMFMode, got.Delivery)
		}
	}
}

// What is wrong with an invocation is told by name; who may not invoke, or asks for
// an agent that is not there, hears so.
func TestBadInvocations(t *testing.T) {
	k := newKit(t)
	const good = `{"prompt": "x"}`
	for _, tt := range []struct {
		name, key, agent, body string
		status                 int
		want                   []api.Field
	}{
		{"nothing", k.chief, "coder-ai", `{}`, 422, []api.Field{{Field: "prompt", Message: "must not be empty; say what is to be done"}}},
		{"too long", k.chief, "coder-ai", `{"prompt": "` + strings.Repeat("x", autonoma.MaxTask+1) + `"}`, 422, []api.Field{
			{Field: "prompt", Message: "has 10001 characters; at most 10000 are allowed"},
		}},
		{"of all kinds", k.chief, "coder-ai", `{"prompt": 1, "task": "x", "capabilities": [], "priority": "urgent", "acmfMode": "EXPERT", "callbackUrl": "https://a.example", "budget": {"maxTokens": -1}}`, 422, []api.Field{
			{Field: "prompt", Message: "must be a string"}, {Field: "task", Message: "is not a known field"}, {Field: "capabilities", Message: "is not a known field"},
			{Field: "priority", Message: "must be one of low, normal, high"}, {Field: "acmfMode", Message: "must be one of OBSERVE, LEARNING, ASSISTED, AUTONOMOUS"},
			{Field: "budget.maxTokens", Message: "must not be negative"},
		}},
		{"a mode that is none", k.chief, "coder-ai", `{"prompt": "x", "acmfMode": "ALWAYS"}`, 422, []api.Field{
			{Field: "acmfMode", Message: "must be one of OBSERVE, LEARNING, ASSISTED, AUTONOMOUS"},
		}},
		{"a source outside the roots", k.chief, "coder-ai", `{"prompt": "x", "source": "/outside"}`, 422, []api.Field{
			{Field: "source", Message: "lies outside the allowed roots"},
		}},
		{"no JSON", k.chief, "coder-ai", `prompt`, 400, nil},
		{"by who may only write", k.ann, "coder-ai", good, 403, nil},
		{"nobody", k.chief, "nobody", good, 404, nil},
		{"an agent of the platform", k.chief, "orchestrator-ai", good, 404, nil},
		{"another name of it", k.chief, "meta-ai", good, 404, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := k.do(tt.key, "POST", invoke+tt.agent, tt.body)
			if r.StatusCode != tt.status {
				t.Fatalf("%d %s", r.StatusCode, r.body)
			}
			if diff := cmp.Diff(tt.want, r.problem(t).Errors); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if got := must(k.db.Runs(t.Context(), runsOf(k)))(t); len(got) > 0 {
		t.Errorf("%d runs were made", len(got))
	}
}

// An execution as it is worked on, completed, and failed.
func TestExecution(t *testing.T) {
	k := newKit(t)
	c := k.client(k.chief)
	id := k.invoke()
	exec, lease := k.take(autonoma.RunID(id), "wrk_1")
	if exec.ID != id {
		t.Fatalf("the execution of %s is %s", id, exec.ID)
	}
	used := autonoma.Usage{InputTokens: 1, OutputTokens: 2, CachedTokens: 3, CostUSD: 0.5, ModelCalls: 1}
	for range 2 {
		if err := k.db.Append(t.Context(), lease, used, autonoma.NewEvent(autonoma.EventNotice, id, time.Now(), autonoma.Notice{})); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now().Add(-10 * time.Second).Truncate(time.Microsecond)
	exec.Phase = autonoma.Inspect
	exec.Phases = []autonoma.PhaseTime{
		{Phase: autonoma.Research, StartedAt: start, CompletedAt: start.Add(1500 * time.Millisecond)}, {Phase: autonoma.Inspect, StartedAt: start.Add(2 * time.Second)},
	}
	k.save(exec)
	got := must(c.Execution(t.Context(), id))(t)
	p := got.Phases
	if got.Status != autonoma.InProgress || *got.Phase != autonoma.Inspect || got.Progress != 10 || got.StartedAt == nil ||
		p[0].Status != autonoma.StepCompleted || p[0].Progress != 100 || *p[0].Duration != 1500 || p[0].CompletedAt == nil ||
		p[1].Status != autonoma.StepRunning || *p[1].Duration < 8000 || p[1].CompletedAt != nil || p[2].Status != autonoma.StepPending {
		t.Errorf("in progress: %+v", got)
	}
	if want := (api.Usage{InputTokens: 2, OutputTokens: 4, CachedTokens: 6, CostUSD: 1, ModelCalls: 2}); got.Usage != want {
		t.Errorf("usage: %+v", got.Usage)
	}

	exec.Status, exec.CompletedAt = autonoma.StepCompleted, time.Now()
	exec.Result = &autonoma.Result{
		Summary: "done", Document: "# Done", Confidence: 0.9, Decisions: []string{"a"}, Base: "abc", Commit: "def", Changed: true,
		Verification: &autonoma.Verification{Status: autonoma.Verified, Commands: []autonoma.Checked{{Command: "make"}}},
		Gates: []autonoma.Gate{
			{ID: "diff_size", Name: "Diff Size", Status: autonoma.GateFailed, Score: new(9.0), Threshold: new(5.0), Blocking: true, Message: "9 lines", DurationMS: 7},
			{ID: "lint", Name: "Lint", Status: autonoma.GateSkipped, Message: "no linter"},
		},
	}
	k.save(exec)
	art := k.keep(autonoma.RunID(id), autonoma.Artifact{Name: "patch", Type: autonoma.PatchArtifact, MediaType: "text/x-diff", Path: "x.diff"}, "+1\n")
	branch := "autonoma/" + string(id)
	k.change(autonoma.RunID(id), func(run *autonoma.Run) autonoma.Event {
		run.Output = &autonoma.Output{Branch: &branch}
		return must(run.Become(autonoma.Completed, "", nil, time.Now()))(t)
	})
	got = must(c.Execution(t.Context(), id))(t)
	out := got.Output
	if got.Status != autonoma.Completed || got.Progress != 100 || *got.Confidence != 0.9 || !slices.Equal(got.Decisions, []string{"a"}) || got.CompletedAt == nil ||
		out.Summary != "done" || *out.Document != "# Done" || out.Verdict != nil || *out.Branch != branch || out.BaseCommit != "abc" || out.HeadCommit != "def" || !out.Changed || out.Verification.Commands[0].Command != "make" {
		t.Errorf("completed: %+v, %+v", got, out)
	}
	if diff := cmp.Diff([]api.Gate{
		{ID: "diff_size", Name: "Diff Size", Status: autonoma.GateFailed, Score: new(9.0), Threshold: new(5.0), Blocking: true, Message: "9 lines", DurationMS: 7},
		{ID: "lint", Name: "Lint", Status: autonoma.GateSkipped, Message: "no linter"},
	}, got.Gates); diff != "" {
		t.Errorf("gates (-want +got):\n%s", diff)
	}
	if len(got.Artifacts) != 1 || got.Artifacts[0].ID != art || got.Links.Self != api.StatusPathOf(id) {
		t.Fatalf("artifacts %+v, links %+v", got.Artifacts, got.Links)
	}
	k.do(k.chief, "GET", got.Links.Self, "") // as documented
	for _, path := range []string{got.Links.Events, got.Links.Diff, got.Artifacts[0].URL} {
		if r := k.do(k.ann, "GET", path, "", "Accept", "application/json"); r.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %s", path, r.StatusCode, r.body)
		}
	}

	failed := k.invoke()
	exec, _ = k.take(autonoma.RunID(failed), "wrk_1")
	exec.Status, exec.Phases = autonoma.StepFailed, []autonoma.PhaseTime{{Phase: autonoma.Research, StartedAt: start}}
	exec.CompletedAt = start.Add(time.Second)
	k.save(exec)
	k.become(exec.Run, autonoma.Failed, "", &autonoma.Failure{Code: autonoma.FailModel, Message: "no"})
	got = must(c.Execution(t.Context(), failed))(t)
	if got.Status != autonoma.Failed || got.Error.Code != autonoma.FailModel || got.Phases[0].Status != autonoma.StepFailed || *got.Phases[0].Duration != 1000 || got.Output != nil {
		t.Errorf("failed: %+v", got)
	}
	k.do(k.chief, "GET", api.StatusPathOf(failed), "")
}

// The executions of a task are seen like any other; each has made what it has made.
func TestExecutionOfATask(t *testing.T) {
	k := newKit(t)
	task := k.submit()
	exec, _ := k.take(task, "wrk_1")
	own := k.keep(task, autonoma.Artifact{Name: "work", Type: autonoma.DocumentArtifact, Execution: exec.ID}, "x")
	k.keep(task, autonoma.Artifact{Name: "review", Type: autonoma.DocumentArtifact, Execution: "exec_000000000000"}, "y")
	k.keep(task, autonoma.Artifact{Name: "patch", Type: autonoma.PatchArtifact}, "z")
	status := func() autonoma.Status {
		t.Helper()
		got := must(k.client(k.chief).Execution(t.Context(), exec.ID))(t)
		if got.RunID != task || got.Links.Self != api.PathOf(task) || len(got.Artifacts) != 1 || got.Artifacts[0].ID != own {
			t.Errorf("%+v", got)
		}
		return got.Status
	}
	if got := status(); got != autonoma.InProgress {
		t.Errorf("at work: %s", got)
	}
	k.become(task, autonoma.WaitingProvider, "", nil)
	if got := status(); got != autonoma.WaitingProvider {
		t.Errorf("waiting: %s", got)
	}
	k.become(task, autonoma.InProgress, "", nil)
	exec.Status = autonoma.StepPending
	k.save(exec)
	if got := status(); got != autonoma.WaitingProvider {
		t.Errorf("waiting, while the run goes on: %s", got)
	}
	exec.Status = autonoma.StepCompleted
	k.save(exec)
	if got := status(); got != autonoma.Completed {
		t.Errorf("completed, while the run goes on: %s", got)
	}
	exec.Status = autonoma.StepCancelled
	k.save(exec)
	if got := status(); got != autonoma.Cancelled {
		t.Errorf("cancelled: %s", got)
	}
}

// Invocations are no tasks: they are seen where executions are. To other tenants
// neither is there.
func TestInvocationsAreNoTasks(t *testing.T) {
	k := newKit(t)
	id, task := k.invoke(), k.submit()
	if r := k.do(k.ann, "GET", "/v1/agents/tasks", ""); strings.Contains(string(r.body), string(id)) || !strings.Contains(string(r.body), string(task)) {
		t.Errorf("the list: %s", r.body)
	}
	path := "/v1/agents/tasks/" + string(id)
	if r := k.do(k.ann, "GET", path, ""); r.StatusCode != http.StatusNotFound {
		t.Errorf("as a task: %d", r.StatusCode)
	}
	k.do(k.ann, "POST", path+"/cancel", "")
	if got := must(k.client(k.chief).Execution(t.Context(), id))(t); got.Status != autonoma.Cancelled || got.CompletedAt == nil {
		t.Errorf("cancelled: %+v", got)
	}
	if r := k.do(k.ann, "POST", path+"/retry", ""); r.StatusCode != http.StatusNotFound {
		t.Errorf("retry: %d", r.StatusCode)
	}

	of := must(k.db.Run(t.Context(), task))(t)
	for _, tt := range []struct {
		key, id string
		status  int
	}{
		{k.bob, string(id), 404}, {k.bob, string(of.Steps[0].Execution), 404}, {k.chief, string(of.Steps[0].Execution), 200},
		{k.ann, string(id), 403}, {k.chief, string(task), 404}, {k.chief, "exec_000000000000", 404}, {k.chief, "exec_", 404}, {k.chief, "%00", 404},
	} {
		r := k.do(tt.key, "GET", "/v1/admin/rigor/status/"+tt.id, "")
		if r.StatusCode != tt.status {
			t.Errorf("%s: %d %s", tt.id, r.StatusCode, r.body)
		}
	}
	const none = "exec_000000000000"
	theirs, nobodys := k.do(k.bob, "GET", api.StatusPathOf(id), "").problem(t), k.do(k.bob, "GET", api.StatusPathOf(none), "").problem(t)
	if a, b := replace(theirs.Detail, string(id)), replace(nobodys.Detail, none); a != b {
		t.Errorf("%q tells it from %q", a, b)
	}
}

// An invocation that was tried again is seen under the name it was given.
func TestExecutionOnceMore(t *testing.T) {
	k := newKit(t)
	id := k.invoke()
	exec, _ := k.take(autonoma.RunID(id), "wrk_1")
	exec.Status = autonoma.StepFailed
	k.save(exec)
	run := must(k.db.Run(t.Context(), autonoma.RunID(id)))(t)
	second := autonoma.Execution{ID: run.NewExecutionID(), Mode: run.Mode, Run: run.ID, Step: "work", Agent: "review-ai", Status: autonoma.StepPending, CreatedAt: time.Now()}
	run.Steps[0].Execution = second.ID
	if err := k.db.Update(t.Context(), func(tx *store.Tx) error {
		if err := tx.InsertExecution(second); err != nil {
			return err
		}
		return tx.SaveRun(run)
	}); err != nil {
		t.Fatal(err)
	}
	got := must(k.client(k.chief).Execution(t.Context(), id))(t)
	if second.ID == id || got.ExecutionID != second.ID || got.Personality != "review-ai" || got.RunID != autonoma.RunID(id) {
		t.Errorf("%+v", got)
	}
}

func TestRigorHealth(t *testing.T) {
	k := newKit(t)
	k.cfg.Rigor = func(context.Context) api.RigorHealth {
		name := "openai/x"
		return api.RigorHealth{
			Status: api.Degraded, Message: new("as told"), Sandbox: api.RigorSandbox{ProvenBy: []string{}, NotProven: []string{}},
			Models: map[autonoma.Intelligence]api.RigorModel{autonoma.Core: {Status: api.Healthy, Model: &name, Fallbacks: []string{}}},
		}
	}
	k.serve()
	ask := func(key string, status int) (h api.RigorHealth) {
		t.Helper()
		r := k.do(key, "GET", "/v1/admin/rigor/health", "")
		if r.StatusCode != status || status != 403 && json.Unmarshal(r.body, &h) != nil {
			t.Errorf("%d %s", r.StatusCode, r.body)
		}
		return h
	}
	if h := ask(k.chief, 503); h.Status != api.Unhealthy || !strings.Contains(*h.Message, "no worker is alive") {
		t.Errorf("without a worker: %+v", h)
	}
	if h := must(k.client(k.chief).RigorHealth(t.Context()))(t); h.Status != api.Unhealthy {
		t.Errorf("the client says %s", h.Status)
	}
	k.beat("wrk_1", time.Now().Add(time.Hour))
	k.invoke()
	k.submit()
	k.take(k.submit(), "wrk_1")
	h := ask(k.chief, 200)
	if h.Status != api.Degraded || *h.Message != "as told" || h.ActiveExecutions != 1 || h.QueuedExecutions != 2 || h.Agents != 3 || h.Version != "1.2.3" ||
		!slices.Equal(h.Phases, autonoma.Phases) || *h.Models[autonoma.Core].Model != "openai/x" {
		t.Errorf("with work: %+v", h)
	}
	if h := ask(k.bob, 200); h.ActiveExecutions+h.QueuedExecutions != 0 {
		t.Errorf("what bob sees: %+v", h)
	}
	ask(k.ann, 403)
}

// Invocations and retries that are sent again with their key make nothing new.
func TestInvokeAndRetryOnce(t *testing.T) {
	k := newKit(t)
	over := k.submit()
	k.become(over, autonoma.Cancelled, "", nil)
	for _, tt := range []struct{ path, body string }{
		{invoke + "coder-ai", `{"prompt": "x"}`}, {"/v1/agents/tasks/" + string(over) + "/retry", ""},
	} {
		first := k.do(k.chief, "POST", tt.path, tt.body, "Idempotency-Key", "k"+tt.path)
		again := k.do(k.chief, "POST", tt.path, tt.body, "Idempotency-Key", "k"+tt.path)
		if first.StatusCode != http.StatusAccepted || again.Header.Get("Idempotent-Replayed") != "true" ||
			string(again.body) != string(first.body) || again.Header.Get("Location") != first.Header.Get("Location") {
			t.Errorf("%s: %s, and then %d %s", tt.path, first.body, again.StatusCode, again.body)
		}
	}
	if got := must(k.db.Runs(t.Context(), runsOf(k)))(t); len(got) != 3 {
		t.Errorf("there are %d runs", len(got))
	}
}
