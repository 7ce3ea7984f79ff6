package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"autonoma"
	"autonoma/api"
)

// What holds for every operation is tested with every operation that the document
// has, so that a new one cannot be forgotten.

// things are what ann has, by the parameter that names them in a path.
func (k *kit) things() map[string]string {
	k.t.Helper()
	made := func(path, body, key string) string {
		k.t.Helper()
		r := k.do(k.chief, "POST", path, body)
		var object map[string]any
		if err := json.Unmarshal(r.body, &object); err != nil || r.StatusCode >= 300 {
			k.t.Fatalf("POST %s: %d %s", path, r.StatusCode, r.body)
		}
		return fmt.Sprint(object[key])
	}
	run := `{"name": "w", "steps": [{"id": "ask", "agent": "coder-ai", "task": "x", "approval": true}]}`
	t := map[string]string{
		"taskId":      made("/v1/agents/tasks", aTask, "taskId"),
		"executionId": made("/v1/admin/rigor/invoke/coder-ai", `{"prompt": "x"}`, "executionId"),
		"webhookId":   made("/v1/webhooks", `{"url": "https://example.com/hook", "events": ["*"]}`, "id"),
		"name":        made("/v1/customer/workflows", `{"name": "own", "steps": [{"id": "a", "agent": "coder-ai", "task": "x"}]}`, "name"),
		"id":          made("/v1/customer/workflow", run, "workflowId"),
		"knowledgeId": made("/v1/knowledge", `{"source": "/repo", "text": "Mind the gap."}`, "id"),
		"keyId":       made("/v1/admin/keys", `{"name": "x"}`, "id"),
	}
	t["deliveryId"] = made("/v1/webhooks/"+t["webhookId"]+"/ping", "", "id")
	patch := autonoma.Artifact{Name: "patch", Type: autonoma.PatchArtifact, MediaType: "text/x-diff", Path: "x.diff"}
	proof := autonoma.Artifact{Name: "evidence", Type: autonoma.EvidenceArtifact, MediaType: "application/vnd.dsse.envelope.v1+json", Path: "x.json"}
	for _, id := range []string{t["taskId"], t["id"]} {
		k.keep(autonoma.RunID(id), proof, "{}")
	}
	t["artifactId"] = string(k.keep(autonoma.RunID(t["taskId"]), patch, "+1\n"))
	t["artifactId of a workflow"] = string(k.keep(autonoma.RunID(t["id"]), patch, "+1\n"))
	asked := decoded[api.Approvals](k.t.(*testing.T), k.do(k.ann, "GET", "/v1/approvals", ""), 200)
	t["approvalId"] = string(asked.Approvals[0].ID)
	over := made("/v1/agents/tasks", aTask, "taskId")
	exec, _ := k.take(autonoma.RunID(over), "wrk_1")
	made("/v1/agents/tasks/"+over+"/cancel", "", "taskId")
	t["feedbackId"] = made("/v1/feedback", `{"executionId": "`+string(exec.ID)+`", "signal": "accept"}`, "id")
	t["tenantId"] = string(must(k.cfg.Who(k.t.Context(), k.ann))(k.t).Tenant)
	return t
}

// shared are the parameters that name what belongs to nobody.
var shared = map[string]string{"personality": "coder-ai"}

// fill puts the names of things into a path. It reports false if one is not a thing
// of somebody's.
func fill(path string, things map[string]string) (string, bool) {
	if strings.HasPrefix(path, "/v1/agents/{id}") {
		return strings.Replace(path, "{id}", "coder-ai", 1), false
	}
	owned := strings.Contains(path, "{")
	path = strings.Replace(path, "{id}/artifacts/{artifactId}", "{id}/artifacts/{artifactId of a workflow}", 1)
	for name, value := range shared {
		if strings.Contains(path, "{"+name+"}") {
			path, owned = strings.ReplaceAll(path, "{"+name+"}", value), false
		}
	}
	for name, value := range things {
		path = strings.ReplaceAll(path, "{"+name+"}", value)
	}
	return path, owned
}

// Of what belongs to another tenant every operation says that it is not there, and
// changes nothing of it; its owner finds it.
func TestEveryOperationIsForItsTenant(t *testing.T) {
	k := newKit(t)
	things := k.things()
	seen := 0
	for _, op := range k.operations() {
		path, owned := fill(op.path, things)
		if !owned {
			continue
		}
		if strings.Contains(path, "{") {
			t.Errorf("%s: nothing of that name is made by this test", path)
			continue
		}
		seen++
		body := ""
		if op.RequestBody != nil {
			body = bodies[op.OperationID]
			if body == "" {
				t.Errorf("%s has no body in this test", op.OperationID)
			}
		}
		want := http.StatusNotFound
		if strings.HasPrefix(op.path, "/v1/admin/tenants") {
			want = http.StatusForbidden // of tenants nobody but the operator is told anything
		}
		r := k.do(k.bob, op.method, path, body, "Accept", "application/json")
		if r.StatusCode != want {
			t.Errorf("%s %s: bob gets %d %s", op.method, path, r.StatusCode, r.body)
		}
		if op.method == "GET" && want == http.StatusNotFound {
			if r := k.do(k.chief, op.method, path, "", "Accept", "application/json"); r.StatusCode >= 300 {
				t.Errorf("%s: its owner gets %d %s", path, r.StatusCode, r.body)
			}
		}
	}
	if seen < 25 {
		t.Errorf("%d operations were tried", seen)
	}
	// Lists hold nothing of others, whatever they list.
	for _, op := range k.operations() {
		if op.method != "GET" || strings.Contains(op.path, "{") {
			continue
		}
		r := k.do(k.bob, "GET", op.path, "")
		for name, id := range things {
			if name != "name" && strings.Contains(string(r.body), id) {
				t.Errorf("bob finds ann's %s in %s", name, op.path)
			}
		}
	}
}

// bodies are good ones, for the operations on things that have one.
var bodies = map[string]string{
	"changeTenant": `{"plan": "scale"}`, "rotateKey": `{}`, "decideApproval": `{"decision": "approve"}`,
	"changeKnowledge": `{"confidence": 0.5}`,
	"changeWebhook":   `{"disabled": true}`, "changeWorkflow": `{"steps": [{"id": "a", "agent": "coder-ai", "task": "y"}]}`,
}

// Whatever is wrong with a body as such, every operation that takes one says so.
func TestEveryBody(t *testing.T) {
	k := newKit(t)
	things := k.things()
	seen := 0
	for _, op := range k.operations() {
		if op.RequestBody == nil {
			continue
		}
		seen++
		path, _ := fill(op.path, things)
		for _, tt := range []struct {
			name, body, media string
			status            int
			code              api.Code
		}{
			{"none", "", "", 400, api.InvalidJSON},
			{"too large", `{"a": "` + strings.Repeat("x", api.MaxBody) + `"}`, "", 413, api.PayloadTooLarge},
			{"another type", `{}`, "text/plain", 415, api.UnsupportedMediaType},
			{"not UTF-8", "{\"a\": \"\xff\"}", "", 400, api.InvalidJSON},
			{"half", `{"a": `, "", 400, api.InvalidJSON},
			{"two", `{} {}`, "", 400, api.InvalidJSON},
			{"deep", strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000), "", 400, api.InvalidJSON},
			{"a list", `[]`, "", 422, api.ValidationFailed},
			{"an unknown field", `{"nobodyKnows": 1}`, "", 422, api.ValidationFailed},
		} {
			r := k.do(k.operator, op.method, path, tt.body, slices.DeleteFunc([]string{"Content-Type", tt.media}, func(string) bool { return tt.media == "" })...)
			if r.StatusCode != tt.status || r.problem(t).Code != tt.code {
				t.Errorf("%s, %s: %d %.300s", op.OperationID, tt.name, r.StatusCode, r.body)
			}
		}
	}
	if seen < 12 {
		t.Errorf("%d operations take a body", seen)
	}
}
