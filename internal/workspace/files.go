package workspace

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Limits of what goes through a [Workspace] at once.
const (
	MaxRead  = 16 << 20 // bytes of a file that is read or written whole
	MaxNames = 10_000   // entries of a directory that are listed
)

// Paths of callers are relative to the workspace, with slashes. Those that
// would leave it, also through links, get [ErrOutside]; links that stay inside
// are followed. What is neither a file nor a directory gets [ErrSpecial], and
// nobody waits for its other end.

// Read returns the content of a file of at most [MaxRead] bytes. For parts of
// larger ones, see [Workspace.FS].
func (w *Workspace) Read(name string) ([]byte, error) {
	f, err := w.openRead(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, explain("read", name, err)
	case info.IsDir():
		return nil, explain("read", name, syscall.EISDIR)
	case info.Size() > MaxRead:
		return nil, explain("read", name, ErrTooLarge)
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxRead+1))
	if err != nil {
		return nil, explain("read", name, err)
	}
	if len(data) > MaxRead { // it grew, or its size is a lie, as in /proc
		return nil, explain("read", name, ErrTooLarge)
	}
	return data, nil
}

// openRead opens a file or directory for reading.
func (w *Workspace) openRead(name string) (*os.File, error) {
	if err := checkPath(name); err != nil {
		return nil, explain("open", name, err)
	}
	return openConfined(w.root, name)
}

func openConfined(root *os.Root, name string) (*os.File, error) {
	// Opening a device can have effects, so look first. It may be another thing
	// by the time it is open; then at least nobody waits for it.
	info, err := root.Stat(name)
	if err == nil {
		err = checkKind(info)
	}
	if err != nil {
		return nil, explain("open", name, err)
	}
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, explain("open", name, err)
	}
	if info, err = f.Stat(); err == nil {
		err = checkKind(info)
	}
	if err != nil {
		f.Close()
		return nil, explain("open", name, err)
	}
	return f, nil
}

func checkKind(info fs.FileInfo) error {
	if !info.Mode().IsRegular() && !info.IsDir() {
		return ErrSpecial
	}
	return nil
}

// checkPath refuses what no file in a workspace can be called.
func checkPath(name string) error {
	switch {
	case strings.ContainsRune(name, 0):
		return fs.ErrInvalid
	case !filepath.IsLocal(name):
		return ErrOutside
	}
	return nil
}

// explain returns an error about name that says no more than the caller knows
// already: no path of this machine.
func explain(op, name string, err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	if err.Error() == "path escapes from parent" { // os.Root does not export it
		err = ErrOutside
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// Write creates or replaces a file, and makes the directories above it. A file
// that was there keeps its permissions. It is replaced as a whole, by another
// file, so that what else may be linked to it keeps its content.
func (w *Workspace) Write(name string, data []byte) error {
	if err := checkPath(name); err != nil {
		return explain("write", name, err)
	}
	if len(data) > MaxRead {
		return explain("write", name, ErrTooLarge)
	}
	name, err := w.resolveLink(filepath.Clean(name))
	if err != nil {
		return explain("write", name, err)
	}
	perm := fs.FileMode(0o644)
	info, err := w.root.Lstat(name)
	switch {
	case err == nil && info.IsDir():
		return explain("write", name, syscall.EISDIR)
	case err == nil && !info.Mode().IsRegular():
		return explain("write", name, ErrSpecial)
	case err == nil:
		perm = info.Mode().Perm() | 0o600
	case !errors.Is(err, fs.ErrNotExist):
		return explain("write", name, err)
	default:
		if err := w.root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return explain("write", name, err)
		}
	}
	return explainNil("write", name, w.replace(name, data, perm))
}

func explainNil(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return explain(op, name, err)
}

// resolveLink returns the name of what a link stands for, so that writing to a
// link changes its target, as it does for any program. Links of links are
// followed too; [os.Root] watches where it all leads.
func (w *Workspace) resolveLink(name string) (string, error) {
	for range 8 {
		info, err := w.root.Lstat(name)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			return name, nil // the caller finds out what is wrong
		}
		target, err := w.root.Readlink(name)
		if err != nil {
			return name, err
		}
		// The directory may itself be reached through links, where .. would not
		// mean what it says.
		if filepath.IsAbs(target) || strings.Contains(target, "..") && strings.Contains(name, "/") {
			return name, ErrOutside
		}
		name = path.Join(path.Dir(name), target)
		if !filepath.IsLocal(name) {
			return name, ErrOutside
		}
	}
	return name, syscall.ELOOP
}

func (w *Workspace) replace(name string, data []byte, perm fs.FileMode) error {
	temp := path.Join(path.Dir(name), ".autonoma-"+rand.Text()[:12])
	f, err := w.root.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(perm), f.Close()); err == nil {
		err = w.root.Rename(temp, name)
	}
	if err != nil {
		_ = w.root.Remove(temp)
	}
	return err
}

// Stat describes a file or directory, or what a link stands for.
func (w *Workspace) Stat(name string) (fs.FileInfo, error) {
	if err := checkPath(name); err != nil {
		return nil, explain("stat", name, err)
	}
	info, err := w.root.Stat(name)
	if err != nil {
		return nil, explain("stat", name, err)
	}
	return info, nil
}

// List returns what is in a directory, sorted by name: at most [MaxNames]
// entries, and whether there are more.
func (w *Workspace) List(name string) (entries []fs.DirEntry, more bool, err error) {
	f, err := w.openRead(name)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	entries, err = f.ReadDir(MaxNames + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, false, explain("list", name, err)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	if len(entries) > MaxNames {
		return entries[:MaxNames], true, nil
	}
	return entries, false, nil
}

// FS returns the files for reading, with the same confinement as
// [Workspace.Read] but no limit of size. It reports links as links when a
// directory is read, and follows them inside the workspace when one is opened.
func (w *Workspace) FS() fs.FS { return confined{w.root} }

// confined is a file system none of whose paths leave a root, and none of
// whose files keep anybody waiting.
type confined struct{ root *os.Root }

func (c confined) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	return openConfined(c.root, name)
}

// Stat implements [fs.StatFS], so that looking opens nothing.
func (c confined) Stat(name string) (fs.FileInfo, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrInvalid}
	}
	info, err := c.root.Stat(name)
	if err != nil {
		return nil, explain("stat", name, err)
	}
	return info, nil
}
