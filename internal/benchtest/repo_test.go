package benchtest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"autonoma/internal/workspace/workspacetest"
)

// manyFiles is how many files a large repository has here.
const manyFiles = 5000

// repository makes a repository with that many files of a few lines, fifty to a
// directory.
func repository(b *testing.B, files int) string {
	b.Helper()
	repo := workspacetest.Repo(b, "-- README.md --\n# Example\n-- notes.txt --\nhello\n")
	for i := range files {
		path := filepath.Join(repo, fileName(i))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, fmt.Appendf(nil, "package d%d\n\n// F%d returns its number.\nfunc F%d() int { return %d }\n", i/50, i, i, i), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	workspacetest.Commit(b, repo, "Many files")
	return repo
}

func fileName(i int) string { return fmt.Sprintf("d%d/f%d.go", i/50, i) }
