package project

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
)

const (
	maxNotes = 24
	maxUnits = 16 // directories of one language that get commands of their own
)

// findings is what the detectors of the languages fill in.
type findings struct {
	Commands
	decides []string // files that decide what set-up installs
	runsOwn bool     // set-up runs code of the project itself
	makes   []string
	notes   []string
}

func (f *findings) note(format string, args ...any) {
	if n := fmt.Sprintf(format, args...); !slices.Contains(f.notes, n) {
		f.notes = append(f.notes, n)
	}
}

func (f *findings) notesWithin() []string {
	if more := len(f.notes) - maxNotes; more > 0 {
		return append(f.notes[:maxNotes:maxNotes], fmt.Sprintf("%d more notes are left out.", more))
	}
	return f.notes
}

func (f *findings) madeSorted() []string {
	slices.Sort(f.makes)
	return slices.Compact(f.makes)
}

// detect finds the commands of every language. What the Makefile has to say
// comes last, as it depends on what the languages left open.
func detect(t *tree, docs []Doc, f *findings) {
	detectGo(t, f)
	detectNode(t, f)
	detectPython(t, f)
	detectRust(t, f)
	detectMaven(t, f)
	detectGradle(t, f)
	detectMake(t, docs, f)
	noteOthers(t, f)
}

// noteOthers says which build systems were seen that nothing is known about.
func noteOthers(t *tree, f *findings) {
	for _, o := range []struct{ file, name string }{
		{"CMakeLists.txt", "CMake"}, {"meson.build", "Meson"}, {"configure.ac", "Autoconf"}, {"MODULE.bazel", "Bazel"},
		{"Gemfile", "Bundler"}, {"composer.json", "Composer"}, {"build.sbt", "sbt"}, {"mix.exs", "Mix"},
		{"Package.swift", "SwiftPM"}, {"pubspec.yaml", "Dart"}, {"deno.json", "Deno"}, {"stack.yaml", "Stack"},
	} {
		if t.has(o.file) {
			f.note("%s: commands for %s are not detected; give setup and verify if they are needed.", o.file, o.name)
		}
	}
	for _, p := range t.files {
		if !strings.Contains(p.path, "/") && (strings.HasSuffix(p.path, ".sln") || strings.HasSuffix(p.path, ".csproj")) {
			f.note("%s: commands for .NET are not detected; give setup and verify if they are needed.", p.path)
		}
	}
}

// units drops the directories that are not part of the product (examples, test
// data) and those beyond maxUnits, with a note for each reason.
func (f *findings) units(kind string, dirs []string) []string {
	var kept []string
	var dropped []string
	for _, d := range dirs {
		if aside(d) {
			dropped = append(dropped, d)
		} else {
			kept = append(kept, d)
		}
	}
	if len(dropped) > 0 {
		f.note("%s in %s is taken for an example or test data and gets no commands.", kind, someOf(dropped))
	}
	slices.SortStableFunc(kept, func(a, b string) int { return cmp.Compare(depth(a), depth(b)) })
	if len(kept) > maxUnits {
		f.note("%s: %d directories; only the outermost %d get commands.", kind, len(kept), maxUnits)
		kept = kept[:maxUnits]
	}
	return kept
}

func depth(dir string) int {
	if dir == "." {
		return 0
	}
	return 1 + strings.Count(dir, "/")
}

// aside reports whether a directory, by its name, serves as an example or as
// input of tests.
func aside(dir string) bool {
	for part := range strings.SplitSeq(dir, "/") {
		switch strings.Trim(strings.ToLower(part), "_") {
		case "testdata", "test-data", "test_data", "fixture", "fixtures", "examples", "example", "samples", "sample",
			"third_party", "thirdparty", "external", "template", "templates", "demos", "mocks", "fuzz", "vendor":
			return true
		}
		if len(part) > 1 && part[0] == '.' {
			return true
		}
	}
	return false
}

// topmost drops directories that lie below another of the list, which is sorted
// so that these come later.
func topmost(dirs []string) []string {
	var top []string
	set := map[string]bool{}
	for _, d := range dirs {
		if _, below := nearest(d, set); !below {
			top = append(top, d)
			set[d] = true
		}
	}
	return top
}

// within reports whether p is dir or lies below it.
func within(p, dir string) bool {
	return dir == "." || p == dir || strings.HasPrefix(p, dir+"/")
}

// nearest returns the innermost directory of a set that p is or lies in.
func nearest(p string, set map[string]bool) (dir string, ok bool) {
	for ; p != "."; p = path.Dir(p) {
		if set[p] {
			return p, true
		}
	}
	return ".", set["."]
}

// relativeTo returns p, which lies in dir, as seen from there.
func relativeTo(dir, p string) string {
	if dir == "." {
		return p
	}
	if p == dir {
		return "."
	}
	return strings.TrimPrefix(p, dir+"/")
}

func someOf(names []string) string {
	const shown = 3
	quoted := make([]string, 0, shown)
	for _, n := range names[:min(shown, len(names))] {
		quoted = append(quoted, printable(n))
	}
	s := strings.Join(quoted, ", ")
	if more := len(names) - shown; more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}

// inDir joins names to a directory.
func inDir(dir string, names ...string) []string {
	joined := make([]string, len(names))
	for i, n := range names {
		joined[i] = path.Join(dir, n)
	}
	return joined
}
