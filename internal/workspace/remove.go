package workspace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"autonoma/internal/reclaim"
)

// Remove removes the workspaces of a run and keeps its repository. Whatever is
// in a workspace and not stored yet is stored first, so nothing but ignored
// files is lost, and what cannot be stored. Removing what is not there does nothing.
func (s *Store) Remove(ctx context.Context, run string) error {
	unlock, err := s.runs.lock(ctx, run)
	if err != nil {
		return err
	}
	defer unlock()
	names, err := s.workspaces(run)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := s.removeWorkspace(ctx, run, name); err != nil {
			return fmt.Errorf("remove workspace %s of %s: %w", name, run, err)
		}
	}
	return nil
}

func (s *Store) removeWorkspace(ctx context.Context, run, name string) error {
	dir := s.place(run).tree(name)
	if !exists(filepath.Join(dir, "ready")) {
		return reclaim.RemoveAll(dir) // a checkout that never came to an end; nobody worked in it
	}
	w, err := s.reopen(ctx, run, name)
	if err != nil {
		return err
	}
	_, _, err = w.Checkpoint(ctx, "Last state before the workspace is removed")
	if _, lost := errors.AsType[*TreeError](err); err != nil && !lost {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	// From here on it counts as a checkout that never came to an end.
	if err := os.Remove(filepath.Join(dir, "ready")); err != nil {
		return err
	}
	return reclaim.RemoveAll(dir)
}

// reopen returns a workspace as it is.
func (s *Store) reopen(ctx context.Context, run, name string) (*Workspace, error) {
	unlock, err := s.runs.lock(ctx, run+"/"+name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.open[run+"/"+name]; w != nil {
		return w, nil
	}
	repo, err := s.repo(run)
	if err != nil {
		return nil, err
	}
	w := &Workspace{store: s, run: run, name: name, dir: filepath.Join(s.place(run).tree(name), "files"), repo: repo}
	if w.head, err = repo.ref(w.headRef()); err != nil {
		return nil, err
	}
	t, err := s.load(ctx, repo, w.head)
	if err != nil {
		return nil, err
	}
	w.tree, w.headTree = t, t.name
	if err := w.attach(); err != nil {
		return nil, err
	}
	s.open[run+"/"+name] = w
	return w, nil
}

// workspaces returns the names of a run's workspaces.
func (s *Store) workspaces(run string) ([]string, error) {
	if err := checkName("run", run); err != nil {
		return nil, err
	}
	return names(s.place(run).trees())
}

func names(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var list []string
	for _, e := range entries {
		if checkName("", e.Name()) == nil {
			list = append(list, e.Name())
		}
	}
	return list, nil
}

// Leftovers returns the runs that have workspaces, sorted. After a start, those
// that are in no unfinished run may be removed.
func (s *Store) Leftovers() ([]string, error) {
	runs, err := names(filepath.Join(s.dir, "runs"))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(runs, func(run string) bool {
		trees, err := s.workspaces(run)
		return err != nil || len(trees) == 0
	}), nil
}

// Sweep removes what a process that died may have left beside the runs: views
// of sources and half-written files. Call it at start, before anything else.
func (s *Store) Sweep() error {
	views, err := filepath.Glob(filepath.Join(s.dir, "sources", "view-*"))
	if err != nil {
		return err
	}
	for _, view := range views {
		if err := reclaim.RemoveAll(view); err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
	}
	return nil
}
