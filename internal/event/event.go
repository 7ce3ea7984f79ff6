// Package event follows the log of a run.
//
// The log in the store is the truth, and a reader is a number in it: whoever was
// cut off says where and misses nothing. A wake-up only says that it is worth
// looking; one that gets lost costs a short wait, never an event.
package event

import (
	"context"
	"encoding/json"
	"iter"
	"sync"
	"time"

	"autonoma"
)

// Source is where events are read from.
type Source interface {
	// Events returns up to limit events of a run that follow number after.
	Events(ctx context.Context, run autonoma.RunID, after int64, limit int) ([]autonoma.Event, error)
}

// A Log lets readers follow the events of runs. However many follow one run, what
// happens there is read once.
type Log struct {
	source Source
	poll   time.Duration

	mu    sync.Mutex
	wake  chan struct{} // closed when there may be something new anywhere, and replaced
	tails map[autonoma.RunID]*tail
}

// NewLog returns a log that reads from source: when it is woken, and every poll
// for what it was not told of.
func NewLog(source Source, poll time.Duration) *Log {
	return &Log{source: source, poll: poll, wake: make(chan struct{}), tails: map[autonoma.RunID]*tail{}}
}

// Wake says that there may be something new in a run, or, without one, elsewhere in
// the database.
func (l *Log) Wake(run autonoma.RunID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.wake)
	l.wake = make(chan struct{})
	if t := l.tails[run]; t != nil {
		t.news.Add(1)
		close(t.wake)
		t.wake = make(chan struct{})
	}
}

// Woken returns a channel that is closed at the next [Log.Wake], of whatever run.
// Take it before looking, and nothing slips through.
func (l *Log) Woken() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wake
}

// batch is how many events are read at once.
const batch = 200

// Follow yields the events of a run that come after the given number: first
// those that are there, then new ones as they happen. It yields an empty slice
// when nothing has happened for idle, so that readers can show a sign of life.
// It ends after the last event of the run, when ctx is done, or after yielding an
// error. What it yields is shared with other readers and must not be changed.
func (l *Log) Follow(ctx context.Context, run autonoma.RunID, after int64, idle time.Duration) iter.Seq2[[]autonoma.Event, error] {
	return func(yield func([]autonoma.Event, error) bool) {
		t := l.enter(run)
		defer l.leave(run)
		quiet := time.Now()
		for {
			woken := l.wokenBy(t)
			news, err := t.after(ctx, after)
			if ctx.Err() != nil {
				return
			}
			if n := len(news); n > 0 || err != nil || time.Since(quiet) >= idle {
				if !yield(news, err) || err != nil || n > 0 && Last(news[n-1]) {
					return
				}
				quiet = time.Now()
				if n > 0 {
					after = news[n-1].Seq
					continue
				}
			}
			select {
			case <-woken:
			case <-time.After(min(l.poll, idle)):
			case <-ctx.Done():
				return
			}
		}
	}
}

// Last reports whether e is the event after which nothing happens in its run.
func Last(e autonoma.Event) bool {
	var s autonoma.StatusChanged
	return e.Kind == autonoma.EventStatus && json.Unmarshal(e.Data, &s) == nil && s.Status.Final()
}
