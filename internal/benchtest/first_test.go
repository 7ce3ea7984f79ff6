package benchtest

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"autonoma/internal/workspace/workspacetest"
)

// BenchmarkFirstRequest is the time from the submission of a task to an idle server
// until its model is asked for the first time, for a large repository that the
// server knows. The bare operation is a worktree of git.
func BenchmarkFirstRequest(b *testing.B) {
	repo := repository(b, manyFiles)
	watch, env := provider(b, oneNote)
	s := serve(b, dataDir(b), env, "--source-root", repo)
	defer s.stop(b)
	once := func() time.Duration {
		start := time.Now()
		id := s.submit(b, small(repo))
		watch.wait(b, s)
		d := watch.last().Sub(start)
		s.finish(b, id)
		return d
	}
	once() // it comes to know the repository
	trees, n := b.TempDir(), 0
	all := sample(b, func() pair {
		n++
		return pair{once(), took(func() {
			workspacetest.Git(b, repo, "worktree", "add", "--detach", "--quiet", filepath.Join(trees, fmt.Sprint(n)))
		})}
	})
	b.ReportMetric(ms(median(ours(all))), "p50-ms")
	report(b, "submit to first request, 5,000 files, p50", median(ours(all)), median(bare(all)), 300*time.Millisecond)
	report(b, "submit to first request, 5,000 files, p95", quantile(ours(all), 0.95), quantile(bare(all), 0.95), 300*time.Millisecond)
}
