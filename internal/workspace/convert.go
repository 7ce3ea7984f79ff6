package workspace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"autonoma/internal/reclaim"
)

// Attributes can make git store something else than what is in a file: other
// line ends, another encoding. That is rare, and git knows best how, so such
// files are copied to a private place and git converts them there. It never
// sees the workspace, and as no filter is configured, it starts none.

// A pending is a file whose stored form git has yet to tell.
type pending struct {
	path  string
	entry *entry
	old   *entry
}

// postpone copies a file for [scan.settlePending] and returns its entry, which
// has no name yet.
func (s *scan) postpone(full, name, mode string, seen stat, data []byte, old *entry, in *scope) (*entry, error) {
	e := &entry{name: name, mode: mode, seen: seen, racy: seen.ctime > s.now-int64(tick)}
	if s.sweep {
		return e, nil // without a name it is as none in the tree, and is written anew
	}
	if err := s.spend(full, int64(len(data))); err != nil {
		return nil, err
	}
	if err := s.stage(full, data, mode); err != nil {
		return nil, err
	}
	for ; in != nil; in = in.above {
		if in.attrs != nil {
			if err := s.stage(in.path+".gitattributes", in.attrs, modeFile); err != nil {
				return nil, err
			}
		}
	}
	s.pending = append(s.pending, pending{full, e, old})
	return e, nil
}

func (s *scan) stage(path string, data []byte, mode string) error {
	path = filepath.Join(s.staging, "files", filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	perm := os.FileMode(0o600)
	if mode == modeExec {
		perm = 0o700
	}
	return os.WriteFile(path, data, perm)
}

// settlePending lets git convert what was put aside. Whether a text is left
// alone may depend on how it is stored already, hence the index of base.
func (s *scan) settlePending(g *git, base string) error {
	if len(s.pending) == 0 {
		return nil
	}
	index := filepath.Join(s.staging, "index")
	c := call{gitDir: s.repo.dir, workTree: filepath.Join(s.staging, "files"), index: index, limit: maxListing}
	c.args = []string{"read-tree", base}
	if _, err := g.run(s.ctx, c); err != nil {
		return err
	}
	var paths strings.Builder
	want := map[string]pending{}
	for _, p := range s.pending {
		paths.WriteString(p.path + "\x00")
		want[p.path] = p
	}
	c.args, c.stdin = []string{"update-index", "--add", "--replace", "-z", "--stdin"}, strings.NewReader(paths.String())
	if _, err := g.run(s.ctx, c); err != nil {
		return err
	}
	c.args, c.stdin = []string{"ls-files", "--stage", "-z"}, nil
	out, err := g.run(s.ctx, c)
	if err != nil {
		return err
	}
	for record := range strings.SplitSeq(string(out), "\x00") {
		head, path, _ := strings.Cut(record, "\t")
		fields := strings.Fields(head)
		if p, ok := want[path]; ok && len(fields) == 3 {
			p.entry.id = fields[1]
			if p.old == nil || p.old.id != p.entry.id || p.old.mode != p.entry.mode {
				s.changed = append(s.changed, path)
			}
			delete(want, path)
		}
	}
	if len(want) > 0 {
		return fmt.Errorf("git left out %d of %d files it was to convert", len(want), len(s.pending))
	}
	return nil
}

// look scans files with a place for conversions, which is removed again.
func (w *Workspace) look(ctx context.Context, old *tree, s *scan) (*tree, error) {
	s.ctx, s.repo, s.staging = ctx, w.repo, filepath.Join(w.store.place(w.run).tree(w.name), "staging")
	return s.all(w.store.git, w.files, old)
}

// all is run with conversions.
func (s *scan) all(g *git, dir *os.File, old *tree) (*tree, error) {
	defer func() {
		if len(s.pending) > 0 {
			_ = reclaim.RemoveAll(s.staging)
		}
	}()
	base, err := s.repo.store(orEmpty(old))
	if err != nil {
		return nil, err
	}
	t, err := s.run(dir, old)
	if err != nil {
		return nil, err
	}
	if err := s.settlePending(g, base); err != nil {
		return nil, fmt.Errorf("convert files: %w", treeError(err))
	}
	return t, nil
}

func orEmpty(t *tree) *tree {
	if t == nil {
		return &tree{}
	}
	return t
}

// treeTroubles are what git says of files and attributes that it cannot convert
// or write, as opposed to a disk or a repository that fails it.
var treeTroubles = []string{
	"working-tree-encoding", "failed to encode", "BOM is ", "invalid path", "File name too long",
}

// treeError tells what in a tree keeps git from doing its work; err itself, if
// it is not the tree.
func treeError(err error) error {
	failed, ok := errors.AsType[*gitError](err)
	if !ok {
		return err
	}
	for _, trouble := range treeTroubles {
		for line := range strings.Lines(failed.text) {
			if !strings.Contains(line, trouble) {
				continue
			}
			return &TreeError{Path: pathIn(line), Why: "git says: " + strings.TrimSpace(line), Err: err}
		}
	}
	return err
}

// pathIn returns the path that a line of git's names in quotes. What names none
// comes from the attributes.
func pathIn(line string) string {
	if _, rest, ok := strings.Cut(line, "'"); ok {
		if path, _, ok := strings.Cut(rest, "'"); ok && path != "" {
			return path
		}
	}
	return ".gitattributes"
}

// tryCheckout makes sure that a tree can be checked out again, where attributes
// that are new might keep git from it.
func (w *Workspace) tryCheckout(ctx context.Context, tree string) error {
	dir := filepath.Join(filepath.Dir(w.dir), "staging")
	defer func() { _ = reclaim.RemoveAll(dir) }()
	return w.store.git.checkout(ctx, w.repo, dir, tree)
}
