package workspace

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// Inherit makes the repository of a run from that of an earlier one: with the same
// base, and with all results of the earlier run. It may be called again after a
// crash at any point. It returns [ErrNotPrepared] if the earlier repository is gone.
func (s *Store) Inherit(ctx context.Context, run, from string) (Base, error) {
	old, err := s.repo(from)
	if err == nil {
		err = checkName("run", run)
	}
	if err != nil {
		return Base{}, err
	}
	unlock, err := s.runs.lock(ctx, run)
	if err != nil {
		return Base{}, err
	}
	defer unlock()
	p := s.place(run)
	if exists(p.base()) {
		return readBase(p)
	}
	base, err := s.inherit(ctx, p, old, from)
	if err != nil {
		return Base{}, fmt.Errorf("inherit from %s: %w", from, err)
	}
	return base, nil
}

func (s *Store) inherit(ctx context.Context, p place, old bare, from string) (Base, error) {
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return Base{}, err
	}
	repo, err := initBare(p.repo(), old.format)
	if err != nil {
		return Base{}, err
	}
	// What the old one borrows, the new one does: they lie side by side, so the
	// same relative path leads there.
	if err := os.MkdirAll(filepath.Join(repo.dir, "objects", "info"), 0o700); err != nil {
		return Base{}, err
	}
	for _, name := range []string{"objects/info/alternates", "shallow"} {
		if err := copySmall(filepath.Join(old.dir, name), filepath.Join(repo.dir, name)); err != nil {
			return Base{}, err
		}
	}
	_, err = s.git.run(ctx, call{gitDir: repo.dir, allow: "file", args: []string{
		"fetch", "--quiet", "--no-tags", "--no-write-fetch-head", old.dir,
		"+refs/autonoma/base:refs/autonoma/base", "+refs/autonoma/results/*:refs/autonoma/results/*",
	}})
	if err != nil {
		return Base{}, err
	}
	base, err := readBase(s.place(from))
	if err != nil {
		return Base{}, err
	}
	data, err := os.ReadFile(s.place(from).base())
	if err != nil {
		return Base{}, err
	}
	return base, replaceFile(p.base(), data, 0o600)
}
