package deps_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"

	"autonoma/internal/deps"
)

// tree makes files out of an archive.
func tree(archive string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for _, f := range txtar.Parse([]byte(archive)).Files {
		fsys[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	return fsys
}

func read(t testing.TB, fsys fs.FS) deps.Set {
	t.Helper()
	s, err := deps.Read(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// written are dependencies as "ecosystem name version", with * for direct ones and the
// version before of updates.
func written(all []deps.Dep) []string {
	var lines []string
	for _, d := range all {
		line := d.Ecosystem + " " + d.Name + " " + d.Version
		if d.Was != "" {
			line += " was " + d.Was
		}
		if d.Direct {
			line += " *"
		}
		lines = append(lines, line)
	}
	return lines
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// problems are problems as "file: what (risk)".
func problems(all []deps.Problem) []string {
	var lines []string
	for _, p := range all {
		lines = append(lines, p.File+": "+p.What+" ("+string(p.Risk)+")")
	}
	return lines
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
