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

// A Log lets readers follow the events of runs.
type Log struct {
	source Source
	poll   time.Duration

	mu   sync.Mutex
	wake chan struct{} // closed when there may be something new, and replaced
}

// NewLog returns a log that reads from source: when it is woken, and every poll
// for what it was not told of.
func NewLog(source Source, poll time.Duration) *Log {
	return &Log{source: source, poll: poll, wake: make(chan struct{})}
}

// Wake tells all readers that there may be something new.
func (l *Log) Wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.wake)
	l.wake = make(chan struct{})
}

// Woken returns a channel that is closed at the next [Log.Wake]. Take it before
// looking, and nothing slips through.
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
// error.
func (l *Log) Follow(ctx context.Context, run autonoma.RunID, after int64, idle time.Duration) iter.Seq2[[]autonoma.Event, error] {
	return func(yield func([]autonoma.Event, error) bool) {
		quiet := time.Now()
		for {
			woken := l.Woken()
			news, err := l.source.Events(ctx, run, after, batch)
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
