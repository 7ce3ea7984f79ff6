package main

import (
	"slices"
	"strings"
	"testing"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/model/modeltest"
	"autonoma/internal/model/script"
	"autonoma/internal/workspace/workspacetest"
)

// TestKillWhileSummedUp kills the server while the model sums up a conversation:
// that is asked for again after the next start, and nothing else is.
func TestKillWhileSummedUp(t *testing.T) {
	t.Parallel()
	repo := greeting(t)
	models := modeltest.NewServer(t, "context: 6500\n"+coder(mend+`
      - repeat: 20
        text: "`+strings.Repeat("many words ", 170)+`"
        calls: [{name: bash, args: {command: "echo {{turn}} >>turns.txt"}}]
`)+`
    asides:
      - {asks: Call no tool, text: "Counted (the script is at turn {{turn}}).", fail: [{hang: true}]}
`)
	s, c := serve(t, models, "--source-root", repo)
	id := submit(t, c, slip(repo, autonoma.Demo))
	hangs := func() int {
		n := 0
		for _, e := range models.Log() {
			if e.Failure == "hang" {
				n++
			}
		}
		return n
	}
	for kills := 1; kills <= 2; kills++ {
		eventually(t, "the conversation is summed up", func() bool { return hangs() == kills })
		s.kill()
		s.start()
		c = s.ready()
	}
	completed(t, c, id)
	summedUp := 0
	await(t, c, id, func(e api.Event) bool {
		if e.Kind == autonoma.EventCompaction {
			summedUp++
		}
		return false
	})
	if summedUp != 2 {
		t.Errorf("the conversation was summed up %d times, want 2", summedUp)
	}
	got := strings.Fields(workspacetest.Git(t, repo, "show", "autonoma/"+string(id)+":turns.txt"))
	if len(got) != 20 || got[0] != "1" || got[19] != "20" || len(slices.Compact(got)) != 20 {
		t.Errorf("the commands left %q", got)
	}
	sent := slices.DeleteFunc(models.Log(), func(e script.Entry) bool { return !e.Sent })
	if len(sent) != len(keysOf(sent)) {
		t.Errorf("%d answers to %d requests: something was asked for again", len(sent), len(keysOf(sent)))
	}
}
