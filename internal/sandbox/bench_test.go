package sandbox

import (
	"context"
	"os/exec"
	"slices"
	"testing"
	"time"
)

// BenchmarkRun is what confinement costs: the same command bare and at each
// level, as medians in milliseconds, and the extra over bare.
func BenchmarkRun(b *testing.B) {
	var bare time.Duration
	b.Run("bare", func(b *testing.B) {
		bare = median(b, func() error { return exec.Command("/bin/true").Run() })
	})
	for _, level := range []Level{None, Namespaces, Bubblewrap} {
		s, _, err := Open(context.Background(), string(level))
		if err != nil {
			b.Logf("%s: %v", level, err)
			continue
		}
		c := Command{Argv: []string{"/bin/true"}, Workspace: b.TempDir()}
		b.Run(string(level), func(b *testing.B) {
			m := median(b, func() error {
				e, err := s.Run(context.Background(), c)
				if err == nil && !e.OK() {
					b.Fatalf("true ended with %+v", e)
				}
				return err
			})
			if bare > 0 {
				b.ReportMetric(float64(m)/float64(bare), "x-bare")
				b.ReportMetric(float64(m-bare)/1e6, "ms-extra")
			}
		})
	}
}

// median runs f b.N times and reports the middle and the 99th percentile.
func median(b *testing.B, f func() error) time.Duration {
	took := make([]time.Duration, 0, b.N)
	for b.Loop() {
		begin := time.Now()
		if err := f(); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	m := took[len(took)/2]
	b.ReportMetric(float64(m)/1e6, "ms-p50")
	b.ReportMetric(float64(took[len(took)*99/100])/1e6, "ms-p99")
	return m
}
