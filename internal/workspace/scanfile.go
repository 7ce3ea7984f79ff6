package workspace

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"autonoma/internal/reclaim"
)

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
	if errors.Is(err, unix.EACCES) && !s.guest && reclaim.File(fd, name) == nil {
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
			err = s.put(full, data)
		}
	} else {
		id, err = s.large(f, full, st.Size, old)
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

// whileWanted reads from r until ctx ends.
func whileWanted(ctx context.Context, r io.Reader) io.Reader { return wanted{ctx, r} }

type wanted struct {
	ctx context.Context
	r   io.Reader
}

func (w wanted) Read(p []byte) (int, error) {
	if w.ctx.Err() != nil {
		return 0, context.Cause(w.ctx)
	}
	return w.r.Read(p)
}

// large reads a file in pieces: once for its name, and again to store it. Its
// line ends are left as they are, whatever the attributes say: a text of that
// size is none that people edit.
func (s *scan) large(f *os.File, full string, size int64, old *entry) (string, error) {
	h := s.repo.format.hash()
	header(h, "blob", size)
	n, err := io.Copy(h, whileWanted(s.ctx, io.NewSectionReader(f, 0, size)))
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
	if err := s.spend(full, size); err != nil {
		return "", err
	}
	return id, s.repo.putFile(whileWanted(s.ctx, io.NewSectionReader(f, 0, size)), size, id)
}
