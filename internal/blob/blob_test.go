package blob_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"autonoma/internal/blob"
)

// digest is the SHA-256 of "hello", as sha256sum prints it.
const digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

func write(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

func open(t *testing.T) (*blob.Store, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "blobs")
	s, err := blob.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s, dir
}

// files returns the files below a directory.
func files(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	deep, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return append(all, deep...)
}

// Equal contents are kept once, by whomever and however often they are put.
func TestPut(t *testing.T) {
	s, dir := open(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if got, size, err := s.Put(write("hello")); got != digest || size != 5 || err != nil {
				t.Errorf("put as %s, %d bytes: %v", got, size, err)
			}
		})
	}
	all.Wait()
	if got := files(t, dir); len(got) != 2 { // a directory and a file in it
		t.Errorf("there are %v", got)
	}
	f, err := s.Open(digest)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b, err := io.ReadAll(f); string(b) != "hello" || err != nil {
		t.Errorf("it holds %q: %v", b, err)
	}
	if info, err := os.Stat(f.Name()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// Of a content that could not be written as a whole nothing is left.
func TestPutFails(t *testing.T) {
	s, dir := open(t)
	fails := errors.New("fails")
	_, _, err := s.Put(func(w io.Writer) error { return errors.Join(write("hel")(w), fails) })
	if !errors.Is(err, fails) || len(files(t, dir)) > 0 {
		t.Errorf("%v, and there are %v", err, files(t, dir))
	}
}

// What is not there is not there, whatever it is called.
func TestOpenMissing(t *testing.T) {
	s, _ := open(t)
	for _, name := range []string{"", "x", digest, strings.ToUpper(digest), "../../../../etc/passwd", "..", digest + "/..", strings.Repeat("/", 64)} {
		if f, err := s.Open(name); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("open %q: %v, %v", name, f, err)
		}
	}
}
