package workspace

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"autonoma/internal/reclaim"
)

// A view shows the objects and references of a stranger's repository under a
// configuration of ours. Git programs are given the view, so the repository's
// own configuration, hooks, attributes, grafts and promised objects do not
// exist for them. It is a temporary directory.
type view struct {
	dir    string
	format format
	head   string // what HEAD holds: "ref: refs/heads/…" or a commit
}

var (
	objectFormat = regexp.MustCompile(`(?im)^\s*objectformat\s*=\s*"?sha256`)
	otherRefs    = regexp.MustCompile(`(?im)^\s*refstorage\s*=\s*"?[^f"\s]`) // anything but files
	headForm     = regexp.MustCompile(`^(?:ref: refs/[^\s\x00]+|[0-9a-f]{40}|[0-9a-f]{64})$`)
)

// look makes a view of a repository. The caller removes it with close.
func (s *Store) look(src Source) (view, error) {
	v := view{format: sha1Format}
	config, err := readSmall(filepath.Join(src.commonDir, "config"), 1<<20)
	if err != nil && !os.IsNotExist(err) {
		return view{}, broken(src.Location, err)
	}
	if objectFormat.Match(config) {
		v.format = sha256Format
	}
	if otherRefs.Match(config) {
		return view{}, refuse(ReasonBroken, "convert it with git refs migrate --ref-format=files", "its references are stored in a way that is not understood")
	}
	head, err := readSmall(filepath.Join(src.gitDir, "HEAD"), maxSource)
	if err != nil {
		return view{}, broken(src.Location, err)
	}
	v.head = strings.TrimSpace(string(head))
	if !headForm.MatchString(v.head) || strings.Contains(v.head, "..") {
		return view{}, refuse(ReasonBroken, "repair the repository", "its HEAD is malformed")
	}
	if v.dir, err = os.MkdirTemp(filepath.Join(s.dir, "sources"), "view-"); err != nil {
		return view{}, fmt.Errorf("read source: %w", err)
	}
	if err := v.fill(src); err != nil {
		v.close()
		if errors.Is(err, ErrSpecial) || errors.Is(err, ErrTooLarge) {
			return view{}, broken(src.Location, err)
		}
		return view{}, fmt.Errorf("read source: %w", err)
	}
	return v, nil
}

// fill makes the view. Objects and references are links, as the calls that get
// a view only read.
func (v view) fill(src Source) error {
	for _, name := range []string{"objects", "refs"} {
		if err := os.Symlink(filepath.Join(src.commonDir, name), filepath.Join(v.dir, name)); err != nil {
			return err
		}
	}
	files := map[string]string{"HEAD": v.head + "\n", "config": bare{format: v.format}.config()}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(v.dir, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	for _, name := range []string{"packed-refs", "shallow"} {
		if err := copySmall(filepath.Join(src.commonDir, name), filepath.Join(v.dir, name)); err != nil {
			return err
		}
	}
	return nil
}

const maxRefs = 64 << 20 // bytes of packed references: about a million

// copySmall copies a regular file. One that is not there is no error.
func copySmall(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return nil
	}
	if info.Mode().Type() != 0 && info.Mode().Type() != fs.ModeSymlink {
		return fmt.Errorf("%s: %w", filepath.Base(from), ErrSpecial)
	}
	data, err := readSmall(from, maxRefs)
	if err != nil {
		return err
	}
	return replaceFile(to, data, 0o600)
}

func (v view) close() { _ = reclaim.RemoveAll(v.dir) } // or the next sweep does

// branch returns the branch HEAD is on, or "" if it is on none.
func (v view) branch() string {
	branch, _ := strings.CutPrefix(v.head, "ref: refs/heads/")
	if branch == v.head {
		return ""
	}
	return branch
}
