package benchtest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"autonoma/internal/workspace/workspacetest"
)

// BenchmarkCheckpoint is the checkpoint of a large repository after a change of one
// file, and after none. The bare operation is git add and git commit of the same
// change in a clone with a warm index.
func BenchmarkCheckpoint(b *testing.B) {
	repo := repository(b, manyFiles)
	store := workspacetest.Store(b)
	base := workspacetest.Prepare(b, store, workspacetest.Run, repo)
	w, err := store.Workspace(b.Context(), workspacetest.Run, "main", base.Commit)
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	n := 0
	checkpoint := func(want bool) time.Duration {
		return took(func() {
			if _, changed, err := w.Checkpoint(b.Context(), "one"); changed != want || err != nil {
				b.Fatal(changed, err)
			}
		})
	}
	var idle []time.Duration
	all := sample(b, func() pair {
		n++
		text := fmt.Appendf(nil, "package d0 // %d\n", n)
		if err := w.Write(fileName(0), text); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(repo, fileName(0)), text, 0o644); err != nil {
			b.Fatal(err)
		}
		p := pair{ours: checkpoint(true)}
		idle = append(idle, checkpoint(false))
		p.bare = took(func() {
			workspacetest.Git(b, repo, "add", "--all")
			workspacetest.Git(b, repo, "commit", "--quiet", "--message", "one")
		})
		return p
	})
	b.ReportMetric(ms(median(idle)), "unchanged-ms")
	report(b, "checkpoint of 5,000 files, none changed", median(idle), median(bare(all)), 60*time.Millisecond)
	report(b, "checkpoint of 5,000 files, one changed", median(ours(all)), median(bare(all)), 60*time.Millisecond)
}
