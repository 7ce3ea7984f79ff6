package project

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// The bounds of a look.
const (
	MaxFiles = 50_000   // files listed; the others are not seen
	MaxRead  = 64 << 20 // bytes of source text read in all

	maxEntries  = 4 * MaxFiles // directory entries looked at
	maxDepth    = 64           // directories below each other
	maxText     = 256 << 10    // bytes read of one source file
	maxManifest = 2 << 20      // bytes of a manifest; a longer one is not understood
	maxDetect   = 256 << 20    // bytes read to find commands; beyond it files are as if empty
)

// A tree is the listing of a checkout: its regular files by path. Reading goes
// through it, so that nothing is opened that was not seen as a regular file.
type tree struct {
	fsys  fs.FS
	files []file // sorted by path
	notes []string

	entries int // seen so far
	full    bool
	odd     int // directories that could not be listed
	named   map[string][]int
	left    int64 // bytes that may still be read to find commands
}

type file struct {
	path string
	size int64
	exec bool
}

// walk lists the checkout. Directories of installed dependencies, caches and
// version control are left out.
func walk(ctx context.Context, fsys fs.FS) (*tree, error) {
	t := &tree{fsys: fsys, named: map[string][]int{}, left: maxDetect}
	if err := t.list(ctx, ".", 0); err != nil {
		return nil, err
	}
	slices.SortFunc(t.files, func(a, b file) int { return cmp.Compare(a.path, b.path) })
	for i, f := range t.files {
		base := path.Base(f.path)
		t.named[base] = append(t.named[base], i)
	}
	if t.full {
		t.notes = append(t.notes, fmt.Sprintf("The checkout is large: only %d files were looked at.", len(t.files)))
	}
	if t.odd > 0 {
		t.notes = append(t.notes, fmt.Sprintf("%d directories could not be listed or lie too deep.", t.odd))
	}
	return t, nil
}

func (t *tree) list(ctx context.Context, dir string, depth int) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	entries, err := t.readDir(dir)
	if err != nil && dir == "." {
		return err
	}
	if err != nil || depth > maxDepth {
		t.odd++
		return nil
	}
	for _, e := range entries {
		if t.full = t.full || len(t.files) >= MaxFiles || t.entries >= maxEntries; t.full {
			return nil
		}
		t.entries++
		p := path.Join(dir, e.Name())
		switch {
		case e.Name() == ".git": // also the file of a worktree
		case e.Type().IsRegular():
			if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
				t.files = append(t.files, file{p, info.Size(), info.Mode()&0o111 != 0})
			}
		case e.IsDir() && !skipped(e.Name(), entries) && !t.environment(p):
			if err := t.list(ctx, p, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// readDir reads a directory, of a huge one only a part.
func (t *tree) readDir(dir string) ([]fs.DirEntry, error) {
	f, err := t.fsys.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d, ok := f.(fs.ReadDirFile)
	if !ok {
		return nil, errors.New("not a directory")
	}
	entries, err := d.ReadDir(maxEntries)
	if len(entries) == 0 && err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// skipped tells the directories that hold nothing the project's authors wrote.
// A directory called vendor is one only beside the manifest of a tool that
// makes such, as it is a common word.
func skipped(name string, siblings []fs.DirEntry) bool {
	switch name {
	case ".git", ".hg", ".svn", "node_modules", "bower_components", "__pycache__",
		".venv", ".tox", ".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".gradle", ".yarn":
		return true
	case "vendor":
		return beside(siblings, "go.mod", "go.work", "composer.json", "Gemfile", "Cargo.toml")
	case "target":
		return beside(siblings, "Cargo.toml", "pom.xml", "build.sbt")
	}
	return strings.HasSuffix(name, ".egg-info")
}

// environment reports whether dir is a Python virtual environment.
func (t *tree) environment(dir string) bool {
	switch path.Base(dir) {
	case "venv", "env", "virtualenv":
		_, err := fs.Stat(t.fsys, dir+"/pyvenv.cfg")
		return err == nil
	}
	return false
}

func beside(entries []fs.DirEntry, names ...string) bool {
	for _, n := range names {
		_, found := slices.BinarySearchFunc(entries, n, func(e fs.DirEntry, n string) int { return cmp.Compare(e.Name(), n) })
		if found {
			return true
		}
	}
	return false
}

func (t *tree) bytes() (sum int64) {
	for _, f := range t.files {
		sum += f.size
	}
	return sum
}

func (t *tree) find(p string) (file, bool) {
	i, ok := slices.BinarySearchFunc(t.files, p, func(f file, p string) int { return cmp.Compare(f.path, p) })
	if !ok {
		return file{}, false
	}
	return t.files[i], true
}

func (t *tree) has(p string) bool {
	_, ok := t.find(p)
	return ok
}

// first returns the first of the names that is a file in dir, as a path.
func (t *tree) first(dir string, names ...string) string {
	for _, n := range names {
		if p := path.Join(dir, n); t.has(p) {
			return p
		}
	}
	return ""
}

// hasUnseen is for files in directories that are not walked.
func (t *tree) hasUnseen(p string) bool {
	info, err := fs.Stat(t.fsys, p)
	return err == nil && info.Mode().IsRegular()
}

// dirsOf returns the directories that hold a file of one of the names, sorted
// so that a directory comes before what is below it.
func (t *tree) dirsOf(names ...string) []string {
	var dirs []string
	for _, n := range names {
		for _, i := range t.named[n] {
			dirs = append(dirs, path.Dir(t.files[i].path))
		}
	}
	slices.SortFunc(dirs, compareDirs)
	return slices.Compact(dirs)
}

// compareDirs orders directories by path, the root first.
func compareDirs(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == ".":
		return -1
	case b == ".":
		return 1
	}
	return cmp.Compare(a, b)
}

// below returns the files in dir and its subdirectories.
func (t *tree) below(dir string) []file {
	if dir == "." {
		return t.files
	}
	cmpPath := func(f file, p string) int { return cmp.Compare(f.path, p) }
	from, _ := slices.BinarySearchFunc(t.files, dir+"/", cmpPath)
	to, _ := slices.BinarySearchFunc(t.files, dir+"0", cmpPath) // '0' follows '/'
	return t.files[from:to]
}

// read returns at most limit bytes of a listed file, and whether that is all.
func (t *tree) read(p string, limit int) (text []byte, whole bool) {
	if !t.has(p) || t.left <= 0 {
		return nil, false
	}
	f, err := t.fsys.Open(p)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, false // exchanged since it was listed
	}
	size := min(info.Size(), int64(limit))
	buf := make([]byte, size)
	n, err := io.ReadFull(f, buf)
	t.left -= int64(n)
	return buf[:n], err == nil && info.Size() <= int64(limit)
}

// manifest returns the text of a file that is only of use when complete.
func (t *tree) manifest(p string) (text []byte, ok bool) {
	text, whole := t.read(p, maxManifest)
	if !whole || !utf8.Valid(text) {
		return nil, false
	}
	return []byte(strings.TrimPrefix(string(text), "\ufeff")), true
}
