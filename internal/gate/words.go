package gate

import (
	"context"
	"fmt"
	"slices"

	"autonoma"
)

// confidence is what the agent itself says of its work.
func confidence(_ context.Context, f *Facts) (Measured, error) {
	c := f.Result.Confidence
	return Measured{Score: &c, Message: fmt.Sprintf("%s is %.0f %% confident", f.Agent.ID, 100*c)}, nil
}

// codeReview is what a judging agent decided.
func codeReview(_ context.Context, f *Facts) (Measured, error) {
	switch f.Result.Verdict {
	case autonoma.Approve:
		return Measured{Score: new(1.0), Message: fmt.Sprintf("%s approves the change", f.Agent.ID)}, nil
	case autonoma.Changes:
		return Measured{Score: new(0.0), Message: fmt.Sprintf("%s asks for changes", f.Agent.ID)}, nil
	}
	return skipped("%s judged nothing", f.Agent.ID)
}

// acmf holds what an execution may do against what its run and its agent's maturity
// allow.
func acmf(_ context.Context, f *Facts) (Measured, error) {
	if f.Mode == "" {
		return skipped("no mode is known of this execution")
	}
	over := slices.Index(autonoma.Modes, f.Mode) > slices.Index(autonoma.Modes, f.Allowed)
	if f.Allowed != "" && over {
		return Measured{Score: new(0.0), Message: fmt.Sprintf("the execution is %s, and its run allows no more than %s", f.Mode, f.Allowed)}, nil
	}
	m := Measured{Score: new(1.0)}
	switch f.Mode {
	case autonoma.Observe:
		m.Message = "OBSERVE: what is made is kept, and applied to nothing"
	case autonoma.Learning:
		m.Message = "LEARNING: what is made waits for a human before it is delivered"
	case autonoma.Assisted:
		m.Message = "ASSISTED: what is critical waits for a human"
	case autonoma.Autonomous:
		m.Message = "AUTONOMOUS: nothing waits for a human"
	}
	if risk := autonoma.RiskOf(f.Result.Effects); len(f.Result.Effects) > 0 {
		m.Message += fmt.Sprintf("; the risk of its effects is %s", risk)
	}
	return m, nil
}

// budget is how much is left of what the run may use, of that which is shortest.
func budget(_ context.Context, f *Facts) (Measured, error) {
	left, of := 1.0, ""
	part := func(name string, used, most float64) {
		if most > 0 && (of == "" || 1-used/most < left) {
			left, of = max(0, 1-used/most), name
		}
	}
	part("money", f.Used.CostUSD, f.Budget.MaxCostUSD)
	part("tokens", float64(f.Used.Tokens()), float64(f.Budget.MaxTokens))
	part("time", f.Age.Seconds(), f.Budget.MaxDuration().Seconds())
	if of == "" {
		return skipped("the run has no budget")
	}
	return Measured{Score: &left, Message: fmt.Sprintf("%.0f %% of the run's %s is left", 100*left, of)}, nil
}
