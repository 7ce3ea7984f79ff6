package workspace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"autonoma/internal/reclaim"
)

// Restore puts the files back to exactly a commit of the run's repository.
// Files made since are removed, empty directories and pipes among them. What
// the .gitignore files of the commit exclude stays, as it does with git clean: dependencies and build results are not worth losing; unless the commit
// has a file in its place. Directories called .git stay too.
//
// A Restore that is cut off is completed by another.
func (w *Workspace) Restore(ctx context.Context, commit string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	t, err := w.store.load(ctx, w.repo, commit)
	if err == nil {
		err = w.restore(ctx, t, commit)
	}
	if err != nil {
		return fmt.Errorf("restore %.12s: %w", commit, err)
	}
	return nil
}

func (w *Workspace) restore(ctx context.Context, want *tree, commit string) error {
	s := &scan{dry: true, sweep: true}
	known := w.tree
	if known == nil {
		known = want // nothing was seen yet; so everything is read
	}
	have, err := w.look(ctx, known, s)
	if err != nil {
		return err
	}
	// The rules that come back with the files may ignore less than those that
	// went, so that there is more to remove. Rules only come back once.
	for range 3 {
		c := compare(have, want)
		if err := w.remove(c, s); err != nil {
			return err
		}
		if err := w.write(ctx, c.write, want.name); err != nil {
			return err
		}
		s = &scan{dry: true, trust: true}
		if have, err = w.look(ctx, want, s); err != nil {
			return err
		}
		got, err := w.repo.store(have)
		if err != nil {
			return err
		}
		if got == want.name {
			if err := w.remove(change{}, s); err != nil {
				return err
			}
			w.tree, w.head, w.headTree = have, commit, want.name
			return w.repo.setRef(w.headRef(), commit)
		}
	}
	return errors.New("the files are not as in the commit: somebody is writing to the workspace")
}

// A change is what has to be done to make one tree another.
type change struct {
	remove []string // files, in order of path
	dirs   []string // directories that the other has not
	write  []string
}

// compare returns what makes have want. It lets want know what have looked
// like where they agree, so that it need not be read again.
func compare(have, want *tree) change {
	var c change
	c.compare("", have, want)
	return c
}

func (c *change) compare(prefix string, have, want *tree) {
	for _, h := range have.entries {
		switch t := want.find(h.name); {
		case h.dir == nil && (t == nil || t.dir != nil):
			c.remove = append(c.remove, prefix+h.name)
		case h.dir != nil && (t == nil || t.dir == nil):
			h.dir.walk(prefix+h.name+"/", func(p string, _ *entry) { c.remove = append(c.remove, p) })
			c.dirs = append(c.dirs, prefix+h.name)
		}
	}
	for _, t := range want.entries {
		h := have.find(t.name)
		switch {
		case t.dir != nil:
			under := &tree{}
			if h != nil && h.dir != nil {
				under = h.dir
			}
			c.compare(prefix+t.name+"/", under, t.dir)
		case h != nil && h.dir == nil && h.id == t.id && h.mode == t.mode:
			t.seen, t.racy = h.seen, h.racy
		default:
			t.seen = stat{}
			c.write = append(c.write, prefix+t.name)
		}
	}
}

// remove takes away what is not wanted: files, what cannot be stored, and then
// the directories that are empty, deepest first.
func (w *Workspace) remove(c change, s *scan) error {
	dirs := slices.Concat(c.dirs, s.empty)
	for _, p := range slices.Concat(c.remove, s.unkept) {
		if err := w.removeBelow(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for d := path.Dir(p); d != "."; d = path.Dir(d) {
			dirs = append(dirs, d)
		}
	}
	slices.SortFunc(dirs, func(a, b string) int { return strings.Compare(b, a) })
	for _, d := range slices.Compact(dirs) {
		_ = w.root.Remove(d) // fails if something is left in it, which then is to stay
	}
	return nil
}

// write puts files of a tree into the workspace. Git checks them out to a
// private place first: it knows what attributes ask for, but must not follow
// what an agent put in the way.
func (w *Workspace) write(ctx context.Context, paths []string, tree string) error {
	if len(paths) == 0 {
		return nil
	}
	staging := filepath.Join(filepath.Dir(w.dir), "staging")
	if err := reclaim.RemoveAll(staging); err != nil {
		return err
	}
	defer func() { _ = reclaim.RemoveAll(staging) }()
	files := filepath.Join(staging, "files")
	if err := os.MkdirAll(files, 0o700); err != nil {
		return err
	}
	c := call{gitDir: w.repo.dir, workTree: files, index: filepath.Join(staging, "index"), args: []string{"read-tree", tree}}
	if _, err := w.store.git.run(ctx, c); err != nil {
		return err
	}
	c.args, c.stdin = []string{"checkout-index", "-z", "--stdin", "--force"}, strings.NewReader(strings.Join(paths, "\x00")+"\x00")
	if _, err := w.store.git.run(ctx, c); err != nil {
		return treeError(err)
	}
	from, err := os.OpenRoot(files)
	if err != nil {
		return err
	}
	defer from.Close()
	for _, p := range paths {
		if err := w.place(ctx, from, p); err != nil {
			return err
		}
	}
	return nil
}

// place copies one file or link to its place, whatever is there.
func (w *Workspace) place(ctx context.Context, from *os.Root, p string) error {
	info, err := from.Lstat(p)
	if err != nil {
		return err
	}
	if err := w.clear(p); err != nil {
		return err
	}
	switch info.Mode().Type() {
	case fs.ModeDir: // a submodule
		return w.root.Mkdir(p, 0o755)
	case fs.ModeSymlink:
		target, err := from.Readlink(p)
		if err != nil {
			return err
		}
		return w.root.Symlink(target, p)
	default:
	}
	in, err := from.Open(p)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := w.root.OpenFile(p, os.O_CREATE|os.O_EXCL|os.O_WRONLY, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, whileWanted(ctx, in))
	return errors.Join(err, out.Chmod(info.Mode().Perm()), out.Close())
}

// clear makes room for p: whatever is there goes, and what is in the way
// above it becomes a directory.
func (w *Workspace) clear(p string) error {
	for i := range p {
		if p[i] != '/' {
			continue
		}
		info, err := w.root.Lstat(p[:i])
		if err == nil && info.IsDir() {
			if info.Mode()&ownerAll != ownerAll { // it is ignored, so that no scan came here
				err = w.root.Chmod(p[:i], info.Mode()|ownerAll)
			}
			if err != nil {
				return err
			}
			continue
		}
		if err == nil {
			if err := w.root.Remove(p[:i]); err != nil {
				return err
			}
		}
		if err := w.root.Mkdir(p[:i], 0o755); err != nil {
			return err
		}
	}
	return w.removeBelow(p)
}
