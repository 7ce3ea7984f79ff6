package httpapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"autonoma"
	"autonoma/api"
)

// testLevels are levels of confinement, strongest first.
var testLevels = []string{"gvisor", "namespaces", "bubblewrap", "none"}

// confines lets be done what the level of the kit is enough for.
func (k *kit) confines(least string) error {
	if least == "" || slices.Index(testLevels, k.level) <= slices.Index(testLevels, least) {
		return nil
	}
	return fmt.Errorf("commands would run at the level %s, and %s is demanded; install it: %w", k.level, least, autonoma.ErrUnavailable)
}

// tenantOf returns the path of the tenant of a key.
func (k *kit) tenantOf(key string) string {
	k.t.Helper()
	return "/v1/admin/tenants/" + string(must(k.cfg.Who(k.t.Context(), key))(k.t).Tenant)
}

// The operator says how strongly the commands of a tenant have to be confined, and no
// one else does.
func TestMinLevel(t *testing.T) {
	k := newKit(t)
	carl := decoded[api.Tenant](t, k.do(k.operator, "POST", "/v1/admin/tenants", `{"name": "carl", "minLevel": "bubblewrap"}`), 201)
	if carl.MinLevel == nil || *carl.MinLevel != "bubblewrap" {
		t.Errorf("carl demands %v", carl.MinLevel)
	}
	path := k.tenantOf(k.ann)
	if ann := decoded[api.Tenant](t, k.do(k.operator, "GET", path, ""), 200); ann.MinLevel != nil {
		t.Errorf("ann demands %s", *ann.MinLevel)
	}
	for _, step := range []struct{ body, want string }{
		{`{"minLevel": "gvisor"}`, "gvisor"},
		{`{"plan": "scale"}`, "gvisor"}, // as it is
		{`{"minLevel": null, "plan": "scale"}`, "gvisor"},
		{`{"minLevel": "none"}`, "none"},
	} {
		decoded[api.Tenant](t, k.do(k.operator, "PATCH", path, step.body), 200)
		if ann := decoded[api.Tenant](t, k.do(k.operator, "GET", path, ""), 200); ann.MinLevel == nil || *ann.MinLevel != step.want {
			t.Errorf("after %s ann demands %v", step.body, ann.MinLevel)
		}
	}
	if ann := decoded[api.Tenant](t, k.do(k.operator, "PATCH", path, `{"minLevel": ""}`), 200); ann.MinLevel != nil {
		t.Errorf("ann demands %s", *ann.MinLevel)
	}
	for _, wrong := range []struct{ method, path, body string }{
		{"POST", "/v1/admin/tenants", `{"name": "dora", "minLevel": "fort"}`},
		{"PATCH", path, `{"minLevel": "fort"}`},
		{"PATCH", path, `{"minLevel": 3}`},
		{"PATCH", path, `{"plan": "growth", "minLevel": "fort"}`},
	} {
		p := decoded[api.Problem](t, k.do(k.operator, wrong.method, wrong.path, wrong.body), 422)
		if len(p.Errors) != 1 || p.Errors[0].Field != "minLevel" {
			t.Errorf("%s: %+v", wrong.body, p)
		}
	}
	if r := k.do(k.chief, "PATCH", path, `{"minLevel": "none"}`); r.StatusCode != 403 {
		t.Errorf("ann's own admin: %d", r.StatusCode)
	}
}

// What would be confined less than its tenant demands is refused, whatever door it comes
// through, with what to do about it, and leaves no trace; others are not concerned.
func TestTooWeak(t *testing.T) {
	k := newKit(t)
	old := k.submit()
	k.become(old, autonoma.InProgress, "", nil)
	k.become(old, autonoma.Failed, "no luck", &autonoma.Failure{Code: autonoma.FailTurns})
	path := k.tenantOf(k.ann)
	decoded[api.Tenant](t, k.do(k.operator, "PATCH", path, `{"minLevel": "gvisor"}`), 200)
	doors := []struct{ key, path, body string }{
		{k.ann, "/v1/agents/tasks", `{"task": "do it", "capabilities": ["BUILD"]}`},
		{k.ann, "/v1/agents/tasks/" + string(old) + "/retry", ""},
		{k.ann, "/v1/customer/workflow", `{"workflow": "mend"}`},
		{k.ann, "/v1/customer/workflow", `{"name": "mine", "steps": [{"id": "fix", "agent": "coder-ai", "task": "Mend it."}]}`},
		{k.chief, "/v1/admin/rigor/invoke/coder-ai", `{"prompt": "do it"}`},
	}
	for i, d := range doors {
		p := decoded[api.Problem](t, k.do(d.key, "POST", d.path, d.body, "Idempotency-Key", fmt.Sprint("try", i)), 503)
		if p.Code != api.Unavailable || !strings.Contains(p.Detail, "at the level namespaces, and gvisor is demanded; install it") {
			t.Errorf("%s: %+v", d.path, p)
		}
	}
	if runs := must(k.db.Runs(t.Context(), runsOf(k)))(t); len(runs) != 1 {
		t.Errorf("%d runs, with the one before", len(runs))
	}
	decoded[api.CreatedTask](t, k.do(k.bob, "POST", "/v1/agents/tasks", doors[0].body), 202)
	k.level = "gvisor" // started again
	for i, d := range doors {
		if r := k.do(d.key, "POST", d.path, d.body, "Idempotency-Key", fmt.Sprint("try", i)); r.StatusCode != 202 || r.Header.Get("Idempotent-Replayed") != "" {
			t.Errorf("%s: %d %s", d.path, r.StatusCode, r.body)
		}
	}
}
