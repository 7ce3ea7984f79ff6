package benchtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"autonoma"
	"autonoma/internal/gate"
	"autonoma/internal/workspace/workspacetest"
)

// BenchmarkGates is all that the gates of the highest scope measure of a change of 100
// files by themselves, the commands that a project brings left out. The bare operation
// is git diff of the same commits.
func BenchmarkGates(b *testing.B) {
	const changed = 100
	repo := repository(b, manyFiles)
	from := workspacetest.Git(b, repo, "rev-parse", "HEAD")
	for i := range changed {
		i *= manyFiles / changed
		text := fmt.Appendf(nil, "package d%d\n\n// F%d returns its number, and more.\nfunc F%d() int {\n\tn := %d\n\treturn n + 1\n}\n\n// G%d is new.\nfunc G%d(name string) string { return name }\n", i/50, i, i, i, i, i)
		if err := os.WriteFile(filepath.Join(repo, fileName(i)), text, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	to := workspacetest.Commit(b, repo, "Change a hundred")
	store := workspacetest.Store(b)
	workspacetest.Prepare(b, store, workspacetest.Run, repo)
	policy, err := gate.Default()
	if err != nil {
		b.Fatal(err)
	}
	tree := func(commit string) func(context.Context) (gate.Tree, error) {
		return gate.Once(func(ctx context.Context) (gate.Tree, error) { return store.Files(ctx, workspacetest.Run, commit) })
	}
	run := func(scope autonoma.Scope) time.Duration {
		f := &gate.Facts{
			Scope: scope, Task: "Change F0 in d0/f0.go.", Agent: autonoma.Agent{ID: "coder-ai"}, Mode: autonoma.Assisted,
			Base: tree(from), Head: tree(to),
			Patch: gate.Once(func(ctx context.Context) ([]byte, error) { return store.Text(ctx, workspacetest.Run, from, to) }),
		}
		return took(func() {
			if out, err := policy.Measure(b.Context(), gate.AtChange, f); err != nil || len(out.Gates) == 0 {
				b.Fatal(out, err)
			}
		})
	}
	var demo []time.Duration
	all := sample(b, func() pair {
		p := pair{ours: run(autonoma.Production)}
		demo = append(demo, run(autonoma.Demo))
		p.bare = took(func() { workspacetest.Git(b, repo, "diff", from, to) })
		return p
	})
	b.ReportMetric(ms(median(demo)), "demo-ms")
	report(b, "gates of a change of 100 files, production", median(ours(all)), median(bare(all)), 300*time.Millisecond)
	report(b, "gates of a change of 100 files, demo", median(demo), median(bare(all)), 100*time.Millisecond)
}
