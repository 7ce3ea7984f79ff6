package scan

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// An example is what the table of examples says of a line.
type example struct {
	rule, path, text string
	found            bool
}

// examples reads a table: "# rule path", then "+ line" that it finds and "- line" that
// it does not. A ¦ keeps what looks like a secret from looking like one here.
func examples(t testing.TB, file string) []example {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []example
	var rule, path string
	for line := range strings.Lines(strings.ReplaceAll(string(data), "¦", "")) {
		kind, text, _ := strings.Cut(strings.TrimRight(line, "\n"), " ")
		switch kind {
		case "#":
			rule, path, _ = strings.Cut(text, " ")
		case "+", "-":
			all = append(all, example{rule, path, text, kind == "+"})
		default:
			t.Fatalf("%s: %q is no line of the table", file, line)
		}
	}
	return all
}

// Every rule has an example of what it finds, and of what looks alike and is left alone.
func TestRules(t *testing.T) {
	elsewhere := map[string]bool{"autonoma_key": true, "private_key": true, "workflow_foreign_checkout": true, "cors_any_origin": true, "open_to_the_world": true}
	for _, tt := range []struct {
		file  string
		rules []rule
		find  func(string, []Line) []Finding
	}{
		{"testdata/secrets.txt", plainRules(), Secrets},
		{"testdata/weaknesses.txt", weaknessRules(), Weaknesses},
	} {
		yes, no := map[string]int{}, map[string]int{}
		for _, e := range examples(t, tt.file) {
			found := tt.find(e.path, []Line{{7, e.text}})
			at := slices.IndexFunc(found, func(f Finding) bool { return f.Rule == e.rule })
			switch {
			case e.found && (at < 0 || len(found) != 1):
				t.Errorf("%s: of %q it says %+v", e.rule, e.text, found)
			case e.found && (found[at].Path != e.path || found[at].Line != 7 || found[at].What == "" || found[at].Risk == ""):
				t.Errorf("%s: an odd finding: %+v", e.rule, found[at])
			case !e.found && len(found) > 0:
				t.Errorf("%s: of %q, which is harmless, it says %+v", e.rule, e.text, found)
			}
			if e.found {
				yes[e.rule]++
			} else {
				no[e.rule]++
			}
		}
		seen := map[string]bool{}
		for _, r := range tt.rules {
			if seen[r.name] {
				t.Errorf("%s is in the table twice", r.name)
			}
			seen[r.name] = true
			if !elsewhere[r.name] && (yes[r.name] < 1 || no[r.name] < 2) {
				t.Errorf("%s has %d examples of what it finds and %d of what it does not", r.name, yes[r.name], no[r.name])
			}
		}
		for name := range yes {
			if !seen[name] {
				t.Errorf("there is no rule called %s", name)
			}
		}
	}
}
