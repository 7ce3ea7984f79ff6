package workspace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"autonoma/internal/reclaim"
)

// A Workspace is a directory in which agents work on a run's files. It has no
// git data of its own; what git would call its index is kept in memory.
//
// Its methods may be called at the same time. Checkpoint and Restore should
// not run while a command runs in the workspace: nothing unsafe would come of
// it, but what is stored may be half of what the command was about to write.
type Workspace struct {
	store *Store
	run   string
	name  string
	dir   string
	repo  bare
	root  *os.Root // every path of a caller goes through it, so none can leave
	files *os.File // the same directory, for scans

	mu       sync.Mutex // held by whatever changes or compares the files as a whole
	tree     *tree      // as stored last
	head     string     // the commit it was stored in
	headTree string     // the tree of that commit
}

// Workspace returns the named workspace of a run with its files exactly as in
// a commit of the run's repository. A new one is checked out; one that exists,
// from an earlier call or process, is put back to the commit as by
// [Workspace.Restore]. So it may be called again after a crash at any point.
//
// Asking for a workspace that is open returns the same one, put back likewise.
func (s *Store) Workspace(ctx context.Context, run, name, commit string) (*Workspace, error) {
	if err := errors.Join(checkName("run", run), checkName("workspace", name)); err != nil {
		return nil, err
	}
	unlock, err := s.runs.lock(ctx, run+"/"+name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	s.mu.Lock()
	w := s.open[run+"/"+name]
	s.mu.Unlock()
	if w != nil {
		return w, w.Restore(ctx, commit)
	}
	repo, err := s.repo(run)
	if err != nil {
		return nil, err
	}
	if w, err = s.enter(ctx, repo, run, name, commit); err != nil {
		return nil, fmt.Errorf("open workspace %s of %s: %w", name, run, err)
	}
	s.mu.Lock()
	s.open[run+"/"+name] = w
	s.mu.Unlock()
	return w, nil
}

// repo returns the repository of a prepared run.
func (s *Store) repo(run string) (bare, error) {
	if err := checkName("run", run); err != nil {
		return bare{}, err
	}
	if !exists(s.place(run).base()) {
		return bare{}, fmt.Errorf("%s: %w", run, ErrNotPrepared)
	}
	return openBare(s.place(run).repo())
}

// enter opens a workspace that is there, or makes it.
func (s *Store) enter(ctx context.Context, repo bare, run, name, commit string) (*Workspace, error) {
	dir := s.place(run).tree(name)
	w := &Workspace{store: s, run: run, name: name, dir: filepath.Join(dir, "files"), repo: repo}
	fresh := !exists(filepath.Join(dir, "ready"))
	if fresh {
		if err := s.checkout(ctx, repo, dir, commit); err != nil {
			return nil, err
		}
	}
	if err := w.attach(); err != nil {
		return nil, err
	}
	if err := w.settle(ctx, fresh, commit); err != nil {
		w.detach()
		return nil, err
	}
	if fresh {
		if err := w.finish(ctx); err != nil {
			w.detach()
			return nil, err
		}
	}
	return w, nil
}

// settle learns what is in the files and puts them at the commit.
func (w *Workspace) settle(ctx context.Context, fresh bool, commit string) error {
	t, err := w.store.load(ctx, w.repo, commit)
	if err != nil {
		return err
	}
	if !fresh {
		return w.restore(ctx, t, commit)
	}
	if w.tree, err = w.look(ctx, t, &scan{dry: true, trust: true}); err != nil {
		return err
	}
	w.head, w.headTree = commit, t.name
	return nil
}

// checkout puts the files of a commit into a new directory. Nobody but us has
// seen it yet, so git may write there.
func (s *Store) checkout(ctx context.Context, repo bare, dir, commit string) error {
	if !repo.format.valid(commit) {
		return fmt.Errorf("%q: %w", commit, ErrUnknownCommit)
	}
	err := s.git.checkout(ctx, repo, dir, commit+"^{tree}")
	if err != nil && missing(err) {
		return fmt.Errorf("%s: %w", commit, ErrUnknownCommit)
	}
	return err
}

// checkout puts a tree into dir/files. What is in dir already, as of an attempt
// that was cut off, goes.
func (g *git) checkout(ctx context.Context, repo bare, dir, tree string) error {
	if err := reclaim.RemoveAll(dir); err != nil {
		return err
	}
	files := filepath.Join(dir, "files")
	if err := os.MkdirAll(files, 0o700); err != nil {
		return err
	}
	_, err := g.run(ctx, call{
		gitDir: repo.dir, workTree: files, index: filepath.Join(dir, "index"), args: []string{"read-tree", "--reset", "-u", tree},
	})
	return treeError(err)
}

// finish completes a new workspace: the agent's git directory, the reference,
// and last the mark that says so.
func (w *Workspace) finish(ctx context.Context) error {
	if err := w.prepareAgentGit(ctx); err != nil {
		return err
	}
	if err := w.repo.setRef(w.headRef(), w.head); err != nil {
		return err
	}
	return replaceFile(filepath.Join(filepath.Dir(w.dir), "ready"), nil, 0o600)
}

func (w *Workspace) headRef() string { return "refs/autonoma/workspaces/" + w.name }

func (w *Workspace) attach() error {
	if err := reclaim.Unlock(w.dir); err != nil {
		return err
	}
	root, err := os.OpenRoot(w.dir)
	if err != nil {
		return err
	}
	files, err := root.Open(".")
	if err != nil {
		root.Close()
		return err
	}
	w.root, w.files = root, files
	return nil
}

func (w *Workspace) detach() { w.root.Close(); w.files.Close() }

// Dir returns the directory on this machine that holds the files, for a
// sandbox to show to commands. Do not read or write below it by path: what
// lies there is made by agents.
func (w *Workspace) Dir() string { return w.dir }

// Name returns the name the workspace was opened by.
func (w *Workspace) Name() string { return w.name }

// Run returns the run the workspace belongs to.
func (w *Workspace) Run() string { return w.run }

// Head returns the commit the workspace was last stored in or put back to.
func (w *Workspace) Head() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.head
}

// Close lets go of the workspace. Its files stay until [Store.Remove].
func (w *Workspace) Close() error {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	if w.store.open[w.run+"/"+w.name] != w {
		return nil // closed before
	}
	delete(w.store.open, w.run+"/"+w.name)
	return errors.Join(w.root.Close(), w.files.Close())
}
