// Package workspacetest makes repositories, stores and workspaces for tests.
//
// Everything is real: real git, real files below a temporary directory that
// the test removes. The machine's own git configuration takes no part.
package workspacetest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"autonoma/internal/workspace"

	"golang.org/x/tools/txtar"
)

// Run is the name of the run that [New] prepares.
const Run = "task_000000000001"

// Repo returns the directory of a repository on branch main with one commit,
// which holds the files of the txtar archive.
func Repo(t testing.TB, files string) string {
	t.Helper()
	dir := realTemp(t)
	Git(t, dir, "init", "--quiet", "--initial-branch=main")
	Write(t, dir, files)
	Commit(t, dir, "Start")
	return dir
}

// Write writes the files of a txtar archive below dir.
func Write(t testing.TB, dir, files string) {
	t.Helper()
	for _, f := range txtar.Parse([]byte(files)).Files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Commit commits everything in a repository and returns the commit.
func Commit(t testing.TB, dir, message string) string {
	t.Helper()
	Git(t, dir, "add", "--all")
	Git(t, dir, "commit", "--quiet", "--allow-empty", "--message", message)
	return Git(t, dir, "rev-parse", "HEAD")
}

// Plant commits a file at the top of a repository that git itself would not add,
// and leaves the working tree as it is.
func Plant(t testing.TB, dir, name, content string) {
	t.Helper()
	blob := feed(t, dir, content, "hash-object", "-w", "--stdin", "--no-filters")
	tree := feed(t, dir, Git(t, dir, "ls-tree", "HEAD")+"\n100644 blob "+blob+"\t"+name+"\n", "mktree")
	Git(t, dir, "update-ref", "HEAD", Git(t, dir, "commit-tree", "-p", "HEAD", "-m", "Plant "+name, tree))
}

// Git runs git in a directory, without the configuration of the machine, and
// returns what it prints, trimmed.
func Git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	return feed(t, dir, "", args...)
}

func feed(t testing.TB, dir, input string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(input)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=Test", "GIT_AUTHOR_EMAIL=test@example.com", "GIT_COMMITTER_NAME=Test", "GIT_COMMITTER_EMAIL=test@example.com",
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// Store returns an empty store.
func Store(t testing.TB) *workspace.Store {
	t.Helper()
	s, err := workspace.Open(realTemp(t), workspace.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Prepare prepares a run on the repository in dir, at its HEAD.
func Prepare(t testing.TB, s *workspace.Store, run, dir string) workspace.Base {
	t.Helper()
	src, err := workspace.Resolve(t.Context(), dir, []string{dir})
	if err != nil {
		t.Fatal(err)
	}
	base, err := s.Prepare(t.Context(), run, src, "")
	if err != nil {
		t.Fatal(err)
	}
	return base
}

// New returns a workspace with the files of the txtar archive, at the base of
// a run called [Run].
func New(t testing.TB, files string) *workspace.Workspace {
	t.Helper()
	s := Store(t)
	base := Prepare(t, s, Run, Repo(t, files))
	w, err := s.Workspace(t.Context(), Run, "main", base.Commit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// realTemp returns a temporary directory by a path without links.
func realTemp(t testing.TB) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
