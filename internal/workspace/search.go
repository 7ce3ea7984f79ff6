package workspace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Limits of searches. What a caller asks for beyond them is not an error: the
// answer says that there is more.
const (
	MaxFound     = 10_000   // paths or matches in one answer
	maxGrepFile  = 32 << 20 // bytes of a file that is searched
	maxMatchLine = 500      // bytes of a matching line that are returned
	maxPattern   = 1000     // bytes of a pattern
)

// Glob returns the paths of the files a pattern matches, sorted, and whether
// there are more than [MaxFound]. Patterns are as in .gitignore and rg --glob:
// * and ? stop at slashes, ** does not, {a,b} is a choice, and a pattern
// without a slash matches names in any directory. Left out are .git
// directories and what git ignores.
func (w *Workspace) Glob(ctx context.Context, pattern string) (paths []string, more bool, err error) {
	match, err := compileGlob(pattern)
	if err != nil {
		return nil, false, err
	}
	err = w.eachFile(ctx, match, func(path string, _ *os.File) bool {
		if len(paths) == MaxFound {
			more = true
			return false
		}
		paths = append(paths, path)
		return true
	}, false)
	return paths, more, err
}

// compileGlob returns what tells whether a path matches. An empty pattern
// matches everything.
func compileGlob(pattern string) (func(path, name string) bool, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("the glob is %w: at most %d bytes", ErrTooLarge, maxPattern)
	}
	pattern = strings.TrimPrefix(strings.TrimPrefix(pattern, "./"), "/")
	if pattern == "" || pattern == "**" || pattern == "**/*" {
		return func(string, string) bool { return true }, nil
	}
	choices, err := expandBraces(pattern)
	if err != nil {
		return nil, err
	}
	exprs := make([]*regexp.Regexp, len(choices))
	for i, choice := range choices {
		var ok bool
		if exprs[i], ok = globExpr(choice); !ok {
			return nil, fmt.Errorf("the glob %q is malformed: close brackets, and write \\\\ for a backslash", pattern)
		}
	}
	return func(path, name string) bool {
		for i, expr := range exprs {
			subject := path
			if !strings.Contains(choices[i], "/") {
				subject = name
			}
			if expr.MatchString(bytewise(subject)) {
				return true
			}
		}
		return false
	}, nil
}

const maxChoices = 256

// expandBraces returns the patterns that one with {a,b} stands for.
func expandBraces(pattern string) ([]string, error) {
	done, todo := []string(nil), []string{pattern}
	for len(todo) > 0 {
		p := todo[0]
		todo = todo[1:]
		open, parts, end := firstBraces(p)
		if parts == nil {
			done = append(done, p)
			continue
		}
		for _, part := range parts {
			todo = append(todo, p[:open]+part+p[end:])
		}
		if len(todo)+len(done) > maxChoices {
			return nil, fmt.Errorf("the glob stands for more than %d patterns", maxChoices)
		}
	}
	return done, nil
}

// firstBraces finds the first innermost-complete {…} and its parts.
func firstBraces(p string) (open int, parts []string, end int) {
	depth, start := 0, 0
	for i := 0; i < len(p); i++ {
		switch {
		case p[i] == '\\':
			i++
		case p[i] == '{':
			if depth++; depth == 1 {
				open, start, parts = i, i+1, nil
			}
		case p[i] == ',' && depth == 1:
			parts = append(parts, p[start:i])
			start = i + 1
		case p[i] == '}' && depth > 0:
			if depth--; depth == 0 {
				return open, append(parts, p[start:i]), i + 1
			}
		}
	}
	return 0, nil, 0
}

// eachFile calls visit for the files that match, by path, until it returns
// false. The file is open if asked for.
func (w *Workspace) eachFile(ctx context.Context, match func(path, name string) bool, visit func(string, *os.File) bool, open bool) error {
	v := &visitor{scan: scan{ctx: ctx, guest: true, now: time.Now().UnixNano()}, match: match, visit: visit, open: open}
	fd, err := unix.Openat(int(w.files.Fd()), ".", openDirFlags, 0)
	if err != nil {
		return fmt.Errorf("search: %w", err)
	}
	defer unix.Close(fd)
	w.mu.Lock()
	v.tracked = w.tree
	w.mu.Unlock()
	if err := v.dir(fd, "", v.tracked, nil, 0); err != nil && !errors.Is(err, fs.SkipAll) {
		return fmt.Errorf("search: %w", err)
	}
	return nil
}

// A visitor goes through a workspace like a scan, by the same rules.
type visitor struct {
	scan
	tracked *tree
	match   func(path, name string) bool
	visit   func(string, *os.File) bool
	open    bool
}

func (v *visitor) dir(fd int, path string, tracked *tree, above *scope, depth int) error {
	if v.ctx.Err() != nil {
		return context.Cause(v.ctx)
	}
	names, err := v.readNames(fd, path)
	if err != nil || depth > maxDepth {
		return err
	}
	in := v.scope(fd, path, names, &tree{}, above)
	for _, name := range names {
		if v.entries++; v.entries > maxEntries {
			return tooLarge(path+name, "with it there are more than %d files", maxEntries)
		}
		if err := v.one(fd, path+name, name, tracked.find(name), in, depth); err != nil {
			return err
		}
	}
	return nil
}

func (v *visitor) one(fd int, full, name string, tracked *entry, in *scope, depth int) error {
	var st unix.Stat_t
	if !storable(name) || unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return nil
	}
	isDir := st.Mode&unix.S_IFMT == unix.S_IFDIR
	if tracked == nil && in.ignored(full, name, isDir) {
		return nil
	}
	if isDir {
		child, err := v.openDir(fd, name, st.Mode)
		if err != nil {
			return nil // gone, or not to be read
		}
		defer unix.Close(child)
		var below *tree
		if tracked != nil {
			below = tracked.dir
		}
		return v.dir(child, full+"/", below, in, depth+1)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || !v.match(full, name) {
		return nil
	}
	if !v.open {
		return v.answer(v.visit(full, nil))
	}
	f, err := v.openFile(fd, full, name)
	if f == nil || errors.Is(err, syscall.EACCES) {
		return nil
	}
	defer f.Close()
	return v.answer(v.visit(full, f))
}

func (v *visitor) answer(on bool) error {
	if on {
		return nil
	}
	return fs.SkipAll
}
