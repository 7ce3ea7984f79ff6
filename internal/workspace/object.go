package workspace

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1" // what git names objects with; nothing is proven by it
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// A format is how a repository names its objects.
type format string

const (
	sha1Format   format = "sha1"
	sha256Format format = "sha256"
)

func (f format) hash() hash.Hash {
	if f == sha256Format {
		return sha256.New()
	}
	return sha1.New()
}

// valid reports whether s is the full name of an object.
func (f format) valid(s string) bool {
	n := 40
	if f == sha256Format {
		n = 64
	}
	return len(s) == n && strings.Trim(s, "0123456789abcdef") == ""
}

func (f format) name(kind string, data []byte) string {
	h := f.hash()
	header(h, kind, int64(len(data)))
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil))
}

func header(w io.Writer, kind string, size int64) {
	_, _ = w.Write(append(strconv.AppendInt([]byte(kind+" "), size, 10), 0)) // a hash or a buffer; never fails
}

// put stores an object and returns its name. Storing one again does nothing.
func (b bare) put(kind string, data []byte) (string, error) {
	name := b.format.name(kind, data)
	path := b.loose(name)
	if exists(path) {
		return name, nil
	}
	return name, b.write(path, func(w io.Writer) error {
		header(w, kind, int64(len(data)))
		_, err := w.Write(data)
		return err
	})
}

// errMoving reports a file that was written to while it was read.
var errMoving = errors.New("the file changes while it is read")

// putFile stores size bytes of a file under the name they were found to have.
func (b bare) putFile(r io.Reader, size int64, name string) error {
	path := b.loose(name)
	if exists(path) {
		return nil
	}
	h := b.format.hash()
	return b.write(path, func(w io.Writer) error {
		both := io.MultiWriter(w, h)
		header(both, "blob", size)
		n, err := io.Copy(both, io.LimitReader(r, size))
		if err != nil {
			return err
		}
		if n != size {
			return errMoving
		}
		if hex.EncodeToString(h.Sum(nil)) != name {
			return errMoving
		}
		return nil
	})
}

func (b bare) loose(name string) string {
	return filepath.Join(b.dir, "objects", name[:2], name[2:])
}

var compressors = sync.Pool{New: func() any {
	w, err := zlib.NewWriterLevel(io.Discard, zlib.BestSpeed)
	if err != nil {
		panic(err) // only for a level that does not exist
	}
	return w
}}

// write makes a loose object of what fill writes. A process that dies leaves a
// temporary file with a name git knows as such.
func (b bare) write(path string, fill func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Join(b.dir, "objects"), "tmp_obj_*")
	if err != nil {
		return fmt.Errorf("store object: %w", err)
	}
	defer os.Remove(f.Name()) // does nothing after the rename
	z := compressors.Get().(*zlib.Writer)
	defer compressors.Put(z)
	z.Reset(f)
	err = fill(z)
	if err := errors.Join(err, z.Close(), f.Chmod(0o400), f.Close()); err != nil {
		return fmt.Errorf("store object: %w", err)
	}
	err = os.Rename(f.Name(), path)
	if errors.Is(err, os.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return fmt.Errorf("store object: %w", err)
		}
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("store object: %w", err)
	}
	return nil
}

// A commitObject is what a commit says.
type commitObject struct {
	tree                       string
	parents                    []string
	author, committer, message string
}

func (c commitObject) encode() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "tree %s\n", c.tree)
	for _, p := range c.parents {
		fmt.Fprintf(&b, "parent %s\n", p)
	}
	fmt.Fprintf(&b, "author %s\ncommitter %s\n\n%s\n", c.author, c.committer, strings.TrimRight(c.message, "\n"))
	return b.Bytes()
}
