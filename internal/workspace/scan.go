package workspace

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Limits of what a checkpoint stores. They keep a runaway program from filling
// the server's disk through us.
const (
	maxFile    = 256 << 20 // bytes of a file; a larger one is skipped
	maxEntries = 1_000_000 // files and directories looked at
	maxNew     = 4 << 30   // bytes stored in one go
	maxDepth   = 500       // directories in each other
	maxRules   = 1 << 20   // bytes of a .gitignore or .gitattributes
	inMemory   = 4 << 20   // bytes of a file that is read into memory
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

	now     int64
	entries int
	bytes   int64

	changed []string
	skipped []Skipped
	unkept  []string  // paths of skipped things other than .git
	empty   []string  // untracked directories without files
	pending []pending // need git to convert them
}

// run compares a directory with old and returns what it is now;
// old itself, if nothing changed.
func (s *scan) run(dir *os.File, old *tree) (*tree, error) {
	s.now = time.Now().UnixNano()
	fd, err := s.openDir(int(dir.Fd()), ".") // with a position of its own
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

// dir looks at one directory. It returns nil if nothing in it is to be stored.
func (s *scan) dir(fd int, path string, old *tree, above *scope, ignored bool, depth int) (*tree, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%s…: directories are nested %w", path[:80], ErrTooLarge)
	}
	names, err := readNames(fd)
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
func readNames(fd int) ([]string, error) {
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
		if len(names) > maxEntries {
			return nil, fmt.Errorf("a directory has too many files: %w", ErrTooLarge)
		}
	}
	slices.Sort(names)
	return names, nil
}

// entry looks at one thing. It returns nil for what is not stored, and old for
// what did not change.
func (s *scan) entry(fd int, path, name string, old *entry, in *scope, ignored bool, depth int) (*entry, error) {
	if s.entries++; s.entries > maxEntries {
		return nil, fmt.Errorf("there are more than %d files: %w", maxEntries, ErrTooLarge)
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
		return s.subdir(fd, full, name, old, in, ignored, depth)
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

func (s *scan) subdir(fd int, full, name string, old *entry, in *scope, ignored bool, depth int) (*entry, error) {
	child, err := s.openDir(fd, name)
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
// us, may not read is made readable: an agent has no other way to hide.
func (s *scan) openDir(fd int, name string) (int, error) {
	const flags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	child, err := unix.Openat(fd, name, flags, 0)
	if errors.Is(err, unix.EACCES) && !s.guest && unix.Fchmodat(fd, name, 0o700, 0) == nil {
		child, err = unix.Openat(fd, name, flags, 0)
	}
	return child, err
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
		if err := s.put(target[:n]); err != nil {
			return nil, err
		}
	}
	return s.settle(full, name, modeLink, id, seen, old), nil
}

func (s *scan) put(data []byte) error {
	if s.dry {
		return nil
	}
	if s.bytes += int64(len(data)); s.bytes > maxNew {
		return fmt.Errorf("the changed files are %w", ErrTooLarge)
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

func (s *scan) file(fd int, full, name string, seen stat, old *entry, in *scope) (*entry, error) {
	mode := modeFile
	if seen.mode&0o100 != 0 {
		mode = modeExec
	}
	if s.trust && old != nil && old.seen == (stat{}) && (old.mode == modeFile || old.mode == modeExec) {
		return s.settle(full, name, old.mode, old.id, seen, old), nil
	}
	if seen.size > maxFile {
		s.skip(full, fmt.Sprintf("it has more than %d MiB", maxFile>>20))
		return old.ifFile(), nil
	}
	f, err := s.openFile(fd, full, name)
	if f == nil {
		return nil, err
	}
	defer f.Close()
	for range 3 {
		e, err := s.content(f, full, name, mode, old, in)
		if !errors.Is(err, errMoving) {
			return e, err
		}
	}
	// Somebody keeps writing. What was stored last stays, and as its stat does
	// not match, the next look tries again.
	s.skipped = append(s.skipped, Skipped{full, errMoving.Error()})
	return old.ifFile(), nil
}

// ifFile returns e if it is a file. What could not be read keeps its last
// stored state, if that was a file too.
func (e *entry) ifFile() *entry {
	if e != nil && (e.mode == modeFile || e.mode == modeExec) {
		return e
	}
	return nil
}

// openFile opens a regular file, not a link to one, without waiting for the
// other end of a pipe. It returns nil and no error if there is none any more.
func (s *scan) openFile(fd int, full, name string) (*os.File, error) {
	const flags = unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC
	child, err := unix.Openat(fd, name, flags, 0)
	if errors.Is(err, unix.EACCES) && !s.guest && unix.Fchmodat(fd, name, 0o600, 0) == nil {
		child, err = unix.Openat(fd, name, flags, 0)
	}
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ELOOP), errors.Is(err, unix.ENXIO):
		return nil, nil // replaced while we looked
	case err != nil:
		return nil, &os.PathError{Op: "open", Path: full, Err: err}
	}
	return os.NewFile(uintptr(child), full), nil
}

// content reads a file and stores it if it is not what is known already.
func (s *scan) content(f *os.File, full, name, mode string, old *entry, in *scope) (*entry, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return nil, &os.PathError{Op: "stat", Path: full, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size > maxFile {
		return nil, nil
	}
	s.now = time.Now().UnixNano()
	var id string
	var err error
	if st.Size <= inMemory {
		var data []byte
		if data, err = readExactly(f, st.Size); err != nil {
			return nil, err
		}
		if in.needsGit(data) {
			return s.postpone(full, name, mode, statOf(&st), data, old, in)
		}
		id = s.repo.format.name("blob", data)
		if old == nil || old.id != id {
			err = s.put(data)
		}
	} else {
		id, err = s.large(f, st.Size, old)
	}
	if err != nil {
		return nil, err
	}
	var after unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &after); err != nil || statOf(&after) != statOf(&st) {
		return nil, errMoving
	}
	return s.settle(full, name, mode, id, statOf(&st), old), nil
}

func readExactly(f *os.File, size int64) ([]byte, error) {
	data := make([]byte, size+1)
	n, err := io.ReadFull(io.NewSectionReader(f, 0, size+1), data)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if int64(n) != size {
		return nil, errMoving
	}
	return data[:n], nil
}

// large reads a file in pieces: once for its name, and again to store it. Its
// line ends are left as they are, whatever the attributes say: a text of that
// size is none that people edit.
func (s *scan) large(f *os.File, size int64, old *entry) (string, error) {
	h := s.repo.format.hash()
	header(h, "blob", size)
	n, err := io.Copy(h, io.NewSectionReader(f, 0, size))
	if err != nil {
		return "", err
	}
	if n != size {
		return "", errMoving
	}
	id := hex.EncodeToString(h.Sum(nil))
	if s.dry || old != nil && old.id == id {
		return id, nil
	}
	if s.bytes += size; s.bytes > maxNew {
		return "", fmt.Errorf("the changed files are %w", ErrTooLarge)
	}
	return id, s.repo.putFile(io.NewSectionReader(f, 0, size), size, id)
}

// scope returns the rules that hold in a directory. The directory's own are
// read again only when their files changed.
func (s *scan) scope(fd int, path string, names []string, t *tree, above *scope) *scope {
	in := &scope{above: above, path: path}
	if above != nil {
		in.convert = above.convert
	}
	if data, fresh := s.readRules(fd, names, ".gitignore", &t.rules.ignoreSeen); fresh {
		t.rules.ignore = parseIgnore(data)
	}
	if data, fresh := s.readRules(fd, names, ".gitattributes", &t.rules.attrsSeen); fresh {
		t.rules.convert, t.rules.attrs = conversions(data), data
	}
	in.ignore = t.rules.ignore
	in.convert |= t.rules.convert
	in.attrs = t.rules.attrs
	return in
}

// readRules reads a file of rules if it is not as it was seen.
func (s *scan) readRules(fd int, names []string, name string, seen *stat) (data []byte, fresh bool) {
	if _, there := slices.BinarySearch(names, name); !there {
		fresh = *seen != stat{}
		*seen = stat{}
		return nil, fresh
	}
	var st unix.Stat_t
	err := unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err == nil && statOf(&st) == *seen && seen.ctime < s.now-int64(tick) {
		return nil, false
	}
	*seen = statOf(&st)
	if err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, true // as git does: a link or a pipe holds no rules
	}
	f, err := s.openFile(fd, name, name)
	if f == nil || err != nil {
		return nil, true
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, true
	}
	data, err = io.ReadAll(io.LimitReader(f, maxRules))
	if err != nil {
		return nil, true
	}
	return data, true
}

// A conversion is a set of ways in which git may store something else than
// what is in the file.
type conversion uint8

const (
	convertLines    conversion = 1 << iota // CRLF becomes LF
	convertIdent                           // $Id: …$ becomes $Id$
	convertEncoding                        // text in another encoding becomes UTF-8
)

// conversions returns what a .gitattributes may ask for. It errs on the side
// of asking git.
func conversions(data []byte) conversion {
	var c conversion
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		if strings.Contains(line, "text") || strings.Contains(line, "eol") || strings.Contains(line, "crlf") {
			c |= convertLines
		}
		if strings.Contains(line, "ident") {
			c |= convertIdent
		}
		if strings.Contains(line, "working-tree-encoding") {
			c |= convertEncoding
		}
	}
	return c
}

// needsGit reports whether git might store something else than data.
func (s *scope) needsGit(data []byte) bool {
	return s.convert&convertEncoding != 0 ||
		s.convert&convertLines != 0 && bytes.Contains(data, []byte("\r\n")) ||
		s.convert&convertIdent != 0 && bytes.Contains(data, []byte("$Id"))
}
