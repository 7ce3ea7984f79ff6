package event

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"autonoma"
)

// A tail is the end of the log of one run, for all that follow it. It is a copy: who
// is further behind reads the log itself.
type tail struct {
	log     *Log
	run     autonoma.RunID
	readers int           // guarded by the log's mutex, as wake is
	wake    chan struct{} // closed when there may be something new in the run, and replaced
	news    atomic.Int64  // grows with each wake-up

	mu     sync.Mutex
	events []autonoma.Event // the newest, without gap
	bytes  int              // of their data
	seen   int64            // what news was before the last look
	looked time.Time
}

// How much of its end is kept of a log.
const (
	mostEvents = 500
	mostBytes  = 1 << 20
)

// enter makes the caller a reader of a run.
func (l *Log) enter(run autonoma.RunID) *tail {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tails[run]
	if t == nil {
		t = &tail{log: l, run: run, wake: make(chan struct{})}
		l.tails[run] = t
	}
	t.readers++
	return t
}

func (l *Log) leave(run autonoma.RunID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.tails[run]; t.readers == 1 {
		delete(l.tails, run)
	} else {
		t.readers--
	}
}

func (l *Log) wokenBy(t *tail) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return t.wake
}

// after returns some of the events that follow number seq, or none if there are none
// yet. Of all who want to know at the same time, one looks.
func (t *tail) after(ctx context.Context, seq int64) ([]autonoma.Event, error) {
	t.mu.Lock()
	if len(t.events) > 0 && seq < t.events[0].Seq-1 { // far behind
		t.mu.Unlock()
		return t.log.source.Events(ctx, t.run, seq, batch)
	}
	defer t.mu.Unlock()
	if known := t.since(seq); len(known) > 0 {
		return known, nil
	}
	news := t.news.Load()
	if len(t.events) > 0 && t.last() == seq && news == t.seen && time.Since(t.looked) < t.log.poll {
		return nil, nil // somebody has just looked
	}
	found, err := t.log.source.Events(ctx, t.run, seq, batch)
	if err != nil {
		return nil, err
	}
	if len(found) < batch && t.keep(seq, found) {
		t.seen, t.looked = news, time.Now()
	}
	return found, nil
}

// since returns the known events after number seq.
func (t *tail) since(seq int64) []autonoma.Event {
	if len(t.events) == 0 || seq >= t.last() {
		return nil
	}
	from := int(seq + 1 - t.events[0].Seq)
	to := min(from+batch, len(t.events))
	return t.events[from:to:to]
}

func (t *tail) last() int64 { return t.events[len(t.events)-1].Seq }

// keep takes the events that follow number seq for the end of the log. It reports
// whether they are: nothing after a number that there is not yet is no end.
func (t *tail) keep(seq int64, found []autonoma.Event) bool {
	if len(t.events) == 0 || t.last() != seq {
		if len(found) == 0 {
			return false
		}
		t.events, t.bytes = nil, 0
	}
	for _, e := range found {
		t.bytes += len(e.Data)
	}
	t.events = append(t.events, found...)
	drop := 0
	for len(t.events)-drop > mostEvents || t.bytes > mostBytes && len(t.events)-drop > 1 {
		t.bytes -= len(t.events[drop].Data)
		drop++
	}
	if drop > 0 { // what was given out stays as it is
		t.events = slices.Clone(t.events[drop:])
	}
	return true
}
