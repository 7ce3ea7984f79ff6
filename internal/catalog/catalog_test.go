package catalog_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"autonoma"
	"autonoma/agents"
	"autonoma/flows"
	"autonoma/internal/catalog"
)

// agentFile is an agent that is in order; the cases below break it.
const agentFile = `---
name: Poet
description: Writes verse.
capability: BUILD
yields: document
tools: [read]
order: 100
---
You write verse.
`

// TestOpenRefuses gives the catalog files of an operator that are not in order.
func TestOpenRefuses(t *testing.T) {
	broken := func(old, with string) string { return strings.Replace(agentFile, old, with, 1) }
	build := func(steps string) string { return "capability: BUILD\nsteps:\n" + steps }
	tests := []struct {
		name, file, text string
		want             string
	}{
		{"no front matter", "poet-ai.md", "You write verse.", "poet-ai.md: must begin with front matter"},
		{"front matter without end", "poet-ai.md", "---\nname: Poet\n", "must begin with front matter"},
		{"key nobody knows", "poet-ai.md", broken("order:", "temperature:"), "field temperature not found"},
		{"no name", "poet-ai.md", broken("name: Poet\n", ""), "needs a name, a description and a prompt"},
		{"no prompt", "poet-ai.md", broken("You write verse.\n", " \n"), "needs a name, a description and a prompt"},
		{"empty front matter", "poet-ai.md", "---\n\n---\nYou write verse.", "needs a capability"},
		{"capability nobody knows", "poet-ai.md", broken("BUILD", "POETRY"), "needs a capability"},
		{"yields what nobody takes", "poet-ai.md", broken("document", "verse"), "yields must be document, change or judgment"},
		{"word of the API", "tasks.md", agentFile, "no agent may be called tasks"},
		{"alias that is a word of the API", "poet-ai.md", broken("order:", "aliases: [list]\norder:"), "no agent may be called list"},
		{"id that is no part of a path", "Poet AI.md", agentFile, `cannot be called "Poet AI"`},
		{"alias that is no part of a path", "poet-ai.md", broken("order:", "aliases: [a/b]\norder:"), `cannot be called "a/b"`},
		{"alias of another", "poet-ai.md", broken("order:", "aliases: [plan-ai]\norder:"), "alias plan-ai of poet-ai is taken by planner-ai"},
		{"alias that is an agent", "poet-ai.md", broken("order:", "aliases: [coder-ai]\norder:"), "alias coder-ai of poet-ai is taken by coder-ai"},

		{"not YAML", "build.yaml", "steps: [", "build.yaml: yaml:"},
		{"empty flow file", "more.yaml", "", `more.yaml: serves "", which is no capability`},
		{"flow of no capability", "more.yaml", "capability: COOK\nsteps: []", `serves "COOK", which is no capability`},
		{"second flow of a capability", "more.yaml", build("  - {id: a, agent: coder-ai}"), "serves BUILD, as build does"},
		{"key nobody knows in a flow", "build.yaml", build("  - {id: a, agent: coder-ai, when: later}"), "field when not found"},
		{"no steps", "build.yaml", "capability: BUILD", "has no step at scope demo"},
		{"no step at a scope", "build.yaml", build("  - {id: a, agent: coder-ai, from: poc}"), "has no step at scope demo"},
		{"agent that is not there", "build.yaml", build("  - {id: a, agent: nobody-ai}"), "step a: there is no agent nobody-ai"},
		{"agent of the platform", "build.yaml", build("  - {id: a, agent: gateway-ai}"), "step a: there is no agent gateway-ai"},
		{"needs a step below", "build.yaml", build("  - {id: a, agent: coder-ai, needs: [b]}\n  - {id: b, agent: coder-ai}"), "step a needs b"},
		{"needs itself", "build.yaml", build("  - {id: a, agent: coder-ai, needs: [a]}"), "step a needs a"},
		{"back to a step below", "build.yaml", build("  - {id: a, agent: coder-ai, back: {to: b, rounds: 1}}\n  - {id: b, agent: coder-ai}"), "sends the work back to b"},
		{"back no times", "build.yaml", build("  - {id: a, agent: coder-ai}\n  - {id: b, agent: review-ai, back: {to: a}}"), "sends the work back to a"},
		{"two of a name", "build.yaml", build("  - {id: a, agent: coder-ai}\n  - {id: a, agent: coder-ai}"), `step "a" needs an id of its own`},
		{"no id", "build.yaml", build("  - {agent: coder-ai}"), `step "" needs an id of its own`},
		{"scope misspelt", "build.yaml", build("  - {id: a, agent: coder-ai}\n  - {id: b, agent: coder-ai, from: mpv}"), `step b: there is no scope "mpv"`},
		{"scope misspelt in a list", "build.yaml", build("  - {id: a, agent: coder-ai}\n  - {id: b, agent: coder-ai, only: [demo, prod]}"), `step b: there is no scope "prod"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			own := fstest.MapFS{tt.file: {Data: []byte(tt.text)}}
			_, err := catalog.Open([]fs.FS{agents.Files, own}, []fs.FS{flows.Files, own})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v\nwant one that says %s", err, tt.want)
			}
		})
	}
}

// TestOpenReportsAll makes sure that an operator need not mend and try again
// once for each fault.
func TestOpenReportsAll(t *testing.T) {
	own := fstest.MapFS{
		"poet-ai.md":  {Data: []byte("no front matter")},
		"build.yaml":  {Data: []byte("capability: BUILD\nsteps:\n  - {id: a, agent: nobody-ai}\n  - {id: a, agent: coder-ai}")},
		"secure.yaml": {Data: []byte("capability: SECURE\nfrom: here")},
	}
	_, err := catalog.Open([]fs.FS{agents.Files, own}, []fs.FS{flows.Files, own})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"poet-ai.md", "nobody-ai", `"a" needs an id of its own`, "field from not found", "no flow serves SECURE"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("does not speak of %s:\n%v", want, err)
		}
	}
}

// TestOpenOverlay adds an agent and replaces another and a flow, as an operator
// does with a directory of files.
func TestOpenOverlay(t *testing.T) {
	own := fstest.MapFS{
		"poet-ai.md":  {Data: []byte(agentFile)},
		"coder-ai.md": {Data: []byte(strings.Replace(agentFile, "order: 100", "order: 4\naliases: [doc-ai]", 1))},
		"build.yaml":  {Data: []byte("capability: BUILD\nsteps:\n  - {id: verse, agent: poet-ai}")},
		"notes.txt":   {Data: []byte("not for the catalog")},
	}
	c, err := catalog.Open([]fs.FS{agents.Files, own}, []fs.FS{flows.Files, own})
	if err != nil {
		t.Fatal(err)
	}
	if a, err := c.Agent("coder-ai"); err != nil || a.Prompt != "You write verse." {
		t.Errorf("coder-ai was not replaced: %+v, %v", a, err)
	}
	if all := c.Agents(); len(all) != 29 || all[3].ID != "coder-ai" || all[28].ID != "poet-ai" {
		t.Errorf("%d agents, not in their order", len(all))
	}
	if got := drawn(plan(c, autonoma.MVP, autonoma.Build)); got != "\nverse poet-ai" {
		t.Errorf("the flow was not replaced:%s", got)
	}
}

func TestAgentNotFound(t *testing.T) {
	if _, err := builtIn(t).Agent("nobody-ai"); !errors.Is(err, autonoma.ErrNotFound) {
		t.Errorf("err = %v; want ErrNotFound", err)
	}
}
