// Package tool is what an agent can do: run commands, read, write and edit files,
// search, and finish.
//
// A tool is a typed function. What the model reads about it is the schema of its
// arguments, made from their type, and a Markdown file beside the code. What fails
// in a tool is news for the model, which may try something else; only what fails
// beneath it, or the end of ctx, ends the run.
//
// Tools touch nothing themselves: they work at a [Desk], or somebody else does the work
// elsewhere ([Foreign]).
package tool

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"autonoma"
	"autonoma/internal/model"
)

//go:embed *.md
var texts embed.FS

// A Tool is something a model can ask for.
type Tool struct {
	model.ToolSpec
	Changes bool // whether it may change files
	// Once: it may have effects that no checkpoint undoes, so a call that was cut
	// off must not be made again.
	Once bool
	run  func(ctx context.Context, args json.RawMessage) (string, error)
}

// New makes a tool of a function whose arguments are the fields of In. What it
// does and when to use it is told to the model by the file <name>.md.
func New[In any](name string, fn func(context.Context, In) (string, error)) Tool {
	return of(name, schemaOf[In](), fn)
}

// of makes a tool as [New] does, whose arguments fit a schema.
func of[In any](name string, schema json.RawMessage, fn func(context.Context, In) (string, error)) Tool {
	text, err := texts.ReadFile(name + ".md")
	if err != nil {
		panic(err) // a file of the program is missing
	}
	return Tool{
		ToolSpec: model.ToolSpec{Name: name, Description: strings.TrimSpace(string(text)), Schema: schema},
		run: func(ctx context.Context, args json.RawMessage) (string, error) {
			var in In
			if err := decode(args, &in); err != nil {
				return "", fmt.Errorf("the arguments of %s are wrong: %w; they must fit %s", name, err, schema)
			}
			return fn(ctx, in)
		},
	}
}

// Foreign makes a tool of what somebody else says of it. What it does lies outside
// of the workspace. fn is given one JSON object, which may not fit the schema.
func Foreign(spec model.ToolSpec, fn func(ctx context.Context, args json.RawMessage) (string, error)) Tool {
	return Tool{ToolSpec: spec, Once: true, run: func(ctx context.Context, args json.RawMessage) (string, error) {
		in := map[string]json.RawMessage{}
		if err := decode(args, &in); err != nil {
			return "", fmt.Errorf("the arguments of %s are wrong: %w; they must be one JSON object", spec.Name, err)
		}
		if in == nil { // of null
			return fn(ctx, json.RawMessage("{}"))
		}
		args, err := json.Marshal(in)
		if err != nil {
			return "", err
		}
		return fn(ctx, args)
	}}
}

// schemaOf returns the JSON Schema of a type, without what models do not need.
func schemaOf[In any]() json.RawMessage {
	s, err := jsonschema.For[In](nil)
	if err != nil {
		panic(err) // the type cannot be described: a fault in the program
	}
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return b
}

// decode reads exactly one JSON object and refuses fields that are not there.
func decode(args []byte, into any) error {
	if len(bytes.TrimSpace(args)) == 0 {
		args = []byte("{}")
	}
	dec := json.NewDecoder(bytes.NewReader(args))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return errors.New("the JSON ends too soon")
		}
		return err
	}
	if dec.More() {
		return errors.New("there is something after the JSON object")
	}
	return nil
}

// A Set is the tools of one agent.
type Set []Tool

// Specs returns what a model needs to know of the tools.
func (s Set) Specs() []model.ToolSpec {
	specs := make([]model.ToolSpec, len(s))
	for i, t := range s {
		specs[i] = t.ToolSpec
	}
	return specs
}

// An Outcome is what came of a call.
type Outcome struct {
	Text    string // what to tell the model
	Failed  bool   // whether it did not do what was wanted
	Changes bool   // whether it may have changed files
}

// ErrBroken reports that the place where tools work is broken, as opposed to
// something that failed in it. There is no point in going on.
var ErrBroken = errors.New("the workspace is broken")

// longestError is how many bytes of an error a model is told: enough for the output
// of a command that failed, too little for a name as long as a book.
const longestError = 40_000

// Do does what the model asked for, and shows in what came of it what nobody would see
// ([autonoma.Visible]). It returns an error only if there is no point in going on: ctx is
// done, a human has to answer first ([autonoma.Unanswered]), or the error is an
// [ErrBroken].
func (s Set) Do(ctx context.Context, c model.Call) (Outcome, error) {
	t, ok := s.find(c.Name)
	if !ok {
		return Outcome{Text: fmt.Sprintf("error: there is no tool %q; there are %s", clip(c.Name, 50), s.names()), Failed: true}, nil
	}
	text, err := t.run(ctx, json.RawMessage(c.Args))
	_, waits := errors.AsType[*autonoma.Unanswered](err)
	switch {
	case ctx.Err() != nil:
		return Outcome{}, context.Cause(ctx)
	case waits:
		return Outcome{}, err
	case errors.Is(err, ErrBroken):
		return Outcome{}, err
	case err != nil:
		return Outcome{Text: "error: " + autonoma.Visible(clip(err.Error(), longestError)), Failed: true, Changes: t.Changes}, nil
	}
	return Outcome{Text: autonoma.Visible(text), Changes: t.Changes}, nil
}

// Once reports whether a call of that tool must not be made again.
func (s Set) Once(name string) bool {
	t, _ := s.find(name)
	return t.Once
}

func (s Set) find(name string) (Tool, bool) {
	for _, t := range s {
		if t.Name == name {
			return t, true
		}
	}
	return Tool{}, false
}

func (s Set) names() string {
	names := make([]string, len(s))
	for i, t := range s {
		names[i] = t.Name
	}
	return strings.Join(names, ", ")
}
