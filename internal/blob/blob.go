// Package blob keeps immutable contents in files that are named by their digest.
//
// Equal contents are kept once. A content is there as a whole or not at all: it
// is written beside its place, brought to disk, and moved.
package blob

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
)

// A Store is a directory of contents.
type Store struct{ dir string }

// Open returns the store in dir, which it makes if need be.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("blobs: %w", err)
	}
	return &Store{dir}, nil
}

// Put keeps what write writes, and returns its digest (SHA-256, hex) and size
// in bytes.
func (s *Store) Put(write func(io.Writer) error) (digest string, size int64, err error) {
	tmp, err := os.CreateTemp(s.dir, "new-")
	if err != nil {
		return "", 0, fmt.Errorf("keep blob: %w", err)
	}
	defer os.Remove(tmp.Name()) // gone already if all went well
	hash := sha256.New()
	count := new(counter)
	err = write(io.MultiWriter(tmp, hash, count))
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return "", 0, fmt.Errorf("keep blob: %w", err)
	}
	digest = hex.EncodeToString(hash.Sum(nil))
	place := s.path(digest)
	if err := os.MkdirAll(filepath.Dir(place), 0o700); err != nil {
		return "", 0, fmt.Errorf("keep blob: %w", err)
	}
	if err := os.Rename(tmp.Name(), place); err != nil {
		return "", 0, fmt.Errorf("keep blob: %w", err)
	}
	return digest, int64(*count), nil
}

var digestForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Open returns the content with the given digest.
func (s *Store) Open(digest string) (*os.File, error) {
	if !digestForm.MatchString(digest) {
		return nil, fmt.Errorf("blob %q: %w", digest, os.ErrNotExist)
	}
	return os.Open(s.path(digest))
}

func (s *Store) path(digest string) string { return filepath.Join(s.dir, digest[:2], digest[2:]) }

// counter counts the bytes written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
