package httpapi_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"autonoma"
)

// The API's page as it was published, and nothing else: its requests, sent as they
// are printed, and the shapes of its answers. A client that was written from that
// page alone works.

// shape says what a value of an answer looks like.
type shape func(v any) bool

func isText(pattern string) shape {
	expr := regexp.MustCompile("^(?:" + pattern + ")$")
	return func(v any) bool { s, ok := v.(string); return ok && expr.MatchString(s) }
}

func isTime(v any) bool {
	s, ok := v.(string)
	_, err := time.Parse("2006-01-02T15:04:05Z", s)
	return ok && err == nil
}

func isNull(v any) bool { return v == nil }

func isListOf(each shape) shape {
	return func(v any) bool {
		list, ok := v.([]any)
		return ok && !slices.ContainsFunc(list, func(v any) bool { return !each(v) })
	}
}

func isNumber(least, most float64) shape {
	return func(v any) bool { n, ok := v.(float64); return ok && n >= least && n <= most }
}

// shaped compares an answer with the keys that the page prints. There may be more.
func shaped(t *testing.T, r reply, status int, want map[string]shape) map[string]any {
	t.Helper()
	got := decoded[map[string]any](t, r, status)
	for _, key := range slices.Sorted(maps.Keys(want)) {
		v, there := got[key]
		if !there || !want[key](v) {
			t.Errorf("%s %s: %s is %v (%t)", r.Request.Method, r.Request.URL.Path, key, v, there)
		}
	}
	return got
}

// page sends a request as the page's example of curl does.
func (k *kit) page(key, method, path, body string) reply {
	k.t.Helper()
	return k.do(key, method, path, body, "Authorization", "Bearer "+key, "Content-Type", "application/json")
}

// vendorsTask is the example of the page, and its answer.
const vendorsTask = `{
"task": "Add user authentication to React app",
"capabilities": ["BUILD"],
"intelligence": "core",
"priority": "normal",
"source": "/path/to/your/project",
"callbackUrl": "https://your-domain.com/webhook"
}`

func TestVendorsTasks(t *testing.T) {
	k := newKit(t)
	created := shaped(t, k.page(k.ann, "POST", "/v1/agents/tasks", vendorsTask), 202, map[string]shape{
		"taskId": isText(`task_[0-9a-f]{12}`), "status": isText("queued"), "estimatedCompletion": isTime,
		"agentsAssigned": isListOf(isText(`[a-z]+-ai`)), "statusUrl": isText(`/v1/agents/tasks/task_[0-9a-f]{12}`),
	})
	if created["statusUrl"] != "/v1/agents/tasks/"+created["taskId"].(string) {
		t.Errorf("statusUrl is %v", created["statusUrl"])
	}
	want := map[string]shape{
		"taskId": isText(created["taskId"].(string)), "status": isText("queued"), "progress": isNumber(0, 0),
		"currentAgent": isNull, "completedPhases": isListOf(isText(`[a-z-]+`)), "estimatedCompletion": isTime,
		"output": isNull, "error": isNull, "createdAt": isTime, "startedAt": isNull, "completedAt": isNull,
	}
	path := created["statusUrl"].(string)
	shaped(t, k.page(k.ann, "GET", path, ""), 200, want)

	id := autonoma.RunID(created["taskId"].(string))
	k.become(id, autonoma.InProgress, "", nil)
	k.change(id, func(run *autonoma.Run) autonoma.Event {
		run.Steps[0].Status, run.Steps[0].Progress = autonoma.StepCompleted, 100
		run.Steps[1].Status = autonoma.StepRunning
		run.Advance()
		return autonoma.NewEvent(autonoma.EventStep, "", time.Now(), autonoma.StepChanged{Step: "work"})
	})
	want["status"], want["progress"], want["currentAgent"], want["startedAt"] = isText("in_progress"), isNumber(1, 99), isText("review-ai"), isTime
	shaped(t, k.page(k.ann, "GET", path, ""), 200, want)

	// Every value that the page names is taken, and the ones it leaves out are the defaults.
	for field, values := range map[string][]string{
		"intelligence": {"core", "pro", "ultra"}, "scope": {"demo", "poc", "mvp", "product", "production"}, "priority": {"low", "normal", "high"},
	} {
		for _, v := range values {
			body := fmt.Sprintf(`{"task": "x", "capabilities": ["OPERATE", "SECURE", "PLATFORM", "EVOLVE", "OPTIMIZE", "GOVERN"], %q: %q}`, field, v)
			if r := k.page(k.ann, "POST", "/v1/agents/tasks", body); r.StatusCode != 202 {
				t.Errorf("%s: %d %s", body, r.StatusCode, r.body)
			}
		}
	}
	least := decoded[map[string]any](t, k.page(k.ann, "POST", "/v1/agents/tasks", `{"task": "x", "capabilities": ["BUILD"]}`), 202)
	shaped(t, k.page(k.ann, "GET", least["statusUrl"].(string), ""), 200, map[string]shape{
		"intelligence": isText("core"), "scope": isText("mvp"), "priority": isText("normal"), "source": isNull,
	})
}

func TestVendorsAgents(t *testing.T) {
	k := newKit(t)
	list := decoded[struct{ Agents []map[string]any }](t, k.page(k.ann, "GET", "/v1/agents/list", ""), 200)
	if len(list.Agents) == 0 {
		t.Fatal("there are no agents")
	}
	agent := map[string]shape{"id": isText(`[a-z]+-ai`), "name": isText(".+"), "description": isText(".+"), "capability": isText("[A-Z]+"), "status": isText("available|busy|offline")}
	for _, a := range list.Agents {
		shaped(t, k.page(k.ann, "GET", "/v1/agents/"+a["id"].(string)+"/status", ""), 200, agent)
	}
	shaped(t, k.page(k.ann, "GET", "/v1/agents/orchestrator/coordination", ""), 200, map[string]shape{
		"timestamp": isTime, "activeTasks": isListOf(func(any) bool { return true }),
	})
}

func TestVendorsRigor(t *testing.T) {
	k := newKit(t)
	invoked := shaped(t, k.page(k.bob, "POST", "/v1/admin/rigor/invoke/coder-ai", `{
"prompt": "Generate unit tests for auth module",
"priority": "normal",
"acmfMode": "ASSISTED"
}`), 202, map[string]shape{"executionId": isText(`exec_[0-9a-f]{12}`), "status": isText("queued"), "acmfMode": isText("ASSISTED")})
	shaped(t, k.page(k.bob, "GET", "/v1/admin/rigor/status/"+invoked["executionId"].(string), ""), 200, map[string]shape{
		"executionId": isText(invoked["executionId"].(string)), "status": isText("queued|pending"), "error": isNull,
		"phases": func(v any) bool { list, _ := v.([]any); return len(list) == 5 },
	})
	if r := k.page(k.bob, "GET", "/v1/admin/rigor/health", ""); r.StatusCode != 200 && r.StatusCode != 503 {
		t.Errorf("health: %d %s", r.StatusCode, r.body)
	}
}

// The page names the three paths of workflows and prints no bodies: a workflow chains
// agents together, and its run can be looked at.
func TestVendorsWorkflows(t *testing.T) {
	k := newKit(t)
	created := shaped(t, k.page(k.ann, "POST", "/v1/customer/workflow", `{"name": "harden-and-ship", "pattern": "sequential",
 "steps":[{"id":"s1","agent":"coder-ai","task":"apply the fix"},
          {"id":"s2","agent":"review-ai","task":"check the diff","dependsOn":["s1"]}],
 "input":{"repo":"."},"priority":"normal","intelligence":"core","scope":"mvp","callbackUrl":"https://example.test/hook"}`), 202, map[string]shape{
		"workflowId": isText(`wf_[0-9a-f]{12}`), "status": isText("queued"), "statusUrl": isText(`/v1/customer/workflow/wf_[0-9a-f]{12}/status`),
	})
	of := map[string]shape{"workflowId": isText(created["workflowId"].(string)), "status": isText("queued"), "progress": isNumber(0, 0)}
	shaped(t, k.page(k.ann, "GET", created["statusUrl"].(string), ""), 200, of)
	shaped(t, k.page(k.ann, "GET", "/v1/customer/workflow/"+created["workflowId"].(string), ""), 200, of)
}

func TestVendorsUtilities(t *testing.T) {
	k := newKit(t)
	shaped(t, k.page(k.ann, "GET", "/v1/health", ""), 200, map[string]shape{"status": isText("healthy"), "version": isText(".+"), "timestamp": isTime})
	shaped(t, k.page(k.ann, "GET", "/v1/info", ""), 200, map[string]shape{
		"version": isText(".+"), "documentation": isText("/.*"), "endpoints": func(v any) bool { list, _ := v.([]any); return len(list) > 10 },
	})
	if r := k.do("", "GET", "/v1/health", ""); r.StatusCode != 401 {
		t.Errorf("without a key: %d", r.StatusCode)
	}
}

// The headers and the plans, as the page prints them.
func TestVendorsLimits(t *testing.T) {
	for _, row := range []struct {
		plan  autonoma.PlanName
		hour  int
		burst int
	}{{"startup", 1_000, 17}, {"growth", 2_500, 42}, {"scale", 5_000, 84}, {"enterprise", 10_000, 167}} {
		k, c, _ := limited(t, anHour)
		key := k.keyOf("carl", row.plan)
		r := k.page(key, "GET", "/v1/health", "")
		for name, want := range map[string]int{
			"X-RateLimit-Limit": row.hour, "X-RateLimit-Remaining": row.hour - 1, "X-RateLimit-Reset": int(anHour.Add(time.Hour).Unix()),
		} {
			if got := r.Header.Get(name); got != strconv.Itoa(want) {
				t.Errorf("%s: %s is %s, want %d", row.plan, name, got, want)
			}
		}
		c.pass(time.Minute)
		if got := k.burst(key, row.burst+1); got != row.burst {
			t.Errorf("%s: a burst of %d", row.plan, got)
		}
	}
}
