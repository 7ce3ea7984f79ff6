package script

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"unicode/utf8"

	"autonoma/internal/model"
)

// New returns a model that plays s in this process. Like a provider it refuses
// a conversation that breaks the rules (see [Check]).
func New(s *Script) model.Model { return &actor{newPlayer(s)} }

type actor struct{ *player }

// Info tells that this is a script; it costs nothing.
func (a *actor) Info() model.Info {
	return model.Info{Provider: provider, Name: a.script.Name, ContextTokens: a.script.Context, Price: model.Price{Known: true}}
}

func (a *actor) Turn(ctx context.Context, r model.Request) iter.Seq2[model.Delta, error] {
	return func(yield func(model.Delta, error) bool) {
		if err := a.play(ctx, r, func(d model.Delta) bool { return yield(d, nil) }); err != nil {
			yield(model.Delta{}, err)
		}
	}
}

// play says the next turn piece by piece until say returns false.
func (a *actor) play(ctx context.Context, r model.Request, say func(model.Delta) bool) error {
	if err := Check(r); err != nil {
		return a.script.refusal("%v", err)
	}
	at, failure, refusal := a.next(r)
	if refusal != nil {
		return refusal
	}
	if err := wait(ctx, at.say.Delay); err != nil {
		return fmt.Errorf("ask script %s: %w", a.script.Name, err)
	}
	if failure != nil && !failure.late() && !failure.Empty {
		return a.fail(ctx, *failure)
	}
	if failure != nil && failure.Empty {
		at.say = Turn{Usage: at.say.Usage}
	}
	done := a.answer(at, r)
	thinking, text := at.thinking(), done.Message.Text
	if failure != nil && failure.late() {
		thinking, text = half(thinking), half(text)
	}
	for piece := range pieces(thinking) {
		if !say(model.Delta{Thinking: piece}) {
			return nil
		}
	}
	for piece := range pieces(text) {
		if !say(model.Delta{Text: piece}) {
			return nil
		}
	}
	if failure != nil && failure.late() {
		return a.fail(ctx, *failure)
	}
	say(model.Delta{Done: &done})
	return nil
}

func (a *actor) answer(at part, r model.Request) model.Answer {
	return model.Answer{
		Message: at.message(),
		Usage:   at.usage(r),
		Stop:    at.stop(),
		ID:      newID("script_"),
		Model:   a.script.Name,
		Price:   model.Price{Known: true},
	}
}

func (p part) stop() model.StopReason {
	switch {
	case p.say.Stop == "max_tokens":
		return model.StopLength
	case len(p.say.Calls) > 0:
		return model.StopCalls
	}
	return model.StopEnd
}

// late reports whether f happens only after a part of the turn was said.
func (f Failure) late() bool { return f.Cut || f.Error != "" || f.Hang && f.After > 0 }

// fail is what f looks like to somebody who asked through a wire.
func (a *actor) fail(ctx context.Context, f Failure) error {
	e := &model.Error{Provider: provider, Model: a.script.Name, Message: f.Message}
	switch {
	case f.Hang:
		<-ctx.Done()
		return fmt.Errorf("ask script %s: %w", a.script.Name, context.Cause(ctx))
	case f.Status != 0:
		e.Kind, e.Status, e.RetryAfter = model.KindOfStatus(f.Status), f.Status, f.RetryAfter
	case f.Cut:
		e.Kind = model.Cut
	case f.Refuse:
		e.Kind = model.Refused
	case f.TooLong:
		e.Kind, e.Status = model.TooLong, http.StatusBadRequest
	default:
		e.Kind = model.Overloaded
	}
	if e.Message == "" {
		e.Message = "as the script wants it"
	}
	return e
}

func half(s string) string { return s[:len(s)/2] }

// pieces yields s a few characters at a time, as models speak.
func pieces(s string) func(func(string) bool) {
	const runes = 16
	return func(yield func(string) bool) {
		for s != "" {
			n := 0
			for i := 0; i < runes && n < len(s); i++ {
				_, w := utf8.DecodeRuneInString(s[n:])
				n += w
			}
			if !yield(s[:n]) {
				return
			}
			s = s[n:]
		}
	}
}
