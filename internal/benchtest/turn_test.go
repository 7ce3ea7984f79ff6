package benchtest

import (
	"fmt"
	"os/exec"
	"testing"
	"time"

	"autonoma/internal/model/script"
)

// BenchmarkTurn is our own time for a turn of an agent: from the model's answer to
// the next question, with a command in the sandbox, the journal and the checkpoint
// in between. The bare operation is the command alone.
func BenchmarkTurn(b *testing.B) {
	repo := repository(b, 20)
	all := sample(b, func() turns { return oneRun(b, repo) })
	var bare []time.Duration
	for _, run := range all {
		bare = append(bare, run.bare...)
	}
	for _, at := range []int{5, 50, 200} {
		var ours []time.Duration
		for _, run := range all {
			ours = append(ours, run.ours[at-3:at+2]...) // its neighbours tell the same
		}
		b.ReportMetric(ms(median(ours)), fmt.Sprintf("turn%d-ms", at))
		report(b, fmt.Sprintf("agent turn %d", at), median(ours), median(bare), 11*time.Millisecond)
	}
}

// turns is how long each turn of a run took, and some bare commands after it.
type turns struct{ ours, bare []time.Duration }

func oneRun(b *testing.B, repo string) turns {
	watch := newStopwatch()
	s := assemble(b, timed{script.New(parse(b, manyTurns)), watch}, repo, 300)
	s.work(b, repo)
	t := turns{ours: watch.between()}
	for range 50 {
		t.bare = append(t.bare, took(func() {
			if err := exec.CommandContext(b.Context(), "bash", "-c", "true").Run(); err != nil {
				b.Fatal(err)
			}
		}))
	}
	return t
}
