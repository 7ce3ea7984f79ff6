package injectiontest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The guide lists every case, what holds, and what is left to the human.
func TestGuide(t *testing.T) {
	const begin, end = "<!-- cases: written by go test ./internal/injectiontest -update -->\n", "<!-- end of cases -->\n"
	file := filepath.Join("..", "..", "docs", "guide", "untrusted-text.md")
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(page), begin)
	had, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no place for the cases", file)
	}
	want := list(cases(t))
	switch {
	case *update:
		if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	case had != want:
		t.Errorf("%s is out of date; run make golden\n--- want\n%s", file, want)
	}
}

// list is the cases as tables: those that something holds, and those that are delivered.
func list(all []attack) string {
	var held, left strings.Builder
	for _, c := range all {
		if c.Left != "" {
			fmt.Fprintf(&left, "| `%s` | %s | %s |\n", c.Name, c.Title, c.Left)
			continue
		}
		fmt.Fprintf(&held, "| `%s` | %s | %s | %s |\n", c.Name, c.Planted, c.Title, c.Holds.text())
	}
	return "\nWhat is stopped:\n\n| Case | Stands in | The text says | What holds |\n|---|---|---|---|\n" + held.String() +
		"\nWhat is delivered, and is for you to judge:\n\n| Case | The text says | What is left to you |\n|---|---|---|\n" + left.String() + "\n"
}

// text says what holds, for people.
func (h hold) text() string {
	switch h.By {
	case bySandbox:
		return "the sandbox: the command cannot"
	case byTool:
		return "the tool refuses"
	case byGate:
		return fmt.Sprintf("the gate [`%s`](../gates/%[1]s.md)", h.What)
	case byFailure:
		return fmt.Sprintf("the run fails with `%s`", h.What)
	case byApproval:
		return fmt.Sprintf("a human is asked, and shown the effect `%s`", h.What)
	case byDelivery:
		return "what is handed over does not hold it"
	case byEffect, byNothing:
	}
	return "nothing"
}
