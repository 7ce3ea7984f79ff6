package gate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// diffSize counts the lines that a human has to read.
func diffSize(ctx context.Context, f *Facts) (Measured, error) {
	c, err := f.changes(ctx)
	if err != nil {
		return Measured{}, err
	}
	lines, files := 0, 0
	for _, file := range c.Files {
		if isLock(file.Path) || file.Binary || under(file.Path, "vendor", "node_modules", "testdata", "fixtures", "__snapshots__") {
			continue
		}
		files++
		lines += len(file.Added) + len(file.Gone)
	}
	return Measured{
		Score: new(float64(lines)), Message: fmt.Sprintf("%d lines in %d files", lines, files),
		Mend: []string{fmt.Sprintf("%d lines are too many for one change: leave out what the task can do without", lines)},
	}, nil
}

// generatedFiles counts files that programs make, and that do not belong in a change
// or not by hand.
func generatedFiles(ctx context.Context, f *Facts) (Measured, error) {
	base, head, err := f.both(ctx)
	if err != nil {
		return Measured{}, err
	}
	var places []string
	for _, file := range f.changed.Files {
		if file.Status == Deleted {
			continue
		}
		why := ""
		if file.Status == Added || file.Status == Renamed {
			why = strange(file, base, head)
		} else if isGenerated(content(base, file.Old)) && isGenerated(content(head, file.Path)) && f.byHand() {
			why = "says that a program writes it, and nothing that it could be made from was changed: change its source and run the program"
		}
		if why != "" {
			places = append(places, file.Path+": "+why)
		}
	}
	return counted(places, "no file that a program should make", "files that do not belong in a change")
}

// byHand reports whether a generated file can only have been changed by hand: nothing
// else was changed but other such files, tests and documents.
func (f *Facts) byHand() bool {
	return !slices.ContainsFunc(f.changed.Files, func(file File) bool {
		return !isTest(file.Path) && !isDoc(file.Path) && !isLock(file.Path) && !f.marked(file)
	})
}

func (f *Facts) marked(file File) bool {
	for _, l := range file.Added {
		if generatedMark.MatchString(l.Text) {
			return true
		}
	}
	t, err := f.Base(context.Background()) // it is there: both has asked for it
	return err == nil && isGenerated(content(t, file.Old))
}

// Limits of a new file.
const (
	hugeFile = 1 << 20 // bytes
	longLine = 5000    // bytes of a line that nobody wrote
)

// built are directories that builds and package managers make.
var built = []string{"node_modules", "__pycache__", ".venv", "venv", "dist", "target", ".gradle", ".next", ".pytest_cache", ".mypy_cache", "coverage", "htmlcov", ".tox", ".eggs", "vendor"}

// compiled are the endings of files that builds make.
var compiled = []string{".pyc", ".pyo", ".class", ".o", ".a", ".so", ".dll", ".dylib", ".exe", ".jar", ".war", ".wasm", ".test", ".prof", ".coverprofile"}

// pictures are binary files that people make.
var pictures = []string{".png", ".jpg", ".jpeg", ".gif", ".webp", ".ico", ".svg", ".woff", ".woff2", ".ttf", ".otf", ".pdf", ".mp3", ".mp4"}

// strange says why a new file does not belong in a change; nothing if it does.
func strange(file File, base, head fs.FS) string {
	p, ext := file.Path, strings.ToLower(path.Ext(file.Path))
	data, err := fs.ReadFile(head, p)
	switch {
	case errors.Is(err, fs.ErrInvalid): // a link
		return ""
	case err != nil || len(data) > hugeFile && !isLock(p):
		return "is larger than 1 MiB: leave it out, or have it made when it is needed"
	case madeBy(p, base) != "":
		return "lies in " + madeBy(p, base) + ", which programs fill: leave it out, and let .gitignore name it"
	case slices.Contains(compiled, ext):
		return "is what a build makes: leave it out, and let .gitignore name it"
	case file.Binary && !slices.Contains(pictures, ext) && !customary(ext, base):
		return "is not text: leave it out, or have it made when it is needed"
	case slices.Contains([]string{".js", ".css", ".mjs"}, ext) && slices.ContainsFunc(strings.Split(string(data), "\n"), func(l string) bool { return len(l) > longLine }):
		return "is minified: put in what it was made from"
	}
	return ""
}

// madeBy returns the directory of a path that builds and package managers make, unless
// the repository has one of its own.
func madeBy(p string, base fs.FS) string {
	for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
		if slices.Contains(built, path.Base(dir)) {
			if _, err := fs.Stat(base, dir); err != nil {
				return dir
			}
		}
	}
	return ""
}

// customary reports whether the base has a file with the ending.
func customary(ext string, base fs.FS) bool {
	found := errors.New("found")
	return ext != "" && fs.WalkDir(base, ".", func(p string, _ fs.DirEntry, err error) error {
		if err == nil && strings.EqualFold(path.Ext(p), ext) {
			return found
		}
		return nil
	}) != nil
}
