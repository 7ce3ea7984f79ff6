package workspace

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Files are the files of a commit, as an [fs.FS]. Nobody can change them any more.
// Links and submodules are listed and cannot be opened; files beyond [MaxRead] are
// [ErrTooLarge].
type Files struct {
	ctx  context.Context // of the call that asked for them: an [fs.FS] has no other way to be told
	git  *git
	repo bare
	root *tree

	mu    sync.Mutex
	blobs map[string][]byte // by the name of the object
}

// Files returns the files of a commit of a run, for as long as ctx lasts.
func (s *Store) Files(ctx context.Context, run, commit string) (*Files, error) {
	repo, err := s.pair(run, commit, commit)
	if err != nil {
		return nil, err
	}
	root, err := s.load(ctx, repo, commit)
	if err != nil {
		return nil, fmt.Errorf("read a commit: %w", err)
	}
	return &Files{ctx: ctx, git: s.git, repo: repo, root: root, blobs: map[string][]byte{}}, nil
}

// Text returns the difference of two commits for programs to read: whole, without
// the content of binary files. It fails with [ErrTooLarge] beyond 64 MiB.
func (s *Store) Text(ctx context.Context, run, from, to string) ([]byte, error) {
	repo, err := s.pair(run, from, to)
	if err != nil {
		return nil, err
	}
	out, err := s.git.run(ctx, call{gitDir: repo.dir, args: withArgs(plain, "-p", "--full-index", from, to)})
	return out, unknown(err, "compare")
}

// Fetch reads files together, which is much faster than one by one. What is not
// there, no file, or too large is left for when it is asked for.
func (f *Files) Fetch(paths ...string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var want []string
	for _, p := range paths {
		if e := f.root.lookup(p); e != nil && e.regular() && f.blobs[e.id] == nil {
			want = append(want, e.id)
		}
	}
	return f.small(want)
}

// Links returns the texts of the targets of the symbolic links, by their paths.
func (f *Files) Links() (map[string]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := map[string]string{}
	var want []string
	f.root.walk("", func(path string, e *entry) {
		if e.mode == modeLink {
			at[path], want = e.id, append(want, e.id)
		}
	})
	if err := f.small(want); err != nil {
		return nil, err
	}
	links := map[string]string{}
	for path, id := range at {
		if target, ok := f.blobs[id]; ok { // none that is too large to be one
			links[path] = string(target)
		}
	}
	return links, nil
}

// small reads those of the objects that are not too large.
func (f *Files) small(want []string) error {
	if len(want) == 0 {
		return nil
	}
	sizes, err := f.git.run(f.ctx, call{gitDir: f.repo.dir, stdin: lines(want), args: []string{"cat-file", "--batch-check"}})
	if err != nil {
		return fmt.Errorf("read a commit: %w", err)
	}
	var small []string
	for line := range strings.Lines(string(sizes)) {
		if id, size, err := objectHead(line); err == nil && size <= MaxRead {
			small = append(small, id)
		}
	}
	return f.batch(small)
}

// batch reads objects by their names.
func (f *Files) batch(ids []string) error {
	out, err := f.git.run(f.ctx, call{gitDir: f.repo.dir, limit: 1 << 30, stdin: lines(ids), args: []string{"cat-file", "--batch"}})
	if err != nil {
		return fmt.Errorf("read a commit: %w", err)
	}
	r := bufio.NewReader(bytes.NewReader(out))
	for range ids {
		line, err := r.ReadString('\n')
		if err != nil {
			return fmt.Errorf("read a commit: %w", err)
		}
		id, size, err := objectHead(line)
		if err != nil {
			return err
		}
		data := make([]byte, size)
		if _, err := io.ReadFull(r, data); err != nil {
			return fmt.Errorf("read a commit: %w", err)
		}
		if _, err := r.Discard(1); err != nil {
			return fmt.Errorf("read a commit: %w", err)
		}
		f.blobs[id] = data
	}
	return nil
}

func lines(ids []string) io.Reader { return strings.NewReader(strings.Join(ids, "\n") + "\n") }

// objectHead reads what git cat-file --batch says before an object.
func objectHead(line string) (id string, size int64, err error) {
	fields := strings.Fields(line)
	if len(fields) == 3 {
		size, err = strconv.ParseInt(fields[2], 10, 64)
	}
	if len(fields) != 3 || err != nil {
		return "", 0, fmt.Errorf("read a commit: git answers %.100q", line)
	}
	return fields[0], size, nil
}

// regular reports whether e is a file with content of its own.
func (e *entry) regular() bool { return e.mode == modeFile || e.mode == modeExec }

// Open implements [fs.FS].
func (f *Files) Open(name string) (fs.File, error) {
	e, err := f.find("open", name)
	if err != nil {
		return nil, err
	}
	if e.dir != nil {
		list, err := f.ReadDir(name)
		return &openDir{info{f, e}, list}, err
	}
	data, err := f.ReadFile(name)
	return &openFile{info{f, e}, bytes.NewReader(data)}, err
}

// ReadFile implements [fs.ReadFileFS].
func (f *Files) ReadFile(name string) ([]byte, error) {
	e, err := f.find("read", name)
	if err == nil && !e.regular() {
		err = &fs.PathError{Op: "read", Path: name, Err: fs.ErrInvalid}
	}
	if err == nil {
		err = f.Fetch(name)
	}
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	data, ok := f.blobs[e.id]
	if !ok {
		return nil, &fs.PathError{Op: "read", Path: name, Err: ErrTooLarge}
	}
	return bytes.Clone(data), nil
}

// Stat implements [fs.StatFS]. It reads no file.
func (f *Files) Stat(name string) (fs.FileInfo, error) {
	e, err := f.find("stat", name)
	if err != nil {
		return nil, err
	}
	return info{f, e}, nil
}

// ReadDir implements [fs.ReadDirFS].
func (f *Files) ReadDir(name string) ([]fs.DirEntry, error) {
	e, err := f.find("readdir", name)
	if err == nil && e.dir == nil {
		err = &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a directory")}
	}
	if err != nil {
		return nil, err
	}
	list := make([]fs.DirEntry, len(e.dir.entries))
	for i, e := range e.dir.entries {
		list[i] = fs.FileInfoToDirEntry(info{f, e})
	}
	return list, nil
}

func (f *Files) find(op, name string) (*entry, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	if name == "." {
		return &entry{name: ".", mode: modeDir, dir: f.root}, nil
	}
	if e := f.root.lookup(name); e != nil {
		return e, nil
	}
	return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
}

// info is what is known of an entry without reading it. Its size is that of what was
// fetched.
type info struct {
	files *Files
	*entry
}

func (i info) Name() string       { return path.Base(i.name) }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.dir != nil }
func (i info) Sys() any           { return nil }

// Size implements [fs.FileInfo].
func (i info) Size() int64 {
	i.files.mu.Lock()
	defer i.files.mu.Unlock()
	return int64(len(i.files.blobs[i.id]))
}

// Mode implements [fs.FileInfo].
func (i info) Mode() fs.FileMode {
	switch i.mode {
	case modeDir:
		return fs.ModeDir | 0o555
	case modeLink:
		return fs.ModeSymlink | 0o444
	case modeModule:
		return fs.ModeIrregular | 0o444
	case modeExec:
		return 0o555
	}
	return 0o444
}

// An openFile is a file of a commit that is read.
type openFile struct {
	info
	*bytes.Reader
}

// Stat implements [fs.File].
func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }

// Size is that of the file: both parts have one.
func (f *openFile) Size() int64 { return f.Reader.Size() }

// Close implements [fs.File].
func (f *openFile) Close() error { return nil }

// An openDir is a directory of a commit that is listed.
type openDir struct {
	info
	rest []fs.DirEntry
}

// Stat implements [fs.File].
func (d *openDir) Stat() (fs.FileInfo, error) { return d.info, nil }

// Read implements [fs.File].
func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: errors.New("is a directory")}
}

// Close implements [fs.File].
func (d *openDir) Close() error { return nil }

// ReadDir implements [fs.ReadDirFile].
func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	list := d.rest
	if n > 0 && len(list) == 0 {
		return nil, io.EOF
	}
	if n > 0 {
		list = list[:min(n, len(list))]
	}
	d.rest = d.rest[len(list):]
	return list, nil
}
