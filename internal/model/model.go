// Package model talks to language models.
//
// The vocabulary is what an agent needs and no more: a [Request] is the whole
// conversation so far, a [Model] answers it in pieces, and only the last piece
// carries the [Answer]. That is the one idea to know: nothing may be acted on
// before [Delta.Done], because an answer that was cut off looks, up to the cut,
// exactly like a good one.
//
// Each protocol lives in a package of its own below this one (anthropic,
// openai) and translates to and from this vocabulary; [Retry] and [Stall] are
// models that wrap models. This package knows no provider, reads no
// environment and keeps no conversation: whoever asks gives the whole of it
// each time, and journals what came back.
package model

import (
	"context"
	"encoding/json"
	"iter"
)

// A Model continues conversations. It may be used by many goroutines at once.
type Model interface {
	// Turn asks for the next message and yields it in pieces, as the model
	// speaks; the last Delta carries Done. After an error it yields nothing
	// more. The error is an *[Error] unless the context ended, in which case
	// it wraps the context's cause. Nothing is asked before the sequence is
	// ranged over, and each ranging asks anew.
	Turn(ctx context.Context, r Request) iter.Seq2[Delta, error]
	// Info tells which model this is, as far as it was known before asking.
	Info() Info
}

// Info describes a model.
type Info struct {
	Provider        string // "anthropic", "openai", "ollama", "script" …
	Name            string // as the provider calls it
	Effort          string // how hard it thinks; empty: as the provider likes
	ContextTokens   int    // input and output together; 0: not known
	MaxOutputTokens int    // the most one answer may hold; 0: not known
	Price           Price
}

// A Request is all that a model gets to know.
type Request struct {
	System   string
	Messages []Message
	Tools    []ToolSpec
	// MaxTokens bounds the answer. 0 means the most that the model can do, as
	// far as known.
	MaxTokens int
}

// A Message is something said by one side. It is plain data: its JSON form is
// kept in the journal, and what is read back from there must be given to the
// model exactly as it was.
type Message struct {
	Role  Role   `json:"role"`
	Text  string `json:"text,omitempty"`
	Calls []Call `json:"calls,omitempty"` // from the assistant: what it wants done

	Answer string `json:"answer,omitempty"` // from a tool: the ID of the call that Text answers
	Failed bool   `json:"failed,omitempty"` // from a tool: the call did not do what was wanted

	// Opaque holds what the provider wants to be given back as it came, such
	// as signed thoughts. It is understood only by the wire that made it;
	// every other wire leaves it out.
	Opaque json.RawMessage `json:"opaque,omitempty"`
}

// A Role tells who speaks.
type Role string

// The roles in a conversation.
const (
	User      Role = "user"
	Assistant Role = "assistant"
	Tool      Role = "tool"
)

// A Call asks for a tool to be used.
type Call struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Args is the text that the model wrote. It should be a JSON object and
	// may be anything: whoever runs the call must check.
	Args string `json:"args"`
}

// A ToolSpec tells a model about a tool.
type ToolSpec struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Schema      json.RawMessage `json:"schema"` // JSON Schema, of type object
}

// An Answer is a whole turn of a model.
type Answer struct {
	Message Message    `json:"message"`
	Usage   Usage      `json:"usage"`
	Stop    StopReason `json:"stop"`
	// ID is what the provider calls this response. Where a provider names
	// none, it is empty.
	ID string `json:"id,omitempty"`
	// Model is the name of the model that answered, as the provider reports
	// it: an alias is resolved here, and so is a fall-back.
	Model string `json:"model,omitempty"`
	// Price is what the model that answered charges, so that
	// Usage.Cost(Price) holds for a fall-back too.
	Price Price `json:"price,omitzero"`
}

// A StopReason tells why a model stopped speaking.
type StopReason string

// Why a model stops. A model that will not answer at all does not stop: the
// turn fails with an [Error] of kind [Refused].
const (
	StopEnd    StopReason = "end"        // it has said what it wanted to
	StopCalls  StopReason = "calls"      // it waits for its calls to be answered
	StopLength StopReason = "max_tokens" // it ran into MaxTokens; its last call may be incomplete
	StopPause  StopReason = "pause"      // the provider broke a long turn: ask again with this message appended
)

// A Delta is a piece of a turn. All fields may be empty: then it only says that
// the model is at work, for instance on the arguments of a call.
type Delta struct {
	Text     string  // what was said since the last piece
	Thinking string  // what was thought since the last piece, where a provider shows it
	Done     *Answer // the whole turn, in the last piece and nowhere else
}

// Collect listens to the end, passing on each piece as it comes (heard may be
// nil), and returns the whole answer. A sequence that ends without one is an
// [Error] of kind [Cut].
func Collect(turn iter.Seq2[Delta, error], heard func(Delta)) (Answer, error) {
	for d, err := range turn {
		if err != nil {
			return Answer{}, err
		}
		if heard != nil {
			heard(d)
		}
		if d.Done != nil {
			return *d.Done, nil
		}
	}
	return Answer{}, &Error{Kind: Cut, Message: "the model stopped before its answer was whole"}
}
