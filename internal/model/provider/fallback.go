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

// Info is that of the preferred model; model.Answer tells who really answered.
func (f fallback) Info() model.Info { return f[0].Info() }

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
