package benchtest

import (
	"fmt"
	"io"
	"slices"
	"testing"
	"text/tabwriter"
	"time"
)

// least is how many samples a figure rests on.
const least = 5

// sample calls do as long as the benchmark lasts, and at least often enough for a
// median. What do returns is kept.
func sample[T any](b *testing.B, do func() T) []T {
	var all []T
	for b.Loop() {
		all = append(all, do())
	}
	for len(all) < least {
		all = append(all, do())
	}
	return all
}

// A pair is how long an operation of ours took, and the bare one beside it.
type pair struct{ ours, bare time.Duration }

// took returns how long do takes.
func took(do func()) time.Duration {
	start := time.Now()
	do()
	return time.Since(start)
}

func ours(all []pair) []time.Duration {
	return column(all, func(p pair) time.Duration { return p.ours })
}
func bare(all []pair) []time.Duration {
	return column(all, func(p pair) time.Duration { return p.bare })
}

func column[T any](all []T, of func(T) time.Duration) []time.Duration {
	picked := make([]time.Duration, len(all))
	for i, v := range all {
		picked[i] = of(v)
	}
	return picked
}

// quantile returns the smallest sample that at least the share q of all do not
// exceed.
func quantile(samples []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(samples))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func median(samples []time.Duration) time.Duration { return quantile(samples, 0.5) }

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// report tells how long ours takes, beside the bare operation.
func report(b *testing.B, what string, ours, bare, target time.Duration) {
	b.Helper()
	ratio := float64(ours) / float64(bare)
	b.ReportMetric(0, "ns/op") // a whole round, which says nothing
	b.ReportMetric(ms(ours), "ms")
	b.ReportMetric(ms(bare), "bare-ms")
	b.ReportMetric(ratio, "ratio")
	goal := ""
	if target > 0 {
		goal = fmt.Sprintf("< %v", target)
	}
	bench.table.add(what, fmt.Sprintf("%.2f ms", ms(ours)), fmt.Sprintf("%.2f ms", ms(bare)), fmt.Sprintf("%.1f", ratio), goal)
}

// A table is the figures in the order in which they were found.
type table struct{ rows [][]any }

func (t *table) add(what, ours, bare, ratio, target string) {
	t.rows = append(t.rows, []any{what, ours, bare, ratio, target})
}

func (t *table) print(out io.Writer) {
	if len(t.rows) == 0 {
		return
	}
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\n\tours\tbare\tratio\ttarget\t")
	for _, r := range t.rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t\n", r...)
	}
	w.Flush()
}
