package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"autonoma/internal/reclaim"
)

// proofTime is how long a proof takes at most.
const proofTime = 30 * time.Second

// What directories for temporary files are called.
const (
	proofPrefix   = "autonoma-proof-"
	privatePrefix = "autonoma-private-"
)

// scratchDir makes a directory for a proof, below the one for temporary files:
// where a level is tried on what the server keeps, a fault would be a loss. First
// it removes what processes left that were killed before they could.
func scratchDir() (string, error) {
	sweep()
	return os.MkdirTemp("", proofPrefix)
}

// privateDir makes a directory for one command's temporary files, below base or where
// they usually are, and returns what removes it. Until then it is locked, so that no sweep takes it.
func privateDir(base string) (dir string, remove func(), err error) {
	dir, err = os.MkdirTemp(base, privatePrefix)
	if err != nil {
		return "", nil, fmt.Errorf("make a temporary directory for a command: %w", err)
	}
	fd, err := lockDir(dir)
	if err != nil {
		_ = os.Remove(dir)
		return "", nil, fmt.Errorf("lock a temporary directory for a command: %w", err)
	}
	return dir, func() {
		_ = reclaim.RemoveAll(dir) // or the next sweep does
		_ = unix.Close(fd)
	}, nil
}

// lockDir locks a directory until the descriptor is closed, or its process ends.
func lockDir(dir string) (fd int, err error) {
	if fd, err = reclaim.Dir(unix.AT_FDCWD, dir); err != nil {
		return -1, err
	}
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// sweep removes the directories of processes that are no more: old enough not to be
// in the making, and locked by nobody.
func sweep() {
	for _, start := range []string{
		filepath.Join(os.TempDir(), proofPrefix), filepath.Join(os.TempDir(), privatePrefix), filepath.Join(shortTemp(), privatePrefix),
	} {
		old, _ := filepath.Glob(start + "*") // the pattern is well-formed, unless the directory's name is odd
		for _, dir := range old {
			fi, err := os.Lstat(dir)
			if err != nil || !fi.IsDir() || time.Since(fi.ModTime()) < 6*proofTime {
				continue
			}
			if uid, ok := owner(fi); !ok || uid != os.Geteuid() {
				continue
			}
			if fd, err := lockDir(dir); err == nil {
				_ = reclaim.RemoveAll(dir) // or the next sweep does
				_ = unix.Close(fd)
			}
		}
	}
}
