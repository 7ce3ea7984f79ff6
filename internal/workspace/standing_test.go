package workspace_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"autonoma/internal/workspace"
	"autonoma/internal/workspace/workspacetest"
)

const standingBranch = "autonoma/task_1"

// Where a branch stands is read from the repository however git keeps it.
func TestBranchAt(t *testing.T) {
	repo := workspacetest.Repo(t, "-- a --\n1\n")
	roots := []string{repo}
	if at := workspace.BranchAt(repo, roots, standingBranch); at != "" {
		t.Errorf("no branch stands at %s", at)
	}
	first := workspacetest.Git(t, repo, "rev-parse", "HEAD")
	workspacetest.Git(t, repo, "branch", standingBranch)
	if at := workspace.BranchAt(repo, roots, standingBranch); at != first {
		t.Errorf("loose: %q, want %s", at, first)
	}
	workspacetest.Git(t, repo, "pack-refs", "--all")
	if at := workspace.BranchAt(repo, roots, standingBranch); at != first {
		t.Errorf("packed: %q, want %s", at, first)
	}
	workspacetest.Write(t, repo, "-- a --\n2\n")
	second := workspacetest.Commit(t, repo, "more")
	workspacetest.Git(t, repo, "branch", "--force", standingBranch)
	if at := workspace.BranchAt(repo, roots, standingBranch); at != second || second == first {
		t.Errorf("loose over packed: %q, want %s", at, second)
	}
	tree := filepath.Join(realTemp(t), "tree")
	workspacetest.Git(t, repo, "worktree", "add", "--quiet", tree)
	if at := workspace.BranchAt(tree, append(roots, tree), standingBranch); at != second {
		t.Errorf("from a linked worktree: %q, want %s", at, second)
	}
}

// What is not plainly a branch of a repository below the roots tells nothing, at once.
func TestBranchAtHostile(t *testing.T) {
	secret := filepath.Join(realTemp(t), "secret")
	must(t, os.WriteFile(secret, []byte(strings.Repeat("a", 40)+"\n"), 0o600))
	ref := filepath.Join(".git", "refs", "heads", "autonoma", "task_1")
	for name, edit := range map[string]func(repo string){
		"a link out":  func(repo string) { must(t, os.Symlink(secret, filepath.Join(repo, ref))) },
		"a pipe":      func(repo string) { must(t, syscall.Mkfifo(filepath.Join(repo, ref), 0o600)) },
		"a directory": func(repo string) { mkdir(t, filepath.Join(repo, ref)) },
		"symbolic": func(repo string) {
			must(t, os.WriteFile(filepath.Join(repo, ref), []byte("ref: refs/heads/main\n"), 0o600))
		},
		"junk":         func(repo string) { must(t, os.WriteFile(filepath.Join(repo, ref), []byte("junk"), 0o600)) },
		"packed pipe":  func(repo string) { must(t, syscall.Mkfifo(filepath.Join(repo, ".git", "packed-refs"), 0o600)) },
		"linked packs": func(repo string) { must(t, os.Symlink(secret, filepath.Join(repo, ".git", "packed-refs"))) },
	} {
		repo := workspacetest.Repo(t, "-- a --\n1\n")
		mkdir(t, filepath.Join(repo, ".git", "refs", "heads", "autonoma"))
		edit(repo)
		if at := workspace.BranchAt(repo, []string{repo}, standingBranch); at != "" {
			t.Errorf("%s: stands at %s", name, at)
		}
	}
	repo := workspacetest.Repo(t, "-- a --\n1\n")
	workspacetest.Git(t, repo, "branch", standingBranch)
	if at := workspace.BranchAt(repo, []string{realTemp(t)}, standingBranch); at != "" {
		t.Errorf("outside of the roots: %s", at)
	}
	for _, branch := range []string{"main", "autonoma/../main", "../HEAD", ""} {
		if at := workspace.BranchAt(repo, []string{repo}, branch); at != "" {
			t.Errorf("%s: %s", branch, at)
		}
	}
}

// The tree of a commit is the same in the run's repository and in the source.
func TestTree(t *testing.T) {
	repo := workspacetest.Repo(t, "-- a --\n1\n")
	s := workspacetest.Store(t)
	base := workspacetest.Prepare(t, s, workspacetest.Run, repo)
	want := workspacetest.Git(t, repo, "rev-parse", "HEAD^{tree}")
	if tree, err := s.Tree(t.Context(), workspacetest.Run, base.Commit); tree != want || err != nil {
		t.Errorf("%s, %v, want %s", tree, err, want)
	}
	src, err := workspace.Resolve(t.Context(), repo, []string{repo})
	must(t, err)
	if tree, err := s.TreeIn(t.Context(), src, base.Commit); tree != want || err != nil {
		t.Errorf("in the source: %s, %v, want %s", tree, err, want)
	}
	workspacetest.Git(t, repo, "symbolic-ref", "refs/heads/"+standingBranch, "refs/heads/main")
	for branch, want := range map[string]string{standingBranch: base.Commit, "autonoma/other": "", "main": "", "autonoma/../main": "", "": ""} {
		if at, err := s.BranchIn(t.Context(), src, branch); at != want || err != nil {
			t.Errorf("the branch %q stands at %q, %v, want %q", branch, at, err, want)
		}
	}
	for _, commit := range []string{strings.Repeat("1", 40), "HEAD", "--all"} {
		if tree, err := s.TreeIn(t.Context(), src, commit); tree != "" || err != nil {
			t.Errorf("%s has the tree %q, %v", commit, tree, err)
		}
	}
}
