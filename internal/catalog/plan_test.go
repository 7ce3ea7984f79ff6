package catalog_test

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"autonoma"
	"autonoma/agents"
	"autonoma/flows"
	"autonoma/internal/catalog"
)

// TestPlanBuiltIn shows the steps of the built-in flows.
func TestPlanBuiltIn(t *testing.T) {
	c := builtIn(t)
	tests := []struct {
		name         string
		scope        autonoma.Scope
		capabilities []autonoma.Capability
		want         string
	}{
		{"BUILD at demo is the coder alone", autonoma.Demo, []autonoma.Capability{autonoma.Build}, `
implementation coder-ai`},
		{"BUILD at poc tests and reviews", autonoma.POC, []autonoma.Capability{autonoma.Build}, `
implementation coder-ai
testing tester-ai after implementation
review review-ai after testing, back to implementation 1`},
		{"BUILD at mvp thinks first", autonoma.MVP, []autonoma.Capability{autonoma.Build}, `
requirements req-ai
planning planner-ai after requirements
architecture architect-ai after planning
implementation coder-ai after architecture
testing tester-ai after implementation
review review-ai after testing, back to implementation 1`},
		{"several are chained, in an order of ours", autonoma.POC, []autonoma.Capability{autonoma.Operate, autonoma.Secure}, `
secure.hardening security-ai
secure.policy policy-ai after secure.hardening, back to secure.hardening 1
operate.deployment deploy-ai after secure.policy
operate.review review-ai after operate.deployment, back to operate.deployment 1`},
		{"what is sent back to an absent step goes to the one before it", autonoma.POC, []autonoma.Capability{autonoma.Govern}, `
audit govern-ai
compliance policy-ai after audit, back to audit 1`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, drawn(plan(c, tt.scope, tt.capabilities...))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestPlanGraph shows what becomes of the arrows when steps take no part and
// when flows follow one another.
func TestPlanGraph(t *testing.T) {
	const left = `
  - {id: left, agent: coder-ai, needs: [base]}`
	tests := []struct {
		name  string
		build string // the steps of BUILD; SECURE's is one step, "harden", always
		chain bool
		want  string
	}{
		{"side by side", `
  - {id: base, agent: req-ai}` + left + `
  - {id: right, agent: tester-ai, needs: [base]}
  - {id: join, agent: review-ai, needs: [left, right]}`, false, `
base req-ai
left coder-ai after base
right tester-ai after base
join review-ai after left right`},
		{"an absent step passes on what it needed, not what stood above it", `
  - {id: base, agent: req-ai}` + left + `
  - {id: right, agent: tester-ai, needs: [base]}
  - {id: absent, agent: debug-ai, needs: [left], from: production}
  - {id: join, agent: review-ai, needs: [absent]}`, false, `
base req-ai
left coder-ai after base
right tester-ai after base
join review-ai after left`},
		{"an absent first step leaves nothing to wait for", `
  - {id: absent, agent: req-ai, only: [demo]}
  - {id: work, agent: coder-ai, needs: [absent]}`, false, `
work coder-ai`},
		{"the next flow waits for every loose end", `
  - {id: base, agent: req-ai}` + left + `
  - {id: right, agent: tester-ai, needs: [base]}`, true, `
build.base req-ai
build.left coder-ai after build.base
build.right tester-ai after build.base
secure.harden security-ai after build.left build.right`},
		{"nothing is sent back into another flow", `
  - {id: absent, agent: req-ai, from: production}
  - {id: judge, agent: review-ai, back: {to: absent, rounds: 2}}`, true, `
build.judge review-ai
secure.harden security-ai after build.judge`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			capabilities := []autonoma.Capability{autonoma.Build}
			if tt.chain {
				capabilities = append(capabilities, autonoma.Secure)
			}
			c := withFlows(t, map[string]string{
				"build.yaml":  "capability: BUILD\nsteps:" + tt.build,
				"secure.yaml": "capability: SECURE\nsteps:\n  - {id: harden, agent: security-ai}",
			})
			if diff := cmp.Diff(tt.want, drawn(plan(c, autonoma.MVP, capabilities...))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestPlanHolds checks, for flows of any shape, what the engine relies on: needs
// come first, nothing waits for a step that is not there, everything is reached,
// and the second flow begins when all of the first is done.
func TestPlanHolds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c, err := catalog.Open([]fs.FS{agents.Files}, []fs.FS{flows.Files, fstest.MapFS{
			"build.yaml":  {Data: []byte(anyFlow(rt, autonoma.Build))},
			"secure.yaml": {Data: []byte(anyFlow(rt, autonoma.Secure))},
		}})
		if err != nil {
			rt.Fatal(err)
		}
		scope := rapid.SampledFrom(autonoma.Scopes).Draw(rt, "scope")
		steps := plan(c, scope, autonoma.Build, autonoma.Secure)
		reaches := map[string][]string{} // all that come before a step
		for _, s := range steps {
			for _, need := range s.Needs {
				if _, ok := reaches[need]; !ok {
					rt.Fatalf("%s needs %s, which does not come before it in %s", s.ID, need, drawn(steps))
				}
				reaches[s.ID] = append(append(reaches[s.ID], need), reaches[need]...)
			}
			if reaches[s.ID] == nil {
				reaches[s.ID] = []string{}
			}
			if s.Back != nil && !slices.Contains(reaches[s.ID], s.Back.To) && reaches[s.Back.To] == nil {
				rt.Fatalf("%s sends back to %s, which is not there", s.ID, s.Back.To)
			}
		}
		for _, second := range steps {
			for _, first := range steps {
				if strings.HasPrefix(second.ID, "secure.") && strings.HasPrefix(first.ID, "build.") && !slices.Contains(reaches[second.ID], first.ID) {
					rt.Fatalf("%s may begin before %s is done in %s", second.ID, first.ID, drawn(steps))
				}
			}
		}
	})
}

// anyFlow draws a flow that is in order. Its first step takes part at all scopes.
func anyFlow(t *rapid.T, capability autonoma.Capability) string {
	var b strings.Builder
	fmt.Fprintf(&b, "capability: %s\nsteps:\n  - {id: s0, agent: coder-ai}\n", capability)
	for i := range rapid.IntRange(0, 7).Draw(t, "steps") {
		fmt.Fprintf(&b, "  - {id: s%d, agent: coder-ai", i+1)
		before := rapid.SliceOfNDistinct(rapid.IntRange(0, i), 0, min(i+1, 3), rapid.ID).Draw(t, "needs")
		if len(before) > 0 {
			fmt.Fprintf(&b, ", needs: [s%s]", strings.Trim(strings.ReplaceAll(fmt.Sprint(before), " ", ", s"), "[]"))
		}
		if rapid.Bool().Draw(t, "from") {
			fmt.Fprintf(&b, ", from: %s", rapid.SampledFrom(autonoma.Scopes).Draw(t, "scope"))
		}
		if rapid.Bool().Draw(t, "back") {
			fmt.Fprintf(&b, ", back: {to: s%d, rounds: 1}", rapid.IntRange(0, i).Draw(t, "to"))
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// TestPlannedStep checks what else a step of a run begins with.
func TestPlannedStep(t *testing.T) {
	steps := plan(builtIn(t), autonoma.MVP, autonoma.Build)
	weight := map[string]float64{}
	for _, s := range steps {
		weight[s.ID] = s.Pace.Total()
		if s.Status != autonoma.StepPending || s.Round != 1 || s.Progress != 0 || s.Execution != "" {
			t.Errorf("%s does not begin afresh: %+v", s.ID, s)
		}
	}
	if !(weight["requirements"] < weight["review"] && weight["review"] < weight["implementation"]) {
		t.Errorf("to write about a change, to judge it and to make it should take longer and longer: %v", weight)
	}
}

func TestExpected(t *testing.T) {
	for i, s := range autonoma.Scopes[1:] {
		if below := autonoma.Scopes[i]; catalog.Expected(s) <= catalog.Expected(below) {
			t.Errorf("%s proves more than %s and is expected to take no longer", s, below)
		}
	}
}

// withFlows opens the built-in catalog with some flows replaced.
func withFlows(t *testing.T, files map[string]string) *catalog.Catalog {
	t.Helper()
	own := fstest.MapFS{}
	for name, text := range files {
		own[name] = &fstest.MapFile{Data: []byte(text)}
	}
	c, err := catalog.Open([]fs.FS{agents.Files}, []fs.FS{flows.Files, own})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// drawn writes steps as lines that are easy to compare.
func drawn(steps []autonoma.Step) string {
	var b strings.Builder
	for _, s := range steps {
		fmt.Fprintf(&b, "\n%s %s", s.ID, s.Agent)
		if len(s.Needs) > 0 {
			fmt.Fprintf(&b, " after %s", strings.Join(s.Needs, " "))
		}
		if s.Back != nil {
			fmt.Fprintf(&b, ", back to %s %d", s.Back.To, s.Back.Rounds)
		}
	}
	return b.String()
}
