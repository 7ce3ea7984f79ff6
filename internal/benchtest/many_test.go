package benchtest

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"autonoma"
	"autonoma/internal/workspace/workspacetest"
)

// atOnce is how many runs are submitted at once.
const atOnce = 16

// BenchmarkRuns is how many small runs are done in a minute, when 16 are submitted
// at once: list, read, edit, finish, deliver. The bare operation is a worktree, the
// same commands and a commit, two at a time.
func BenchmarkRuns(b *testing.B) {
	repo := repository(b, 20)
	s := serve(b, dataDir(b), nil, append(inProcess(b, smallEdit), "--slots", fmt.Sprint(atOnce), "--source-root", repo)...)
	defer s.stop(b)
	trees, n := b.TempDir(), 0
	all := sample(b, func() pair {
		n++
		return pair{
			ours: took(func() {
				var ids []autonoma.RunID
				for range atOnce {
					ids = append(ids, s.submit(b, small(repo)))
				}
				for _, id := range ids {
					s.finish(b, id)
				}
			}),
			bare: took(func() { byHand(b, repo, filepath.Join(trees, fmt.Sprint(n))) }),
		}
	})
	perMinute := func(d time.Duration) float64 { return atOnce / d.Minutes() }
	o, r := median(ours(all)), median(bare(all))
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(perMinute(o), "runs/min")
	b.ReportMetric(perMinute(r), "bare-runs/min")
	b.ReportMetric(float64(o)/float64(r), "ratio")
	bench.table.add("16 runs at once, in a minute", fmt.Sprintf("%.0f", perMinute(o)), fmt.Sprintf("%.0f", perMinute(r)), fmt.Sprintf("%.1f", float64(o)/float64(r)), "> 400")
}

// byHand does what the runs do with git and a shell.
func byHand(b *testing.B, repo, trees string) {
	var workers sync.WaitGroup
	for half := range 2 {
		workers.Go(func() {
			for i := range atOnce / 2 {
				tree := filepath.Join(trees, fmt.Sprint(half, "-", i))
				for _, argv := range [][]string{
					{"git", "-C", repo, "worktree", "add", "--detach", "--quiet", tree},
					{"bash", "-c", "cd '" + tree + "' && ls && cat notes.txt && sed -i s/hello/goodbye/ notes.txt"},
				} {
					if out, err := exec.CommandContext(b.Context(), argv[0], argv[1:]...).CombinedOutput(); err != nil {
						b.Errorf("%v: %v\n%s", argv, err, out)
						return
					}
				}
				workspacetest.Git(b, tree, "commit", "--all", "--quiet", "--message", "Say goodbye")
			}
		})
	}
	workers.Wait()
}
