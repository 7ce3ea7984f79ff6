// Package reclaim takes back directories that strangers have written to.
//
// The one idea: what lies in such a directory is walked by descriptors alone, never
// by a path. No link is followed, even one that is put in the way at that moment;
// what its owner, who is us, has closed is opened again; and a tree that is too deep
// for descriptors or too wide for memory is taken down with a few of either.
//
// It does not look into files, and knows nothing of what the directories are for.
package reclaim

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const ownerAll = 0o700 // to read, write and enter a directory

// Unlock gives the owner, which is us, access to a directory that strangers may
// have closed, and to nothing below it. Path itself must be no link.
func Unlock(path string) error {
	fd, err := Dir(unix.AT_FDCWD, path)
	if err != nil {
		return &os.PathError{Op: "unlock", Path: path, Err: err}
	}
	return unix.Close(fd)
}

// Dir opens the directory called name in another, after giving its owner access to
// it. It follows no link.
func Dir(fd int, name string) (int, error) {
	at, err := unix.Openat(fd, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(at)
	var st unix.Stat_t
	if err := unix.Fstat(at, &st); err != nil {
		return -1, err
	}
	if st.Mode&ownerAll != ownerAll {
		if err := chmod(at, st.Mode&0o7777|ownerAll); err != nil {
			return -1, err
		}
	}
	return unix.Openat(at, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
}

// File lets the owner read and write the regular file called name in a directory.
// It follows no link.
func File(fd int, name string) error {
	at, err := unix.Openat(fd, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(at)
	var st unix.Stat_t
	if err := unix.Fstat(at, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return unix.ELOOP
	}
	return chmod(at, st.Mode&0o7777|0o600)
}

// chmod changes the mode of what was opened with O_PATH, which fchmod refuses.
func chmod(fd int, mode uint32) error {
	return unix.Chmod(fmt.Sprintf("/proc/self/fd/%d", fd), mode)
}

// RemoveAll removes what is at path, and all below it. Removing what is not there
// does nothing. The directories above it must be ours.
func RemoveAll(path string) error {
	above, err := unix.Open(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err == nil {
		defer unix.Close(above)
		err = RemoveAt(above, filepath.Base(path))
	}
	if err != nil {
		return &os.PathError{Op: "remove", Path: path, Err: err}
	}
	return nil
}

// RemoveAt removes what is called name in a directory, and all below it.
func RemoveAt(fd int, name string) error {
	err := unix.Unlinkat(fd, name, 0)
	if !errors.Is(err, unix.EISDIR) {
		return unlessGone(err)
	}
	top, err := Dir(fd, name)
	if err != nil {
		return unlessGone(err)
	}
	defer unix.Close(top)
	if err := empty(top, top, 0); err != nil {
		return err
	}
	return unlessGone(unix.Unlinkat(fd, name, unix.AT_REMOVEDIR))
}

func unlessGone(err error) error {
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

// deepest is how many directories in each other are open at one time. What lies
// deeper is moved to the top of the tree first.
const deepest = 64

// empty removes all that is in a directory. It looks again until there is nothing,
// as what is removed, or moved to the top, shifts what was not read yet.
func empty(top, dir, depth int) error {
	buf := make([]byte, 8<<10)
	for {
		if _, err := unix.Seek(dir, 0, 0); err != nil {
			return err
		}
		seen, removed := 0, 0
		var trouble error
		for {
			n, err := unix.ReadDirent(dir, buf)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if err != nil {
				return err
			}
			if n <= 0 {
				break
			}
			_, _, names := unix.ParseDirent(buf[:n], -1, nil)
			for _, name := range names {
				seen++
				if err := one(top, dir, depth, name); err != nil {
					trouble = err
				} else {
					removed++
				}
			}
		}
		if seen == 0 || removed == 0 {
			return trouble
		}
	}
}

// one removes one thing from a directory, or puts it where it can be.
func one(top, dir, depth int, name string) error {
	err := unix.Unlinkat(dir, name, 0)
	if !errors.Is(err, unix.EISDIR) {
		return unlessGone(err)
	}
	child, err := Dir(dir, name)
	if err != nil {
		return unlessGone(err)
	}
	defer unix.Close(child)
	if depth == deepest {
		return unlessGone(unix.Renameat(dir, name, top, "reclaim-"+rand.Text()))
	}
	if err := empty(top, child, depth+1); err != nil {
		return err
	}
	return unlessGone(unix.Unlinkat(dir, name, unix.AT_REMOVEDIR))
}
