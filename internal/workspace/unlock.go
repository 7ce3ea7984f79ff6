package workspace

import (
	"errors"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"autonoma/internal/reclaim"
)

// What a command has closed to its owner, which is us, it has closed to us and
// to the commands that follow. So we open it again: commands lose nothing by
// that, as git records no permissions but that to execute a file.

const (
	openDirFlags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	ownerAll     = 0o700 // to read, write and enter a directory
)

// removeBelow removes what an agent left at p, whatever it is.
func (w *Workspace) removeBelow(p string) error {
	above, err := w.root.OpenFile(path.Dir(p), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer above.Close()
	if err := reclaim.RemoveAt(int(above.Fd()), path.Base(p)); err != nil {
		return &os.PathError{Op: "remove", Path: p, Err: err}
	}
	return nil
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
