package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"autonoma"
	"autonoma/api"
	"autonoma/client"
	"autonoma/internal/model/modeltest"
	"autonoma/internal/model/script"
	"autonoma/internal/workspace/workspacetest"
)

const (
	kills = 50 // in all
	// killsEach is how often one run is disturbed at most. What was cut off more
	// often than that at the same place is given up, which is another outcome.
	killsEach = 3
)

// TestKill kills the server at random points of runs of six agents, and shows that
// each run comes to what it would have come to undisturbed, that nothing is asked
// or done twice but what was under way, and that nothing is left behind.
//
// The points are drawn from AUTONOMA_TEST_SEED, if that is set.
func TestKill(t *testing.T) {
	seed := rand.Uint64()
	if v := os.Getenv("AUTONOMA_TEST_SEED"); v != "" {
		var err error
		if seed, err = strconv.ParseUint(v, 10, 64); err != nil {
			t.Fatalf("AUTONOMA_TEST_SEED: %v", err)
		}
	}
	t.Logf("AUTONOMA_TEST_SEED=%d", seed)
	marker := newMarker()
	repo := greeting(t)
	k := &killer{t: t, repo: repo, marker: marker, random: rand.New(rand.NewPCG(seed, 0))}
	k.play(strings.ReplaceAll(read(t, "testdata/kill.yaml"), "MARKER", marker))
	// What an earlier run taught would be told to a later one, which is to be the same.
	k.server = newServer(t, k.models, "--source-root", repo, "--knowledge", "off", "--network", "*.example.org")
	begin := time.Now()
	k.server.start()
	k.server.ready()
	k.startup = time.Since(begin)
	k.calm = k.undisturbed()
	for run := 1; k.kills < kills; run++ {
		k.disturbed(run, min(killsEach, kills-k.kills))
	}
	if !k.told {
		t.Error("no command told that it was run")
	}
	t.Logf("killed %d times in %v", k.kills, time.Since(begin).Round(time.Second))
}

// A killer kills a server while it works.
type killer struct {
	t       *testing.T
	server  *server
	models  *modeltest.Server
	repo    string
	marker  string
	random  *rand.Rand
	startup time.Duration // of the server
	calm    outcome
	kills   int
	told    bool // commands told how often they were run

	mu   sync.Mutex
	said []string // the requests to the model, as they are in its log
}

// play starts the model, which keeps what it is asked.
func (k *killer) play(yaml string) {
	play := script.NewServer(modeltest.Script(k.t, yaml))
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // whoever asked is dead
		}
		k.mu.Lock()
		k.said = append(k.said, string(body))
		k.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		play.ServeHTTP(w, r)
	}))
	k.t.Cleanup(web.Close)
	k.models = &modeltest.Server{Server: play, URL: web.URL}
	k.t.Cleanup(func() {
		for _, r := range k.models.Refusals() {
			k.t.Errorf("the model server refused a request: %s", r)
		}
	})
}

// An outcome is what can be seen of a run that is over.
type outcome struct {
	tree   string         // name of the result
	events []api.Event    // all of them
	asked  []script.Entry // by the run, in order
}

// undisturbed carries out a run that is not disturbed.
func (k *killer) undisturbed() outcome {
	k.t.Helper()
	c, from := k.server.ready(), len(k.models.Log())
	id := submit(k.t, c, slip(k.repo, autonoma.MVP))
	o := k.outcome(c, id, from)
	if effects := k.effects(id); !slices.Equal(effects, wantEffects) {
		k.t.Fatalf("the commands left %q, want %q", effects, wantEffects)
	}
	if n := len(refusals(k.t, o.events)); n != 1 {
		k.t.Fatalf("what was refused is told by %d events", n)
	}
	if n := len(keysOf(o.asked)); n != len(o.asked) {
		k.t.Fatalf("%d requests ask for %d turns: the script cannot tell its turns apart", len(o.asked), n)
	}
	k.t.Logf("undisturbed: %d events, %d requests, %v", len(o.events), len(o.asked), o.events[len(o.events)-1].At.Sub(o.events[0].At))
	return o
}

// refusals returns what commands wanted to reach and could not.
func refusals(t *testing.T, events []api.Event) (all []autonoma.Egress) {
	t.Helper()
	for _, e := range events {
		if e.Kind != autonoma.EventEgress {
			continue
		}
		if told := dataOf[autonoma.Egress](t, e.Data); !told.Allowed {
			all = append(all, told)
		}
	}
	return all
}

// wantEffects are the lines that the commands of the script leave, in order.
var wantEffects = []string{
	"begun", "before the pause", "after the pause", "moved",
	"turn 4", "turn 5", "turn 6", "turn 7", "turn 8", "turn 9", "turn 10", "turn 11", "turn 12", "turn 13",
	"green", "tested", "second round", "emphatic",
}

func (k *killer) effects(id autonoma.RunID) []string {
	k.t.Helper()
	return strings.Split(workspacetest.Git(k.t, k.repo, "show", "autonoma/"+string(id)+":effects.txt"), "\n")
}

// outcome waits for the end of a run and for what comes with it.
func (k *killer) outcome(c *client.Client, id autonoma.RunID, from int) outcome {
	k.t.Helper()
	task := completed(k.t, c, id)
	if task.Output.Verification.Status != autonoma.Verified {
		k.t.Errorf("%s is %s", id, task.Output.Verification.Status)
	}
	o := outcome{asked: k.models.Log()[from:]}
	for e, err := range c.Events(k.t.Context(), id, 0) {
		if err != nil {
			k.t.Fatal(err)
		}
		o.events = append(o.events, e)
	}
	o.tree = workspacetest.Git(k.t, k.repo, "rev-parse", "autonoma/"+string(id)+"^{tree}")
	if status := workspacetest.Git(k.t, k.repo, "status", "--porcelain"); status != "" {
		k.t.Errorf("the working tree of the source was changed:\n%s", status)
	}
	k.server.cleared()
	gone(k.t, k.marker)
	return o
}

// A point is when to kill.
type point struct {
	fresh bool          // from when the task was accepted, or the server started anew,
	after int           // or else from this event on, what was done again not counted,
	delay time.Duration // this long
}

func (p point) String() string {
	if p.fresh {
		return fmt.Sprintf("%v into a task or a start", p.delay)
	}
	return fmt.Sprintf("%v after event %d", p.delay, p.after)
}

// draw draws a point: one in ten when a task or a process is young, one in ten
// while the result is handed over, and of the others half anywhere in time, where
// long things are hit, and half between any two events, where short ones are hit as
// well.
func (k *killer) draw() point {
	events := k.calm.events
	among := func(d time.Duration) time.Duration { return time.Duration(k.random.Int64N(int64(d) + 1)) }
	last := len(events) - 1
	switch n := k.random.IntN(10); {
	case n == 0:
		return point{fresh: true, delay: among(k.startup)}
	case n == 1:
		delivery := last
		for events[delivery].Kind != autonoma.EventPhase {
			delivery--
		}
		return point{after: delivery + 1, delay: among(events[last].At.Sub(events[delivery].At))}
	case n < 6:
		at := events[0].At.Add(among(events[last].At.Sub(events[0].At)))
		i := max(1, slices.IndexFunc(events, func(e api.Event) bool { return !e.At.Before(at) }))
		return point{after: i, delay: at.Sub(events[i-1].At)}
	}
	i := 1 + k.random.IntN(last)
	return point{after: i, delay: among(events[i].At.Sub(events[i-1].At))}
}

// disturbed carries out a run and kills the server up to n times while it goes.
func (k *killer) disturbed(number, n int) {
	k.t.Helper()
	points := make([]point, n)
	for i := range points {
		points[i] = k.draw()
	}
	slices.SortStableFunc(points, func(a, b point) int { return a.after - b.after }) // the fresh come first
	c, from := k.server.ready(), len(k.models.Log())
	id := submit(k.t, c, slip(k.repo, autonoma.MVP))
	watched := watchAll(k.t, c, id)
	var seen []journaled
	for _, p := range points {
		if !k.reach(c, id, p) {
			k.t.Logf("run %d: over before %v", number, p)
			break
		}
		k.server.kill()
		if k.random.IntN(2) == 0 {
			gone(k.t, k.marker) // what a dead server started dies with it
		}
		j := k.look(id)
		if j.over {
			k.t.Logf("run %d: over %v", number, p)
		} else {
			k.kills++
			seen = append(seen, j)
			k.t.Logf("run %d, kill %d: %v, last of %d: %s", number, k.kills, p, j.events, j.last)
		}
		k.server.start()
	}
	got := k.outcome(k.server.ready(), id, from)
	k.compare(id, got, from, seen)
	if n := <-watched; n != len(got.events) {
		k.t.Errorf("who watched %s all the time saw %d of %d events", id, n, len(got.events))
	}
}

// reach waits until a point is reached. It reports false if the run is over first.
func (k *killer) reach(c *client.Client, id autonoma.RunID, p point) bool {
	k.t.Helper()
	if !p.fresh {
		k.server.ready()
		n := 0
		if !await(k.t, c, id, func(e api.Event) bool { n += first(e.Kind); return n >= p.after }) {
			return false
		}
	}
	time.Sleep(p.delay) // this is the point
	return true
}

// first is 1 for an event that tells of something new, and 0 for one that tells
// that something is done again.
func first(kind autonoma.EventKind) int {
	if kind == autonoma.EventRepeat {
		return 0
	}
	return 1
}

// watchAll counts the events of a run as one who watches it all the time sees
// them, however often the server goes away.
func watchAll(t *testing.T, c *client.Client, id autonoma.RunID) <-chan int {
	counted := make(chan int, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*patience)
		defer cancel()
		n := 0
		for met := false; !met && ctx.Err() == nil; {
			for e, err := range c.Events(ctx, id, 0) {
				if err != nil && !met {
					time.Sleep(10 * time.Millisecond) // killed before anything was seen: a person reloads the page
					break
				}
				met = true
				if n++; err != nil || e.Seq != int64(n) {
					t.Errorf("watching %s: event %d where %d is due, %v", id, e.Seq, n, err)
					break
				}
			}
		}
		counted <- n
	}()
	return counted
}
