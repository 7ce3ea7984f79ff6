package catalog_test

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"autonoma"
	"autonoma/agents"
	"autonoma/flows"
	"autonoma/internal/catalog"
)

// builtIn opens the catalog that every installation has.
func builtIn(t *testing.T) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Open([]fs.FS{agents.Files}, []fs.FS{flows.Files})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestAgentList holds the list that clients rely on: ids, their order, whom
// they serve and which other names they answer to.
func TestAgentList(t *testing.T) {
	const want = `
req-ai BUILD document
planner-ai BUILD document plan-ai
architect-ai BUILD document design-ai
coder-ai BUILD change doc-ai
tester-ai BUILD change test-ai
debug-ai BUILD change
review-ai BUILD judgment reviewer-ai
deploy-ai OPERATE change release-ai
maintain-ai OPERATE change sre-ai
observe-ai OPERATE change
incident-ai OPERATE document
capacity-ai OPERATE document
backup-ai OPERATE change
security-ai SECURE change
threathunter-ai SECURE document threat-ai
govern-ai GOVERN document audit-ai
policy-ai GOVERN judgment compliance-ai
tenant-ai GOVERN change
optimize-ai OPTIMIZE change perf-ai
cost-ai OPTIMIZE document
dba-ai OPTIMIZE change
billing-ai OPTIMIZE change
adapt-ai EVOLVE change
evolve-ai EVOLVE change migrate-ai innovate-ai
success-ai EVOLVE document feedback-ai
orchestrator-ai PLATFORM document internal
knowledge-ai PLATFORM document internal learn-ai
gateway-ai PLATFORM document internal
`
	var got strings.Builder
	got.WriteByte('\n')
	for i, a := range builtIn(t).Agents() {
		fmt.Fprintf(&got, "%s %s %s", a.ID, a.Capability, a.Yields)
		if a.Internal {
			got.WriteString(" internal")
		}
		for _, alias := range a.Aliases {
			fmt.Fprintf(&got, " %s", alias)
		}
		got.WriteByte('\n')
		if a.Order != i+1 {
			t.Errorf("%s has order %d; its place is %d", a.ID, a.Order, i+1)
		}
	}
	if got.String() != want {
		t.Errorf("got%s\nwant%s", got.String(), want)
	}
}

// TestAgentByAlias asks for agents by the names that other clients use for them.
func TestAgentByAlias(t *testing.T) {
	c := builtIn(t)
	for _, a := range c.Agents() {
		for _, name := range append(a.Aliases, a.ID) {
			if got, err := c.Agent(name); err != nil || got.ID != a.ID {
				t.Errorf("Agent(%s) = %s, %v; want %s", name, got.ID, err, a.ID)
			}
		}
	}
}

// TestPrompts keeps prompts short, because they are paid for with every turn,
// and free of what the platform says itself.
func TestPrompts(t *testing.T) {
	const (
		mostCoder = 1800 // bytes; the whole first request of coder-ai has to stay below 8 kB
		mostBuild = 1600
		most      = 700
	)
	shouting := regexp.MustCompile(`\b(IMPORTANT|NEVER|ALWAYS|MUST|NOT|CRITICAL)\b|!`)
	c := builtIn(t)
	for _, a := range c.Agents() {
		limit := most
		if a.Capability == autonoma.Build {
			limit = mostBuild
		}
		if a.ID == "coder-ai" {
			limit = mostCoder
		}
		if n := len(a.Prompt); n > limit {
			t.Errorf("%s: the prompt has %d bytes; at most %d", a.ID, n, limit)
		}
		if words := len(strings.Fields(a.Prompt)); words < 40 {
			t.Errorf("%s: %d words do not say what good work is", a.ID, words)
		}
		if strings.Contains(a.Prompt, string(a.ID)) || strings.HasPrefix(a.Prompt, "You are ") {
			t.Errorf("%s: the platform already says who the agent is", a.ID)
		}
		if s := shouting.FindString(a.Prompt); s != "" {
			t.Errorf("%s: %q shouts", a.ID, s)
		}
		for id := range strings.FieldsFuncSeq(a.Prompt, func(r rune) bool { return r != '-' && (r < 'a' || r > 'z') }) {
			if _, err := c.Agent(autonoma.AgentID(id)); strings.HasSuffix(id, "-ai") && err != nil {
				t.Errorf("%s speaks of %s, which is not there", a.ID, id)
			}
		}
		if n := len(a.Description); n > 100 || !strings.HasSuffix(a.Description, ".") || strings.Contains(a.Description, "\n") {
			t.Errorf("%s: the description is to be one sentence of at most 100 bytes, for lists: %q", a.ID, a.Description)
		}
	}
}

// TestTools makes sure that no agent is offered a tool its work has no use for:
// who only reads or judges gets nothing that writes. Those ask a human who change
// something, or who find out what is wanted.
func TestTools(t *testing.T) {
	changing := []string{"bash", "read", "write", "edit", "glob", "grep", "ask"}
	reading := []string{"read", "glob", "grep", "bash"}
	for _, a := range builtIn(t).Agents() {
		want := reading
		switch {
		case a.Internal:
			want = []string{"read", "glob", "grep"}
		case a.Yields == autonoma.Change:
			want = changing
		case a.ID == "req-ai":
			want = append(reading[:len(reading):len(reading)], "ask")
		}
		if !slices.Equal(a.Tools, want) {
			t.Errorf("%s: tools %v; want %v", a.ID, a.Tools, want)
		}
	}
}

// TestFlows checks what all built-in flows owe, at every scope.
func TestFlows(t *testing.T) {
	c := builtIn(t)
	delivered := map[string]autonoma.Capability{}
	for _, capability := range autonoma.Capabilities {
		fewer := 0
		for _, scope := range autonoma.Scopes {
			name := fmt.Sprintf("%s at %s", capability, scope)
			steps := plan(c, scope, capability)
			if len(steps) < max(1, fewer) {
				t.Errorf("%s: %d steps, %d at the scope below", name, len(steps), fewer)
			}
			fewer = len(steps)
			last := steps[len(steps)-1]
			if a, _ := c.Agent(last.Agent); scope.AtLeast(autonoma.POC) && (a.Yields != autonoma.Judgment || last.Back == nil) {
				t.Errorf("%s: ends with %s, which cannot send the work back", name, last.ID)
			}
			for _, s := range steps {
				if s.Asks == "" || strings.Contains(s.Asks, "\n") {
					t.Errorf("%s: %s asks %q; want a line or two of prose", name, s.ID, s.Asks)
				}
				if by, taken := delivered[s.Delivers]; s.Delivers == "" || taken && by != capability {
					t.Errorf("%s: %s delivers %q, as %s does; completedPhases must tell them apart", name, s.ID, s.Delivers, by)
				}
				delivered[s.Delivers] = capability
			}
		}
	}
}

// plan returns the steps of a request for the capabilities.
func plan(c *catalog.Catalog, scope autonoma.Scope, capabilities ...autonoma.Capability) []autonoma.Step {
	return c.Plan(autonoma.Request{Scope: scope, Capabilities: capabilities})
}
