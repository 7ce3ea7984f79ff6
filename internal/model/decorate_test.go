package model_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"autonoma/internal/model"
)

// turns is a model each of whose turns is a function.
type turns struct {
	asked int
	all   []func(ctx context.Context, say func(model.Delta) bool) error
}

func (m *turns) Info() model.Info { return model.Info{Provider: "p", Name: "m"} }

func (m *turns) Turn(ctx context.Context, _ model.Request) iter.Seq2[model.Delta, error] {
	return func(yield func(model.Delta, error) bool) {
		turn := m.all[m.asked]
		m.asked++
		if err := turn(ctx, func(d model.Delta) bool { return yield(d, nil) }); err != nil {
			yield(model.Delta{}, err)
		}
	}
}

type turn = func(ctx context.Context, say func(model.Delta) bool) error

func fails(err error) turn {
	return func(context.Context, func(model.Delta) bool) error { return err }
}

func says(text string) turn {
	return func(_ context.Context, say func(model.Delta) bool) error {
		if say(model.Delta{Text: text}) {
			say(model.Delta{Done: &model.Answer{Message: model.Message{Role: model.Assistant, Text: text}}})
		}
		return nil
	}
}

func saysThenFails(text string, err error) turn {
	return func(_ context.Context, say func(model.Delta) bool) error {
		say(model.Delta{Text: text})
		return err
	}
}

func hangs(ctx context.Context, _ func(model.Delta) bool) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

func kind(k model.Kind) *model.Error { return &model.Error{Kind: k} }

func TestRetry(t *testing.T) {
	wait := func(d time.Duration) *model.Error { return &model.Error{Kind: model.RateLimited, RetryAfter: d} }
	policy := model.Policy{Tries: 4, MaxWait: time.Minute, Base: time.Second, Longest: 10 * time.Second}
	for _, tt := range []struct {
		name     string
		turns    []turn
		asked    int
		fail     model.Kind
		min, max time.Duration // how long it takes
	}{
		{"well at once", []turn{says("hi")}, 1, "", 0, 0},
		{"overloaded, then well", []turn{fails(kind(model.Overloaded)), says("hi")}, 2, "", time.Second / 2, time.Second},
		{"broken off in the middle, then well", []turn{saysThenFails("h", kind(model.Cut)), says("hi")}, 2, "", time.Second / 2, time.Second},
		{"ends without an answer, then well", []turn{saysThenFails("h", nil), says("hi")}, 2, "", time.Second / 2, time.Second},
		{"the provider's hint is kept to", []turn{fails(wait(40 * time.Second)), says("hi")}, 2, "", 40 * time.Second, 40 * time.Second},
		{"pauses double", []turn{fails(kind(model.Overloaded)), fails(kind(model.Overloaded)), fails(kind(model.Overloaded)), says("hi")}, 4, "", 3500 * time.Millisecond, 7 * time.Second},
		{"tries run out", slices.Repeat([]turn{fails(kind(model.Unreachable))}, 4), 4, model.Unreachable, 3500 * time.Millisecond, 7 * time.Second},
		{"a hint beyond our patience is not waited for", []turn{fails(wait(time.Hour))}, 1, model.RateLimited, 0, 0},
		{"hints add up", []turn{fails(wait(40 * time.Second)), fails(wait(40 * time.Second))}, 2, model.RateLimited, 40 * time.Second, 40 * time.Second},
		{"what cannot pass is not retried", []turn{fails(kind(model.Unauthorized))}, 1, model.Unauthorized, 0, 0},
		{"refused", []turn{saysThenFails("h", kind(model.Refused))}, 1, model.Refused, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &turns{all: tt.turns}
				var attempts []int
				r := model.Retry(m, policy, func(a model.Attempt) { attempts = append(attempts, a.Number) })
				begin := time.Now()
				answer, err := model.Collect(r.Turn(t.Context(), model.Request{}), nil)
				took := time.Since(begin)
				if model.KindOf(err) != tt.fail || (err == nil) != (answer.Message.Text == "hi") {
					t.Errorf("got %+v, %v; want kind %q", answer, err, tt.fail)
				}
				if m.asked != tt.asked || len(attempts) != tt.asked-1 {
					t.Errorf("asked %d times and told of attempts %v, want %d", m.asked, attempts, tt.asked)
				}
				if took < tt.min || took > tt.max {
					t.Errorf("took %v, want %v to %v", took, tt.min, tt.max)
				}
			})
		})
	}
}

func TestRetryEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("cancelled by the user")
		ctx, cancel := context.WithCancelCause(t.Context())
		m := model.Retry(&turns{all: []turn{fails(kind(model.Overloaded))}}, model.Policy{Base: time.Hour, Longest: time.Hour, MaxWait: 2 * time.Hour}, nil)
		time.AfterFunc(time.Second, func() { cancel(why) })
		begin := time.Now()
		_, err := model.Collect(m.Turn(ctx, model.Request{}), nil)
		if !errors.Is(err, why) || time.Since(begin) != time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}

func TestRetryStopsWhenNobodyListens(t *testing.T) {
	m := &turns{all: []turn{says("hi")}}
	for range model.Retry(m, model.Policy{}, nil).Turn(t.Context(), model.Request{}) {
		break
	}
	if m.asked != 1 {
		t.Errorf("asked %d times", m.asked)
	}
}

func TestStall(t *testing.T) {
	slow := func(pauses ...time.Duration) turn {
		return func(ctx context.Context, say func(model.Delta) bool) error {
			for _, p := range pauses {
				select {
				case <-time.After(p):
				case <-ctx.Done():
					return context.Cause(ctx)
				}
				if !say(model.Delta{}) {
					return nil
				}
			}
			return says("hi")(ctx, say)
		}
	}
	for _, tt := range []struct {
		name   string
		turn   turn
		listen time.Duration // how long the listener takes for each piece
		want   model.Kind
		took   time.Duration
	}{
		{"quick", says("hi"), 0, "", 0},
		{"slow and steady", slow(9*time.Second, 9*time.Second, 9*time.Second), 0, "", 27 * time.Second},
		{"stalls at once", hangs, 0, model.Stalled, 10 * time.Second},
		{"stalls in the middle", slow(time.Second, time.Hour), 0, model.Stalled, 11 * time.Second},
		{"a slow listener is not a stall", slow(time.Second), time.Minute, "", 3*time.Minute + time.Second},
		{"other errors pass", fails(kind(model.Quota)), 0, model.Quota, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := model.Stall(&turns{all: []turn{tt.turn}}, 10*time.Second)
				begin := time.Now()
				_, err := model.Collect(m.Turn(t.Context(), model.Request{}), func(model.Delta) { time.Sleep(tt.listen) })
				if model.KindOf(err) != tt.want || (tt.want == "") != (err == nil) || time.Since(begin) != tt.took {
					t.Errorf("%v after %v, want %q after %v", err, time.Since(begin), tt.want, tt.took)
				}
			})
		})
	}
}

func TestStallInsideRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := model.Retry(model.Stall(&turns{all: []turn{hangs, says("hi")}}, time.Minute), model.Policy{}, nil)
		if _, err := model.Collect(m.Turn(t.Context(), model.Request{}), nil); err != nil {
			t.Error(err)
		}
	})
}
