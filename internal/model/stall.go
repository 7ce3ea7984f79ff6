package model

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Stall returns a model that gives up on a turn of m when nothing is heard for
// the given time, with an [Error] of kind [Stalled]. Any Delta is a sign of
// life, an empty one too, and the time that a listener takes does not count. Put
// it inside [Retry], which asks again.
func Stall(m Model, limit time.Duration) Model { return &stalling{m, limit} }

type stalling struct {
	Model
	limit time.Duration
}

// errStalled is the cause with which a turn is given up.
var errStalled = errors.New("the model stalled")

func (s *stalling) Turn(ctx context.Context, r Request) iter.Seq2[Delta, error] {
	return func(yield func(Delta, error) bool) {
		inner, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		timer := time.AfterFunc(s.limit, func() { cancel(errStalled) })
		defer timer.Stop()
		failure, stopped := relay(s.Model.Turn(inner, r), func(d Delta, err error) bool {
			timer.Stop()
			defer timer.Reset(s.limit)
			return yield(d, err)
		})
		if failure == nil || stopped {
			return
		}
		if ctx.Err() == nil && errors.Is(context.Cause(inner), errStalled) {
			info := s.Info()
			failure = &Error{
				Kind:     Stalled,
				Provider: info.Provider,
				Model:    info.Name,
				Message:  fmt.Sprintf("nothing was heard for %v", s.limit),
			}
		}
		yield(Delta{}, failure)
	}
}
