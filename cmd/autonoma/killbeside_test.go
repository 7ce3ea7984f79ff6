package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/agent"
	"autonoma/internal/model/modeltest"
	"autonoma/internal/workspace/workspacetest"
)

// beside is a flow of two coders beside each other, and a tester after both.
const beside = `
description: Two at once.
capability: BUILD
steps:
  - {id: plan, agent: coder-ai, only: [production], asks: Nothing.}
  - {id: left, agent: coder-ai, needs: [plan], asks: Greet the world.}
  - {id: right, agent: coder-ai, needs: [plan], asks: Greet the moon.}
  - {id: test, agent: tester-ai, needs: [left, right], asks: Count.}
`

// TestKillBeside kills the server while executions work beside each other, while what
// they made is brought together, and in between: each step is done once, by one
// execution, and the run comes to what it would have come to.
func TestKillBeside(t *testing.T) {
	flows := t.TempDir()
	if err := os.WriteFile(filepath.Join(flows, "build.yaml"), []byte(beside), 0o600); err != nil {
		t.Fatal(err)
	}
	repo := greeting(t)
	models := modeltest.NewServer(t, read(t, "testdata/beside.yaml"))
	s, c := serve(t, models, "--source-root", repo, "--flows", flows)
	id := submit(t, c, slip(repo, autonoma.POC))
	events := 0
	await(t, c, id, func(api.Event) bool { events++; return false })
	want := treeOf(t, repo, completed(t, c, id))
	const runs, killsEach = 4, 3
	for range runs {
		c = s.ready()
		id := submit(t, c, slip(repo, autonoma.POC))
		for range killsEach {
			// Not before it begins, lest all kills come first.
			after, n := 1+rand.IntN(events), 0
			await(t, c, id, func(api.Event) bool { n++; return n >= after })
			s.kill()
			s.start()
			c = s.ready()
		}
		task := completed(t, c, id)
		if got := treeOf(t, repo, task); got != want {
			t.Errorf("%s came to another result:\n%s", id, workspacetest.Git(t, repo, "diff", want, got))
		}
		if v := task.Output.Verification; v.Status != autonoma.Verified || *v.Commit != task.Output.HeadCommit {
			t.Errorf("%s: verification %+v", id, v)
		}
		onceEach(t, c.Events(t.Context(), id, 0), id)
		s.cleared()
	}
}

func treeOf(t *testing.T, repo string, task api.Task) string {
	t.Helper()
	return workspacetest.Git(t, repo, "rev-parse", *task.Output.Branch+"^{tree}")
}

// onceEach checks that a log has no gap, that each step was completed once, and that
// each turn and each call was made once by the execution it belongs to.
func onceEach(t *testing.T, events func(func(api.Event, error) bool), id autonoma.RunID) {
	t.Helper()
	seq, done := int64(0), map[string]int{}
	executions := map[autonoma.ExecutionID]bool{}
	for e, err := range events {
		if err != nil {
			t.Fatal(err)
		}
		if seq++; e.Seq != seq {
			t.Errorf("%s: event %d has number %d", id, seq, e.Seq)
		}
		switch e.Kind {
		case autonoma.EventStep:
			if s := dataOf[autonoma.StepChanged](t, e.Data); s.Status == autonoma.StepCompleted {
				done[s.Step]++
				executions[*e.ExecutionID] = true
			}
		case autonoma.EventTurn:
			done[strings.Join([]string{"turn", string(*e.ExecutionID), dataOf[agent.Turn](t, e.Data).Key()}, " ")]++
		case autonoma.EventCall:
			done[strings.Join([]string{"call", string(*e.ExecutionID), dataOf[agent.Call](t, e.Data).Key()}, " ")]++
		}
		if e.ExecutionID != nil && e.Kind == autonoma.EventResult && executions[*e.ExecutionID] {
			t.Errorf("%s: %s came to a second result", id, *e.ExecutionID)
		}
	}
	for what, n := range done {
		if n > 1 {
			t.Errorf("%s: %s was done %d times", id, what, n)
		}
	}
	if len(executions) != 4 {
		t.Errorf("%s: %d executions for left, right, the merge and the test", id, len(executions))
	}
}
