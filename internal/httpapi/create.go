package httpapi

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/danielgtaylor/huma/v2"

	"autonoma"
	"autonoma/internal/service"
)

// Named is what requests have in common that make something. What is embedded in
// what huma reads has to be exported.
type Named struct {
	IdempotencyKey string `header:"Idempotency-Key" doc:"Names the request: sent again within 24 hours with the same key, it is answered as before and makes nothing new."`
}

// once returns what the client calls its request, and its body.
func (n *Named) once() (name string, body []byte) { return n.IdempotencyKey, nil }

// Creation is a request that makes something, with a body.
type Creation[T any] struct {
	Named
	Sent sent[T]
}

func (c *Creation[T]) once() (name string, body []byte) { return c.IdempotencyKey, c.Sent.raw }

// repeatable is a request that may be sent again.
type repeatable interface {
	once() (name string, body []byte)
}

// created is the answer to a request that made something.
type created[Body any] struct {
	Location string `header:"Location" doc:"Path of what was made."`
	Replayed string `header:"Idempotent-Replayed" doc:"True if this is the answer that was given before."`
	Body     Body
}

// kept is an answer as it is kept, to be given again.
type kept[Body any] struct {
	Location string `json:"location,omitempty"`
	Body     Body   `json:"body"`
}

// creates registers an operation that makes a T, which show turns into the path of
// what was made and the body of the answer. A client that names its request with
// an Idempotency-Key may send it again: the answer is kept in the transaction that
// makes the T, and given again.
func creates[In, T, Body any](s *server, op huma.Operation,
	do func(context.Context, autonoma.Actor, *In, service.Also[T]) (T, error),
	show func(T) (location string, body Body),
) {
	op.Errors = append(op.Errors, 400, 403, 408, 409, 413, 415, 422)
	handle(s, op, func(ctx context.Context, by autonoma.Actor, in *In) (*created[Body], error) {
		receipt, err := s.receipt(ctx, by, any(in).(repeatable))
		if err != nil {
			return nil, err
		}
		if before, err := answered[Body](ctx, receipt); before != nil || err != nil {
			return before, err
		}
		var told *kept[Body]
		made, err := do(ctx, by, in, service.Keep(receipt, func(v T) ([]byte, error) {
			location, body := show(v)
			told = &kept[Body]{location, body}
			return json.Marshal(told)
		}))
		if errors.Is(err, service.ErrAnswered) { // the same request came twice at once
			return answered[Body](ctx, receipt)
		}
		if err != nil {
			return nil, err
		}
		if told == nil { // nothing was kept
			location, body := show(made)
			told = &kept[Body]{location, body}
		}
		return &created[Body]{Location: told.Location, Body: told.Body}, nil
	})
}

// receipt returns the receipt for a request that the client has named, or nil.
func (s *server) receipt(ctx context.Context, by autonoma.Actor, in repeatable) (*service.Receipt, error) {
	name, body := in.once()
	if name == "" || s.Receipts == nil {
		return nil, nil
	}
	return s.Receipts.For(by, name, append([]byte(noteOf(ctx).request+"\n"), body...))
}

// answered returns what was answered to a request before, or nil.
func answered[Body any](ctx context.Context, receipt *service.Receipt) (*created[Body], error) {
	if receipt == nil {
		return nil, nil
	}
	text, err := receipt.Answer(ctx)
	if text == nil || err != nil {
		return nil, err
	}
	var before kept[Body]
	if err := json.Unmarshal(text, &before); err != nil {
		return nil, err
	}
	return &created[Body]{before.Location, "true", before.Body}, nil
}
