package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"reflect"

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
	s.describeBody(op, bodyOf(reflect.TypeFor[In]()))
}

// describeBody adds to the document the body that an operation reads by itself: were
// it there from the beginning, huma would read it.
func (s *server) describeBody(op huma.Operation, body reflect.Type) {
	if body == nil {
		return
	}
	doc := s.api.OpenAPI()
	schema := doc.Components.Schemas.Schema(body, true, "")
	for _, registered := range operations(doc.Paths[op.Path]) {
		if registered.OperationID == op.OperationID {
			registered.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
		}
	}
}

// bodyOf returns the type of the body that a request brings: what is in the field
// [sent], which reads it; nil if there is none.
func bodyOf(in reflect.Type) reflect.Type {
	field, ok := in.FieldByName("Sent")
	if !ok {
		return nil
	}
	value, _ := field.Type.FieldByName("Value")
	return value.Type
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
