package workspace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"autonoma/internal/reclaim"
)

// Discard removes a workspace of a run with whatever is in it, stored or not. It
// is for checkouts that only commands of the platform have used. Discarding what
// is not there does nothing.
func (s *Store) Discard(ctx context.Context, run, name string) error {
	if err := errors.Join(checkName("run", run), checkName("workspace", name)); err != nil {
		return err
	}
	unlock, err := s.runs.lock(ctx, run+"/"+name)
	if err != nil {
		return err
	}
	defer unlock()
	s.mu.Lock()
	w := s.open[run+"/"+name]
	s.mu.Unlock()
	if w != nil {
		if err := w.Close(); err != nil {
			return fmt.Errorf("discard workspace %s of %s: %w", name, run, err)
		}
	}
	dir := s.place(run).tree(name)
	// Without this it counts as a checkout that never came to an end.
	if err := os.Remove(filepath.Join(dir, "ready")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("discard workspace %s of %s: %w", name, run, err)
	}
	return reclaim.RemoveAll(dir)
}
