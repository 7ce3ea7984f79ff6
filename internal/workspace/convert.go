package workspace

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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
	if s.bytes += int64(len(data)); s.bytes > maxNew {
		return nil, fmt.Errorf("the changed files are %w", ErrTooLarge)
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
	e := &entry{name: name, mode: mode, seen: seen, racy: seen.ctime > s.now-int64(tick)}
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
			os.RemoveAll(s.staging)
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
		return nil, fmt.Errorf("convert files: %w", err)
	}
	return t, nil
}

func orEmpty(t *tree) *tree {
	if t == nil {
		return &tree{}
	}
	return t
}
