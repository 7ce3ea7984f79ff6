// Package apidiff tells what a change does to those who use a project as a library or
// over HTTP: which exported things are gone or changed, and which are new.
//
// The idea to know: an exported thing is a name within a unit that others import (in Go
// and on the JVM a directory, elsewhere a file), and a form that is compared. Go is read
// by its parser; Python, JavaScript, TypeScript, Java, Kotlin and Rust by what lines look
// like, which misses what is exported in roundabout ways and never sees what a type that
// keeps its name became. OpenAPI documents are read for their operations.
//
// It knows nothing of what the change means: a signature that is the same may do
// something else. The files are a stranger's and are read within bounds.
package apidiff

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// An Item is something that is exported.
type Item struct {
	Path string // the file: for what is gone, where it was
	Name string // as in Client.Do, or GET /v1/runs
	What string // what became of it, for people
}

// maxFile is how long a file may be, and maxFiles how many of a directory are read.
const (
	maxFile  = 4 << 20
	maxFiles = 2_000
)

// A symbol is an exported thing of one tree.
type symbol struct {
	path, kind string
	params     []param // of what can be called
	callable   bool
	result     string
	needs      []string // of an operation, what has to be sent
	imported   bool     // whether a module has it from another: it is neither new nor missed
	required   string   // why its being added is a break too, "" if it is not
}

// A param is a parameter by what its callers depend on: its type, its name, or only
// that it is there.
type param struct {
	key, name string
	optional  bool
	byName    bool // whether it can only be given by name, so that its place does not count
}

// An api is what a unit exports, by name.
type api map[string]symbol

// A language is how the files of one language are read.
type language struct {
	byDirectory bool // whether a unit is a directory
	exports     func(file, text string, into api) error
}

// Diff compares the units of the files named, in two trees. A file that is missing in one
// of them exports nothing there. The error says which files could not be read or parsed;
// what is returned with it is right for all others.
func Diff(base, head fs.FS, paths []string) (breaks, additions []Item, err error) {
	var failed []error
	done := map[string]bool{}
	for _, p := range slices.Sorted(slices.Values(paths)) {
		l := languageOf(p)
		unit := p
		if l != nil && l.byDirectory {
			unit = path.Dir(p) + "/*" + path.Ext(p)
		}
		if l == nil || done[unit] || !fs.ValidPath(p) {
			continue
		}
		done[unit] = true
		old, errOld := l.read(base, p)
		now, errNow := l.read(head, p)
		if err := cmp.Or(errOld, errNow); err != nil {
			failed = append(failed, err)
			continue
		}
		b, a := compare(old, now)
		breaks, additions = append(breaks, b...), append(additions, a...)
	}
	order := func(a, b Item) int { return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Name, b.Name)) }
	slices.SortFunc(breaks, order)
	slices.SortFunc(additions, order)
	return breaks, additions, errors.Join(failed...)
}

// without reports whether a member is there only since its owner is, so that there is
// nothing to say of it alone.
func without(name string, there, missing api) bool {
	owner, _, member := strings.Cut(name, ".")
	_, has := there[owner]
	_, had := missing[owner]
	return member && has && !had
}

// compare returns what is gone or changed between two versions of a unit, and what is new.
func compare(old, now api) (breaks, additions []Item) {
	for _, name := range slices.Sorted(maps.Keys(old)) {
		was := old[name]
		is, ok := now[name]
		what := "it is gone"
		if ok {
			what = changed(was, is)
		}
		if what != "" && (ok || !was.imported && !without(name, old, now)) {
			breaks = append(breaks, Item{was.path, name, what})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		is := now[name]
		_, had := old[name]
		switch {
		case had, is.imported, without(name, now, old):
		case is.required != "":
			breaks = append(breaks, Item{is.path, name, is.required})
		default:
			additions = append(additions, Item{is.path, name, "it is new"})
		}
	}
	return breaks, additions
}

// changed says what became of a thing that callers will notice, "" if nothing.
func changed(was, is symbol) string {
	switch {
	case was.kind != is.kind && was.kind != "" && is.kind != "":
		return fmt.Sprintf("it was %s and is %s", brief(was.kind), brief(is.kind))
	case was.callable && is.callable:
		if what := changedParams(was.params, is.params); what != "" {
			return what
		}
	}
	for _, n := range is.needs {
		if !slices.Contains(was.needs, n) {
			return "it needs " + brief(n) + " now"
		}
	}
	if was.result != is.result && was.result != "" && is.result != "" {
		return fmt.Sprintf("it returned %s and returns %s", brief(was.result), brief(is.result))
	}
	return ""
}

// changedParams says what became of parameters that callers will notice.
func changedParams(was, is []param) string {
	kept := make([]bool, len(is))
	for i, p := range was {
		at := i
		if p.byName {
			at = -1
			for j, q := range is {
				if q.key == p.key && !kept[j] { // what does not compile may have one twice
					at = j
					break
				}
			}
		}
		switch {
		case at < 0:
			return fmt.Sprintf("its parameter %s is gone", brief(p.text()))
		case at >= len(is):
			return fmt.Sprintf("it takes %d parameters and took %d", len(is), len(was))
		case p.key != is[at].key:
			return fmt.Sprintf("its parameter %s became %s", brief(p.text()), brief(is[at].text()))
		case p.optional && !is[at].optional:
			return fmt.Sprintf("its parameter %s must be given now", brief(is[at].text()))
		}
		kept[at] = true
	}
	for i, p := range is {
		if !kept[i] && !p.optional {
			return fmt.Sprintf("it needs one more parameter, %s", brief(p.text()))
		}
	}
	return ""
}

func (p param) text() string {
	return strings.TrimSpace(p.name + " " + strings.TrimPrefix(p.key, p.name))
}

// brief cuts a text that comes from a file to what fits a line.
func brief(s string) string {
	s = strings.ToValidUTF8(strings.Join(strings.Fields(s), " "), "")
	if len(s) > 120 {
		s = strings.ToValidUTF8(s[:120], "") + "…"
	}
	return s
}

// read returns what the unit of a file exports in a tree.
func (l *language) read(fsys fs.FS, file string) (api, error) {
	files := []string{file}
	if l.byDirectory {
		entries, err := fs.ReadDir(fsys, path.Dir(file))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return api{}, nil
		case err != nil:
			return nil, err
		}
		files = files[:0]
		for _, e := range entries[:min(len(entries), maxFiles)] {
			p := path.Join(path.Dir(file), e.Name())
			if languageOf(p) != nil && path.Ext(p) == path.Ext(file) {
				files = append(files, p)
			}
		}
	}
	all := api{}
	for _, f := range files {
		text, err := readFile(fsys, f)
		if err == nil {
			err = l.exports(f, text, all)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
	}
	return all, nil
}

func readFile(fsys fs.FS, name string) (string, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", errors.New("it is not a regular file")
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = errors.New("it is too long to be read")
	}
	return string(text), err
}
