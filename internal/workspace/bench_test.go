package workspace_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"autonoma/internal/workspace"
	"autonoma/internal/workspace/workspacetest"
)

// BenchmarkCheckpoint compares a checkpoint with what it replaces: git add and
// git commit in a clone.
func BenchmarkCheckpoint(b *testing.B) {
	for _, files := range []int{100, 5_000, 50_000} {
		repo := bigRepo(b, files)
		s := workspacetest.Store(b)
		base := workspacetest.Prepare(b, s, run, repo)
		w, err := s.Workspace(b.Context(), run, "main", base.Commit)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("files=%d/changed=0/ours", files), func(b *testing.B) {
			for b.Loop() {
				if _, changed, err := w.Checkpoint(b.Context(), "nothing"); changed || err != nil {
					b.Fatal(changed, err)
				}
			}
		})
		b.Run(fmt.Sprintf("files=%d/changed=1/ours", files), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if err := w.Write("d0/f0.go", fmt.Appendf(nil, "package d%d // %p\n", i, b)); err != nil {
					b.Fatal(err)
				}
				if _, changed, err := w.Checkpoint(b.Context(), "one"); !changed || err != nil {
					b.Fatal(changed, err)
				}
			}
		})
		b.Run(fmt.Sprintf("files=%d/changed=1/git", files), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if err := os.WriteFile(filepath.Join(repo, "d0/f0.go"), fmt.Appendf(nil, "package d%d // %p\n", i, b), 0o644); err != nil {
					b.Fatal(err)
				}
				workspacetest.Git(b, repo, "add", "--all")
				workspacetest.Git(b, repo, "commit", "--quiet", "--message", "one")
			}
		})
	}
}

// BenchmarkPrepare is the whole way to files on disk, for a source that is in
// the cache, as for the second run on it.
func BenchmarkPrepare(b *testing.B) {
	for _, files := range []int{100, 5_000} {
		b.Run(fmt.Sprintf("files=%d", files), func(b *testing.B) {
			repo := bigRepo(b, files)
			s := workspacetest.Store(b)
			workspacetest.Prepare(b, s, run, repo)
			for i := 0; b.Loop(); i++ {
				id := fmt.Sprintf("task_b%d", i)
				base := workspacetest.Prepare(b, s, id, repo)
				w, err := s.Workspace(b.Context(), id, "main", base.Commit)
				if err != nil {
					b.Fatal(err)
				}
				w.Close()
			}
		})
	}
}

// BenchmarkRestore puts one changed file back.
func BenchmarkRestore(b *testing.B) {
	s := workspacetest.Store(b)
	base := workspacetest.Prepare(b, s, run, bigRepo(b, 5_000))
	w, err := s.Workspace(b.Context(), run, "main", base.Commit)
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		if err := w.Write("d0/f0.go", fmt.Appendf(nil, "package d%d\n", i)); err != nil {
			b.Fatal(err)
		}
		if err := w.Restore(b.Context(), base.Commit); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGrep(b *testing.B) {
	s := workspacetest.Store(b)
	base := workspacetest.Prepare(b, s, run, bigRepo(b, 5_000))
	w, err := s.Workspace(b.Context(), run, "main", base.Commit)
	if err != nil {
		b.Fatal(err)
	}
	for _, pattern := range []string{"F4999", `func F4\d\d9\b`} {
		b.Run(pattern, func(b *testing.B) {
			for b.Loop() {
				if m, _, err := w.Grep(b.Context(), workspace.GrepQuery{Pattern: pattern}); len(m) == 0 || err != nil {
					b.Fatal(len(m), err)
				}
			}
		})
	}
}

// bigRepo makes a repository of that many files of about 3 kB.
func bigRepo(b *testing.B, files int) string {
	b.Helper()
	repo := workspacetest.Repo(b, "-- .gitignore --\n*.o\n/build/\n")
	for i := range files {
		path := filepath.Join(repo, fmt.Sprintf("d%d/f%d.go", i/50, i))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.Fatal(err)
		}
		text := fmt.Appendf(nil, "package d%d\n\n", i/50)
		for line := range 60 {
			text = fmt.Appendf(text, "// line %d of file %d says nothing in particular\n", line, i)
		}
		if err := os.WriteFile(path, fmt.Appendf(text, "func F%d() {}\n", i), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	workspacetest.Commit(b, repo, "Many files")
	return repo
}
