package rigor

import (
	"context"
	"fmt"

	"autonoma"
	"autonoma/internal/agent"
	"autonoma/internal/project"
)

// Checkpoint names a state of the files.
type Checkpoint = agent.Checkpoint

// optimize formats, builds and tests what the agent left, and gives back to it
// what does not pass.
func (x *execution) optimize(ctx context.Context) (string, error) {
	if x.Agent.Yields != autonoma.Change {
		return "nothing to optimize in a " + string(x.Agent.Yields), nil
	}
	if err := x.lookAgain(ctx); err != nil {
		return "", err
	}
	for try := 0; ; try++ {
		c, err := work(ctx, x, fmt.Sprintf("checks.%d", try), func(ctx context.Context) (Checks, error) {
			return x.checkWork(ctx, fmt.Sprintf("checks.%d", try))
		})
		if err != nil {
			return "", err
		}
		x.after = c.Checks
		bad := failing(c.Checks)
		if len(bad) == 0 || try >= x.rigor.Repairs {
			break
		}
		err = x.repair(ctx, bad)
		if left, err := x.unaffordable(ctx, err, fmt.Sprintf("repaired.%d", try)); err != nil {
			return "", err
		} else if left {
			break
		}
	}
	if err := x.polish(ctx); err != nil {
		return "", err
	}
	switch bad := len(failing(x.after)); {
	case len(x.after) == 0:
		return "no checks to run", nil
	case bad > 0:
		return fmt.Sprintf("%d of %d checks fail", bad, len(x.after)), nil
	}
	return fmt.Sprintf("all %d checks pass", len(x.after)), nil
}

// lookAgain finds the commands of a project that had none before.
func (x *execution) lookAgain(ctx context.Context) error {
	if !x.rigor.Checks || len(x.commands()) > 0 {
		return nil
	}
	again, err := work(ctx, x, "look again", func(ctx context.Context) (Look, error) {
		p, err := project.Look(ctx, x.bench.files.FS())
		p.Docs, p.CI = nil, nil
		return Look{What: "look again", Base: x.base.Commit, Project: p}, err
	})
	x.look.Project.Commands = again.Project.Commands
	return err
}

// checkWork runs the project's formatter and the checks in the agent's checkout.
func (x *execution) checkWork(ctx context.Context, what string) (Checks, error) {
	c := Checks{What: what, Checks: []Check{}}
	if !x.rigor.Checks {
		return c, nil
	}
	if err := x.format(ctx); err != nil {
		return c, err
	}
	at, changed, err := x.bench.checkpoint(ctx, fmt.Sprintf("%s format", x.Execution.ID))
	if err != nil {
		return c, err
	}
	if changed {
		c.Checkpoint = Checkpoint{Commit: at.Commit, Changed: at.Changed}
	}
	c.Checks, err = x.check(ctx, x.bench, x.commands())
	if err != nil {
		return c, err
	}
	// What the checks leave behind is not part of the change.
	return c, x.bench.files.Restore(ctx, at.Commit)
}

// format runs the formatters of the project, if the files were well formatted
// before: a change should not reformat what others left.
func (x *execution) format(ctx context.Context) error {
	for _, f := range x.look.Project.Commands.Format {
		if f.Fix == "" {
			continue
		}
		b, err := x.formatted(ctx, line(f.Run, f.Dir))
		if err != nil {
			return err
		}
		if b {
			if _, err := x.check(ctx, x.bench, []string{line(f.Fix, f.Dir)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// formatted reports whether the commit this execution began at passes a
// formatter's check.
func (x *execution) formatted(ctx context.Context, command string) (bool, error) {
	if known, ok := x.wellFormed[command]; ok {
		return known, nil
	}
	b, gone, err := x.clean(ctx, "format", x.start)
	if err != nil {
		return false, err
	}
	defer gone()
	ran, err := x.check(ctx, b, []string{command})
	if err != nil {
		return false, err
	}
	if x.wellFormed == nil {
		x.wellFormed = map[string]bool{}
	}
	x.wellFormed[command] = ran[0].OK()
	return ran[0].OK(), nil
}

// repair tells the agent what does not pass and lets it go on.
func (x *execution) repair(ctx context.Context, bad []Check) error {
	var b brief
	if x.worker == nil { // what was brought together without it
		x.introduce(&b)
	}
	b.part("Not done yet", text("repair"))
	b.data("Checks that do not pass", "checks", describe(bad, x.Policy.Prompt.Output), 0)
	return x.ask(ctx, b.String())
}

// simplify lets the agent go over its change once more.
func (x *execution) simplify(ctx context.Context) error {
	good, patch, err := x.passing(ctx, "to simplify")
	if err != nil || patch == "" {
		return err
	}
	var b brief
	b.part("Once more", text("simplify"))
	b.data("Your change", "diff", patch, x.Policy.Prompt.Diff)
	_, err = x.goOver(ctx, "simplified", autonoma.CauseSimplify, good, b.String())
	return err
}

// passing returns the state of the files, which passes its checks, and what was changed
// up to there; no patch if nothing was.
func (x *execution) passing(ctx context.Context, what string) (good State, patch string, err error) {
	good, err = work(ctx, x, what, func(context.Context) (State, error) {
		return State{What: what, Commit: x.bench.files.Head()}, nil
	})
	if err != nil || good.Commit == x.start {
		return good, "", err
	}
	diff, err := x.Workspaces.Diff(ctx, string(x.Run.ID), x.start, good.Commit)
	return good, string(diff.Patch), err
}

// goOver lets the agent go on with a change that passes its checks, and takes that back
// if it comes to no end or they do not pass any longer. It reports whether it is kept.
func (x *execution) goOver(ctx context.Context, what string, cause autonoma.Cause, good State, prompt string) (kept bool, err error) {
	x.worker.Phase, x.worker.Cause = x.now, cause
	done, err := x.worker.More(ctx, prompt)
	if _, gaveUp := failure(err); gaveUp {
		return false, x.takeBack(ctx, "not "+what, good) // what passes its checks does not fail for want of polish
	}
	if err != nil {
		return false, err
	}
	c, err := work(ctx, x, "checks."+what, func(ctx context.Context) (Checks, error) {
		c, err := x.checkWork(ctx, "checks."+what)
		if err == nil && len(failing(c.Checks)) > 0 {
			err = x.bench.files.Restore(ctx, good.Commit)
			c.Checkpoint = Checkpoint{Commit: good.Commit}
		}
		return c, err
	})
	if err != nil || len(failing(c.Checks)) > 0 {
		return false, err
	}
	x.keep(done)
	return true, nil
}

// takeBack puts the files back to a state that passes its checks.
func (x *execution) takeBack(ctx context.Context, what string, good State) error {
	_, err := work(ctx, x, what, func(ctx context.Context) (Checks, error) {
		return Checks{What: what, Checkpoint: Checkpoint{Commit: good.Commit}}, x.bench.files.Restore(ctx, good.Commit)
	})
	return err
}
