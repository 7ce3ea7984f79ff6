package project_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"autonoma/internal/project"
)

// TestMap compares maps of a repository in many languages, drawn for different
// tasks and budgets, with golden files.
func TestMap(t *testing.T) {
	fsys := load(t, "testdata/map/polyglot.txtar")
	for _, tt := range []struct {
		name   string
		task   string
		budget int
	}{
		{"no-task", "", 6000},
		{"task", "parseInvoice drops the tax of lines in billing/invoice.py", 2000},
		{"small", "Tokenizer", 500},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := project.Map(t.Context(), fsys, []string{tt.task}, tt.budget)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) > tt.budget {
				t.Errorf("%d bytes, more than %d", len(got), tt.budget)
			}
			golden(t, "testdata/map/"+tt.name+".golden", got)
		})
	}
}

// TestMapBudget draws the same checkout within budgets of every size: a map is
// never longer, and is whole lines.
func TestMapBudget(t *testing.T) {
	fsys := load(t, "testdata/map/polyglot.txtar")
	for budget := -1; budget < 5000; budget += 37 {
		m, err := project.Map(t.Context(), fsys, []string{"invoice tokenizer"}, budget)
		if err != nil {
			t.Fatal(err)
		}
		if len(m) > max(0, budget) || m != "" && !strings.HasSuffix(m, "\n") {
			t.Errorf("budget %d: %d bytes, ends in %q", budget, len(m), m[max(0, len(m)-10):])
		}
	}
}

func TestRelevant(t *testing.T) {
	fsys := load(t, "testdata/map/polyglot.txtar")
	for _, tt := range []struct {
		name, task string
		first      string
	}{
		{"path", "see billing/invoice.py:12", "billing/invoice.py"},
		{"file name", "the bug is in tokenizer.rs", "lexer/src/tokenizer.rs"},
		{"identifier in the text", "ledgerTotal is wrong", "web/src/ledger.ts"},
		{"snake for camel", "ledger_total is wrong", "web/src/ledger.ts"},
		{"source before its test", "Serve does not stop", "server/server.go"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := project.Relevant(t.Context(), fsys, []string{tt.task}, 3)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) == 0 || got[0] != tt.first {
				t.Errorf("%q: %q, want %s first", tt.task, got, tt.first)
			}
		})
	}
	if got, err := project.Relevant(t.Context(), fsys, []string{"xyzzy"}, 3); err != nil || len(got) > 0 {
		t.Errorf("a word that is nowhere: %q, %v", got, err)
	}
}

func TestMarkdown(t *testing.T) {
	fsys := fstest.MapFS{
		"AGENTS.md": {Data: []byte("Rules\n~~~~\n# Not a heading\n~~~~\n")},
		"README.md": {Data: []byte(strings.Repeat("A line of the text.\n", 2000))},
		"go.mod":    {Data: []byte("module m\n")},
		"m.go":      {Data: []byte("package m\n")},
	}
	p, err := project.Look(t.Context(), fsys)
	if err != nil {
		t.Fatal(err)
	}
	if d := p.Docs[1]; !d.Cut || len(d.Text) > 13_000 || !strings.Contains(d.Text, "of 40000 bytes; read README.md for the rest") {
		t.Errorf("README is not cut as promised: %d bytes, cut %v", len(d.Text), d.Cut)
	}
	whole := p.Markdown(1 << 20)
	for _, want := range []string{"- build: `go build ./...` (from go.mod)", "\n~~~~~\nRules", "no _test.go file"} {
		if !strings.Contains(whole, want) {
			t.Errorf("lacks %q:\n%s", want, whole)
		}
	}
	for budget := 0; budget < len(whole)+20; budget += 97 {
		s := p.Markdown(budget)
		fences := slices.DeleteFunc(strings.Split(s, "\n"), func(l string) bool { return !strings.HasPrefix(l, "~~~") || l == "~~~~" })
		if len(s) > budget || len(fences)%2 != 0 {
			t.Fatalf("budget %d: %d bytes, fences %q", budget, len(s), fences)
		}
	}
}

func TestSameAgain(t *testing.T) {
	fsys := load(t, "testdata/look/many-languages.txtar")
	first, err := project.Look(t.Context(), fsys)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		again, err := project.Look(t.Context(), fsys)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, again); diff != "" {
			t.Fatal(diff)
		}
	}
}

// checkout5000 writes a repository of 5,000 files in four languages.
func checkout5000(b *testing.B) string {
	dir := b.TempDir()
	write(b, dir, "go.mod", "module example.com/big\n")
	for i := range 4999 {
		ext := []string{"go", "py", "ts", "md"}[i%4]
		body := fmt.Sprintf("package p%d\n\nfunc Handle%d(request string) error {\n\treturn nil\n}\n", i, i)
		write(b, dir, fmt.Sprintf("area%d/part%d/file%d.%s", i%20, i%200, i, ext), strings.Repeat(body, 20))
	}
	return dir
}

func BenchmarkLook5000(b *testing.B) {
	fsys := rootOf(b, checkout5000(b))
	for b.Loop() {
		if p, err := project.Look(b.Context(), fsys); err != nil || p.Files != 5000 {
			b.Fatal(p.Files, err)
		}
	}
}

func BenchmarkMap5000(b *testing.B) {
	fsys := rootOf(b, checkout5000(b))
	for b.Loop() {
		if m, err := project.Map(b.Context(), fsys, []string{"Handle4711 returns no error for an empty request"}, 8000); err != nil || m == "" {
			b.Fatal(err)
		}
	}
}
