package workspace

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// The modes of entries in a tree.
const (
	modeFile   = "100644"
	modeExec   = "100755"
	modeLink   = "120000"
	modeDir    = "40000"
	modeModule = "160000"
)

// A tree is a directory as git would store it, with what the files looked like
// when their content was last read.
type tree struct {
	name    string   // of the object; "" if it has to be stored anew
	entries []*entry // by name

	rules rules // of the directory itself, kept between scans
}

// An entry is a thing in a [tree].
type entry struct {
	name string
	mode string
	id   string // of the object; for directories see dir
	dir  *tree  // if the mode is modeDir

	seen stat // zero: never
	racy bool // it was read so soon after it changed that it may have changed again unnoticed
}

func (t *tree) find(name string) *entry {
	if t == nil {
		return nil
	}
	i, ok := slices.BinarySearchFunc(t.entries, name, func(e *entry, name string) int { return strings.Compare(e.name, name) })
	if !ok {
		return nil
	}
	return t.entries[i]
}

// lookup returns the entry at a path, or nil.
func (t *tree) lookup(path string) *entry {
	dir, rest, deeper := strings.Cut(path, "/")
	e := t.find(dir)
	if !deeper || e == nil {
		return e
	}
	return e.dir.lookup(rest)
}

// walk calls yield for every entry that is not a directory, in order of path.
func (t *tree) walk(prefix string, yield func(path string, e *entry)) {
	for _, e := range t.entries {
		if e.dir != nil {
			e.dir.walk(prefix+e.name+"/", yield)
		} else {
			yield(prefix+e.name, e)
		}
	}
}

// store writes the trees that have no name yet, and returns the name of t.
func (b bare) store(t *tree) (string, error) {
	if t.name != "" {
		return t.name, nil
	}
	for _, e := range t.entries {
		if e.dir == nil {
			continue
		}
		id, err := b.store(e.dir)
		if err != nil {
			return "", err
		}
		e.id = id
	}
	name, err := b.put("tree", encodeTree(t.entries))
	if err != nil {
		return "", err
	}
	t.name = name
	return name, nil
}

// encodeTree returns entries in git's order: directories sort as if their
// names ended in a slash.
func encodeTree(entries []*entry) []byte {
	sorted := slices.Clone(entries)
	slices.SortFunc(sorted, func(a, b *entry) int { return strings.Compare(a.sortName(), b.sortName()) })
	var buf bytes.Buffer
	for _, e := range sorted {
		buf.WriteString(e.mode)
		buf.WriteByte(' ')
		buf.WriteString(e.name)
		buf.WriteByte(0)
		id, _ := hex.DecodeString(e.id) // every id here was checked or made by us
		buf.Write(id)
	}
	return buf.Bytes()
}

func (e *entry) sortName() string {
	if e.mode == modeDir {
		return e.name + "/"
	}
	return e.name
}

const maxListing = 512 << 20 // bytes of the list of a tree's files

// load reads the tree of a commit.
func (s *Store) load(ctx context.Context, b bare, commit string) (*tree, error) {
	if !b.format.valid(commit) {
		return nil, fmt.Errorf("%q: %w", commit, ErrUnknownCommit)
	}
	out, err := s.git.run(ctx, call{gitDir: b.dir, limit: maxListing, args: []string{"ls-tree", "-r", "-t", "-z", "--full-tree", commit + "^{tree}"}})
	if err != nil {
		if missing(err) {
			return nil, fmt.Errorf("%s: %w", commit, ErrUnknownCommit)
		}
		return nil, err
	}
	t, err := parseListing(string(out), b.format)
	if err != nil {
		return nil, err
	}
	// The root's own name is not in the listing. Storing it again finds it, or
	// if its encoding was odd, a tree with the same entries.
	_, err = b.store(t)
	return t, err
}

// missing reports whether git failed because an object is not there.
func missing(err error) bool {
	text := err.Error()
	return strings.Contains(text, "Not a valid object name") || strings.Contains(text, "bad object") ||
		strings.Contains(text, "not a tree object") || strings.Contains(text, "unknown revision") || strings.Contains(text, "Needed a single revision")
}

// parseListing reads the answer of git ls-tree -r -t -z. Directories come
// before what is in them.
func parseListing(out string, f format) (*tree, error) {
	root := &tree{}
	dirs := map[string]*tree{"": root}
	for out != "" {
		var record string
		record, out, _ = strings.Cut(out, "\x00")
		head, path, ok := strings.Cut(record, "\t")
		fields := strings.Fields(head)
		if !ok || len(fields) < 3 || !f.valid(fields[2]) {
			return nil, fmt.Errorf("list a tree: %q is not understood", record)
		}
		parent, name := "", path
		if i := strings.LastIndexByte(path, '/'); i >= 0 {
			parent, name = path[:i], path[i+1:]
		}
		in := dirs[parent]
		if in == nil || !storable(name) {
			return nil, fmt.Errorf("the commit holds the path %q, which no checkout may have", path)
		}
		e := &entry{name: name, mode: strings.TrimLeft(fields[0], "0"), id: fields[2]}
		if e.mode == modeDir {
			e.dir = &tree{name: e.id}
			dirs[path] = e.dir
		} else if e.mode == "100664" { // written by old versions of git
			e.mode = modeFile
		}
		in.entries = append(in.entries, e)
	}
	for _, t := range dirs {
		slices.SortFunc(t.entries, func(a, b *entry) int { return strings.Compare(a.name, b.name) })
	}
	return root, nil
}

// storable reports whether git lets a file of that name be checked out:
// nothing that some file system takes for .git or for a way up. It follows
// core.protectNTFS, which git has on everywhere.
func storable(name string) bool {
	switch {
	case name == "", name == ".", name == "..", strings.ContainsAny(name, "/\x00"):
		return false
	}
	lower := strings.ToLower(name)
	stem, _, _ := strings.Cut(lower, ":")
	stem, _, _ = strings.Cut(stem, "\\")
	stem = strings.TrimRight(stem, " .")
	return stem != ".git" && stem != "git~1"
}
