package autonoma_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestArchitecture compares the arrows in ARCHITECTURE.md with the imports in the
// code. Packages whose name ends in test are free to import anything.
func TestArchitecture(t *testing.T) {
	doc, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(doc), "```imports\n")
	block, _, _ = strings.Cut(block, "```")
	drawn := arrows(block)

	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} → {{join .Imports " "}}`, "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for from, imports := range arrows(string(out)) {
		from, _ := local(from)
		var ours []string
		for _, i := range imports {
			if to, ok := local(i); ok {
				ours = append(ours, to)
			}
		}
		slices.Sort(ours)
		if strings.HasSuffix(from, "test") {
			continue
		}
		lines = append(lines, strings.TrimSpace(from+" → "+strings.Join(ours, " ")))
		if want, ok := drawn[from]; !ok || !slices.Equal(ours, want) {
			t.Errorf("ARCHITECTURE.md should say\n%s", lines[len(lines)-1])
		}
		delete(drawn, from)
	}
	for from := range drawn {
		t.Errorf("ARCHITECTURE.md speaks of %s, which is not there", from)
	}
	if t.Failed() {
		slices.Sort(lines)
		t.Logf("all of it:\n%s", strings.Join(lines, "\n"))
	}
}

// local returns the path of a package within this module, "." for its root.
func local(pkg string) (string, bool) {
	if pkg == "autonoma" {
		return ".", true
	}
	return strings.CutPrefix(pkg, "autonoma/")
}

// arrows reads lines of the form "package → imports".
func arrows(text string) map[string][]string {
	m := map[string][]string{}
	for line := range strings.Lines(text) {
		if from, to, ok := strings.Cut(line, "→"); ok {
			m[strings.TrimSpace(from)] = strings.Fields(to)
		}
	}
	return m
}
