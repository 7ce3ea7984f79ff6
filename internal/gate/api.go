package gate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"autonoma/internal/apidiff"
)

// An exported is what a change does to what others can use.
type exported struct {
	breaks, adds []apidiff.Item
	seen         bool  // whether a file was touched that may export something
	part         error // what could not be read
}

// understood are the endings of files whose exported things are compared.
var understood = []string{".go", ".py", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".java", ".kt", ".rs", ".yaml", ".yml", ".json"}

// exports returns what the change does to exported things.
func (f *Facts) exports(ctx context.Context) (exported, error) {
	if f.exported != nil {
		return *f.exported, nil
	}
	base, head, err := f.both(ctx)
	if err != nil {
		return exported{}, err
	}
	var paths []string
	var e exported
	for _, file := range f.changed.Files {
		for _, p := range []string{file.Old, file.Path} {
			if ext := path.Ext(p); slices.Contains(understood, ext) && !isTest(p) && !isLock(p) && !slices.Contains(paths, p) {
				paths = append(paths, p)
				e.seen = e.seen || slices.Contains(code, ext)
			}
		}
	}
	if err := errors.Join(fetchBeside(base, paths), fetchBeside(head, paths)); err != nil {
		return exported{}, err
	}
	e.breaks, e.adds, e.part = apidiff.Diff(base, head, paths)
	e.seen = e.seen || len(e.breaks)+len(e.adds) > 0
	f.exported = &e
	return e, nil
}

// fetchBeside reads the files that the units of the paths may be made of: in some
// languages that is all of a directory.
func fetchBeside(t Tree, paths []string) error {
	var all []string
	done := map[string]bool{}
	for _, p := range paths {
		dir, ext := path.Dir(p), path.Ext(p)
		if done[dir+ext] || !slices.Contains([]string{".go", ".java", ".kt"}, ext) {
			continue
		}
		done[dir+ext] = true
		entries, err := fs.ReadDir(t, dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		for _, e := range entries {
			if path.Ext(e.Name()) == ext {
				all = append(all, path.Join(dir, e.Name()))
			}
		}
	}
	return t.Fetch(all...)
}

// publicAPI counts what others used and cannot use as before.
func publicAPI(ctx context.Context, f *Facts) (Measured, error) {
	e, err := f.exports(ctx)
	if err != nil {
		return Measured{}, err
	}
	if !e.seen {
		return skipped("the change touches no file that exports something")
	}
	var bad []string
	for _, b := range e.breaks {
		if !wholeWord(f.Task, b.Name) {
			bad = append(bad, fmt.Sprintf("%s: %s: %s: keep what others use, beside the new if need be", b.Path, b.Name, b.What))
		}
	}
	m, err := counted(bad, "nothing that others use is gone or changed", "what others use is gone or changed")
	if e.part != nil {
		m.Message += "; not all could be read: " + clip(e.part.Error())
	}
	return m, err
}

// flagged is a line that defines a flag of a program.
var flagged = regexp.MustCompile(`(?:\b[fF]lag(?:s|[sS]et)?(?:\(\))?\.\w+\(\s*(?:&\w+(?:\.\w+)*,\s*)?|\badd_argument\(\s*|\.option\(\s*)["'` + "`" + `](?:-\w,? ?)?-{0,2}(\w[\w-]+)`)

// documentation counts public additions in a change that says no word on them, where
// the repository has a place for that.
func documentation(ctx context.Context, f *Facts) (Measured, error) {
	e, err := f.exports(ctx)
	if err != nil {
		return Measured{}, err
	}
	base, err := f.Base(ctx)
	if err != nil {
		return Measured{}, err
	}
	if !documented(base) {
		return skipped("the repository keeps no changelog and no documents")
	}
	if !e.seen {
		return skipped("the change touches no file that exports something")
	}
	var added []string
	for _, a := range e.adds {
		added = append(added, a.Path+": "+a.Name)
	}
	touched := false
	for _, file := range f.changed.Files {
		touched = touched || isDoc(file.Path) && file.Status != Deleted
		if isTest(file.Path) || !slices.Contains(code, path.Ext(file.Path)) {
			continue
		}
		for _, l := range file.Added {
			if m := flagged.FindStringSubmatch(l.Text); m != nil {
				added = append(added, fmt.Sprintf("%s:%d: the flag %s", file.Path, l.Number, m[1]))
			}
		}
	}
	if touched {
		return counted(nil, fmt.Sprintf("%d public additions, and a document was changed along", len(added)), "")
	}
	m, err := counted(added, "nothing public was added", "public additions that no document tells of")
	for i, a := range m.Mend {
		m.Mend[i] = a + ": add a word on it to the changelog or the documents"
	}
	return m, err
}

// documented reports whether a repository has a changelog, or a directory of documents.
func documented(base fs.FS) bool {
	entries, err := fs.ReadDir(base, ".")
	return err == nil && slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		name := strings.ToLower(e.Name())
		return e.IsDir() && (name == "docs" || name == "doc") ||
			!e.IsDir() && (strings.HasPrefix(name, "changelog") || strings.HasPrefix(name, "changes") || strings.HasPrefix(name, "history."))
	})
}
