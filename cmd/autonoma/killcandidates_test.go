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

// TestKillCandidates kills the server while candidates work, one of which comes to
// nothing, and while one of them is chosen: nothing is done twice, there is one choice,
// and the run comes to what it would have come to.
func TestKillCandidates(t *testing.T) {
	flows := t.TempDir()
	const flow = "capability: BUILD\nsteps: [{id: work, agent: coder-ai, asks: Do it.}]\n"
	if err := os.WriteFile(filepath.Join(flows, "build.yaml"), []byte(flow), 0o600); err != nil {
		t.Fatal(err)
	}
	repo := greeting(t)
	models := modeltest.NewServer(t, read(t, "testdata/candidates.yaml"))
	s, c := serve(t, models, "--source-root", repo, "--flows", flows)
	task := slip(repo, autonoma.POC)
	task.Intelligence = autonoma.Ultra
	id := submit(t, c, task)
	events := 0
	await(t, c, id, func(api.Event) bool { events++; return false })
	want := treeOf(t, repo, completed(t, c, id))
	if got := workspacetest.Git(t, repo, "show", want+":greet.txt"); got != "hello world and moon" {
		t.Fatalf("chosen is %q", got)
	}
	const runs, killsEach = 3, 3
	for range runs {
		c = s.ready()
		id := submit(t, c, task)
		for range killsEach {
			// Not before it begins, lest all kills come first.
			after, n := 1+rand.IntN(events), 0
			await(t, c, id, func(api.Event) bool { n++; return n >= after })
			s.kill()
			s.start()
			c = s.ready()
		}
		if got := treeOf(t, repo, completed(t, c, id)); got != want {
			t.Errorf("%s came to another result:\n%s", id, workspacetest.Git(t, repo, "diff", want, got))
		}
		done := map[string]int{}
		for e, err := range c.Events(t.Context(), id, 0) {
			if err != nil {
				t.Fatal(err)
			}
			switch e.Kind {
			case autonoma.EventStep:
				if st := dataOf[autonoma.StepChanged](t, e.Data); st.Status.Final() {
					done["the end of "+st.Step]++
				}
			case autonoma.EventTurn:
				done["turn "+string(*e.ExecutionID)+" "+dataOf[agent.Turn](t, e.Data).Key()]++
			case autonoma.EventCall:
				done["call "+string(*e.ExecutionID)+" "+dataOf[agent.Call](t, e.Data).Key()]++
			case autonoma.EventWork:
				if strings.Contains(string(e.Data), `"what":"choice"`) {
					done["the choice"]++
				}
			}
		}
		for what, n := range done {
			if n > 1 {
				t.Errorf("%s: %s is told %d times", id, what, n)
			}
		}
		if done["the choice"] != 1 || done["the end of work.3"] != 1 {
			t.Errorf("%s: the log tells of %v", id, done)
		}
		s.cleared()
	}
}
