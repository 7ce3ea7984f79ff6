package benchtest

import (
	"fmt"
	"slices"
	"testing"
)

// waiting is how many runs wait for their model at once.
const waiting = 16

// BenchmarkMemory is the resident memory of the server when it is idle, and what
// each run adds that waits for its model. The bare operation is the least Go HTTP
// server.
func BenchmarkMemory(b *testing.B) {
	repo := repository(b, 100)
	bareServer := program(b, "./testdata/bare")
	type memory struct{ idle, each, bare int64 }
	all := sample(b, func() memory {
		watch, env := provider(b, hanging)
		s := serve(b, dataDir(b), env, "--slots", fmt.Sprint(waiting), "--source-root", repo)
		m := memory{idle: s.resident(b)}
		for range waiting {
			s.submit(b, small(repo))
		}
		for range waiting {
			watch.wait(b, s)
		}
		m.each = (s.resident(b) - m.idle) / waiting
		s.kill(b) // its runs would hold up a shutdown
		other := launch(b, "/", nil, bareServer)
		m.bare = other.resident(b)
		other.stop(b)
		return m
	})
	middle := func(of func(memory) int64) float64 {
		var values []int64
		for _, m := range all {
			values = append(values, of(m))
		}
		slices.Sort(values)
		return float64(values[len(values)/2]) / (1 << 20)
	}
	idle, each := middle(func(m memory) int64 { return m.idle }), middle(func(m memory) int64 { return m.each })
	bare := middle(func(m memory) int64 { return m.bare })
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(idle, "idle-MiB")
	b.ReportMetric(each, "MiB/run")
	b.ReportMetric(idle/bare, "ratio")
	bench.table.add("memory, idle", fmt.Sprintf("%.1f MiB", idle), fmt.Sprintf("%.1f MiB", bare), fmt.Sprintf("%.1f", idle/bare), "< 60 MiB")
	bench.table.add("memory of each run", fmt.Sprintf("%.2f MiB", each), "", "", "< 2 MiB")
}
