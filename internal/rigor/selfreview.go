package rigor

import (
	"context"
	"fmt"

	"autonoma"
	"autonoma/internal/journal"
)

// polish has the agent go over a change once more that passes its checks: for the
// points of a review of its own where the tier has one, which looks for what can be
// simpler as well, or else to make it simpler where the scope wants that.
func (x *execution) polish(ctx context.Context) error {
	reviews, simplifies := x.Policy.Tiers[x.intelligence()].SelfReview, x.rigor.Simplify
	if x.Journal.Replaying() { // what an earlier version did stays so
		simplifies = journal.Comes[State](x.Journal, autonoma.EventWork, "to simplify")
		if !journal.Comes[State](x.Journal, autonoma.EventWork, "to be reviewed.0") {
			reviews = 0
		}
	}
	switch {
	case x.worker == nil || len(failing(x.after)) > 0: // it was brought together without an agent, or is not good yet
		return nil
	case reviews > 0:
		for n := range reviews {
			if again, err := x.selfReview(ctx, n); err != nil || !again {
				return err
			}
		}
		return nil
	case simplifies:
		return x.simplify(ctx)
	}
	return nil
}

// selfReview has the change judged in a conversation that knows nothing of how it was
// made, and the agent mend what that finds, once. It reports whether anything was.
func (x *execution) selfReview(ctx context.Context, n int) (mended bool, err error) {
	what := fmt.Sprintf("reviewed.%d", n)
	good, patch, err := x.passing(ctx, "to be "+what)
	if err != nil || patch == "" {
		return false, err
	}
	a := x.agent(fmt.Sprintf("selfreview.%d", n), autonoma.OptimizePhase, autonoma.Judgment, readers(x.bench))
	a.Cause = autonoma.CauseSelfReview
	var b brief
	x.request(&b)
	b.data("The change", "diff", patch, x.Policy.Prompt.Diff)
	found, err := a.Work(ctx, system(x.Agent, autonoma.OptimizePhase, text("selfreview")), b.String())
	if _, gaveUp := failure(err); gaveUp {
		return false, x.takeBack(ctx, "not "+what, good) // what passes its checks does not fail for want of a review
	}
	if err != nil || found.Verdict != autonoma.Changes {
		return false, err
	}
	b = brief{}
	b.part("Once more", text("mend"))
	b.data("Points of the review", "review", found.Summary, x.Policy.Prompt.Document)
	return x.goOver(ctx, what, autonoma.CauseSelfReview, good, b.String())
}
