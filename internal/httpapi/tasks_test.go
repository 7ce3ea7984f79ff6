package httpapi_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"autonoma"
	"autonoma/api"
)

// The vendor's own example works as it is printed, and is answered as printed.
func TestSubmitAndLook(t *testing.T) {
	k := newKit(t)
	r := k.do(k.ann, "POST", "/v1/agents/tasks", `{"task": "Add user authentication to React app", "capabilities": ["BUILD"],
		"intelligence": "core", "priority": "normal", "source": "/path/to/your/project"}`)
	if r.StatusCode != http.StatusAccepted {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	var created map[string]any
	if err := json.Unmarshal(r.body, &created); err != nil {
		t.Fatal(err)
	}
	path, _ := created["statusUrl"].(string)
	if r.Header.Get("Location") != path || path != "/v1/agents/tasks/"+created["taskId"].(string) {
		t.Errorf("Location %q, statusUrl %q", r.Header.Get("Location"), path)
	}
	if diff := cmp.Diff([]any{"coder-ai", "review-ai"}, created["agentsAssigned"]); diff != "" {
		t.Errorf("agents, each once and in order: %s", diff)
	}

	r = k.do(k.ann, "GET", path, "")
	var task map[string]any
	if err := json.Unmarshal(r.body, &task); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"taskId", "status", "progress", "currentAgent", "completedPhases", "estimatedCompletion", "output", "error",
		"createdAt", "startedAt", "completedAt", "statusDetail", "kind", "task", "capabilities", "intelligence", "scope",
		"priority", "source", "queuePosition", "steps", "approval", "usage", "budget", "metadata", "links", "baseRef", "delivery", "acmfMode", "retryOf",
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(task))); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	for key, want := range map[string]any{
		"status": "queued", "progress": 0.0, "currentAgent": nil, "output": nil, "error": nil, "queuePosition": 1.0,
		"startedAt": nil, "budget": nil, "approval": nil, "scope": "mvp", "delivery": "branch", "kind": "task",
		"acmfMode": "ASSISTED", "retryOf": nil,
	} {
		if task[key] != want {
			t.Errorf("%s is %v, want %v", key, task[key], want)
		}
	}
	for _, key := range []string{"createdAt", "estimatedCompletion"} {
		if _, err := time.Parse("2006-01-02T15:04:05Z", task[key].(string)); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// A task as it is worked on, completed, and failed.
func TestLifeOfATask(t *testing.T) {
	k := newKit(t)
	c := k.client(k.ann)
	first, second := k.submit(), k.submit()
	if got := must(c.Task(t.Context(), second))(t); *got.QueuePosition != 2 {
		t.Errorf("the second in the queue is number %d", *got.QueuePosition)
	}

	k.become(first, autonoma.InProgress, "", nil)
	k.change(first, func(run *autonoma.Run) autonoma.Event {
		run.Steps[0].Status, run.Steps[0].Progress = autonoma.StepCompleted, 100
		run.Steps[1].Status, run.Steps[1].Phase, run.Steps[1].Execution = autonoma.StepRunning, autonoma.Generate, "exec_a1b2c3d4e5f6"
		run.Advance()
		return autonoma.NewEvent(autonoma.EventStep, "", time.Now(), autonoma.StepChanged{Step: "work"})
	})
	got := must(c.Task(t.Context(), first))(t)
	if got.Status != autonoma.InProgress || got.QueuePosition != nil || got.StartedAt == nil || got.Progress == 0 ||
		*got.CurrentAgent != "review-ai" || !slices.Equal(got.CompletedPhases, []string{"implementation"}) ||
		*got.Steps[1].ExecutionID != "exec_a1b2c3d4e5f6" || *got.Steps[1].Phase != autonoma.Generate {
		t.Errorf("in progress: %+v", got)
	}

	branch := "autonoma/" + string(first)
	art := k.keep(first, autonoma.Artifact{Name: "diff", Type: autonoma.PatchArtifact, MediaType: "text/x-diff", Path: "x.diff"}, "+1\n")
	k.change(first, func(run *autonoma.Run) autonoma.Event {
		run.Output = &autonoma.Output{Summary: "done", Branch: &branch, FilesChanged: 1, Verification: autonoma.Verification{
			Status: autonoma.Verified, Commands: []autonoma.Checked{{Command: "go test", Before: autonoma.Failing, After: autonoma.Passed}},
		}, Gates: []autonoma.Gate{{ID: "secrets", Name: "Secrets", Status: autonoma.GatePassed}}}
		return must(run.Become(autonoma.Completed, "", nil, time.Now()))(t)
	})
	got = must(c.Task(t.Context(), first))(t)
	if got.Progress != 100 || got.Output == nil || *got.Output.Branch != branch || len(got.Output.Artifacts) != 1 ||
		got.Output.Artifacts[0].URL != got.Links.Self+"/artifacts/"+string(art) || got.Output.Verification.Commands[0].Command != "go test" ||
		len(got.Output.Gates) != 1 || got.Output.Gates[0].ID != "secrets" {
		t.Errorf("completed: %+v", got)
	}
	k.do(k.ann, "GET", got.Links.Self, "") // as documented

	k.become(second, autonoma.Failed, "", &autonoma.Failure{Code: autonoma.FailModel, Message: "no model", Agent: "coder-ai", Retryable: true})
	got = must(c.Task(t.Context(), second))(t)
	if got.Output != nil || got.Error == nil || got.Error.Code != autonoma.FailModel || *got.Error.Agent != "coder-ai" || got.Error.Phase != nil {
		t.Errorf("failed: %+v", got.Error)
	}
	k.do(k.ann, "GET", got.Links.Self, "")
}

func TestCancel(t *testing.T) {
	k := newKit(t)
	path := "/v1/agents/tasks/" + string(k.submit())
	for i, want := range []int{http.StatusAccepted, http.StatusConflict} {
		if r := k.do(k.ann, "POST", path+"/cancel", ""); r.StatusCode != want {
			t.Errorf("time %d: %d %s", i+1, r.StatusCode, r.body)
		}
	}
	if r := k.do(k.ann, "GET", path, ""); !jsonHas(t, r.body, "status", "cancelled") {
		t.Errorf("%s", r.body)
	}
}

// Pages follow each other without gap or repetition while tasks are added.
func TestListWhileTasksAreAdded(t *testing.T) {
	k := newKit(t)
	var want []autonoma.RunID
	for range 7 {
		want = append(want, k.submit())
	}
	slices.Reverse(want)
	var got []autonoma.RunID
	query := "?limit=2"
	for {
		var page api.Tasks
		if err := json.Unmarshal(k.do(k.ann, "GET", "/v1/agents/tasks"+query, "").body, &page); err != nil {
			t.Fatal(err)
		}
		for _, task := range page.Tasks {
			got = append(got, task.TaskID)
		}
		if page.NextCursor == nil {
			break
		}
		query = "?limit=2&cursor=" + *page.NextCursor
		k.submit()
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestListByStatus(t *testing.T) {
	k := newKit(t)
	k.submit()
	cancelled := k.submit()
	if _, err := k.client(k.ann).CancelTask(t.Context(), cancelled); err != nil {
		t.Fatal(err)
	}
	var got []autonoma.RunID
	for task, err := range k.client(k.ann).Tasks(t.Context(), autonoma.Cancelled) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, task.TaskID)
	}
	if diff := cmp.Diff([]autonoma.RunID{cancelled}, got); diff != "" {
		t.Error(diff)
	}
	if r := k.do(k.bob, "GET", "/v1/agents/tasks", ""); string(r.body) != `{"tasks":[],"nextCursor":null}`+"\n" {
		t.Errorf("what bob sees: %s", r.body)
	}
}

// What belongs to another tenant looks exactly like what is not there.
func TestOtherTenant(t *testing.T) {
	k := newKit(t)
	id := k.submit()
	art := k.keep(id, autonoma.Artifact{Name: "p", Type: autonoma.PatchArtifact, Path: "p"}, "x")
	const none = "task_000000000000"
	for _, tt := range []struct{ method, rest string }{
		{"GET", ""}, {"POST", "/cancel"}, {"POST", "/retry"}, {"GET", "/events"}, {"GET", "/diff"}, {"GET", "/artifacts/" + string(art)},
	} {
		theirs := k.do(k.bob, tt.method, "/v1/agents/tasks/"+string(id)+tt.rest, "", "X-Request-Id", "same")
		nobodys := k.do(k.bob, tt.method, "/v1/agents/tasks/"+none+tt.rest, "", "X-Request-Id", "same")
		if theirs.StatusCode != http.StatusNotFound || nobodys.StatusCode != http.StatusNotFound {
			t.Errorf("%s %s: %d and %d", tt.method, tt.rest, theirs.StatusCode, nobodys.StatusCode)
		}
		a, b := theirs.problem(t), nobodys.problem(t)
		a.Detail, b.Detail = replace(a.Detail, string(id)), replace(b.Detail, none)
		if diff := cmp.Diff(a, b); diff != "" {
			t.Errorf("%s %s tells them apart:\n%s", tt.method, tt.rest, diff)
		}
	}
	if got := must(k.client(k.ann).Task(t.Context(), id))(t); got.Status != autonoma.Queued {
		t.Errorf("and it is %s", got.Status)
	}
}

func jsonHas(t *testing.T, body []byte, key string, want any) bool {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return m[key] == want
}
