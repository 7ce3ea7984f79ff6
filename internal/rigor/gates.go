package rigor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"autonoma"
	"autonoma/internal/gate"
	"autonoma/internal/journal"
	"autonoma/internal/workspace"
)

// Gates are what gates came to: the data of an [autonoma.EventWork].
type Gates struct {
	What string `json:"what"` // as in gates.review.0
	gate.Outcome
}

// Key implements [journal.Entry].
func (g Gates) Key() string { return g.What }

// inspectAndGate inspects, and goes on only if the gates let it that hold before the
// work.
func (x *execution) inspectAndGate(ctx context.Context) (string, error) {
	said, err := x.inspect(ctx)
	if err != nil {
		return "", err
	}
	g, err := x.measure(ctx, "gates.inspect", gate.AtStart)
	if err != nil {
		return "", err
	}
	x.gates = g.Gates
	if failed := gate.Blocked(g.Gates); len(failed) > 0 {
		return "", gate.Failure(failed)
	}
	return said, nil
}

// gateWords measures what there is to measure of work that made no commit.
func (x *execution) gateWords(ctx context.Context) error {
	at := gate.AtDocument
	if x.Agent.Yields == autonoma.Judgment {
		at = gate.AtJudgment
	}
	g, err := x.measure(ctx, "gates.review", at)
	x.result.Gates = gate.Merge(x.gates, g.Gates)
	return err
}

// gateChange measures the change of the whole run up to the commit.
func (x *execution) gateChange(ctx context.Context, try int) (Gates, error) {
	g, err := x.measure(ctx, fmt.Sprintf("gates.review.%d", try), gate.AtChange)
	x.result.Gates = gate.Merge(x.gates, g.Gates)
	return g, err
}

// withheld is the failure of an execution whose change must not leave.
func (g Gates) withheld() error {
	if len(g.Withheld) == 0 {
		return nil
	}
	f := gate.Failure(slices.DeleteFunc(gate.Blocked(g.Gates), func(o autonoma.Gate) bool { return !slices.Contains(g.Withheld, o.ID) }))
	f.Message += "; nothing of the change was delivered"
	return f
}

// toMend tells the agent what it has to mend before gates let its change pass, as often
// as the scope allows.
func (x *execution) toMend(b *brief, g Gates, try int) bool {
	if len(g.Mend) == 0 || try >= x.rigor.Repairs {
		return false
	}
	b.part("Not done yet", text("gates"))
	b.data("What does not pass", "gates", "- "+strings.Join(g.Mend, "\n- "), x.Policy.Prompt.Output)
	return true
}

// measure journals what the gates of a moment come to. Where there is nothing to
// measure, nothing is journaled; what an earlier version or setting did stays so.
func (x *execution) measure(ctx context.Context, key string, at gate.Moment) (Gates, error) {
	gates := x.Policy.Gates
	wanted := gates.Wants(at, x.scope())
	if x.Journal.Replaying() {
		wanted = journal.Comes[Gates](x.Journal, autonoma.EventWork, key)
	}
	if !wanted {
		return Gates{}, nil
	}
	return work(ctx, x, key, func(ctx context.Context) (Gates, error) {
		f := x.facts(ctx)
		if at == gate.AtChange {
			if err := x.runMore(ctx, f); err != nil {
				return Gates{}, err
			}
		}
		out, err := gates.Measure(ctx, at, f)
		return Gates{What: key, Outcome: out}, err
	})
}

// facts are what the gates look at.
func (x *execution) facts(ctx context.Context) *gate.Facts {
	run := string(x.Run.ID)
	tree := func(commit string) func(context.Context) (gate.Tree, error) {
		// The files are asked for as long as the gates are measured.
		return gate.Once(func(context.Context) (gate.Tree, error) { return x.Workspaces.Files(ctx, run, commit) })
	}
	f := &gate.Facts{
		Scope: x.scope(), Task: x.Run.Request.Task, Agent: x.Agent, Result: x.result, Judged: x.Run.Kind == autonoma.KindRigor,
		Allowed: x.Run.Mode, Mode: x.Execution.Mode, Budget: x.Run.Request.Budget, Used: x.Run.Usage,
		Builds: append(lines(x.look.ofBase().Build), lines(x.look.Project.Commands.Build)...), Before: x.result.Baseline,
		Packages: x.Installer.Kept(x.deps),
		Base:     tree(x.base.Commit), Head: tree(x.result.Commit),
		Patch: gate.Once(func(ctx context.Context) ([]byte, error) {
			patch, err := x.Workspaces.Text(ctx, run, x.base.Commit, x.result.Commit)
			if errors.Is(err, workspace.ErrTooLarge) {
				err = fmt.Errorf("%w: it is too large; make it smaller", gate.ErrUnreadable)
			}
			return patch, err
		}),
	}
	if x.Run.Kind == autonoma.KindWorkflow { // its steps are in the words of who asked
		f.Task += "\n" + x.Step.Asks
	}
	if x.Used != nil {
		f.Used = x.Used()
	}
	if !x.Run.StartedAt.IsZero() {
		f.Age = time.Since(x.Run.StartedAt)
	}
	if v := x.result.Verification; v != nil {
		f.After = v.Commands
	}
	f.Documents = append(f.Documents, gate.Document{Step: "research", Text: x.result.Context})
	for _, e := range x.Earlier {
		f.Documents = append(f.Documents, gate.Document{Step: e.Step.ID, Text: e.Result.Document})
	}
	return f
}

// runMore runs the commands that only gates want to know the outcome of, in clean
// checkouts: nothing of that where the checks do not pass, which is enough to mend.
func (x *execution) runMore(ctx context.Context, f *gate.Facts) error {
	v := x.result.Verification
	if v == nil || v.Status != autonoma.Verified {
		f.Coverage.Missing = "the tests do not pass, or there are none"
		return nil
	}
	cover, covers, err := x.coverBy(ctx, f)
	if err != nil {
		return err
	}
	style := x.style()
	if !covers && len(style) == 0 {
		return nil
	}
	if len(style) > 0 {
		if err := x.styleBefore(ctx, style); err != nil {
			return err
		}
		f.Lint.Before = checked(x.styled)
	}
	b, gone, err := x.clean(ctx, "gates", x.result.Commit)
	if err != nil {
		return err
	}
	defer gone()
	after, err := x.check(ctx, b, style)
	if err != nil {
		return err
	}
	f.Lint.After = checked(after)
	if covers {
		f.Coverage, err = x.cover(ctx, b, cover)
	}
	return err
}

// style returns the commands that check style, if a gate wants to know of them: those of
// the base of the run, so that no change can choose what it is held to.
func (x *execution) style() []string {
	if !x.Policy.Gates.Measures("lint", x.scope()) {
		return nil
	}
	c := x.look.ofBase()
	return lines(append(c.Lint[:len(c.Lint):len(c.Lint)], c.Format...))
}

// styleBefore runs the commands that check style on the base of the run.
func (x *execution) styleBefore(ctx context.Context, style []string) error {
	if x.styled != nil {
		return nil
	}
	b, gone, err := x.clean(ctx, "gates", x.base.Commit)
	if err != nil {
		return err
	}
	defer gone()
	x.styled, err = x.check(ctx, b, style)
	return err
}

// coverBy returns what measures the coverage of the tests, if a gate wants to know it.
func (x *execution) coverBy(ctx context.Context, f *gate.Facts) (gate.CoverCommand, bool, error) {
	if p := x.Policy.Gates; !p.Measures("test_coverage", f.Scope) || p.Gates["test_coverage"].Threshold[f.Scope] == 0 {
		return gate.CoverCommand{}, false, nil
	}
	base, err := f.Base(ctx)
	if err != nil {
		return gate.CoverCommand{}, false, err
	}
	by, ok := gate.CoverBy(x.commands(), base)
	if !ok {
		f.Coverage.Missing = "no tool is known that measures the coverage of these tests"
	}
	return by, ok, nil
}

// cover measures coverage. A tool that cannot do it is no fault of the change.
func (x *execution) cover(ctx context.Context, b *bench, by gate.CoverCommand) (gate.Coverage, error) {
	out := &excerpt{keep: coverOutput}
	exit, err := b.run(ctx, by.Command, b.limits.Wall, out)
	if err != nil {
		return gate.Coverage{}, fmt.Errorf("check %s: %w", by.Command, err)
	}
	return by.Read(out.String(), exit.Code == 0 && exit.Reason == ""), nil
}
