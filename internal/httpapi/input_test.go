package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"autonoma"
	"autonoma/api"
)

// What is wrong with a task is told by name, all at once, in one voice.
func TestBadTasks(t *testing.T) {
	k := newKit(t)
	const all = "BUILD, EVOLVE, OPTIMIZE, SECURE, GOVERN, PLATFORM, OPERATE"
	long := strings.Repeat("ä", autonoma.MaxTask)
	for _, tt := range []struct {
		name, body string
		status     int
		code       api.Code
		want       []api.Field
	}{
		{"empty", " \n", 400, api.InvalidJSON, nil},
		{"no JSON", `task=do it`, 400, api.InvalidJSON, nil},
		{"cut off", `{"task": "x"`, 400, api.InvalidJSON, nil},
		{"something behind it", `{"task": "x", "capabilities": ["BUILD"]} {}`, 400, api.InvalidJSON, nil},
		{"no UTF-8", "{\"task\": \"\xff\"}", 400, api.InvalidJSON, nil},
		{"nested deep", strings.Repeat(`{"task":`, 100) + "1" + strings.Repeat("}", 100), 400, api.InvalidJSON, nil},
		{"nested very deep", strings.Repeat(`[`, 200_000) + strings.Repeat("]", 200_000), 400, api.InvalidJSON, nil},
		{"a list", `[]`, 422, api.ValidationFailed, []api.Field{{Field: "", Message: "must be an object"}}},
		{"null", `null`, 422, api.ValidationFailed, []api.Field{{Field: "", Message: "must be an object"}}},
		{"nothing said", `{}`, 422, api.ValidationFailed, []api.Field{
			{Field: "task", Message: "must not be empty; say what is to be done"}, {Field: "capabilities", Message: "must name at least one of " + all},
		}},
		{"no capability", `{"task": "x", "capabilities": []}`, 422, api.ValidationFailed, []api.Field{
			{Field: "capabilities", Message: "must name at least one of " + all},
		}},
		{"unknown capability", `{"task": "x", "capabilities": ["BUILD", "DANCE"]}`, 422, api.ValidationFailed, []api.Field{
			{Field: "capabilities[1]", Message: "must be one of " + all},
		}},
		{"repeated capability", `{"task": "x", "capabilities": ["BUILD", "BUILD"]}`, 422, api.ValidationFailed, []api.Field{
			{Field: "capabilities[1]", Message: "repeats BUILD"},
		}},
		{"wrong types, unknown and repeated fields, and what the nouns say",
			`{"task": 1, "capabilities": ["BUILD", 2, null], "Scope": "mvp", "scop": 1, "priority": "urgent", "priority": "low",
			  "budget": {"maxTokens": 1.5, "maxCostUsd": "1", "x": 0}, "metadata": {"a": 1}, "verify": "make"}`,
			422, api.ValidationFailed, []api.Field{
				{Field: "task", Message: "must be a string"}, {Field: "capabilities[1]", Message: "must be a string"},
				{Field: "capabilities[2]", Message: "must not be null"}, {Field: "Scope", Message: "is not a known field"},
				{Field: "scop", Message: "is not a known field"}, {Field: "priority", Message: "is given more than once"},
				{Field: "budget.maxTokens", Message: "must be a whole number"}, {Field: "budget.maxCostUsd", Message: "must be a number"},
				{Field: "budget.x", Message: "is not a known field"}, {Field: "metadata", Message: "values must be strings"},
				{Field: "verify", Message: "must be a list"},
			}},
		{"too long", `{"task": "` + long + `!", "capabilities": ["BUILD"]}`, 422, api.ValidationFailed, []api.Field{
			{Field: "task", Message: "has 10001 characters; at most 10000 are allowed"},
		}},
		{"just not too long", `{"task": "  ` + long + `  ", "capabilities": ["BUILD"]}`, 202, "", nil},
		{"nulls are nothing", `{"task": "x", "capabilities": ["BUILD"], "source": null, "budget": null, "metadata": null, "verify": null, "scope": null}`, 202, "", nil},
		{"a whole number is one however written", `{"task": "x", "capabilities": ["BUILD"], "budget": {"maxTokens": 1e6}}`, 202, "", nil},
		{"a number beyond all", `{"task": "x", "capabilities": ["BUILD"], "budget": {"maxTokens": 1e30, "maxCostUsd": 1e999}}`, 422, api.ValidationFailed, []api.Field{
			{Field: "budget.maxTokens", Message: "must be a whole number"}, {Field: "budget.maxCostUsd", Message: "must be a number"},
		}},
		{"a pull request", `{"task": "x", "capabilities": ["BUILD"], "delivery": "pull_request"}`, 202, "", nil},
		{"a delivery that is none", `{"task": "x", "capabilities": ["BUILD"], "delivery": "mail"}`, 422, api.ValidationFailed, []api.Field{
			{Field: "delivery", Message: "must be one of branch, pull_request, patch"},
		}},
		{"a pull request without a forge", `{"task": "x", "capabilities": ["BUILD"], "delivery": "pull_request", "source": "/local"}`, 422, api.ValidationFailed, []api.Field{
			{Field: "delivery", Message: "needs a forge"},
		}},
		{"a mode that is none", `{"task": "x", "capabilities": ["BUILD"], "acmfMode": "assisted"}`, 422, api.ValidationFailed, []api.Field{
			{Field: "acmfMode", Message: "must be one of OBSERVE, LEARNING, ASSISTED, AUTONOMOUS"},
		}},
		{"a callback", `{"task": "x", "capabilities": ["BUILD"], "callbackUrl": " https://a.example/hook "}`, 202, "", nil},
		{"a callback to nowhere", `{"task": "x", "capabilities": ["BUILD"], "callbackUrl": "a.example"}`, 422, api.ValidationFailed, []api.Field{
			{Field: "callbackUrl", Message: "must be an https:// or http:// URL"},
		}},
		{"a callback inside", `{"task": "x", "capabilities": ["BUILD"], "callbackUrl": "http://inside.example"}`, 422, api.ValidationFailed, []api.Field{
			{Field: "callbackUrl", Message: "leads inside"},
		}},
		{"a source outside the roots", `{"task": "x", "capabilities": ["BUILD"], "source": "/outside"}`, 422, api.ValidationFailed, []api.Field{
			{Field: "source", Message: "lies outside the allowed roots"},
		}},
		{"too large", `{"task": "` + strings.Repeat("x", api.MaxBody) + `"}`, 413, api.PayloadTooLarge, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := k.do(k.ann, "POST", "/v1/agents/tasks", tt.body)
			if r.StatusCode != tt.status {
				t.Fatalf("%d %.300s", r.StatusCode, r.body)
			}
			if tt.status == http.StatusAccepted {
				return
			}
			p := r.problem(t)
			if diff := cmp.Diff(tt.want, p.Errors); p.Code != tt.code || diff != "" {
				t.Errorf("%s (-want +got):\n%s", p.Code, diff)
			}
		})
	}
	if got := must(k.db.Runs(t.Context(), runsOf(k)))(t); len(got) != 5 {
		t.Errorf("%d tasks were made; 5 were good", len(got))
	}
}

// What was sent never comes back in a problem: it may be a secret.
func TestProblemsRepeatNothing(t *testing.T) {
	k := newKit(t)
	const secret = "hunter2hunter2"
	for _, r := range []reply{
		k.do(k.ann, "POST", "/v1/agents/tasks", `{"task": "x", "capabilities": ["`+secret+`"], "scope": "`+secret+`", "budget": "`+secret+`"}`),
		k.do(k.ann, "POST", "/v1/agents/tasks", `{"task": `+secret+`}`),
		k.do(k.ann, "GET", "/v1/agents/tasks?limit="+secret+"&status="+secret+"&cursor="+secret, ""),
		k.do(k.ann, "GET", "/v1/agents/tasks?cursor="+secret, ""),
		k.do("aut_"+secret, "GET", "/v1/health?token="+secret, ""),
	} {
		if r.StatusCode < 400 || strings.Contains(string(r.body), secret) || strings.Contains(fmt.Sprint(r.Header), secret) {
			t.Errorf("%d %s", r.StatusCode, r.body)
		}
	}
	if log := k.lines.String(); strings.Contains(log, secret) || strings.Contains(log, k.ann) {
		t.Errorf("the log tells it:\n%s", log)
	}
}

// However many faults there are, the answer stays small.
func TestManyFaults(t *testing.T) {
	k := newKit(t)
	var unknown strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&unknown, `"f%d":1,`, i)
	}
	for _, body := range []string{
		`{` + unknown.String() + `"task":"x"}`,
		`{"task":"x","capabilities":[` + strings.Repeat(`"A",`, 100_000) + `"A"]}`,
		`{"task":"x","capabilities":["BUILD"],"` + strings.Repeat("n", 500_000) + `":1}`,
	} {
		r := k.do(k.ann, "POST", "/v1/agents/tasks", body)
		if r.StatusCode != http.StatusUnprocessableEntity || len(r.body) > 20_000 {
			t.Errorf("%d with %d bytes", r.StatusCode, len(r.body))
		}
	}
}

func TestMediaTypes(t *testing.T) {
	k := newKit(t)
	const body = `{"task": "x", "capabilities": ["BUILD"]}`
	for _, tt := range []struct {
		header, value string
		status        int
	}{
		{"Content-Type", "application/json", 202},
		{"Content-Type", "application/JSON; charset=UTF-8", 202},
		{"Content-Type", "", 202},
		{"Content-Type", "application/x-www-form-urlencoded", 415},
		{"Content-Type", "text/plain", 415},
		{"Content-Type", "application/json; charset=utf-16", 415},
		{"Content-Type", "multipart/form-data; boundary=x", 415},
		{"Content-Type", ";;", 415},
		{"Content-Encoding", "gzip", 415},
	} {
		if r := k.do(k.ann, "POST", "/v1/agents/tasks", body, tt.header, tt.value); r.StatusCode != tt.status {
			t.Errorf("%s %q: %d %s", tt.header, tt.value, r.StatusCode, r.body)
		}
	}
}

func TestBadParameters(t *testing.T) {
	k := newKit(t)
	id := k.submit()
	for _, tt := range []struct{ query, field string }{
		{"/v1/agents/tasks?limit=0", "limit"},
		{"/v1/agents/tasks?limit=101", "limit"},
		{"/v1/agents/tasks?limit=many", "limit"},
		{"/v1/agents/tasks?status=asleep", "status"},
		{"/v1/agents/tasks?cursor=xyz", "cursor"},
		{"/v1/agents/tasks?cursor=MS50YXNr", "cursor"},
		{"/v1/agents/tasks?stauts=queued", "stauts"},
		{"/v1/agents/tasks/" + string(id) + "/events?after=-1", "after"},
		{"/v1/agents/tasks/" + string(id) + "/events?after=x", "after"},
		{"/v1/agents/tasks/" + string(id) + "/events?after=99", "after"},
		{"/v1/agents/tasks/" + string(id) + "/events?limit=1001", "limit"},
	} {
		r := k.do(k.ann, "GET", tt.query, "")
		if p := r.problem(t); p.Code != api.ValidationFailed || len(p.Errors) != 1 || p.Errors[0].Field != tt.field || p.Errors[0].Message == "" {
			t.Errorf("%s: %s", tt.query, r.body)
		}
	}
	for _, path := range []string{"nonsense", "task_A1B2C3D4E5F6", "wf_a1b2c3d4e5f6", "task_a1b2c3d4e5f6%0a", "..%2f..%2fetc", "task_a1b2c3d4e5f6'--"} {
		if r := k.do(k.ann, "GET", "/v1/agents/tasks/"+path, ""); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, r.StatusCode, r.body)
		}
	}
}

// Whatever is sent, the answer is 202 or a problem with a code, and never a fault
// of ours.
func FuzzCreateTask(f *testing.F) {
	k := newKit(f)
	for _, seed := range []string{
		``, `{}`, `null`, `[[[[`, `{"task":"x","capabilities":["BUILD"]}`, `{"task":"\u0000","capabilities":["BUILD"]}`,
		`{"task":"\ud800","capabilities":["BUILD"],"metadata":{"":""}}`, `{"budget":{"maxTokens":-1e400}}`, "\xef\xbb\xbf{}",
		`{"task":"x","capabilities":["BUILD"],"setup":[""],"verify":["\u0000"],"baseRef":"--upload-pack=x","source":"ext::sh"}`,
		`{"metadata":{"a":"b","a":"c"},"task":{},"capabilities":{}}`, `1e999`, `"` + strings.Repeat("a", 1000) + `"`,
	} {
		f.Add([]byte(seed))
	}
	handler := k.Config.Handler
	f.Fuzz(func(t *testing.T, body []byte) {
		w := serveOne(handler, k.ann, body)
		if w.Code == http.StatusAccepted {
			return
		}
		var p api.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Code == "" || p.Status != w.Code || w.Code >= 500 {
			t.Errorf("%q: %d %s", body, w.Code, w.Body)
		}
	})
}
