package httpapi_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"autonoma"
	"autonoma/api"
)

// A template is kept, shown, changed and removed; those that are built in are not.
func TestTemplates(t *testing.T) {
	k := newKit(t)
	ctx, c := t.Context(), k.client(k.ann)
	w := api.Workflow{Name: "mine", Steps: []api.WorkflowStep{{ID: "a", Agent: "coder-ai", Task: "Do it."}}}
	made := must(c.CreateWorkflow(ctx, w))(t)
	if made.Revision != 1 || made.BuiltIn || made.CreatedAt == nil || made.StepCount != 1 || made.Pattern != autonoma.Sequential {
		t.Errorf("made: %+v", made)
	}
	r := k.do(k.ann, "POST", "/v1/customer/workflows", `{"name": "second", "steps": [{"id": "a", "agent": "coder-ai", "task": "x"}]}`)
	if r.StatusCode != http.StatusCreated || r.Header.Get("Location") != "/v1/customer/workflows/second" {
		t.Errorf("%d, Location %q", r.StatusCode, r.Header.Get("Location"))
	}
	names := func(key string) (all []string) {
		t.Helper()
		for w, err := range k.client(key).Workflows(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, w.Name)
		}
		return all
	}
	builtIn := []string{"mend", "build", "evolve", "optimize", "secure", "govern", "platform", "operate"}
	if diff := cmp.Diff(append([]string{"second", "mine"}, builtIn...), names(k.ann)); diff != "" {
		t.Errorf("ann's: %s", diff)
	}
	if diff := cmp.Diff(builtIn, names(k.bob)); diff != "" {
		t.Errorf("bob's: %s", diff)
	}

	w.Steps[0].Task = "Do it well."
	changed := must(c.ChangeWorkflow(ctx, w))(t)
	if changed.Revision != 2 || !changed.CreatedAt.Equal(*made.CreatedAt) || must(c.Workflow(ctx, "mine"))(t).Definition.Steps[0].Task != "Do it well." {
		t.Errorf("changed: %+v", changed)
	}
	for _, tt := range []struct {
		key, method, path, body string
		status                  int
		says                    string
	}{
		{k.ann, "POST", "", `{"name": "mine", "steps": [{"id": "a", "agent": "coder-ai", "task": "x"}]}`, 409, "already"},
		{k.ann, "POST", "", `{"name": "mend", "steps": [{"id": "a", "agent": "coder-ai", "task": "x"}]}`, 409, "built in"},
		{k.ann, "PUT", "/build", `{"name": "build", "steps": [{"id": "a", "agent": "coder-ai", "task": "x"}]}`, 409, "built in"},
		{k.ann, "PUT", "/mine", `{"steps": [{"id": "a", "agent": "coder-ai", "task": "x"}]}`, 200, ""},
		{k.ann, "PUT", "/mine", `{"name": "other", "steps": [{"id": "a", "agent": "coder-ai", "task": "x"}]}`, 422, "keeps its name"},
		{k.ann, "PUT", "/none", `{"steps": [{"id": "a", "agent": "coder-ai", "task": "x"}]}`, 404, "none"},
		{k.ann, "DELETE", "/mend", "", 409, "built in"},
		{k.ann, "DELETE", "/none", "", 404, "none"},
		{k.ann, "GET", "/none", "", 404, "none"},
		{k.bob, "GET", "/mine", "", 404, "mine"},
		{k.bob, "PUT", "/mine", `{"steps": [{"id": "a", "agent": "coder-ai", "task": "x"}]}`, 404, "mine"},
		{k.bob, "DELETE", "/mine", "", 404, "mine"},
		{k.bob, "POST", "", `{"name": "mine", "steps": [{"id": "a", "agent": "coder-ai", "task": "x"}]}`, 201, ""},
		{k.reader, "POST", "", `{"name": "third", "steps": [{"id": "a", "agent": "coder-ai", "task": "x"}]}`, 403, "write"},
		{k.reader, "PUT", "/mine", `{"steps": [{"id": "a", "agent": "coder-ai", "task": "x"}]}`, 403, "write"},
		{k.reader, "DELETE", "/mine", "", 403, "write"},
		{k.ann, "GET", "?cursor=x", "", 422, "cursor"},
	} {
		if r := k.do(tt.key, tt.method, "/v1/customer/workflows"+tt.path, tt.body); r.StatusCode != tt.status || !strings.Contains(string(r.body), tt.says) {
			t.Errorf("%s %s: %d %s", tt.method, tt.path, r.StatusCode, r.body)
		}
	}
	if err := c.DeleteWorkflow(ctx, "mine"); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(append([]string{"second"}, builtIn...), names(k.ann)); diff != "" {
		t.Errorf("ann's: %s", diff)
	}
}

// Pages follow each other, from the own workflows to those that are built in.
func TestPagesOfTemplates(t *testing.T) {
	k := newKit(t)
	for _, name := range []string{"a", "b"} {
		w := api.Workflow{Name: name, Steps: []api.WorkflowStep{{ID: "a", Agent: "coder-ai", Task: "x"}}}
		must(k.client(k.ann).CreateWorkflow(t.Context(), w))(t)
	}
	var got []string
	pages := 0
	for query := "?limit=3"; query != ""; pages++ {
		var page api.Workflows
		if err := json.Unmarshal(k.do(k.ann, "GET", "/v1/customer/workflows"+query, "").body, &page); err != nil {
			t.Fatal(err)
		}
		for _, w := range page.Workflows {
			got = append(got, w.Name)
		}
		if query = ""; page.NextCursor != nil {
			query = "?limit=3&cursor=" + *page.NextCursor
		}
	}
	want := []string{"b", "a", "mend", "build", "evolve", "optimize", "secure", "govern", "platform", "operate"}
	if diff := cmp.Diff(want, got); diff != "" || pages != 4 {
		t.Errorf("%d pages: %s", pages, diff)
	}
}

// There is an end to what a tenant may keep.
func TestTooManyTemplates(t *testing.T) {
	k := newKit(t)
	for i := range autonoma.MaxWorkflows + 1 {
		w := api.Workflow{Name: fmt.Sprint("w", i), Steps: []api.WorkflowStep{{ID: "a", Agent: "coder-ai", Task: "x"}}}
		_, err := k.client(k.ann).CreateWorkflow(t.Context(), w)
		if (err != nil) != (i == autonoma.MaxWorkflows) {
			t.Fatalf("number %d: %v", i+1, err)
		}
	}
}

// A run is accepted, shown as documented, and is no task.
func TestRunWorkflow(t *testing.T) {
	k := newKit(t)
	if r := k.do(k.ann, "POST", "/v1/customer/workflows", whole); r.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	r := k.do(k.ann, "POST", "/v1/customer/workflow", `{"workflow": "fix-and-check", "input": {"service": "pay"}, "priority": "high",
		"source": "/path", "intelligence": "pro", "scope": "poc", "budget": {"maxTokens": 5}, "metadata": {"a": "b"}}`)
	var made map[string]any
	if err := json.Unmarshal(r.body, &made); err != nil || r.StatusCode != http.StatusAccepted {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	id, _ := made["workflowId"].(string)
	self := "/v1/customer/workflow/" + id
	if !strings.HasPrefix(id, "wf_") || r.Header.Get("Location") != self || made["statusUrl"] != self+"/status" || made["status"] != "queued" || len(made["steps"].([]any)) != 3 {
		t.Errorf("%s", r.body)
	}

	var status map[string]any
	if err := json.Unmarshal(k.do(k.ann, "GET", self+"/status", "").body, &status); err != nil {
		t.Fatal(err)
	}
	want := []string{"workflowId", "status", "phase", "progress", "currentAgents", "completedSteps", "failedStep", "createdAt", "startedAt", "completedAt", "statusDetail", "skippedSteps"}
	if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(maps.Keys(status))); diff != "" {
		t.Errorf("keys of the status: %s", diff)
	}
	run := must(k.client(k.ann).WorkflowRun(t.Context(), autonoma.RunID(id)))(t)
	given, err := json.Marshal(run.Input)
	if err != nil || string(given) != `{"level":2,"service":"pay"}` {
		t.Errorf("given: %s", given)
	}
	if run.Name != "fix-and-check" || len(run.Definition.Steps) != 3 || *run.QueuePosition != 1 || run.Priority != autonoma.High ||
		*run.Budget.MaxTokens != 5 || run.Metadata["a"] != "b" || *run.Source != "/path" || run.Links.Self != self || run.Steps[1].DependsOn[0] != "plan" {
		t.Errorf("%+v", run)
	}

	// The template changes; the run does not.
	if r := k.do(k.ann, "PUT", "/v1/customer/workflows/fix-and-check", `{"steps": [{"id": "a", "agent": "coder-ai", "task": "x"}]}`); r.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	if run := must(k.client(k.ann).WorkflowRun(t.Context(), autonoma.RunID(id)))(t); len(run.Definition.Steps) != 3 {
		t.Errorf("the run has %d steps", len(run.Definition.Steps))
	}

	task := k.submit()
	for _, tt := range []struct{ method, path string }{
		{"GET", "/v1/agents/tasks/" + id}, {"GET", "/v1/agents/tasks/" + id + "/events"}, {"GET", "/v1/agents/tasks/" + id + "/diff"},
		{"POST", "/v1/agents/tasks/" + id + "/cancel"}, {"GET", "/v1/agents/tasks/" + id + "/artifacts/art_1"},
		{"GET", "/v1/customer/workflow/" + string(task)}, {"GET", "/v1/customer/workflow/" + string(task) + "/status"},
		{"GET", "/v1/customer/workflow/" + string(task) + "/events"}, {"GET", "/v1/customer/workflow/" + string(task) + "/diff"},
		{"POST", "/v1/customer/workflow/" + string(task) + "/cancel"}, {"POST", "/v1/customer/workflow/" + string(task) + "/resume"},
		{"GET", "/v1/customer/workflow/" + string(task) + "/artifacts/art_1"},
	} {
		if r := k.do(k.ann, tt.method, tt.path, ""); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s %s: %d %s", tt.method, tt.path, r.StatusCode, r.body)
		}
	}
	var tasks []autonoma.RunID
	for task, err := range k.client(k.ann).Tasks(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		tasks = append(tasks, task.TaskID)
	}
	if diff := cmp.Diff([]autonoma.RunID{task}, tasks); diff != "" {
		t.Errorf("tasks: %s", diff)
	}
}

// What belongs to a run of another tenant is not there.
func TestWorkflowOfOtherTenant(t *testing.T) {
	k := newKit(t)
	made := must(k.client(k.ann).RunWorkflow(t.Context(), api.RunWorkflow{Workflow: "mend"}))(t)
	art := k.keep(made.WorkflowID, autonoma.Artifact{Name: "patch", Type: autonoma.PatchArtifact, MediaType: "text/x-diff", Path: "x.diff"}, "+1\n")
	self := "/v1/customer/workflow/" + string(made.WorkflowID)
	for _, tt := range []struct{ method, rest string }{
		{"GET", ""}, {"GET", "/status"}, {"GET", "/diff"}, {"GET", "/artifacts/" + string(art)}, {"GET", "/events?limit=1"}, {"POST", "/cancel"}, {"POST", "/resume"},
	} {
		if r := k.do(k.bob, tt.method, self+tt.rest, "", "Accept", "application/json"); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s %s: bob gets %d", tt.method, tt.rest, r.StatusCode)
		}
		if r := k.do(k.ann, tt.method, self+tt.rest, "", "Accept", "application/json"); r.StatusCode == http.StatusNotFound {
			t.Errorf("%s %s: ann gets %s", tt.method, tt.rest, r.body)
		}
	}
	if r := k.do(k.reader, "POST", "/v1/customer/workflow", `{"workflow": "mend"}`); r.StatusCode != http.StatusForbidden {
		t.Errorf("a reader begins a run: %d", r.StatusCode)
	}
	if r := k.do(k.bob, "POST", "/v1/customer/workflow", `{"workflow": "mend"}`); r.StatusCode != http.StatusAccepted {
		t.Errorf("what is built in is everybody's: %d %s", r.StatusCode, r.body)
	}
}

// The events of a run are those of the log, until it is over.
func TestWorkflowEvents(t *testing.T) {
	k := newKit(t)
	c := k.client(k.ann)
	made := must(c.RunWorkflow(t.Context(), api.RunWorkflow{Workflow: "mend"}))(t)
	k.happen(made.WorkflowID, 3)
	got := must(c.CancelWorkflow(t.Context(), made.WorkflowID))(t)
	if got.Status != autonoma.Cancelled {
		t.Errorf("it is %s", got.Status)
	}
	seen := 0
	for e, err := range c.Events(t.Context(), made.WorkflowID, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if seen++; e.Seq != int64(seen) {
			t.Errorf("event %d has number %d", seen, e.Seq)
		}
	}
	if seen < 5 {
		t.Errorf("%d events were seen", seen)
	}
	again := must(c.ResumeWorkflow(t.Context(), made.WorkflowID))(t)
	if again.WorkflowID == made.WorkflowID || must(c.WorkflowStatus(t.Context(), again.WorkflowID))(t).Status != autonoma.Queued {
		t.Errorf("resumed: %+v", again)
	}
	if r := k.do(k.ann, "POST", "/v1/customer/workflow/"+string(again.WorkflowID)+"/resume", ""); r.StatusCode != http.StatusConflict {
		t.Errorf("what goes on is resumed: %d", r.StatusCode)
	}
}
