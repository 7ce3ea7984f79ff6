package httpapi

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"autonoma"
	"autonoma/api"
)

// handle registers an operation. What all operations do alike is here, once:
// find out who asks, and turn an error into a problem.
func handle[In, Out any](s *server, op huma.Operation, fn func(context.Context, autonoma.Actor, *In) (*Out, error)) {
	op.Responses = s.problems(op.Errors)
	op.Errors = nil
	huma.Register(s.api, op, func(ctx context.Context, in *In) (*Out, error) {
		n := noteOf(ctx)
		if n.actor.Tenant == "" { // no route may come here without a key
			return nil, s.answer(ctx, autonoma.ErrUnauthenticated)
		}
		out, err := fn(ctx, n.actor, in)
		if err != nil {
			return nil, s.answer(ctx, err)
		}
		return out, nil
	})
}

// A problemAnswer is a problem in the form in which huma writes it.
type problemAnswer struct{ *api.Problem }

// GetStatus implements [huma.StatusError].
func (p problemAnswer) GetStatus() int { return p.Status }

// ContentType implements [huma.ContentTypeFilter].
func (p problemAnswer) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// answer turns an error into what is told about it, and keeps the error itself
// for the log.
func (s *server) answer(ctx context.Context, err error) problemAnswer {
	n := noteOf(ctx)
	n.err = err
	p := *api.ProblemOf(err)
	p.RequestID = n.id
	return problemAnswer{&p}
}

// translate makes our problems of those that huma finds by itself: parameters
// that do not fit. It never repeats what was sent.
func (s *server) translate(ctx huma.Context, _ string, v any) (any, error) {
	model, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	if model.Status != http.StatusUnprocessableEntity {
		return s.answer(ctx.Context(), fmt.Errorf("huma: %d %s", model.Status, model.Detail)), nil
	}
	var faults autonoma.FieldErrors
	for _, e := range model.Errors {
		faults = append(faults, &autonoma.FieldError{Field: parameter(e.Location), Reason: e.Message})
	}
	return s.answer(ctx.Context(), faults), nil
}
