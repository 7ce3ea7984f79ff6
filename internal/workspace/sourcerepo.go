package workspace

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// findRepository tells whether dir is a repository or has one, and that
// everything the repository borrows from lies within the fence. It returns a
// source of kind [SourceDirectory] if there is no repository.
func findRepository(dir string, allowed fence) (Source, error) {
	src, err := locate(dir, allowed)
	if err != nil || src.Kind != SourceRepository {
		return src, err
	}
	return src, checkBorrowing(src.commonDir, allowed)
}

// locate finds where a repository keeps what git reads, within the fence. What it
// borrows is not looked at.
func locate(dir string, allowed fence) (Source, error) {
	src := Source{Kind: SourceRepository, Location: dir}
	dotGit := filepath.Join(dir, ".git")
	info, err := os.Lstat(dotGit)
	switch {
	case err != nil && !looksLikeGitDir(dir):
		return Source{Kind: SourceDirectory, Location: dir}, nil
	case err != nil:
		src.gitDir = dir
	case info.Mode().IsRegular(): // a linked worktree or a submodule
		if src.gitDir, err = pointer(dotGit, "gitdir: "); err != nil {
			return Source{}, broken(dir, err)
		}
	default:
		src.gitDir = dotGit
	}
	if src.gitDir, err = follow(src.gitDir, allowed); err != nil {
		return Source{}, err
	}
	src.commonDir = src.gitDir
	if common := filepath.Join(src.gitDir, "commondir"); exists(common) {
		if src.commonDir, err = pointer(common, ""); err != nil {
			return Source{}, broken(dir, err)
		}
		if src.commonDir, err = follow(src.commonDir, allowed); err != nil {
			return Source{}, err
		}
	}
	if !exists(filepath.Join(src.gitDir, "HEAD")) || !exists(filepath.Join(src.commonDir, "objects")) {
		return Source{}, refuse(ReasonBroken, "repair it, or remove .git to have its files taken as they are", "%s has a .git that is no repository", dir)
	}
	return src, nil
}

func looksLikeGitDir(dir string) bool {
	return exists(filepath.Join(dir, "HEAD")) && exists(filepath.Join(dir, "objects")) && exists(filepath.Join(dir, "refs"))
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func broken(dir string, err error) error {
	e := refuse(ReasonBroken, "repair the repository", "%s cannot be read: %v", dir, err)
	e.Err = err
	return e
}

// follow returns path free of links if it lies within the fence.
func follow(path string, allowed fence) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", broken(path, err)
	}
	if !allowed.holds(real) {
		return "", refuse(ReasonOutside, "let the operator add a root that holds both", "the repository's data lies elsewhere, outside the allowed roots")
	}
	return real, nil
}

// pointer reads a file that names a directory, relative to its own.
func pointer(file, prefix string) (string, error) {
	data, err := readSmall(file, maxSource)
	if err != nil {
		return "", err
	}
	target, ok := strings.CutPrefix(strings.TrimRight(string(data), "\r\n"), prefix)
	if !ok || target == "" || strings.ContainsAny(target, "\n\x00") {
		return "", fmt.Errorf("%s does not name a directory", filepath.Base(file))
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(filepath.Dir(file), target)
	}
	return target, nil
}

// readSmall reads a regular file of at most limit bytes, without waiting for
// the other end should it be a pipe.
func readSmall(file string, limit int64) ([]byte, error) {
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w", filepath.Base(file), ErrSpecial)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: %w", filepath.Base(file), ErrTooLarge)
	}
	return data, nil
}

const maxBorrowing = 8 // object stores in a chain; git itself stops at five

// checkBorrowing makes sure that the objects and references of a repository
// are read from within the fence only: a stranger's repository could otherwise
// name somebody else's objects as its own.
func checkBorrowing(commonDir string, allowed fence) error {
	p := inspection{allowed, map[string]bool{}}
	if refs := filepath.Join(commonDir, "refs"); exists(refs) {
		if err := p.check(refs); err != nil {
			return err
		}
	}
	stores := []string{filepath.Join(commonDir, "objects")}
	for i := 0; i < len(stores); i++ {
		if i >= maxBorrowing {
			return refuse(ReasonBroken, "repack the repository", "it borrows objects from too many others")
		}
		objects, err := follow(stores[i], allowed)
		if err != nil {
			return err
		}
		if err := p.check(objects); err != nil {
			return err
		}
		more, err := alternates(objects)
		if err != nil {
			return broken(commonDir, err)
		}
		stores = append(stores, more...)
	}
	return nil
}

// An inspection is a look at what git reads of a repository. All of it has to be plain
// files: at a pipe git would wait for ever.
type inspection struct {
	allowed fence
	seen    map[string]bool // directories
}

// check looks at a directory and all that is below, links within the fence
// followed.
func (p inspection) check(dir string) error {
	dir, err := follow(dir, p.allowed)
	if err != nil || p.seen[dir] {
		return err
	}
	p.seen[dir] = true
	entries, err := os.ReadDir(dir)
	if err != nil {
		return broken(dir, err)
	}
	for _, e := range entries {
		err := p.entry(filepath.Join(dir, e.Name()), e.Type())
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // a repository that is in use loses files
			return err
		}
	}
	return nil
}

func (p inspection) entry(path string, kind fs.FileMode) error {
	if kind == fs.ModeSymlink {
		real, err := follow(path, p.allowed)
		if err != nil {
			return err
		}
		info, err := os.Lstat(real)
		if err != nil {
			return broken(path, err)
		}
		path, kind = real, info.Mode().Type()
	}
	if kind == fs.ModeDir {
		return p.check(path)
	}
	if kind.IsRegular() {
		return nil
	}
	return refuse(ReasonBroken, "remove it", "%s is neither a file nor a directory, and git would wait for it", path)
}

// alternates returns the object stores that one borrows from.
func alternates(objects string) ([]string, error) {
	file := filepath.Join(objects, "info", "alternates")
	if !exists(file) {
		return nil, nil
	}
	data, err := readSmall(file, 1<<16)
	if err != nil {
		return nil, err
	}
	var stores []string
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		line := lines.Text()
		switch {
		case line == "" || line[0] == '#':
			continue
		case line[0] == '"':
			return nil, fmt.Errorf("it borrows from %s: quoted names are not understood", line)
		case !filepath.IsAbs(line):
			line = filepath.Join(objects, line)
		}
		stores = append(stores, line)
	}
	return stores, nil
}
