package workspace

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// cacheDir is where the cache of a source is.
func (s *Store) cacheDir(key string) string {
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(s.dir, "sources", hex.EncodeToString(sum[:12])+".git")
}

// scratch makes an empty repository for calls that need one and change nothing.
func (s *Store) scratch() (bare, error) {
	dir, err := os.MkdirTemp(filepath.Join(s.dir, "sources"), "view-")
	if err != nil {
		return bare{}, err
	}
	return initBare(dir, sha1Format)
}

// fetch makes sure that the cache of a source has a commit, and keeps it there
// by a reference. It needs neither a lock nor a process if it has it already.
func (s *Store) fetch(ctx context.Context, key string, f format, commit string, c call) (bare, error) {
	dir := s.cacheDir(key)
	keep := "refs/autonoma/bases/" + commit
	if cache, err := openBare(dir); err == nil && commit != "" {
		if at, err := cache.ref(keep); err == nil && at == commit {
			return cache, nil
		}
	}
	unlock, err := s.sources.lock(ctx, dir)
	if err != nil {
		return bare{}, err
	}
	defer unlock()
	release, err := lockFile(ctx, dir+".lock")
	if err != nil {
		return bare{}, err
	}
	defer release()
	cache, err := initBare(dir, f)
	if err != nil {
		return bare{}, err
	}
	if at, err := cache.ref(keep); err == nil && at == commit && commit != "" {
		return cache, nil // somebody else fetched it while we waited
	}
	removeLocks(cache)
	c.gitDir, c.within = dir, s.fetchTime
	c.args = append([]string{"fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-gc", "--update-shallow", "--end-of-options"}, c.args...)
	if _, err := s.git.run(ctx, c); err != nil {
		return bare{}, unreachable(ctx, err)
	}
	at, err := s.git.line(ctx, call{gitDir: dir, args: []string{"rev-parse", "--verify", "--quiet", "refs/autonoma/incoming^{commit}"}})
	if err != nil {
		return bare{}, refuse(ReasonRef, "name a branch, a tag or a commit", "what it names is no commit")
	}
	if commit != "" && at != commit {
		return bare{}, fmt.Errorf("fetched %s instead of %s", at, commit)
	}
	return cache, cache.setRef("refs/autonoma/bases/"+at, at)
}

// removeLocks removes the locks of git programs that were killed. We hold the
// lock of the whole cache, and git dies with the process that started it.
func removeLocks(cache bare) {
	for _, glob := range []string{"*.lock", "refs/autonoma/*.lock", "refs/autonoma/bases/*.lock"} {
		locks, _ := filepath.Glob(filepath.Join(cache.dir, glob)) // fails only for a malformed pattern
		for _, lock := range locks {
			os.Remove(lock)
		}
	}
}

// moved is how git says that a server answers with a redirect.
var moved = regexp.MustCompile(`returned error: 30[1278]|HTTP 30[1278]`)

func unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	hint := "check that the repository exists, is whole and may be read"
	if moved.MatchString(err.Error()) {
		hint = "it has moved: give its present URL, for redirects are not followed"
	}
	e := refuse(ReasonUnreachable, hint, "it cannot be fetched: %v", err)
	e.Err = err
	return e
}
