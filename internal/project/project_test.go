package project_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"autonoma/internal/project"
)

var update = flag.Bool("update", false, "write the golden files")

// TestLook compares what is seen in small repositories with golden files.
func TestLook(t *testing.T) {
	for _, name := range fixtures(t, "testdata/look/*.txtar") {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			p, err := project.Look(t.Context(), load(t, name))
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(name, ".txtar")+".golden", summary(p))
		})
	}
}

// summary is a project as a text that people can check.
func summary(p project.Project) string {
	var b strings.Builder
	for _, l := range p.Languages {
		fmt.Fprintf(&b, "%s: %d files, %d lines\n", l.Name, l.Files, l.Lines)
	}
	for _, kind := range []struct {
		name     string
		commands []project.Command
	}{
		{"setup", p.Commands.Setup}, {"build", p.Commands.Build}, {"test", p.Commands.Test},
		{"lint", p.Commands.Lint}, {"format", p.Commands.Format},
	} {
		for _, c := range kind.commands {
			fmt.Fprintf(&b, "%s in %s from %s: %s\n", kind.name, c.Dir, c.From, c.Run)
			if c.Fix != "" {
				fmt.Fprintf(&b, "\tfix: %s\n", c.Fix)
			}
		}
	}
	if p.Lock != "" {
		fmt.Fprintf(&b, "lock: %d hex digits\n", len(p.Lock))
	}
	if p.RunsOwn {
		b.WriteString("set-up runs code of the project\n")
	}
	if len(p.Makes) > 0 {
		fmt.Fprintf(&b, "makes: %s\n", strings.Join(p.Makes, " "))
	}
	for _, d := range p.Docs {
		fmt.Fprintf(&b, "doc: %s (%d bytes)\n", d.Path, len(d.Text))
	}
	for _, d := range p.CI {
		fmt.Fprintf(&b, "ci: %s\n", d.Path)
	}
	fmt.Fprintf(&b, "%d files, %d bytes\n", p.Files, p.Bytes)
	for _, n := range p.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	return b.String()
}

func fixtures(t testing.TB, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no fixtures at %s: %v", pattern, err)
	}
	return names
}

// load returns the files of a txtar as a file system.
func load(t testing.TB, name string) fstest.MapFS {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{}
	for _, f := range archive.Files {
		fsys[f.Name] = &fstest.MapFile{Data: f.Data, Mode: 0o644}
	}
	return fsys
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("differs from %s (-want +got):\n%s", name, diff)
	}
}
