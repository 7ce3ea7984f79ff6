package gate

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"

	"autonoma/internal/scan"
)

// diffScope counts the files that neither the task nor the documents of earlier steps
// name, where they name any. Tests that were taken away or weakened are never in
// scope, unless the task itself speaks of them.
func diffScope(ctx context.Context, f *Facts) (Measured, error) {
	c, err := f.changes(ctx)
	if err != nil {
		return Measured{}, err
	}
	weak, err := f.weakened(ctx)
	if err != nil {
		return Measured{}, err
	}
	outside, planned := f.outside(c)
	m, err := counted(outside, fmt.Sprintf("all %d files are where the change was to be", len(c.Files)), "files that nobody named")
	if !planned {
		if len(weak) == 0 && !slices.ContainsFunc(c.Files, mayWeaken) {
			return skipped("nobody named files, and no test was touched")
		}
		m.Message = "no test is weakened; nobody named files"
	}
	for i, o := range m.Mend {
		m.Mend[i] = o + ": take this back, if the task can do without"
	}
	if len(weak) > 0 {
		m.Fails, m.Message, m.Mend = true, "tests are weakened: "+few(weak), nil
		for _, w := range weak {
			m.Mend = append(m.Mend, w+": put this back as it was")
		}
	}
	return m, err
}

// outside returns the changed files that nobody named, and whether anybody named any.
// What lies beside a named file, what uses a thing that is defined otherwise there now,
// and what every change may touch, is not outside.
func (f *Facts) outside(c Changes) (paths []string, planned bool) {
	words := mentions(f.Task)
	for _, d := range f.Documents {
		for w := range mentions(d.Text) {
			words[w] = true
		}
	}
	dirs := map[string]bool{}
	for _, file := range c.Files {
		if !beside(file.Path) && (named(words, file.Path) || named(words, file.Old)) {
			dirs[path.Dir(file.Path)], dirs[path.Dir(file.Old)] = true, true
		}
	}
	if len(dirs) == 0 { // a text about other files, or about none
		return nil, false
	}
	touched := defined(c, dirs)
	for _, file := range c.Files {
		p := file.Path
		if !dirs[path.Dir(p)] && !beside(p) && !uses(file, touched) {
			paths = append(paths, p)
		}
	}
	return paths, true
}

// defined returns the names whose definitions the change touches in some directories.
func defined(c Changes, dirs map[string]bool) map[string]bool {
	names := map[string]bool{}
	for _, file := range c.Files {
		if !dirs[path.Dir(file.Old)] || !slices.Contains(code, path.Ext(file.Old)) || isTest(file.Old) {
			continue
		}
		for _, l := range file.Gone {
			for _, m := range defines.FindAllStringSubmatch(l.Text, -1) {
				names[m[1]] = true
			}
		}
	}
	return names
}

// uses reports whether a file was changed where it uses one of the names.
func uses(file File, names map[string]bool) bool {
	return len(names) > 0 && slices.ContainsFunc(file.Gone, func(l scan.Line) bool {
		return slices.ContainsFunc(identifier.FindAllString(l.Text, -1), func(w string) bool { return names[w] })
	})
}

var identifier = regexp.MustCompile(`\w{3,}`)

// beside reports whether a file is of a kind that goes with every change.
func beside(p string) bool {
	return isTest(p) || isDoc(p) || isManifest(p) || isLock(p) || under(p, "testdata", "fixtures")
}
