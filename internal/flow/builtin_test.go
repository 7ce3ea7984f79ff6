package flow_test

import (
	"io/fs"
	"testing"

	"autonoma"
	"autonoma/agents"
	"autonoma/flows"
	"autonoma/internal/catalog"
	"autonoma/internal/flow"
	"autonoma/workflows"
)

func known(t testing.TB) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Open([]fs.FS{agents.Files}, []fs.FS{flows.Files})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The built-in workflows are those that are promised, with as many steps.
func TestBuiltIns(t *testing.T) {
	all, err := flow.BuiltIns(known(t), workflows.Files)
	if err != nil {
		t.Fatal(err)
	}
	steps := map[string]int{}
	for _, b := range all {
		steps[b.Workflow.Name] = len(b.Workflow.Steps)
	}
	for name, want := range map[string]int{
		"full-sdlc": 10, "incident-response": 7,
		"build": 6, "evolve": 5, "optimize": 4, "secure": 4, "govern": 3, "platform": 3, "operate": 4,
	} {
		if steps[name] != want {
			t.Errorf("%s has %d steps, want %d", name, steps[name], want)
		}
	}
	if len(steps) != 9 {
		t.Errorf("there are %v", steps)
	}
}

// The workflow of a capability has the steps that a task of it has, at each scope.
func TestOfCapability(t *testing.T) {
	c := known(t)
	all, err := flow.BuiltIns(c, workflows.Files)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		if b.Workflow.Name != "build" {
			continue
		}
		for _, scope := range autonoma.Scopes {
			f, err := flow.Compile(c, b.At(scope))
			if err != nil {
				t.Fatal(err)
			}
			want := c.Plan(autonoma.Request{Capabilities: []autonoma.Capability{autonoma.Build}, Scope: scope})
			got := f.Steps()
			if len(got) != len(want) {
				t.Fatalf("%s: %d steps, want %d", scope, len(got), len(want))
			}
			for i := range want {
				if got[i].ID != want[i].ID || got[i].Agent != want[i].Agent || len(got[i].Needs) != len(want[i].Needs) || (got[i].Back == nil) != (want[i].Back == nil) {
					t.Errorf("%s: step %d is %+v, want %+v", scope, i, got[i], want[i])
				}
			}
		}
	}
}
