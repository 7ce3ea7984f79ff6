package rigor

import (
	"context"
	"slices"

	"autonoma"
	"autonoma/internal/agent"
	"autonoma/internal/model"
)

// Quote is a turn that is about to be asked for.
type Quote = agent.Quote

// shortage is what is done in a conversation of the step when the budget gets short.
func (x *execution) shortage() agent.Shortage {
	return agent.Shortage{Ladder: x.Policy.Shortage, Answer: x.Policy.LastWord, Ask: text("shortage"), Cheaper: x.cheaper}
}

// cheaper returns the models of the tiers below that of the step, the best first.
func (x *execution) cheaper() []model.Model {
	below := slices.Clone(autonoma.Intelligences[:max(0, slices.Index(autonoma.Intelligences, x.intelligence()))])
	slices.Reverse(below)
	var models []model.Model
	for _, tier := range below {
		if m, err := x.Model(tier); err == nil { // a tier that has none is no help
			models = append(models, m)
		}
	}
	return models
}

// cause is what the turns are for that the execution asks for now.
func (x *execution) cause() autonoma.Cause {
	switch {
	case x.now == autonoma.Research:
		return autonoma.CauseResearch
	case x.now == autonoma.OptimizePhase || x.now == autonoma.Review:
		return autonoma.CauseRepair
	case x.Step.Tries > 0:
		return autonoma.CauseRetry
	case x.Step.Round > 1:
		return autonoma.CauseRework
	}
	return autonoma.CauseWork
}

// unaffordable reports whether an error says that there is no budget for a repair, and
// journals that it is left at that: what there is goes on as it is, marked as failing.
func (x *execution) unaffordable(ctx context.Context, err error, what string) (bool, error) {
	if why, ok := failure(err); !ok || why.Code != autonoma.FailBudget || ctx.Err() != nil {
		return false, err
	}
	what = "not " + what
	_, err = work(ctx, x, what, func(context.Context) (State, error) { return State{What: what}, nil })
	return true, err
}
