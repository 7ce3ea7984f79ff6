package model

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
)

// A Cleaner takes out of texts and documents what must not be told. The same always
// becomes the same, and what was cleaned stays as it is.
type Cleaner interface {
	Text(text string) string
	JSON(doc []byte) []byte
}

// Clean returns a model that is told nothing but what c lets through, and of whose
// answers nothing else comes back. What it says meanwhile, a piece at a time, is left
// out: half of something that must not be told looks harmless.
func Clean(m Model, c Cleaner) Model { return cleaned{m, c} }

type cleaned struct {
	Model
	by Cleaner
}

// Turn implements [Model].
func (c cleaned) Turn(ctx context.Context, r Request) iter.Seq2[Delta, error] {
	return func(yield func(Delta, error) bool) {
		for d, err := range c.Model.Turn(ctx, c.request(r)) {
			if d.Done != nil {
				done := *d.Done
				done.Message = c.message(done.Message)
				d.Done = &done
			}
			d.Text, d.Thinking = "", ""
			if !yield(d, err) {
				return
			}
		}
	}
}

func (c cleaned) request(r Request) Request {
	r.System = c.by.Text(r.System)
	r.Messages, r.Tools = slices.Clone(r.Messages), slices.Clone(r.Tools)
	for i, m := range r.Messages {
		r.Messages[i] = c.message(m)
	}
	for i := range r.Tools {
		t := &r.Tools[i]
		t.Description, t.Schema = c.by.Text(t.Description), c.document(t.Schema)
	}
	return r
}

// message cleans all of a message but the names that tie a call to its answer, which
// the provider made.
func (c cleaned) message(m Message) Message {
	m.Text, m.Opaque = c.by.Text(m.Text), c.document(m.Opaque)
	m.Calls = slices.Clone(m.Calls)
	for i := range m.Calls {
		m.Calls[i].Args = c.args(m.Calls[i].Args)
	}
	return m
}

// args cleans the arguments of a call, which should be a document.
func (c cleaned) args(text string) string {
	if json.Valid([]byte(text)) {
		return string(c.by.JSON([]byte(text)))
	}
	return c.by.Text(text)
}

func (c cleaned) document(doc json.RawMessage) json.RawMessage {
	if len(doc) == 0 {
		return doc
	}
	return c.by.JSON(doc)
}
