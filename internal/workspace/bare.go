package workspace

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A bare is a bare repository of ours. Making one and setting references needs
// no git program, as nobody else writes to it.
type bare struct {
	dir    string
	format format
}

// initBare makes a repository in dir, or completes one. It makes no more than
// git needs to take dir for a repository: every file made costs time.
func initBare(dir string, f format) (bare, error) {
	for _, sub := range []string{"objects", "refs"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return bare{}, err
		}
	}
	b := bare{dir, f}
	if err := writeNew(filepath.Join(dir, "config"), b.config()); err != nil {
		return bare{}, err
	}
	return b, writeNew(filepath.Join(dir, "HEAD"), "ref: refs/heads/main\n")
}

func (b bare) config() string {
	if b.format == sha256Format {
		return "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectformat = sha256\n"
	}
	return "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
}

// writeNew writes a file unless it has the content already.
func writeNew(path, content string) error {
	if old, err := os.ReadFile(path); err == nil && string(old) == content {
		return nil
	}
	return replaceFile(path, []byte(content), 0o600)
}

// openBare returns a repository made before.
func openBare(dir string) (bare, error) {
	config, err := os.ReadFile(filepath.Join(dir, "config"))
	if err != nil {
		return bare{}, err
	}
	if strings.Contains(string(config), "objectformat = sha256") {
		return bare{dir, sha256Format}, nil
	}
	return bare{dir, sha1Format}, nil
}

// borrow lets b use the objects of another repository of ours. The path is
// relative, so that the store can be moved, and seen elsewhere in a sandbox.
func (b bare) borrow(from string) error {
	objects := filepath.Join(b.dir, "objects")
	rel, err := filepath.Rel(objects, filepath.Join(from, "objects"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(objects, "info"), 0o700); err != nil {
		return err
	}
	return writeNew(filepath.Join(objects, "info", "alternates"), rel+"\n")
}

// setRef points a reference at a commit.
func (b bare) setRef(name, commit string) error {
	path := filepath.Join(b.dir, filepath.FromSlash(name))
	err := replaceFile(path, []byte(commit+"\n"), 0o600)
	if errors.Is(err, os.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		err = replaceFile(path, []byte(commit+"\n"), 0o600)
	}
	return err
}

// ref returns where a reference points, or "" if it does not exist. It sees
// what setRef wrote and no packed references: nothing packs ours.
func (b bare) ref(name string) (string, error) {
	data, err := os.ReadFile(filepath.Join(b.dir, filepath.FromSlash(name)))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	commit := strings.TrimSpace(string(data))
	if err == nil && !b.format.valid(commit) {
		err = fmt.Errorf("reference %s holds no commit", name)
	}
	return commit, err
}

// replaceFile writes a file so that it has either its old or its new content,
// whenever the process dies. The temporary name ends in .lock, which git does
// not take for a reference.
func replaceFile(path string, data []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+"-*.lock")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // does nothing after the rename
	_, err = f.Write(data)
	if err := errors.Join(err, f.Chmod(mode), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
