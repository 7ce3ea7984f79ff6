package workspace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"autonoma/internal/reclaim"
)

// A file read within this time after it changed may change again without a
// trace: the clock of a file system ticks up to every ten milliseconds.
const tick = 20 * time.Millisecond

// A stat is what changes when a file does.
type stat struct {
	size, mtime, ctime int64
	ino, dev           uint64
	mode               uint32
}

func statOf(st *unix.Stat_t) stat {
	return stat{st.Size, st.Mtim.Nano(), st.Ctim.Nano(), st.Ino, uint64(st.Dev), st.Mode}
}

// Skipped is something a checkpoint left out.
type Skipped struct {
	Path string
	Why  string
}

// A scan looks at a directory and stores what changed since an earlier look.
// It follows no links, waits for no pipes, and starts no program.
type scan struct {
	ctx     context.Context
	repo    bare
	dry     bool   // only look; store nothing
	staging string // where files wait for git to convert them
	guest   bool   // the directory is somebody else's: change no permissions
	trust   bool   // what was never seen is taken to be as the tree says: it was just checked out

	sweep bool // what cannot be stored is to be removed: set no limits, and let git convert nothing

	now     int64
	entries int
	bytes   int64

	changed []string
	skipped []Skipped
	unkept  []string  // paths of skipped things other than .git
	empty   []string  // untracked directories without files
	pending []pending // need git to convert them
	encodes bool      // attributes are new that may keep git from writing any file
}

// run compares a directory with old and returns what it is now;
// old itself, if nothing changed.
func (s *scan) run(dir *os.File, old *tree) (*tree, error) {
	s.now = time.Now().UnixNano()
	if err := s.unlockTop(dir); err != nil {
		return nil, err
	}
	fd, err := unix.Openat(int(dir.Fd()), ".", openDirFlags, 0) // with a position of its own
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: ".", Err: err}
	}
	defer unix.Close(fd)
	t, err := s.dir(fd, "", old, nil, false, 0)
	if err != nil {
		return nil, fmt.Errorf("look at the workspace: %w", err)
	}
	if t == nil {
		t = &tree{}
	}
	return t, nil
}

// unlockTop gives the owner, which is us, access to the directory itself.
func (s *scan) unlockTop(dir *os.File) error {
	info, err := dir.Stat()
	if err == nil && !s.guest && info.Mode()&ownerAll != ownerAll {
		err = dir.Chmod(info.Mode() | ownerAll)
	}
	return err
}

// dir looks at one directory. It returns nil if nothing in it is to be stored.
func (s *scan) dir(fd int, path string, old *tree, above *scope, ignored bool, depth int) (*tree, error) {
	if depth > maxDepth {
		return nil, tooLarge(clipPath(path), "more than %d directories are nested in each other", maxDepth)
	}
	names, err := s.readNames(fd, path)
	if err != nil {
		return nil, err
	}
	fresh := &tree{}
	if old != nil {
		fresh.rules = old.rules
	}
	in := s.scope(fd, path, names, fresh, above)
	same := old != nil
	for _, name := range names {
		e, err := s.entry(fd, path, name, old.find(name), in, ignored, depth)
		if err != nil {
			return nil, err
		}
		if e == nil {
			continue
		}
		fresh.entries = append(fresh.entries, e)
		same = same && len(fresh.entries) <= len(old.entries) && old.entries[len(fresh.entries)-1] == e
	}
	if old != nil {
		s.noteRemoved(path, old, fresh)
		if same && len(fresh.entries) == len(old.entries) {
			old.rules = fresh.rules
			return old, nil
		}
	}
	if len(fresh.entries) == 0 {
		return nil, nil
	}
	return fresh, nil
}

// noteRemoved notes the files that old had and fresh has not.
func (s *scan) noteRemoved(path string, old, fresh *tree) {
	for _, e := range old.entries {
		switch now := fresh.find(e.name); {
		case now == nil && e.dir != nil, now != nil && now.dir == nil && e.dir != nil:
			e.dir.walk(path+e.name+"/", func(p string, _ *entry) { s.changed = append(s.changed, p) })
		case now == nil, now.dir != nil && e.dir == nil:
			s.changed = append(s.changed, path+e.name)
		}
	}
}

// readNames returns the sorted names in a directory, without closing it.
func (s *scan) readNames(fd int, path string) ([]string, error) {
	buf := make([]byte, 32<<10)
	var names []string
	for {
		n, err := unix.ReadDirent(fd, buf)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, os.NewSyscallError("getdents", err)
		}
		if n <= 0 {
			break
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
		if len(names) > maxEntries && !s.sweep {
			return nil, tooLarge(path, "the directory has more than %d files", maxEntries)
		}
	}
	slices.Sort(names)
	return names, nil
}

// entry looks at one thing. It returns nil for what is not stored, and old for
// what did not change.
func (s *scan) entry(fd int, path, name string, old *entry, in *scope, ignored bool, depth int) (*entry, error) {
	if s.entries++; s.entries > maxEntries && !s.sweep {
		return nil, tooLarge(path+name, "with it there are more than %d files; remove what is not needed, or let .gitignore leave it out", maxEntries)
	}
	if s.entries&0x3ff == 0 && s.ctx.Err() != nil {
		return nil, context.Cause(s.ctx)
	}
	var st unix.Stat_t
	if err := unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		if errors.Is(err, unix.ENOENT) {
			return nil, nil // gone since we read the directory
		}
		return nil, &os.PathError{Op: "stat", Path: path + name, Err: err}
	}
	seen := statOf(&st)
	if old != nil && old.dir == nil && old.seen == seen && !old.racy && old.mode != modeModule {
		return old, nil
	}
	full := path + name
	if len(full) > maxPath {
		if s.sweep {
			s.unkept = append(s.unkept, full)
			return nil, nil
		}
		return nil, tooLarge(clipPath(full), "the path has more than %d bytes", maxPath)
	}
	kind := st.Mode & unix.S_IFMT
	if !storable(name) || name == ".gitmodules" && kind == unix.S_IFLNK {
		s.skipped = append(s.skipped, Skipped{full, "git does not store this name"})
		return nil, nil
	}
	if old == nil && (ignored || in.ignored(full, name, kind == unix.S_IFDIR)) {
		return nil, nil
	}
	switch kind {
	case unix.S_IFDIR:
		return s.subdir(fd, full, name, seen.mode, old, in, ignored, depth)
	case unix.S_IFREG:
		return s.file(fd, full, name, seen, old, in)
	case unix.S_IFLNK:
		return s.link(fd, full, name, seen, old)
	}
	s.skip(full, "it is neither a file nor a directory nor a link")
	return nil, nil
}

func (s *scan) skip(path, why string) {
	s.skipped = append(s.skipped, Skipped{path, why})
	s.unkept = append(s.unkept, path)
}

func (s *scan) subdir(fd int, full, name string, mode uint32, old *entry, in *scope, ignored bool, depth int) (*entry, error) {
	if s.sweep && depth >= maxDepth {
		s.unkept = append(s.unkept, full)
		return nil, nil
	}
	child, err := s.openDir(fd, name, mode)
	if err != nil {
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
			return nil, nil // replaced while we looked; the next look sees it
		}
		return nil, &os.PathError{Op: "open", Path: full, Err: err}
	}
	defer unix.Close(child)
	var before *tree
	if old != nil {
		before = old.dir
		ignored = ignored || in.ignored(full, name, true)
	}
	t, err := s.dir(child, full+"/", before, in, ignored, depth+1)
	switch {
	case err != nil:
		return nil, err
	case t == nil && old != nil && old.mode == modeModule:
		return old, nil // a submodule whose files were never fetched
	case t == nil:
		if !ignored {
			s.empty = append(s.empty, full)
		}
		return nil, nil
	case t == before:
		return old, nil
	}
	return &entry{name: name, mode: modeDir, dir: t}, nil
}

// openDir opens a directory, not a link to one. One that its owner, which is
// us, may not use is made usable: an agent has no other way to hide, and what
// comes after us is to be able to work there.
func (s *scan) openDir(fd int, name string, mode uint32) (int, error) {
	if mode&ownerAll != ownerAll && !s.guest {
		return reclaim.Dir(fd, name)
	}
	return unix.Openat(fd, name, openDirFlags, 0)
}

func (s *scan) link(fd int, full, name string, seen stat, old *entry) (*entry, error) {
	target := make([]byte, 4096)
	n, err := unix.Readlinkat(fd, name, target)
	if err != nil {
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EINVAL) {
			return nil, nil
		}
		return nil, &os.PathError{Op: "readlink", Path: full, Err: err}
	}
	id := s.repo.format.name("blob", target[:n])
	if old == nil || old.id != id {
		if err := s.put(full, target[:n]); err != nil {
			return nil, err
		}
	}
	return s.settle(full, name, modeLink, id, seen, old), nil
}

func (s *scan) put(full string, data []byte) error {
	if s.dry {
		return nil
	}
	if err := s.spend(full, int64(len(data))); err != nil {
		return err
	}
	_, err := s.repo.put("blob", data)
	return err
}

// settle returns the entry for something that was read: old, if it is what was
// known already.
func (s *scan) settle(full, name, mode, id string, seen stat, old *entry) *entry {
	racy := seen.ctime > s.now-int64(tick)
	if old != nil && old.id == id && old.mode == mode {
		old.seen, old.racy = seen, racy
		return old
	}
	s.changed = append(s.changed, full)
	return &entry{name: name, mode: mode, id: id, seen: seen, racy: racy}
}
