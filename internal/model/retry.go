package model

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"
)

// A Policy says how patient [Retry] is. Fields that are 0 have the defaults of
// [DefaultPolicy].
type Policy struct {
	Tries   int           // at most, the first included
	MaxWait time.Duration // for all pauses of a turn together
	Base    time.Duration // pause after the first try; it doubles with each
	Longest time.Duration // pause, unless the provider asks for more
}

// DefaultPolicy waits through the usual hiccups of a provider and leaves longer
// troubles to whoever can park the work.
func DefaultPolicy() Policy {
	return Policy{Tries: 6, MaxWait: 2 * time.Minute, Base: time.Second, Longest: 30 * time.Second}
}

func (p Policy) orDefaults() Policy {
	d := DefaultPolicy()
	if p.Tries <= 0 {
		p.Tries = d.Tries
	}
	if p.MaxWait <= 0 {
		p.MaxWait = d.MaxWait
	}
	if p.Base <= 0 {
		p.Base = d.Base
	}
	if p.Longest <= 0 {
		p.Longest = d.Longest
	}
	return p
}

// An Attempt is a try that failed and will be followed by another.
type Attempt struct {
	Number int           // of the try, counted from 1
	Err    error         // why it failed
	Pause  time.Duration // before the next
}

// Retry returns a model that asks m again when an error may pass (see
// [Error.Retryable]). It waits as long as the provider asks, or else longer each
// time with some jitter, and gives up with the last error when the tries or the
// patience of p are used up; it does not begin a wait that p does not allow, so
// that Error.RetryAfter can be put to better use.
//
// A turn is asked for again as a whole, even after pieces of it were heard:
// nothing is acted on before Done, and what a listener has shown so far it
// should take back when notify (which may be nil) tells of an Attempt. Usage of
// failed tries is in their errors.
func Retry(m Model, p Policy, notify func(Attempt)) Model {
	if notify == nil {
		notify = func(Attempt) {}
	}
	return &retrying{m, p.orDefaults(), notify}
}

type retrying struct {
	Model
	policy Policy
	notify func(Attempt)
}

func (r *retrying) Turn(ctx context.Context, req Request) iter.Seq2[Delta, error] {
	return func(yield func(Delta, error) bool) {
		patience := r.policy.MaxWait
		for n := 1; ; n++ {
			failure, stopped := relay(r.Model.Turn(ctx, req), yield)
			if failure == nil || stopped {
				return
			}
			pause, again := r.pause(n, failure, patience)
			if !again || ctx.Err() != nil {
				yield(Delta{}, tried(n, failure))
				return
			}
			patience -= pause
			r.notify(Attempt{Number: n, Err: failure, Pause: pause})
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				yield(Delta{}, fmt.Errorf("wait to ask the model again after %w: %w", failure, context.Cause(ctx)))
				return
			}
		}
	}
}

// pause returns how long to wait after the n-th try, and whether to.
func (r *retrying) pause(n int, failure error, patience time.Duration) (time.Duration, bool) {
	var e *Error
	if !errors.As(failure, &e) || !e.Retryable() || n >= r.policy.Tries {
		return 0, false
	}
	pause := e.RetryAfter
	if pause <= 0 {
		pause = min(r.policy.Base<<min(n-1, 20), r.policy.Longest)
		pause = pause/2 + rand.N(pause/2+1) // so that many clients do not come back at once
	}
	return pause, pause <= patience
}

func tried(n int, err error) error {
	if n == 1 {
		return err
	}
	return fmt.Errorf("after %d tries: %w", n, err)
}

// relay passes a turn on. It returns the error that ended it, which it does not
// pass on, and whether the listener wanted no more. A turn that just ends is
// cut.
func relay(turn iter.Seq2[Delta, error], yield func(Delta, error) bool) (failure error, stopped bool) {
	for d, err := range turn {
		if err != nil {
			return err, false
		}
		if !yield(d, nil) {
			return nil, true
		}
		if d.Done != nil {
			return nil, false
		}
	}
	return &Error{Kind: Cut, Message: "the model stopped before its answer was whole"}, false
}
