package workspace

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Tree returns the tree of a commit of a run.
func (s *Store) Tree(ctx context.Context, run, commit string) (string, error) {
	repo, err := s.pair(run, commit, commit)
	if err != nil {
		return "", err
	}
	tree, err := s.git.line(ctx, call{gitDir: repo.dir, args: []string{"rev-parse", "--verify", "--quiet", commit + "^{tree}"}})
	if err != nil {
		return "", fmt.Errorf("tree of %s: %w", commit, errors.Join(ErrUnknownCommit, err))
	}
	return tree, nil
}

// TreeIn returns the tree of a commit in a repository on this machine; empty if the
// commit is not there.
func (s *Store) TreeIn(ctx context.Context, src Source, commit string) (string, error) {
	return s.namedIn(ctx, src, func(f format) (string, bool) { return commit + "^{tree}", f.valid(commit) })
}

// BranchIn returns the commit that a branch autonoma/… of a repository on this machine
// stands at, as git sees it: through symbolic references too. It is empty if the branch
// is not there.
func (s *Store) BranchIn(ctx context.Context, src Source, branch string) (string, error) {
	return s.namedIn(ctx, src, func(format) (string, bool) {
		return "refs/heads/" + branch + "^{commit}", checkBranch(branch) == nil
	})
}

// namedIn returns the object that a name stands for in a repository on this machine;
// empty if there is none, or the name is none.
func (s *Store) namedIn(ctx context.Context, src Source, name func(format) (string, bool)) (string, error) {
	if src.Kind != SourceRepository {
		return "", fmt.Errorf("%s: %w", src.Location, ErrNoRepository)
	}
	v, err := s.look(src)
	if err != nil {
		return "", err
	}
	defer v.close()
	object, ok := name(v.format)
	if !ok {
		return "", nil
	}
	there, err := s.standing(ctx, v, object)
	return there[object], err
}

// ErrNoRepository reports a source that is something else than a repository on this
// machine.
var ErrNoRepository = errors.New("not a repository on this machine")

// BranchAt returns the commit that a branch autonoma/… of a source stands at; empty
// if that cannot be known: the source is elsewhere or gone, the branch is not there,
// or it is kept in a way that is not understood. It reads at most two files, starts no
// program, and follows nothing out of the roots.
func BranchAt(source string, roots []string, branch string) string {
	if checkBranch(branch) != nil || !filepath.IsAbs(source) {
		return ""
	}
	dir, err := filepath.EvalSymlinks(source)
	if err != nil || !fence(roots).holds(dir) {
		return ""
	}
	src, err := locate(dir, roots)
	if err != nil || src.Kind != SourceRepository {
		return ""
	}
	root, err := os.OpenRoot(src.commonDir)
	if err != nil {
		return ""
	}
	defer root.Close()
	at, err := looseRef(root, "refs/heads/"+branch)
	if errors.Is(err, fs.ErrNotExist) {
		at = packedRef(root, "refs/heads/"+branch)
	}
	if !sha1Format.valid(at) && !sha256Format.valid(at) {
		return ""
	}
	return at
}

// looseRef reads a reference from its own file.
func looseRef(root *os.Root, name string) (string, error) {
	f, err := openPlain(root, name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSource))
	return strings.TrimSpace(string(b)), err
}

// packedRef finds a reference among the packed ones; empty if it is not there.
func packedRef(root *os.Root, name string) string {
	f, err := openPlain(root, "packed-refs")
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(io.LimitReader(f, maxRefs)); lines.Scan(); {
		if at, ok := strings.CutSuffix(lines.Text(), " "+name); ok {
			return at
		}
	}
	return ""
}

// openPlain opens a regular file, without waiting for the other end should it be a
// pipe.
func openPlain(root *os.Root, name string) (*os.File, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, f.Close(), ErrSpecial)
	}
	return f, nil
}
