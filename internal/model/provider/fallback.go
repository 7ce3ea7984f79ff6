package provider

import (
	"context"
	"errors"
	"iter"

	"autonoma/internal/model"
)

// Fallback returns a model that asks the first of models, and when that cannot
// be used (see model.Error.Unavailable) the next, within the same turn. What
// was heard of a failed one is void, as after a retry. The last one's error is
// that of the turn, joined with those before it. Retrying comes first: give it
// models that retry.
func Fallback(models ...model.Model) model.Model {
	if len(models) == 1 {
		return models[0]
	}
	return fallback(models)
}

type fallback []model.Model

// Info names the preferred model, and is careful about the rest: whoever
// answers, the conversation fits it and it costs no more. model.Answer tells who
// really answered.
func (f fallback) Info() model.Info {
	info := f[0].Info()
	for _, m := range f[1:] {
		other := m.Info()
		info.ContextTokens = lower(info.ContextTokens, other.ContextTokens)
		info.MaxOutputTokens = lower(info.MaxOutputTokens, other.MaxOutputTokens)
		p, q := &info.Price, other.Price
		p.Input, p.Output = max(p.Input, q.Input), max(p.Output, q.Output)
		p.CacheRead, p.CacheWrite = max(p.CacheRead, q.CacheRead), max(p.CacheWrite, q.CacheWrite)
		p.Known = p.Known && q.Known
	}
	return info
}

// lower returns the lower of two limits, of which 0 is not known.
func lower(a, b int) int {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

func (f fallback) Turn(ctx context.Context, r model.Request) iter.Seq2[model.Delta, error] {
	return func(yield func(model.Delta, error) bool) {
		var failures []error
		for _, m := range f {
			failure := relay(m.Turn(ctx, r), yield)
			if failure == nil {
				return
			}
			failures = append([]error{failure}, failures...)
			var e *model.Error
			if ctx.Err() != nil || !errors.As(failure, &e) || !e.Unavailable() {
				break
			}
		}
		yield(model.Delta{}, errors.Join(failures...))
	}
}

// relay passes a turn on and returns the error that ended it.
func relay(turn iter.Seq2[model.Delta, error], yield func(model.Delta, error) bool) error {
	for d, err := range turn {
		if err != nil {
			return err
		}
		if !yield(d, nil) {
			return nil
		}
	}
	return nil
}
