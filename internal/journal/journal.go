// Package journal makes a piece of work durable: it remembers each thing that
// was done, so that after a crash the same code runs from its beginning and
// passes over what is already there.
//
// The work is straight-line code that does everything with a lasting effect, or
// with an outcome that may differ next time, through [Do]. The first time, Do
// does it and appends the outcome to the log before it returns. When the
// execution is taken up again, Do finds the outcome in the log and returns that.
// So a model's turn that was answered is never asked again, and the code has no
// second path for resuming.
//
// What is between two calls of Do must depend on their outcomes alone. A journal
// that does not fit the code (it was written by another version of the program)
// is an error, never a guess.
package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"autonoma"
)

// ErrCut is returned instead of doing one more thing when the process shuts
// down. What was done is in the log; the rest is done after the next start.
var ErrCut = errors.New("cut off by shutdown")

// ErrMismatch reports that the log does not fit the code that runs.
var ErrMismatch = errors.New("the journal does not fit this version of the program")

// A Log keeps events. Append returns when they are on disk, or with an error if
// the writer has lost its right to the execution.
type Log interface {
	Append(ctx context.Context, used autonoma.Usage, events ...autonoma.Event) error
}

// An Entry is the outcome of something, as it is kept in the log. Its Key tells
// it from the other entries of the same kind in the execution.
type Entry interface{ Key() string }

// A Journal is what an execution has done so far. It is used by one goroutine.
type Journal struct {
	execution autonoma.ExecutionID
	log       Log
	past      []autonoma.Event // not yet passed over
	repeats   map[string]int
	cut       <-chan struct{}
	resumed   bool // there is a past, and nothing was done since
	paused    bool // its last word is that it was cut off between two things
	now       func() time.Time
	clean     func(doc []byte) []byte // takes out what must not be kept
	beside    []autonoma.Event        // goes with the outcome of what is being done
}

// Open returns the journal of an execution whose log so far is past. It is cut
// off when cut is closed.
func Open(execution autonoma.ExecutionID, log Log, past []autonoma.Event, cut <-chan struct{}) *Journal {
	j := &Journal{execution: execution, log: log, cut: cut, now: time.Now, repeats: map[string]int{}, resumed: len(past) > 0}
	if last := lastWord(past); paused(last) {
		j.resumed = false // it was put aside between two things: nothing was under way
		j.paused = last.Kind == autonoma.EventNotice
	}
	for _, e := range past {
		var r Repeat
		switch {
		case e.Kind == autonoma.EventRepeat && json.Unmarshal(e.Data, &r) == nil:
			j.repeats[r.Of]++
		case slices.Contains(kinds, e.Kind):
			j.past = append(j.past, e)
		}
	}
	return j
}

// Clean has outcomes changed before they are kept, to take secrets out of them. What is
// kept is also what [Do] returns, so the work goes on with it just as it would after a
// crash. The same document must always become the same.
func (j *Journal) Clean(clean func(doc []byte) []byte) *Journal {
	j.clean = clean
	return j
}

// kinds are the kinds of events that [Do] writes. Others, such as notices, are
// in the log for people.
var kinds = []autonoma.EventKind{autonoma.EventPhase, autonoma.EventTurn, autonoma.EventCompaction, autonoma.EventCall, autonoma.EventWork, autonoma.EventResult}

// Replaying reports whether the next thing is already in the log.
func (j *Journal) Replaying() bool { return len(j.past) > 0 }

// Next returns the kind of the next thing in the log, or nothing if that is still
// to be done. It is for code that would decide by what is not in the journal, such
// as the configuration: what was decided once stays so.
func (j *Journal) Next() autonoma.EventKind {
	if !j.Replaying() {
		return ""
	}
	return j.past[0].Kind
}

// Comes reports whether the next thing in the log is the one named key: for what may
// have been done, or not, by what was configured then.
func Comes[T Entry](j *Journal, kind autonoma.EventKind, key string) bool {
	var outcome T
	return j.Replaying() && j.past[0].Kind == kind && json.Unmarshal(j.past[0].Data, &outcome) == nil && outcome.Key() == key
}

// Do returns the outcome of the thing named key: from the log if it is there,
// else by doing it and appending the outcome, with what it used, to the log.
func Do[T Entry](ctx context.Context, j *Journal, kind autonoma.EventKind, key string, do func(context.Context) (T, autonoma.Usage, error)) (T, error) {
	var outcome T
	if j.Replaying() {
		e := j.past[0]
		if e.Kind != kind {
			return outcome, fmt.Errorf("%w: event %d is a %s where a %s %s is wanted", ErrMismatch, e.Seq, e.Kind, kind, key)
		}
		if err := json.Unmarshal(e.Data, &outcome); err != nil {
			return outcome, fmt.Errorf("%w: event %d: %w", ErrMismatch, e.Seq, err)
		}
		if got := outcome.Key(); got != key && got != j.kept(key) {
			return outcome, fmt.Errorf("%w: event %d is %s where %s is wanted", ErrMismatch, e.Seq, got, key)
		}
		j.past = j.past[1:]
		return outcome, nil
	}
	if err := j.begin(ctx); err != nil {
		return outcome, err
	}
	j.beside = nil
	outcome, used, err := do(ctx)
	if err != nil {
		return outcome, err
	}
	if got := outcome.Key(); got != key {
		return outcome, fmt.Errorf("%w: did %s where %s is wanted", ErrMismatch, got, key)
	}
	e := autonoma.NewEvent(kind, j.execution, j.now(), outcome)
	if j.clean != nil {
		if clean := j.clean(e.Data); !bytes.Equal(clean, e.Data) {
			e.Data, outcome = clean, *new(T)
			if err := json.Unmarshal(clean, &outcome); err != nil {
				return outcome, fmt.Errorf("keep %s without secrets: %w", key, err)
			}
		}
	}
	// What was done must be known even if it was done at the last moment.
	err = j.log.Append(context.WithoutCancel(ctx), used, append(j.beside, e)...)
	return outcome, err
}

// Tell has an event written with the outcome of what is being done, before it: both
// are in the log, or neither is, so that what is done again after a crash is told
// once. Like a note it is no part of what was done. Nobody may call it but what [Do]
// calls.
func (j *Journal) Tell(kind autonoma.EventKind, v any) {
	e := autonoma.NewEvent(kind, j.execution, j.now(), v)
	if j.clean != nil { // a host may be called by what was to be carried out
		e.Data = j.clean(e.Data)
	}
	j.beside = append(j.beside, e)
}

// kept is a key as it is in the log, should it hold what must not be kept.
func (j *Journal) kept(key string) string {
	if j.clean == nil {
		return key
	}
	kept := key
	if doc, err := json.Marshal(key); err == nil {
		_ = json.Unmarshal(j.clean(doc), &kept) // or it stays what it is
	}
	return kept
}

// begin makes sure that something may be done.
func (j *Journal) begin(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case <-j.cut:
		return ErrCut
	default:
	}
	if j.paused { // from here on something is under way, which the next who looks has to know
		if err := j.Note(ctx, "resumed", "the work goes on"); err != nil {
			return err
		}
	}
	j.resumed, j.paused = false, false
	return nil
}

// Repeat is the data of an [autonoma.EventRepeat].
type Repeat struct {
	Of string `json:"of"` // the key of what is done once more
}

// Again says that the thing named key may have been begun before a crash and is
// about to be done once more, and returns how often that was said of it.
func (j *Journal) Again(ctx context.Context, key string) (times int, err error) {
	j.repeats[key]++
	err = j.log.Append(ctx, autonoma.Usage{}, autonoma.NewEvent(autonoma.EventRepeat, j.execution, j.now(), Repeat{key}))
	return j.repeats[key], err
}

// Note tells those who follow the run of something. It is no part of what was done.
func (j *Journal) Note(ctx context.Context, code, message string) error {
	return j.log.Append(ctx, autonoma.Usage{}, autonoma.NewEvent(autonoma.EventNotice, j.execution, j.now(), autonoma.Notice{Code: code, Message: message}))
}

// Resumed reports whether the execution was taken up again after a crash and has
// not yet done anything since: what comes next may have been begun before.
func (j *Journal) Resumed() bool { return j.resumed && !j.Replaying() }

// Paused is the code of the notice that says of an execution that it was cut off
// between two things, rather than in the middle of one.
const Paused = "paused"

// lastWord returns the last event of an execution that tells of its work, rather than
// of where and whether it is taken up again; nothing if there is none.
func lastWord(past []autonoma.Event) autonoma.Event {
	for _, e := range slices.Backward(past) {
		var n autonoma.Notice
		waits := e.Kind == autonoma.EventNotice && json.Unmarshal(e.Data, &n) == nil && n.Code == string(autonoma.FailIsolation)
		if !waits && e.Kind != autonoma.EventStep {
			return e
		}
	}
	return autonoma.Event{}
}

// paused reports whether an event is the last before an execution was put aside: for a
// shutdown, or for a human, whose answer may be in the log as well.
func paused(e autonoma.Event) bool {
	var n autonoma.Notice
	return e.Kind == autonoma.EventApproval || e.Kind == autonoma.EventNotice && json.Unmarshal(e.Data, &n) == nil && n.Code == Paused
}
