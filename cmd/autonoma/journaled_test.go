package main

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/agent"
	"autonoma/internal/journal"
	"autonoma/internal/model/script"
	"autonoma/internal/store"
	"autonoma/internal/workspace/workspacetest"
)

// compare checks a run that was disturbed: what came of it, and that nothing was
// asked or done twice but what was under way. The requests of the run begin at
// number from of the model server's log.
func (k *killer) compare(id autonoma.RunID, got outcome, from int, kills []journaled) {
	k.t.Helper()
	if got.tree != k.calm.tree {
		k.t.Errorf("%s came to another result:\n%s", id, workspacetest.Git(k.t, k.repo, "diff", k.calm.tree, got.tree))
	}
	if effects := k.effects(id); !slices.Equal(effects, wantEffects) {
		k.t.Errorf("%s: the commands left %q, want %q", id, effects, wantEffects)
	}
	if got, want := story(got.events), story(k.calm.events); !slices.Equal(got, want) {
		k.t.Errorf("%s: its log tells of\n%v\nwant\n%v", id, got, want)
	}
	if told := refusals(k.t, got.events); len(told) != 1 || told[0].Count != 2 {
		k.t.Errorf("%s: what was refused is told as %+v", id, told)
	}
	if got, want := keysOf(got.asked), keysOf(k.calm.asked); !maps.Equal(got, want) {
		k.t.Errorf("%s asked for %d different turns, of which not all are the %d of the undisturbed run", id, len(got), len(want))
		k.showOdd(got, want)
	}
	if got, most := len(got.asked), len(k.calm.asked)+len(kills); got > most {
		k.t.Errorf("%s asked %d times: more than once more for each of %d kills (%d)", id, got, len(kills), most)
	}
	for i, j := range kills {
		k.askedAgain(id, i, got.asked, j.asked-from, j.turns)
		if j.again > i+1 {
			k.t.Errorf("%s: after %d kills, commands had been run again %d times", id, i+1, j.again)
		}
	}
	k.doneOnce(id, got, len(kills))
}

// showOdd shows the requests of the last run that no undisturbed run makes, beside
// those that one makes for the same turn.
func (k *killer) showOdd(got, want map[string]bool) {
	k.t.Helper()
	log := k.models.Log()
	for i, odd := range log {
		if !got[odd.Key] || want[odd.Key] {
			continue
		}
		k.t.Logf("odd: turn %d of %s in %s\n%s", odd.Turn, odd.Agent, odd.Phase, k.said[i])
		for n, e := range log[:len(k.calm.asked)] {
			if e.Agent == odd.Agent && e.Phase == odd.Phase && e.Turn == odd.Turn {
				k.t.Logf("undisturbed:\n%s", k.said[n])
			}
		}
	}
}

// askedAgain checks that after the first n requests of a run none asks for a turn
// whose answer was journaled by then.
func (k *killer) askedAgain(id autonoma.RunID, kill int, asked []script.Entry, n int, answers []string) {
	k.t.Helper()
	known := map[string]bool{}
	for _, e := range asked[:n] {
		if slices.Contains(answers, e.Response) {
			known[e.Key] = true
		}
	}
	if len(known) != len(answers) {
		k.t.Errorf("%s, kill %d: of %d journaled answers the model server gave %d", id, kill+1, len(answers), len(known))
	}
	for _, e := range asked[n:] {
		if known[e.Key] {
			k.t.Errorf("%s, kill %d: turn %d of %s in %s was asked for again although its answer was on disk", id, kill+1, e.Turn, e.Agent, e.Phase)
		}
	}
}

// doneOnce checks the log of a run: numbers without gap, each turn and each call
// once, and at most one thing done again for each kill.
func (k *killer) doneOnce(id autonoma.RunID, got outcome, kills int) {
	k.t.Helper()
	type thing struct {
		kind autonoma.EventKind
		exec autonoma.ExecutionID
		key  string
	}
	times, again := map[thing]int{}, 0
	for i, e := range got.events {
		if e.Seq != int64(i)+1 {
			k.t.Errorf("%s: event %d has number %d", id, i+1, e.Seq)
		}
		switch e.Kind {
		case autonoma.EventRepeat:
			again++
			k.t.Logf("%s did %s again", id, dataOf[journal.Repeat](k.t, e.Data).Of)
		case autonoma.EventTurn:
			times[thing{e.Kind, *e.ExecutionID, dataOf[agent.Turn](k.t, e.Data).Key()}]++
		case autonoma.EventCall:
			times[thing{e.Kind, *e.ExecutionID, dataOf[agent.Call](k.t, e.Data).Key()}]++
		}
	}
	for what, n := range times {
		if n > 1 {
			k.t.Errorf("%s: %s %s is in the journal %d times", id, what.kind, what.key, n)
		}
	}
	if again > kills {
		k.t.Errorf("%s was killed %d times and did %d things again", id, kills, again)
	}
}

// story is what a log tells of, in order, without what was done again.
func story(events []api.Event) []autonoma.EventKind {
	var kinds []autonoma.EventKind
	for _, e := range events {
		if first(e.Kind) > 0 {
			kinds = append(kinds, e.Kind)
		}
	}
	return kinds
}

// keysOf returns for which turns was asked.
func keysOf(asked []script.Entry) map[string]bool {
	keys := map[string]bool{}
	for _, e := range asked {
		keys[e.Key] = true
	}
	return keys
}

// dataOf reads the data of an event.
func dataOf[T any](t *testing.T, data json.RawMessage) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// journaled is what a server had on disk when it was killed.
type journaled struct {
	over   bool
	events int
	last   string
	turns  []string // the ids of the answers that were journaled
	again  int      // how often a command was run that had been run before
	asked  int      // how often the model had been asked by then, since the beginning
}

// look reads the database of a server that is dead.
func (k *killer) look(id autonoma.RunID) journaled {
	k.t.Helper()
	j := journaled{asked: len(k.models.Log()), again: k.ranAgain(id)}
	db := k.snapshot()
	defer db.Close()
	run, err := db.Run(k.t.Context(), id)
	if err != nil {
		k.t.Fatalf("what was accepted is not on disk: %v", err)
	}
	events, err := db.Events(k.t.Context(), id, 0, 1_000_000)
	if err != nil {
		k.t.Fatal(err)
	}
	for i, e := range events {
		if e.Seq != int64(i)+1 {
			k.t.Fatalf("event %d of %s has number %d", i+1, id, e.Seq)
		}
		if e.Kind == autonoma.EventTurn {
			j.turns = append(j.turns, dataOf[agent.Turn](k.t, e.Data).Answer.ID)
		}
	}
	last := events[len(events)-1]
	j.over, j.events, j.last = run.Status.Final(), len(events), string(last.Kind)
	return j
}

// ranAgain returns how often commands of a run were run that had been run before,
// as they themselves tell.
func (k *killer) ranAgain(id autonoma.RunID) int {
	k.t.Helper()
	b, err := os.ReadFile(filepath.Join(k.server.data, "workspaces", "runs", string(id), "trees", "work", "private", "home", "ran"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0 // none was run yet
	}
	if err != nil {
		k.t.Fatal(err)
	}
	k.told = true
	lines := strings.Fields(strings.ReplaceAll(string(b), "turn ", "turn-"))
	known := map[string]bool{}
	for _, line := range lines {
		known[line] = true
	}
	return len(lines) - len(known)
}

// snapshot opens a copy of the database, so that the next server finds it just as
// the dead one left it.
func (k *killer) snapshot() *store.DB {
	k.t.Helper()
	dir := k.t.TempDir()
	for _, name := range []string{"autonoma.db", "autonoma.db-wal"} {
		from, err := os.Open(filepath.Join(k.server.data, name))
		if os.IsNotExist(err) {
			continue // the log is not there yet, or not any more
		}
		if err != nil {
			k.t.Fatal(err)
		}
		to := create(k.t, filepath.Join(dir, name))
		_, err = io.Copy(to, from)
		from.Close()
		to.Close()
		if err != nil {
			k.t.Fatal(err)
		}
	}
	db, err := store.Open(k.t.Context(), filepath.Join(dir, "autonoma.db"))
	if err != nil {
		k.t.Fatal(err)
	}
	return db
}
