package rigor

import (
	"context"
	"fmt"

	"autonoma"
	"autonoma/internal/workspace"
)

// State is a state of the branch: the data of an [autonoma.EventWork].
type State struct {
	What    string `json:"what"` // as in commit
	Commit  string `json:"commit"`
	Changed bool   `json:"changed,omitempty"`
}

// Key implements [journal.Entry].
func (s State) Key() string { return s.What }

// review finds out what there is to know of what the agent left, and whether it may
// be taken over.
func (x *execution) review(ctx context.Context) (string, error) {
	said, err := x.prove(ctx)
	if err == nil {
		err = x.gains(ctx)
	}
	if err == nil {
		err = x.consent(ctx)
	}
	if err == nil && len(x.result.Measurements) > 0 {
		said += "; " + gain(x.result.Measurements)
	}
	return said, err
}

// prove makes a commit of what the agent left and finds out, in a clean checkout of
// exactly that commit, whether it passes its checks.
func (x *execution) prove(ctx context.Context) (string, error) {
	x.result.Base, x.result.Commit = x.base.Commit, x.start
	if x.Agent.Yields != autonoma.Change {
		x.result.Verification = x.verified()
		return "nothing was changed", x.gateWords(ctx)
	}
	for try := 0; ; try++ {
		state, err := work(ctx, x, fmt.Sprintf("commit.%d", try), func(ctx context.Context) (State, error) {
			return x.commit(ctx, fmt.Sprintf("commit.%d", try))
		})
		if err != nil {
			return "", err
		}
		x.result.Commit, x.result.Changed = state.Commit, state.Changed
		if !state.Changed && len(x.Step.Merges) == 0 {
			x.result.Verification = x.verified()
			return "nothing was changed", x.gateWords(ctx)
		}
		v, err := x.verify(ctx, try)
		if err != nil {
			return "", err
		}
		x.result.Verification = &v
		gates, err := x.gateChange(ctx, try)
		if err != nil {
			return "", err
		}
		var b brief
		if x.worker == nil {
			x.introduce(&b)
		}
		if elsewhere, mend := x.failsElsewhere(&b, v, try), x.toMend(&b, gates, try); !elsewhere && !mend {
			return x.reviewed(v), gates.withheld()
		}
		commit, changed := x.result.Commit, x.result.Changed
		err = x.ask(ctx, b.String())
		if left, err := x.unaffordable(ctx, err, "repaired elsewhere"); err != nil {
			return "", err
		} else if left { // what must not leave does not leave for want of a repair
			return x.reviewed(v), gates.withheld()
		}
		x.result.Base, x.result.Commit, x.result.Changed = x.base.Commit, commit, changed
	}
}

// failsElsewhere tells the agent of a result that passes where it worked and not in a
// clean checkout: it depends on something that was left there. The agent may mend that
// once.
func (x *execution) failsElsewhere(b *brief, v autonoma.Verification, try int) bool {
	if v.Status != autonoma.NotVerified || len(failing(x.after)) > 0 || try > 0 || x.rigor.Repairs == 0 {
		return false
	}
	b.part("Not done yet", text("elsewhere"))
	b.data("Checks that do not pass in a clean checkout", "checks", describe(failing(checks(v.Commands)), x.Policy.Prompt.Output), 0)
	return true
}

func (x *execution) reviewed(v autonoma.Verification) string {
	switch v.Status {
	case autonoma.Verified:
		return fmt.Sprintf("all %d checks pass on %.12s in a clean checkout", len(v.Commands), v.Commit)
	case autonoma.NotVerified:
		return fmt.Sprintf("%d of %d checks fail on %.12s in a clean checkout", len(failing(checks(v.Commands))), len(v.Commands), v.Commit)
	case autonoma.NotApplicable:
	}
	return fmt.Sprintf("committed as %.12s; there are no checks to run", v.Commit)
}

// verified returns the verification of the commit this execution began at, if an
// earlier step has one.
func (x *execution) verified() *autonoma.Verification {
	for i := len(x.Earlier) - 1; i >= 0; i-- {
		if v := x.Earlier[i].Result.Verification; v != nil && v.Commit == x.start {
			return v
		}
	}
	return nil
}

// commit makes a commit of the files as the agent left them, on top of the commit
// it began at.
func (x *execution) commit(ctx context.Context, what string) (State, error) {
	at, _, err := x.bench.checkpoint(ctx, string(x.Execution.ID)+" review")
	if err != nil {
		return State{}, err
	}
	said := autonoma.Visible(x.result.Summary) // a terminal shows it
	message := fmt.Sprintf("%s\n\n%s\n\nAutonoma-Run: %s\nAutonoma-Agent: %s\n", subject(said, x.title()), body(said), x.Run.ID, x.Agent.ID)
	author := fmt.Sprintf("%s <%s@autonoma.invalid>", x.Agent.ID, x.Agent.ID)
	parents := x.Step.Merges // what came between, with its conflicts, is nothing for the history
	if len(parents) == 0 {
		parents = []string{x.start}
	}
	commit, err := x.Workspaces.Commit(ctx, string(x.Run.ID), workspace.CommitRequest{
		Checkpoint: at.Commit, Parents: parents, Message: message, Author: author, Date: x.Execution.StartedAt,
	})
	if err != nil {
		return State{}, err
	}
	diff, err := x.Workspaces.Diff(ctx, string(x.Run.ID), x.start, commit)
	if err != nil {
		return State{}, err
	}
	if len(diff.Files) == 0 {
		return State{What: what, Commit: x.start}, nil
	}
	return State{What: what, Commit: commit, Changed: true}, nil
}

// verify runs the checks on the result, in a clean checkout.
func (x *execution) verify(ctx context.Context, try int) (autonoma.Verification, error) {
	v := autonoma.Verification{Status: autonoma.NotApplicable, Commit: x.result.Commit, Commands: []autonoma.Checked{}}
	if !x.rigor.Checks || len(x.commands()) == 0 {
		return v, nil
	}
	what := fmt.Sprintf("verification.%d", try)
	c, err := work(ctx, x, what, func(ctx context.Context) (Checks, error) {
		return x.checkCommit(ctx, what, x.result.Commit)
	})
	if err != nil {
		return v, err
	}
	v.Status, v.Commands = autonoma.Verified, compare(x.before, c.Checks)
	if how := c.Isolation; how != nil { // as it was then: the server may have been started again at another level
		v.Isolation, v.ProvenBy, v.NotProven = how.Level, how.ProvenBy, how.NotProven
	}
	v.Tools, v.StartedAt, v.EndedAt = c.Tools, c.StartedAt, c.EndedAt
	if len(failing(c.Checks)) > 0 {
		v.Status = autonoma.NotVerified
	}
	return v, nil
}

// compare puts the outcomes of the same commands before and after side by side.
func compare(before, after []Check) []autonoma.Checked {
	all := checked(after)
	for i := range all {
		all[i].After = outcome(after[i])
		for _, b := range before {
			if b.Command == after[i].Command {
				all[i].Before = outcome(b)
			}
		}
	}
	return all
}

func outcome(c Check) string {
	if c.OK() {
		return autonoma.Passed
	}
	return autonoma.Failing
}
