package workspace

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// What a command has closed to its owner, which is us, it has closed to us and
// to the commands that follow. So we open it again: commands lose nothing by
// that, as git records no permissions but that to execute a file.

const (
	openDirFlags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	ownerAll     = 0o700 // to read, write and enter a directory
)

// Unlock gives the owner, which is us, access to a directory that commands may
// have closed, and to nothing below it.
func Unlock(dir string) error {
	fd, err := unlockDir(unix.AT_FDCWD, dir)
	if err != nil {
		return &os.PathError{Op: "unlock", Path: dir, Err: err}
	}
	return unix.Close(fd)
}

// unlockDir gives the owner access to a directory, and opens it. It follows no
// link, even one that is put in the way meanwhile.
func unlockDir(fd int, name string) (int, error) {
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
		if err := chmodAt(at, st.Mode&0o7777|ownerAll); err != nil {
			return -1, err
		}
	}
	return unix.Openat(at, ".", openDirFlags, 0)
}

// unlockFile lets the owner read a file. It follows no link either.
func unlockFile(fd int, name string) error {
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
	return chmodAt(at, st.Mode&0o7777|0o600)
}

// chmodAt changes the mode of what was opened with O_PATH, which fchmod refuses.
func chmodAt(fd int, mode uint32) error {
	return unix.Chmod(fmt.Sprintf("/proc/self/fd/%d", fd), mode)
}

// unlockAll gives the owner access to a directory and all directories below.
func unlockAll(fd int, name string) error {
	dir, err := unlockDir(fd, name)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(dir), name)
	defer f.Close()
	for {
		entries, err := f.ReadDir(1024)
		for _, e := range entries {
			if !e.IsDir() {
				continue
			}
			if err := unlockAll(dir, e.Name()); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// removeAll removes a directory that agents wrote to. It follows no links and
// is not stopped by directories without permissions.
func removeAll(dir string) error {
	err := os.RemoveAll(dir)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	if err := unlockAll(unix.AT_FDCWD, dir); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// removeBelow does the same within a workspace.
func (w *Workspace) removeBelow(p string) error {
	err := w.root.RemoveAll(p)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	if err := w.root.Chmod(p, ownerAll); err != nil {
		return err
	}
	f, err := w.root.Open(p)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unlockAll(int(f.Fd()), "."); err != nil {
		return err
	}
	return w.root.RemoveAll(p)
}

// Room makes sure that a directory, or a file, can be shown to commands at a path:
// that there is one, or nothing, below directories. Closed ones are opened.
// Anything else is a [*TreeError].
func (w *Workspace) Room(p string, dir bool) error {
	for i := 1; i <= len(p); i++ {
		if i < len(p) && p[i] != '/' {
			continue
		}
		info, err := w.root.Lstat(p[:i])
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case i == len(p) && !dir && info.Mode().IsRegular():
		case !info.IsDir(), i == len(p) && !dir:
			return &TreeError{Path: p[:i], Why: "commands need " + p + ", which is shown to them here; leave what was in this place, or nothing", Err: ErrSpecial}
		case info.Mode()&ownerAll != ownerAll:
			if err := w.root.Chmod(p[:i], info.Mode()|ownerAll); err != nil {
				return err
			}
		}
	}
	return nil
}

// RemoveEmpty removes a file if there is nothing in it and it is not part of the last
// checkpoint, as is left of one in whose place commands were shown another.
func (w *Workspace) RemoveEmpty(name string) error {
	info, err := w.root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > 0 {
		return nil // there is none
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tree.lookup(name) != nil {
		return nil
	}
	if err := w.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
