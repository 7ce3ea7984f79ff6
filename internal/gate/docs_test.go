package gate_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"autonoma"
	"autonoma/internal/gate"
)

var update = flag.Bool("update", false, "rewrite golden files with what the code produces")

// Each gate has a page, whose table is true to gates.yaml, and a line in the table of all.
func TestPages(t *testing.T) {
	const dir = "../../docs/gates"
	p, err := gate.Default()
	if err != nil {
		t.Fatal(err)
	}
	pages := []string{"README.md"}
	for _, g := range gate.All() {
		file := string(g.ID) + ".md"
		pages = append(pages, file)
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Error(err)
			continue
		}
		words, _, _ := strings.Cut(string(text), "## At each scope\n")
		if !strings.HasPrefix(words, fmt.Sprintf("# %s\n\n`%s`\n\n", g.Name, g.ID)) || !strings.Contains(words, "**Skipped**: ") || !strings.Contains(words, "**To mend it**: ") {
			t.Errorf("%s: say what it is called, when it is skipped, and how to mend it", file)
		}
		same(t, filepath.Join(dir, file), words+atEachScope(g, p.Gates[g.ID]))
	}
	same(t, filepath.Join(dir, "README.md"), overview(p))
	there, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range there {
		if !slices.Contains(pages, e.Name()) {
			t.Errorf("%s is about no gate", e.Name())
		}
	}
}

// same compares a page with what it should say.
func same(t *testing.T, file, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != want {
		t.Errorf("%s is out of date (%v); run make golden\n--- want\n%s", file, err, want)
	}
}

// atEachScope is the end of a gate's page, and written by this test.
func atEachScope(g gate.Gate, r gate.Rule) string {
	var head, line, holds, limit strings.Builder
	way := "at most"
	if g.Low {
		way = "at least"
	}
	for _, s := range autonoma.Scopes {
		fmt.Fprintf(&head, " %s |", s)
		line.WriteString("---|")
		fmt.Fprintf(&holds, " %s |", effect(r, s))
		fmt.Fprintf(&limit, " %s |", strconv.FormatFloat(r.Threshold[s], 'f', -1, 64))
	}
	text := fmt.Sprintf("## At each scope\n\nScore: %s.\n\n| |%s\n|---|%s\n| |%s\n| %s |%s\n", g.Unit, head.String(), line.String(), holds.String(), way, limit.String())
	if r.Withholds {
		text += "\nWhat misses it is withheld.\n"
	}
	return text
}

// effect is what a gate does at a scope.
func effect(r gate.Rule, s autonoma.Scope) string {
	switch {
	case r.Measured == gate.Never || !s.AtLeast(r.Measured):
		return "–"
	case r.Blocks != gate.Never && s.AtLeast(r.Blocks):
		return "blocks"
	}
	return "warns"
}

// overview is the page of all gates.
func overview(p gate.Policy) string {
	var b strings.Builder
	b.WriteString(`# Gates

Gates measure the work of agents. Each has a score and a threshold for each scope; what misses a gate
that blocks fails the run with ` + "`gate_failed`" + `, after the agent had its chances to mend it. The result is
there to be looked at, but for what a gate withholds: of that, nothing leaves. A gate that could measure
nothing is skipped and says why; it never passes for that.

The gates of a task are in ` + "`output.gates`" + `, those of one execution in ` + "`gates`" + ` of its status. An operator
changes them with a file, see [configuration](../guide/configuration.md#gates). Why there are these is
[decision 16](../adr/0016-gates-measure-or-say-that-they-did-not.md).

This page is written by a test from ` + "`internal/gate/gates.yaml`" + `.

| gate |`)
	for _, s := range autonoma.Scopes {
		fmt.Fprintf(&b, " %s |", s)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(autonoma.Scopes)) + "\n")
	for _, g := range gate.All() {
		fmt.Fprintf(&b, "| [%s](%s.md) |", g.Name, g.ID)
		for _, s := range autonoma.Scopes {
			fmt.Fprintf(&b, " %s |", effect(p.Gates[g.ID], s))
		}
		b.WriteString("\n")
	}
	return b.String()
}
