package catalog_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"autonoma"
	"autonoma/internal/catalog"
)

var update = flag.Bool("update", false, "rewrite golden files with what the code produces")

// TestAgentsPage keeps docs/agents.md true to the files it tells of.
func TestAgentsPage(t *testing.T) {
	const file = "../../docs/agents.md"
	got := agentsPage(builtIn(t))
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("docs/agents.md is out of date; run make golden\n--- got\n%s", got)
	}
}

func yields(a autonoma.Agent) string {
	text := string(a.Yields)
	for _, r := range a.Reports {
		text += ", " + string(r)
	}
	return text
}

// agentsPage writes what a user wants to know about agents and flows.
func agentsPage(c *catalog.Catalog) string {
	var b strings.Builder
	b.WriteString(`# Agents and flows

This page is written by a test from ` + "`agents/*.md` and `flows/*.yaml`" + `; change those, then run
` + "`make golden`" + `. A directory of such files in the configuration adds to the built-in ones or, under
the same file name, takes their place.

## Agents

What an agent yields decides what it may do: a *change* may change the workspace; a *document*
or a *judgment* comes from reading, and from running commands whose effects are thrown away.
Agents marked internal work for the platform and cannot be asked for.

An agent that reports *findings* names what is wrong one by one: place, severity, remedy. One that
reports *measurements* names the command that shows the gain; the platform runs it on the base and on
the result, and its figures are what is shown.

| agent | capability | yields | what it does | also called |
|---|---|---|---|---|
`)
	for _, a := range c.Agents() {
		capability := string(a.Capability)
		if a.Internal {
			capability += ", internal"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", a.ID, capability, yields(a), a.Description, codes(a.Aliases))
	}
	b.WriteString(`
## Flows

A request's capabilities choose the flows; several are chained in the order below. The scope
decides which steps take part. A step that is done adds its *delivery phase* to the task's
` + "`completedPhases`" + `. A judging step may send the work back to the step named, so often.
`)
	for _, capability := range autonoma.Capabilities {
		fmt.Fprintf(&b, "\n### %s\n\n| step | agent | delivers | %s | sends back |\n|---|---|---|%s---|\n",
			capability, joined(autonoma.Scopes), strings.Repeat("---|", len(autonoma.Scopes)))
		for _, s := range plan(c, autonoma.Production, capability) {
			fmt.Fprintf(&b, "| %s | `%s` | %s |", s.ID, s.Agent, s.Delivers)
			for _, scope := range autonoma.Scopes {
				in := slices.ContainsFunc(plan(c, scope, capability), func(o autonoma.Step) bool { return o.ID == s.ID })
				fmt.Fprintf(&b, " %s |", map[bool]string{true: "yes", false: "–"}[in])
			}
			if s.Back != nil {
				fmt.Fprintf(&b, " to %s, %d× |\n", s.Back.To, s.Back.Rounds)
			} else {
				b.WriteString(" |\n")
			}
		}
	}
	return b.String()
}

func codes(ids []autonoma.AgentID) string {
	quoted := make([]string, len(ids))
	for i, id := range ids {
		quoted[i] = "`" + string(id) + "`"
	}
	return cmp.Or(strings.Join(quoted, ", "), "–")
}

func joined(scopes []autonoma.Scope) string {
	names := make([]string, len(scopes))
	for i, s := range scopes {
		names[i] = string(s)
	}
	return strings.Join(names, " | ")
}
