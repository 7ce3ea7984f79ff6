package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"autonoma"
	"autonoma/internal/model"
)

// A Quote is a turn that is about to be asked for.
type Quote struct {
	Model   model.Info
	Request model.Request
	Phase   autonoma.Phase
	Cause   autonoma.Cause
}

// A Purse returns how many tokens the answer to a turn may have at most (0: as many as
// the model can), with what the turn costs at worst set aside; or an [autonoma.Failure]
// with the code [autonoma.FailBudget] if the run may not spend that.
type Purse func(context.Context, Quote) (longest int, err error)

// A Rung is one of the things to try when there is no budget for a turn.
type Rung string

// The rungs.
const (
	Cheaper Rung = "cheaper" // ask a cheaper model
	Finish  Rung = "finish"  // ask for what there is, with a short answer, once
	Stop    Rung = "stop"    // give up
)

// A Shortage says what is done when there is no budget for a turn. The zero value gives
// up.
type Shortage struct {
	Ladder  []Rung               // in order
	Answer  int                  // tokens of the answer that finishes
	Ask     string               // what asks to finish
	Cheaper func() []model.Model // the cheaper models, the best first
}

// An offer is a turn for which there is budget.
type offer struct {
	model   model.Model
	request model.Request
	cause   autonoma.Cause
}

// afford returns the next turn that there is budget for: as it should be or, if that
// is too dear, as the ladder has it. What it decides is in the journal with the turn.
func (a *Agent) afford(ctx context.Context) (offer, error) {
	o, err := a.quote(ctx, a.Model, a.Cause)
	if !short(err) {
		return o, err
	}
	for _, rung := range a.Shortage.Ladder {
		switch rung {
		case Cheaper:
			o, other := a.quoteAll(ctx, a.cheaper(), a.Cause)
			if short(other) {
				continue
			}
			if other == nil {
				a.Model = o.model
				other = a.Journal.Note(ctx, shortCode, fmt.Sprintf("there is no budget for another turn of the model before; %s goes on", o.model.Info().Name))
			}
			return o, other
		case Finish:
			if a.last {
				continue
			}
			o, other := a.quoteAll(ctx, append([]model.Model{a.Model}, a.cheaper()...), autonoma.CauseFinish)
			if short(other) {
				continue
			}
			if other == nil {
				other = a.Journal.Note(ctx, shortCode, "the budget is nearly used; the agent is asked to finish with what there is")
			}
			return o, other
		case Stop:
			return offer{}, err
		}
	}
	return offer{}, err
}

// shortCode is the code of the notices that tell of a budget that is short.
const shortCode = "budget_short"

// short reports whether an error says that there is no budget for a turn.
func short(err error) bool {
	why, ok := errors.AsType[*autonoma.Failure](err)
	return ok && why.Code == autonoma.FailBudget
}

// quote returns the next turn of a model, if there is budget for it.
func (a *Agent) quote(ctx context.Context, m model.Model, cause autonoma.Cause) (offer, error) {
	o := offer{m, a.talk, cause}
	if cause == autonoma.CauseFinish {
		o.request.MaxTokens = a.Shortage.Answer
		o.request.Messages = append(slices.Clip(a.talk.Messages), model.Message{Role: model.User, Text: a.Shortage.Ask})
	}
	var err error
	o.request.MaxTokens, err = a.Afford(ctx, Quote{Model: m.Info(), Request: o.request, Phase: a.Phase, Cause: cause})
	return o, err
}

// quoteAll returns the next turn of the first of the models for which there is budget.
func (a *Agent) quoteAll(ctx context.Context, models []model.Model, cause autonoma.Cause) (o offer, err error) {
	err = &autonoma.Failure{Code: autonoma.FailBudget, Message: "there is no cheaper model"}
	for _, m := range models {
		if o, err = a.quote(ctx, m, cause); !short(err) {
			return o, err
		}
	}
	return o, err
}

// cheaper returns the models that may go on in the place of the agent's, and can hold
// the conversation.
func (a *Agent) cheaper() []model.Model {
	if a.Shortage.Cheaper == nil {
		return nil
	}
	same := func(i, j model.Info) bool { return i.Provider == j.Provider && i.Name == j.Name }
	return slices.DeleteFunc(a.Shortage.Cheaper(), func(m model.Model) bool {
		i := m.Info()
		return same(i, a.Model.Info()) || i.ContextTokens > 0 && a.size() > share(i.ContextTokens, mostToRead)
	})
}
