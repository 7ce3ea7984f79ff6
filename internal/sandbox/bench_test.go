package sandbox

import (
	"context"
	"os/exec"
	"slices"
	"testing"
	"time"
)

// BenchmarkOverhead is what confinement costs: the same command bare and at each
// level, turn by turn, so that a busy moment of the machine meets all of them. It
// reports how long each takes, in the middle and in the worst of a hundred, and how
// much that is over bare.
func BenchmarkOverhead(b *testing.B) {
	for _, level := range all {
		s, r, err := Open(context.Background(), string(level))
		if err != nil {
			b.Logf("not on this machine: %s: %s", level, r.Problem)
			continue
		}
		c := Command{Argv: []string{"/bin/true"}, Workspace: b.TempDir()}
		b.Run(string(level), func(b *testing.B) {
			var bare, confined []time.Duration
			for b.Loop() {
				begin := time.Now()
				if err := exec.Command("/bin/true").Run(); err != nil {
					b.Fatal(err)
				}
				between := time.Now()
				if e, err := s.Run(context.Background(), c); err != nil || !e.OK() {
					b.Fatalf("true ended with %+v, %v", e, err)
				}
				bare, confined = append(bare, between.Sub(begin)), append(confined, time.Since(between))
			}
			ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
			for name, share := range map[string]int{"p50": 50, "p99": 99} {
				without, with := percentile(bare, share), percentile(confined, share)
				b.ReportMetric(ms(with), "ms-"+name)
				b.ReportMetric(ms(with-without), "ms-over-bare-"+name)
				b.ReportMetric(float64(with)/float64(without), "x-bare-"+name)
			}
			b.ReportMetric(0, "ns/op") // of both together
		})
	}
}

// percentile returns the duration that the given share of a hundred do not exceed.
func percentile(took []time.Duration, share int) time.Duration {
	slices.Sort(took)
	return took[len(took)*share/100]
}
