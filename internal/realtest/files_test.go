package realtest

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A state is all there is to know about the files below a directory: for each
// path a line that differs if anything about it does.
type state map[string]string

// stateOf reads a directory, the git directory included. When a directory was
// changed is left out: a branch is a new file in some.
func stateOf(t *testing.T, dir string) state {
	t.Helper()
	all := state{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		what := info.Mode().String()
		switch {
		case info.Mode().IsRegular():
			sum, err := hash(path)
			if err != nil {
				return err
			}
			what += fmt.Sprintf(" %v %s", info.ModTime().UnixNano(), sum)
		case info.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(path)
			if err != nil {
				return err
			}
			what += " " + to
		}
		all[name] = what
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func hash(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return fmt.Sprintf("%x", h.Sum(nil)), err
}

// delivered matches what a branch adds to a repository: a reference, a pack, and
// the directories of both.
var delivered = regexp.MustCompile(`^(?:.*/)?(?:refs/heads/autonoma(?:/task_[0-9a-f]{12})?|objects/pack/pack-[0-9a-f]{40}\.(?:pack|idx))$`)

// sameExcept fails the test if anything differs but for new paths that match
// added; nil allows none. It returns the new paths.
func (before state) sameExcept(t *testing.T, dir string, added *regexp.Regexp) []string {
	t.Helper()
	after := stateOf(t, dir)
	var made []string
	for _, path := range slices.Sorted(maps.Keys(after)) {
		was, had := before[path]
		switch {
		case !had && (added == nil || !added.MatchString(path)):
			t.Errorf("%q is new in the source", path)
		case !had:
			made = append(made, path)
		case was != after[path]:
			t.Errorf("%q was changed in the source:\n%s\n%s", path, was, after[path])
		}
	}
	for path := range before {
		if _, still := after[path]; !still {
			t.Errorf("%q was removed from the source", path)
		}
	}
	return made
}

// git runs git as nobody in particular: without the settings of who runs the
// tests. It returns what git prints, without the last line's end.
func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_OPTIONAL_LOCKS=0",
		"GIT_AUTHOR_NAME=Somebody", "GIT_AUTHOR_EMAIL=somebody@example.com",
		"GIT_COMMITTER_NAME=Somebody", "GIT_COMMITTER_EMAIL=somebody@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSuffix(string(out), "\n")
}

// commit makes a commit of all files, and a repository if there is none.
func commit(t *testing.T, dir, message string) string {
	t.Helper()
	git(t, dir, "init", "-q", "-b", "main")
	git(t, dir, "add", "--all", "--force")
	git(t, dir, "commit", "-q", "-m", message)
	return git(t, dir, "rev-parse", "HEAD")
}

// write writes a file, and makes the directories above it.
func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// repository makes a small repository of the given name below root.
func repository(t *testing.T, root, name string) string {
	t.Helper()
	dir := filepath.Join(root, name)
	write(t, filepath.Join(dir, "README"), "a small repository\n")
	commit(t, dir, "Begin")
	return dir
}
