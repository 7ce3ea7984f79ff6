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

	"autonoma/api"
)

// whole is a definition with one of everything.
const whole = `{"name": "fix-and-check", "description": "Mends.", "pattern": "graph",
	"input": {"type": "object", "required": ["service"], "properties": {
		"service": {"type": "string"}, "level": {"type": "integer", "default": 2}, "urgent": {"type": "boolean"},
		"who": {"type": "object", "properties": {"name": {"type": "string"}}}, "any": {}, "odd-name": {"type": "string"}}},
	"steps": [
		{"id": "plan", "agent": "coder-ai", "task": "Plan for {{ input.service }}."},
		{"id": "fix", "agent": "coder-ai", "task": "Do {{steps.plan.output}} for {{ input.who.name }}, {{ input.odd-name }}.", "dependsOn": ["plan"],
			"when": "input.urgent || input.level > 1 && steps.plan.summary != '' && input.who.name.size() < 5",
			"approval": true, "intelligence": "pro", "scope": "poc", "timeoutSeconds": 60, "retries": 2},
		{"id": "look-on", "agent": "jury-ai", "task": "Judge {{ \"{{ this }}\" }}.", "dependsOn": ["fix"], "back": {"to": "fix", "rounds": 1}}]}`

// A definition in which nothing is wrong is valid, and so are its steps.
func TestValidate(t *testing.T) {
	k := newKit(t)
	r := k.do(k.reader, "POST", "/v1/customer/workflows/validate", whole)
	var got api.CheckedWorkflow
	if err := json.Unmarshal(r.body, &got); err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	want := []api.WorkflowNode{
		{ID: "plan", Agent: "coder-ai", DependsOn: []string{}},
		{ID: "fix", Agent: "coder-ai", DependsOn: []string{"plan"}},
		{ID: "look-on", Agent: "judge-ai", DependsOn: []string{"fix"}},
	}
	if diff := cmp.Diff(want, got.Steps); diff != "" || !got.Valid {
		t.Error(diff)
	}
	var sent, back map[string]any
	echo, err := json.Marshal(got.Definition)
	if err != nil || json.Unmarshal([]byte(whole), &sent) != nil || json.Unmarshal(echo, &back) != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sent, back); diff != "" {
		t.Errorf("the definition comes back otherwise (-sent +got):\n%s", diff)
	}
}

// Steps may be written in any order, and follow each other by what they need.
func TestValidateOrder(t *testing.T) {
	k := newKit(t)
	for _, tt := range []struct{ pattern, want string }{
		{"sequential", "c[] a[c] b[a]"}, {"graph", "b[] c[] a[c]"}, {"parallel", "b[] c[] a[c]"},
	} {
		r := k.do(k.ann, "POST", "/v1/customer/workflows/validate", `{"name": "w", "pattern": "`+tt.pattern+`", "steps": [
			{"id": "a", "agent": "coder-ai", "task": "x", "dependsOn": ["c"]}, {"id": "b", "agent": "coder-ai", "task": "x"},
			{"id": "c", "agent": "coder-ai", "task": "x"`+map[bool]string{true: `, "dependsOn": []`}[tt.pattern != "sequential"]+`}]}`)
		if tt.pattern == "sequential" { // c follows b, which follows a, which needs c
			if r.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(string(r.body), "waits for") {
				t.Errorf("sequential: %d %s", r.StatusCode, r.body)
			}
			continue
		}
		var got api.CheckedWorkflow
		if err := json.Unmarshal(r.body, &got); err != nil {
			t.Fatal(err)
		}
		var text []string
		for _, n := range got.Steps {
			text = append(text, n.ID+fmt.Sprint(n.DependsOn))
		}
		if strings.Join(text, " ") != tt.want {
			t.Errorf("%s: %v, want %s", tt.pattern, text, tt.want)
		}
	}
}

// one is a definition of the parts that are given.
func one(input string, steps ...string) string {
	if input != "" {
		input = `"input": ` + input + `, `
	}
	return `{"name": "w", "pattern": "graph", ` + input + `"steps": [` + strings.Join(steps, ", ") + `]}`
}

// step is a step of the given members.
func step(id, more string) string {
	if !strings.Contains(more, `"task"`) {
		more += `, "task": "x"`
	}
	if !strings.Contains(more, `"agent"`) {
		more += `, "agent": "coder-ai"`
	}
	return `{"id": "` + id + `"` + more + `}`
}

// Whatever is wrong is told, with the step it is wrong with.
func TestBadDefinitions(t *testing.T) {
	k := newKit(t)
	task := func(text string) string {
		return step("s", `, "dependsOn": ["before"], "task": `+string(must(json.Marshal(text))(t)))
	}
	when := func(text string) string {
		return step("s", `, "dependsOn": ["before"], "when": `+string(must(json.Marshal(text))(t)))
	}
	before, apart := step("before", ""), step("apart", "")
	const named = `{"type": "object", "properties": {"n": {"type": "integer"}, "odd-name": {"type": "string"}, "who": {"type": "object", "properties": {"name": {"type": "string"}}}}}`
	for _, tt := range []struct{ name, body, field, says string }{
		{"no name", `{"steps": [` + before + `]}`, "name", "lower-case"},
		{"a name that is no path", `{"name": "../x", "steps": [` + before + `]}`, "name", "lower-case"},
		{"no steps", `{"name": "w", "steps": []}`, "steps", "1 to 50"},
		{"too many steps", one("", strings.Split(strings.Repeat(before+"\x00", 51), "\x00")[:51]...), "steps", "there are 51"},
		{"no such pattern", `{"name": "w", "pattern": "round", "steps": [` + before + `]}`, "pattern", "must be one of sequential, parallel, graph"},
		{"a pattern to come", `{"name": "w", "pattern": "group_chat", "steps": [` + before + `]}`, "pattern", "group_chat is not in this version; there are sequential, parallel, graph"},
		{"another", `{"name": "w", "pattern": "debate", "steps": [` + before + `]}`, "pattern", "debate is not in this version"},
		{"a field nobody knows", `{"name": "w", "steps": [{"id": "s", "agent": "coder-ai", "task": "x", "prompt": "y"}]}`, "steps[0].prompt", "not a known field"},
		{"a wrong type", one("", step("s", `, "retries": "2"`)), "steps[0].retries", "whole number"},
		{"an id that is no file", one("", step("a/b", "")), "steps[0].id", "lower-case"},
		{"an id of an artifact", one("", step("patch", "")), "steps[0].id", "step patch: no step may be called patch"},
		{"the same id twice", one("", before, step("before", "")), "steps[1].id", "step before: repeats before"},
		{"no such agent", one("", step("s", `, "agent": "nobody-ai"`)), "steps[0].agent", "step s: there is no such agent"},
		{"no agent", one("", step("s", `, "agent": ""`)), "steps[0].agent", "step s: must name an agent"},
		{"no task", one("", step("s", `, "task": "  "`)), "steps[0].task", "step s: must not be empty"},
		{"needs nobody knows", one("", step("s", `, "dependsOn": ["t"]`)), "steps[0].dependsOn[0]", "step s: there is no such step"},
		{"needs itself", one("", step("s", `, "dependsOn": ["s"]`)), "steps[0].dependsOn[0]", "step s: a step cannot wait for itself"},
		{"needs twice", one("", before, step("s", `, "dependsOn": ["before", "before"]`)), "steps[1].dependsOn[1]", "step s: repeats before"},
		{"a circle", one("", step("a", `, "dependsOn": ["c"]`), step("b", `, "dependsOn": ["a"]`), step("c", `, "dependsOn": ["b"]`)), "steps[0].dependsOn", "step a: none of these can begin: a waits for c waits for b waits for a"},
		{"no such scope", one("", step("s", `, "scope": "gold"`)), "steps[0].scope", "step s: must be one of demo"},
		{"no such intelligence", one("", step("s", `, "intelligence": "much"`)), "steps[0].intelligence", "step s: must be one of core"},
		{"time that is negative", one("", step("s", `, "timeoutSeconds": -1`)), "steps[0].timeoutSeconds", "step s: must be between"},
		{"too many tries", one("", step("s", `, "retries": 11`)), "steps[0].retries", "step s: must be between"},
		{"back by who does not judge", one("", before, step("s", `, "dependsOn": ["before"], "back": {"to": "before", "rounds": 1}`)), "steps[1].back", "step s: only agents that judge"},
		{"back to what is not before", one("", apart, step("s", `, "agent": "judge-ai", "back": {"to": "apart", "rounds": 1}`)), "steps[1].back.to", "step s: must name a step that comes before"},
		{"back for ever", one("", before, step("s", `, "agent": "judge-ai", "dependsOn": ["before"], "back": {"to": "before", "rounds": 6}`)), "steps[1].back.rounds", "step s: must be between 1 and 5"},

		{"an input that is not declared", one("", before, task("{{ input.x }}")), "steps[1].task", "step s: mentions input.x, which is not there; there are steps.before.output"},
		{"an input that is mistyped", one(named, before, task("{{ input.m }}")), "steps[1].task", "step s: mentions input.m, which is not there; there are input.n"},
		{"a part of it that is mistyped", one(named, before, task("{{ input.who.nmae }}")), "steps[1].task", "step s: mentions input.who.nmae"},
		{"a part of what has none", one(named, before, task("{{ input.n.x }}")), "steps[1].task", "step s: mentions input.n.x"},
		{"no such step", one("", before, task("{{ steps.later.output }}")), "steps[1].task", "step s: mentions steps.later.output, but the step depends on no step of that name"},
		{"a step that is not before", one("", before, task("{{ steps.apart.output }}"), apart), "steps[1].task", "step s: mentions steps.apart.output, but the step depends on no step"},
		{"itself", one("", before, task("{{ steps.s.output }}")), "steps[1].task", "step s: mentions steps.s.output, but"},
		{"no such output", one("", before, task("{{ steps.before.secret }}")), "steps[1].task", "step s: mentions steps.before.secret, which is not there"},
		{"a blank without end", one("", before, task("{{ input.x")), "steps[1].task", "step s: has {{ without }}"},
		{"a function in a blank", one("", before, task("{{ printf .Env }}")), "steps[1].task", "step s: {{ printf .Env }} is no blank"},
		{"a pipe in a blank", one(named, before, task("{{ input.n | html }}")), "steps[1].task", "is no blank"},
		{"an index in a blank", one(named, before, task(`{{ input["n"] }}`)), "steps[1].task", "is no blank"},
		{"too many blanks", one(named, before, task(strings.Repeat("{{ input.n }}", 51))), "steps[1].task", "step s: has more than 50 blanks"},

		{"a condition that is none", one("", before, when("steps.before.output ==")), "steps[1].when", "step s: at 1:"},
		{"a condition on no step", one("", before, when("steps.later.changed")), "steps[1].when", "mentions steps.later.changed, but the step depends on no step of that name"},
		{"a condition on what is not before", one("", before, when("steps.apart.changed"), apart), "steps[1].when", "mentions steps.apart.changed, but"},
		{"a condition on no output", one("", before, when("steps.before.colour == ''")), "steps[1].when", "mentions steps.before.colour, which is not there"},
		{"a condition on no input", one(named, before, when("input.m == 1")), "steps[1].when", "mentions input.m, which is not there"},
		{"a condition on a name with a minus", one(named, before, when("input.odd-name == ''")), "steps[1].when", "mentions input.odd, which is not there"},
		{"a condition of wrong types", one(named, before, when("input.n == 'x'")), "steps[1].when", "step s: at 1:9: found no matching overload"},
		{"a condition that is no condition", one(named, before, when("input.n + 1")), "steps[1].when", "step s: comes to a value of type int"},
		{"a function nobody has", one("", before, when("shell('rm')")), "steps[1].when", "undeclared reference to 'shell'"},
		{"a condition that is too long", one("", before, when(strings.Repeat("true && ", 300)+"true")), "steps[1].when", "step s: has 2404 bytes"},
		{"a condition that is too deep", one("", before, when(strings.Repeat("(", 200)+"true"+strings.Repeat(")", 200))), "steps[1].when", "step s: expression recursion limit exceeded"},
		{"a pattern that explodes", one("", before, when("'x'.matches('((a{1,100}){1,10}){1,10}')")), "steps[1].when", "step s: at"},

		{"a schema that is none", one(`{"type": "object", "properties": {"n": {"type": "int"}}}`, before), "input", "is no JSON Schema: properties.n.type "},
		{"a schema of something else", one(`{"type": "string"}`, before), "input", "must be the JSON Schema of an object"},
		{"a schema that is a list", one(`[]`, before), "input", "must be an object"},
		{"a schema elsewhere", one(`{"type": "object", "$ref": "https://example.com/s.json"}`, before), "input", "refers to another document, which is never fetched"},
		{"a schema in a file", one(`{"type": "object", "properties": {"n": {"$ref": "file:///etc/passwd"}}}`, before), "input", "never fetched"},
		{"a schema of its own kind", one(`{"type": "object", "$schema": "https://example.com/meta"}`, before), "input", "never fetched"},
		{"a schema that leads nowhere", one(`{"type": "object", "$ref": "#/$defs/x"}`, before), "input", "is no JSON Schema that can be used"},
		{"a pattern that is none", one(`{"type": "object", "properties": {"n": {"pattern": "("}}}`, before), "input", "no JSON Schema"},
		{"a pattern that is huge", one(`{"type": "object", "properties": {"n": {"pattern": "`+strings.Repeat("a{1000}", 60)+`"}}}`, before), "input", "no JSON Schema"},
		{"a schema that is huge", one(`{"type": "object", "description": "`+strings.Repeat("x", 33_000)+`"}`, before), "input", "bytes; at most"},
		{"a number that is huge", one(`{"type": "object", "maxProperties": 1e999999999}`, before), "input", "number that is too large"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			began := time.Now()
			for _, path := range []string{"/v1/customer/workflows/validate", "/v1/customer/workflows"} {
				told(t, k.do(k.ann, "POST", path, tt.body), tt.field, tt.says)
			}
			told(t, k.do(k.ann, "POST", "/v1/customer/workflow", `{"workflow": `+tt.body+`}`), "workflow."+tt.field, tt.says)
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
	if runs := must(k.db.Runs(t.Context(), runsOf(k)))(t); len(runs) > 0 {
		t.Errorf("%d runs were made", len(runs))
	}
}

// told checks that an answer is a problem with a field.
func told(t *testing.T, r reply, field, says string) {
	t.Helper()
	if r.StatusCode != http.StatusUnprocessableEntity {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	p := r.problem(t)
	if !slices.ContainsFunc(p.Errors, func(f api.Field) bool { return f.Field == field && strings.Contains(f.Message, says) }) {
		t.Errorf("want %s: %s, got\n%s", field, says, r.body)
	}
}

// All that is wrong is told at once.
func TestAllFaultsAtOnce(t *testing.T) {
	k := newKit(t)
	body := `{"name": "W", "pattern": "hierarchical", "input": {"type": "object", "properties": {"n": {"type": 1}}}, "unknown": 1, "steps": [
		{"id": "a", "agent": "nobody-ai", "task": "{{ steps.b.output }} {{ steps.c.output }}", "when": "1", "retries": 99},
		{"id": "a", "agent": "coder-ai", "task": "", "dependsOn": ["z"], "scope": "x"}]}`
	var got []string
	for _, f := range k.do(k.ann, "POST", "/v1/customer/workflows/validate", body).problem(t).Errors {
		got = append(got, f.Field)
	}
	slices.Sort(got)
	want := []string{
		"input", "name", "pattern", "steps[0].agent", "steps[0].retries", "steps[0].task", "steps[0].when",
		"steps[1].dependsOn[0]", "steps[1].id", "steps[1].scope", "steps[1].task", "unknown",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
