package journal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"autonoma"
	"autonoma/internal/journal"
)

// note is an outcome.
type note struct {
	Name  string `json:"name"`
	Value int    `json:"value"`
}

// Key implements [journal.Entry].
func (n note) Key() string { return n.Name }

var errCrash = errors.New("crash")

// memory is a log that can refuse to go on.
type memory struct {
	events []autonoma.Event
	used   autonoma.Usage
	room   int // for how many more events; less than 0: any number
}

// Append implements [journal.Log].
func (m *memory) Append(ctx context.Context, used autonoma.Usage, events ...autonoma.Event) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if m.room == 0 {
		return errCrash
	}
	m.room--
	for _, e := range events {
		e.Seq = int64(len(m.events) + 1)
		m.events = append(m.events, e)
	}
	m.used.Add(used)
	return nil
}

// A step is a thing to be done, and how often it was.
type step struct {
	kind autonoma.EventKind
	key  string
	done int
}

// run does the steps in order, and returns their outcomes. What it does counts.
func run(ctx context.Context, j *journal.Journal, steps []*step) ([]note, error) {
	var notes []note
	for _, s := range steps {
		n, err := journal.Do(ctx, j, s.kind, s.key, func(context.Context) (note, autonoma.Usage, error) {
			s.done++
			return note{s.key, 100 * s.done}, autonoma.Usage{ModelCalls: 1}, nil
		})
		if err != nil {
			return notes, err
		}
		notes = append(notes, n)
	}
	return notes, nil
}

func open(m *memory) *journal.Journal { return journal.Open("exec_1", m, slices.Clone(m.events), nil) }

// What was done is remembered, and not done again.
func TestReplay(t *testing.T) {
	m := &memory{room: -1}
	steps := []*step{{kind: autonoma.EventTurn, key: "a"}, {kind: autonoma.EventCall, key: "b"}, {kind: autonoma.EventWork, key: "c"}}
	first, err := run(t.Context(), open(m), steps)
	if err != nil || len(m.events) != 3 || m.used.ModelCalls != 3 {
		t.Fatalf("%v, %d events, used %+v", err, len(m.events), m.used)
	}
	j := open(m)
	second, err := run(t.Context(), j, steps)
	if err != nil || !slices.Equal(first, second) || len(m.events) != 3 || m.used.ModelCalls != 3 {
		t.Errorf("replay: %v, %v; want %v", second, err, first)
	}
	for _, s := range steps {
		if s.done != 1 {
			t.Errorf("%s was done %d times", s.key, s.done)
		}
	}
	if j.Replaying() || j.Next() != "" {
		t.Error("there is still something to replay")
	}
}

// What comes next can be known before it is passed over.
func TestNext(t *testing.T) {
	m := &memory{room: -1}
	steps := []*step{{kind: autonoma.EventTurn, key: "a"}, {kind: autonoma.EventCompaction, key: "b"}, {kind: autonoma.EventWork, key: "c"}}
	must(t, open(m), steps...)
	j := open(m)
	for _, s := range steps {
		if got := j.Next(); got != s.kind {
			t.Errorf("a %q is next, want a %q", got, s.kind)
		}
		must(t, j, s)
	}
}

// A journal that does not fit the code is an error, and nothing is done.
func TestMismatch(t *testing.T) {
	for _, tt := range []struct {
		name string
		want step
		data any
		says string
	}{
		{"another kind", step{kind: autonoma.EventCall, key: "a"}, note{Name: "a"}, "a turn where a call a is wanted"},
		{"another key", step{kind: autonoma.EventTurn, key: "b"}, note{Name: "a"}, "is a where b is wanted"},
		{"another form", step{kind: autonoma.EventTurn, key: "a"}, map[string]string{"value": "text"}, "cannot unmarshal"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := &memory{room: -1}
			if err := m.Append(t.Context(), autonoma.Usage{}, autonoma.NewEvent(autonoma.EventTurn, "exec_1", time.Unix(0, 0), tt.data)); err != nil {
				t.Fatal(err)
			}
			_, err := run(t.Context(), open(m), []*step{&tt.want})
			if !errors.Is(err, journal.ErrMismatch) || !strings.Contains(err.Error(), tt.says) || tt.want.done > 0 || len(m.events) != 1 {
				t.Errorf("%v; done %d times", err, tt.want.done)
			}
		})
	}
}

// Code that names its outcome otherwise than it asked for would not find it again.
func TestMisnamed(t *testing.T) {
	m := &memory{room: -1}
	_, err := journal.Do(t.Context(), open(m), autonoma.EventWork, "a", func(context.Context) (note, autonoma.Usage, error) {
		return note{Name: "b"}, autonoma.Usage{}, nil
	})
	if !errors.Is(err, journal.ErrMismatch) || len(m.events) > 0 {
		t.Errorf("%v, %d events", err, len(m.events))
	}
}

// What fails is not in the journal, and is tried again.
func TestFailure(t *testing.T) {
	m := &memory{room: -1}
	fails := errors.New("fails")
	for range 2 {
		_, err := journal.Do(t.Context(), open(m), autonoma.EventWork, "a", func(context.Context) (note, autonoma.Usage, error) {
			return note{}, autonoma.Usage{ModelCalls: 1}, fails
		})
		if !errors.Is(err, fails) || len(m.events) > 0 || m.used.ModelCalls > 0 {
			t.Errorf("%v, %d events", err, len(m.events))
		}
	}
}

// After the process was told to shut down, what is known is still passed over, and
// nothing more is done.
func TestCut(t *testing.T) {
	m := &memory{room: -1}
	known, next := &step{kind: autonoma.EventWork, key: "a"}, &step{kind: autonoma.EventWork, key: "b"}
	if _, err := run(t.Context(), open(m), []*step{known}); err != nil {
		t.Fatal(err)
	}
	cut := make(chan struct{})
	close(cut)
	j := journal.Open("exec_1", m, m.events, cut)
	notes, err := run(t.Context(), j, []*step{known, next})
	if !errors.Is(err, journal.ErrCut) || len(notes) != 1 || next.done > 0 {
		t.Errorf("%v after %d, done %d times", err, len(notes), next.done)
	}
}

// The end of the context ends the work with its cause; but what was done at the
// last moment is known.
func TestCancelled(t *testing.T) {
	m := &memory{room: -1}
	ctx, cancel := context.WithCancelCause(t.Context())
	over := errors.New("over")
	j := open(m)
	_, err := journal.Do(ctx, j, autonoma.EventWork, "a", func(context.Context) (note, autonoma.Usage, error) {
		cancel(over)
		return note{Name: "a"}, autonoma.Usage{}, nil
	})
	if err != nil || len(m.events) != 1 {
		t.Errorf("%v, %d events", err, len(m.events))
	}
	next := &step{kind: autonoma.EventWork, key: "b"}
	if _, err := run(ctx, j, []*step{next}); !errors.Is(err, over) || next.done > 0 {
		t.Errorf("%v, done %d times", err, next.done)
	}
}

// Only what comes first after a crash may have been begun before.
func TestResumed(t *testing.T) {
	m := &memory{room: -1}
	a, b := &step{kind: autonoma.EventWork, key: "a"}, &step{kind: autonoma.EventWork, key: "b"}
	j := open(m)
	if j.Resumed() {
		t.Error("a new execution was resumed")
	}
	must(t, j, a)
	if j.Resumed() {
		t.Error("an execution that was not cut off was resumed")
	}
	j = open(m)
	if j.Resumed() {
		t.Error("while it replays, nothing may have been begun")
	}
	must(t, j, a)
	if !j.Resumed() {
		t.Error("after the replay, the next thing may have been begun")
	}
	must(t, j, b)
	if j.Resumed() {
		t.Error("something was done since")
	}
}

// Nothing was under way where an execution was put aside, until it goes on.
func TestPaused(t *testing.T) {
	m := &memory{room: -1}
	a, b := &step{kind: autonoma.EventWork, key: "a"}, &step{kind: autonoma.EventWork, key: "b"}
	must(t, open(m), a)
	pause := autonoma.NewEvent(autonoma.EventNotice, "exec_1", time.Now(), autonoma.Notice{Code: journal.Paused})
	if err := m.Append(t.Context(), autonoma.Usage{}, pause); err != nil {
		t.Fatal(err)
	}
	j := open(m)
	must(t, j, a)
	if j.Resumed() {
		t.Error("it was put aside, and something was under way")
	}
	_, err := journal.Do(t.Context(), j, b.kind, b.key, func(context.Context) (note, autonoma.Usage, error) { return note{}, autonoma.Usage{}, errCrash })
	if !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
	j = open(m)
	must(t, j, a)
	if !j.Resumed() {
		t.Error("what was under way at the crash is taken for something new")
	}
}

// Nor was anything under way where an execution that was put aside had to wait for a
// stronger sandbox before it could go on.
func TestPausedAndWaits(t *testing.T) {
	m := &memory{room: -1}
	a := &step{kind: autonoma.EventWork, key: "a"}
	must(t, open(m), a)
	for _, e := range []autonoma.Event{
		autonoma.NewEvent(autonoma.EventNotice, "exec_1", time.Now(), autonoma.Notice{Code: journal.Paused}),
		autonoma.NewEvent(autonoma.EventNotice, "exec_1", time.Now(), autonoma.Notice{Code: string(autonoma.FailIsolation)}),
		autonoma.NewStepBegun(autonoma.Step{ID: "work", Execution: "exec_1"}, autonoma.Isolation{Level: "gvisor"}, time.Now()),
	} {
		if err := m.Append(t.Context(), autonoma.Usage{}, e); err != nil {
			t.Fatal(err)
		}
	}
	j := open(m)
	must(t, j, a)
	if j.Resumed() {
		t.Error("it was put aside, and something was under way")
	}
}

// How often something is repeated is remembered, and is no part of the journal.
func TestAgain(t *testing.T) {
	m := &memory{room: -1}
	a, b := &step{kind: autonoma.EventCall, key: "a"}, &step{kind: autonoma.EventCall, key: "b"}
	must(t, open(m), a)
	for want := 1; want <= 3; want++ {
		j := open(m)
		must(t, j, a)
		if got, err := j.Again(t.Context(), "b"); got != want || err != nil {
			t.Errorf("again %d times, want %d: %v", got, want, err)
		}
	}
	j := open(m)
	must(t, j, a)
	notice := autonoma.NewEvent(autonoma.EventNotice, "exec_1", time.Now(), autonoma.Notice{Code: "code", Message: "for people"})
	if err := m.Append(t.Context(), autonoma.Usage{}, notice); err != nil {
		t.Fatal(err)
	}
	must(t, j, b)
	must(t, open(m), a, b) // which notices and repeats do not disturb
	if a.done != 1 || b.done != 1 {
		t.Errorf("done %d and %d times", a.done, b.done)
	}
	if got, err := open(m).Again(t.Context(), "a"); got != 1 || err != nil {
		t.Errorf("another thing is repeated %d times: %v", got, err)
	}
}

func must(t *testing.T, j *journal.Journal, steps ...*step) {
	t.Helper()
	if _, err := run(t.Context(), j, steps); err != nil {
		t.Fatal(err)
	}
}

// Whatever is done and wherever it is cut off: at the end all is as if it had not
// been, each thing was done at least once, and never again once that was written.
func TestCrashes(t *testing.T) {
	kinds := []autonoma.EventKind{autonoma.EventPhase, autonoma.EventTurn, autonoma.EventCompaction, autonoma.EventCall, autonoma.EventWork, autonoma.EventResult}
	rapid.Check(t, func(t *rapid.T) {
		var steps []*step
		for i := range rapid.IntRange(0, 12).Draw(t, "steps") {
			steps = append(steps, &step{kind: rapid.SampledFrom(kinds).Draw(t, "kind"), key: fmt.Sprint(i)})
		}
		m := &memory{}
		written := map[string]int{} // how often a step was done when it was written
		for life := 0; ; life++ {
			m.room = rapid.IntRange(0, 4).Draw(t, "events until the crash")
			if life > 40 {
				m.room = -1
			}
			before := len(m.events)
			notes, err := run(context.Background(), open(m), steps)
			if err != nil && !errors.Is(err, errCrash) {
				t.Fatal(err)
			}
			for i := before; i < len(m.events); i++ {
				written[steps[i].key] = steps[i].done
			}
			if err != nil {
				continue
			}
			for i, s := range steps {
				if want := (note{s.key, 100 * written[s.key]}); notes[i] != want || s.done != written[s.key] || s.done == 0 {
					t.Fatalf("step %s came to %v, want %v; it was done %d times", s.key, notes[i], want, s.done)
				}
			}
			if int(m.used.ModelCalls) != len(steps) || len(m.events) != len(steps) {
				t.Fatalf("%d events and usage %+v for %d steps", len(m.events), m.used, len(steps))
			}
			return
		}
	})
}

// What is told beside an outcome is in the log with it, in one piece, or not at all,
// and is passed over by those who come later.
func TestTell(t *testing.T) {
	log := &memory{room: 1}
	tries := 0
	do := func(j *journal.Journal) (note, error) {
		return journal.Do(t.Context(), j, autonoma.EventWork, "a", func(context.Context) (note, autonoma.Usage, error) {
			tries++
			j.Tell(autonoma.EventEgress, autonoma.Egress{Host: "example.com", Count: tries})
			if tries == 1 {
				return note{}, autonoma.Usage{}, errCrash
			}
			return note{Name: "a"}, autonoma.Usage{}, nil
		})
	}
	j := journal.Open("exec_1", log, nil, nil).Clean(func(doc []byte) []byte {
		return []byte(strings.ReplaceAll(string(doc), "example", "[redacted]"))
	})
	if _, err := do(j); !errors.Is(err, errCrash) || len(log.events) > 0 {
		t.Fatalf("%v, %v", err, log.events)
	}
	if _, err := do(j); err != nil {
		t.Fatal(err)
	}
	if len(log.events) != 2 || log.events[0].Kind != autonoma.EventEgress || !strings.Contains(string(log.events[0].Data), `"count":2`) || log.events[1].Kind != autonoma.EventWork {
		t.Fatalf("the log is %v", log.events)
	}
	if told := string(log.events[0].Data); strings.Contains(told, "example") {
		t.Errorf("what must not be kept is told: %s", told)
	}
	again := journal.Open("exec_1", log, log.events, nil)
	if _, err := do(again); err != nil || tries != 2 {
		t.Errorf("done %d times: %v", tries, err)
	}
	log.room = 1
	if _, err := journal.Do(t.Context(), again, autonoma.EventWork, "b", func(context.Context) (note, autonoma.Usage, error) {
		return note{Name: "b"}, autonoma.Usage{}, nil
	}); err != nil || len(log.events) != 3 {
		t.Errorf("%v, %v", err, log.events)
	}
}
