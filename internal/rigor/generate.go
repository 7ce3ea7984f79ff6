package rigor

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"autonoma"
	"autonoma/internal/tool"
)

// generate lets the agent do the work.
func (x *execution) generate(ctx context.Context) (string, error) {
	if len(x.Step.Merges) > 0 {
		return x.reconcile(ctx)
	}
	if err := x.weighRisks(ctx); err != nil {
		return "", err
	}
	prompt, err := x.prompt(ctx)
	if err != nil {
		return "", err
	}
	if err := x.ask(ctx, prompt); err != nil {
		return "", err
	}
	return x.result.Summary, nil
}

// ask begins the conversation of the work itself, or goes on with it, and keeps what
// the agent says when it finishes.
func (x *execution) ask(ctx context.Context, prompt string) error {
	var done autonoma.Result
	var err error
	if x.worker == nil {
		x.worker = x.agent("generate", x.now, x.Agent.Yields, x.tools())
		x.worker.Reports = x.reports()
		done, err = x.worker.Work(ctx, x.Network.rules(system(x.Agent, autonoma.Generate, x.Agent.Prompt, text(string(x.Agent.Yields)))), prompt)
	} else {
		x.worker.Phase, x.worker.Cause = x.now, x.cause()
		done, err = x.worker.More(ctx, prompt)
	}
	if err == nil {
		x.keep(done)
	}
	return err
}

// keep takes over what the agent said of its work.
func (x *execution) keep(done autonoma.Result) {
	for _, d := range x.result.Decisions { // of what it did before it was sent back
		if !slices.Contains(done.Decisions, d) {
			done.Decisions = append(done.Decisions, d)
		}
	}
	done.Context, done.Researched = x.result.Context, x.result.Researched
	done.Installed, done.Baseline, done.History = x.result.Installed, x.result.Baseline, x.result.History
	if done.Document == "" {
		done.Document = x.result.Document
	}
	if done.Findings == nil {
		done.Findings = x.result.Findings
	}
	if done.Measurements == nil {
		done.Measurements = x.result.Measurements
	}
	x.result = done
}

// reports is what the agent has to name one by one in this step.
func (x *execution) reports() []autonoma.Report {
	if len(x.Step.Reports) > 0 {
		return x.Step.Reports
	}
	return x.Agent.Reports
}

// weighRisks has the risks of a change named before it is made, where the scope
// asks for that.
func (x *execution) weighRisks(ctx context.Context) error {
	if !x.rigor.Risks || x.Agent.Yields != autonoma.Change || x.Step.Round > 1 {
		return nil
	}
	a := x.agent("risks", autonoma.Inspect, autonoma.Document, readers(x.bench))
	a.Cause = autonoma.CauseRisks
	var b brief
	x.introduce(&b)
	named, err := a.Work(ctx, system(x.Agent, autonoma.Inspect, text("risks")), b.String())
	x.result.Document = named.Document
	return err
}

// prompt is what the agent is asked.
func (x *execution) prompt(ctx context.Context) (string, error) {
	var b brief
	x.introduce(&b)
	if x.Agent.Yields == autonoma.Change {
		b.data("Risks to mind", string(x.Agent.ID), x.result.Document, x.Policy.Prompt.Document)
	}
	if x.Agent.Yields == autonoma.Judgment {
		diff, err := x.Workspaces.Diff(ctx, string(x.Run.ID), x.base.Commit, x.start)
		if err != nil {
			return "", err
		}
		b.data("The change", "diff", string(diff.Patch), x.Policy.Prompt.Diff)
		b.data("Checks on the change, in a clean checkout", "checks", x.verdictOfChecks(), x.Policy.Prompt.Output)
		b.data("Measured on the base and on the change", "measurements", gain(x.measured()), x.Policy.Prompt.Output)
	}
	b.part("How you go about it", x.hint())
	return b.String(), nil
}

// asked is what the step is asked, with its blanks filled in.
func (x *execution) asked() string { return cmp.Or(x.Step.Asked, x.Step.Asks) }

// introduce tells what every conversation of the step has to know.
func (x *execution) introduce(b *brief) {
	b.part("Task", x.Run.Request.Task)
	b.part("Your part", x.asked())
	if x.result.Context != "" {
		b.data("What research found", "research", x.result.Context, x.Policy.Prompt.Document)
		b.data("Commands of the project", "repository", x.look.commands(), x.Policy.Prompt.Output)
	} else {
		b.data("The repository", "repository", x.look.Context, 0)
		x.remind(b)
	}
	for _, e := range x.Earlier {
		said := e.Result.Document
		if said == "" {
			said = e.Result.Summary
		}
		b.data(fmt.Sprintf("From the step %s", e.Step.ID), string(e.Step.Agent), said, x.Policy.Prompt.Document)
	}
	if i := x.result.Installed; i != nil {
		b.data("The dependencies could not be installed", "set-up", i.Problem, x.Policy.Prompt.Output)
	}
	if len(x.before) > 0 {
		b.data("Checks before any change", "checks", describe(x.before, x.Policy.Prompt.Output), 0)
	}
}

// commands renders the detected commands for a prompt.
func (l Look) commands() string {
	c := l.Project.Commands
	text := ""
	for _, group := range []struct {
		name  string
		lines []string
	}{{"build", lines(c.Build)}, {"test", lines(c.Test)}, {"lint", lines(c.Lint)}, {"format", lines(c.Format)}} {
		for _, l := range group.lines {
			text += fmt.Sprintf("- %s: `%s`\n", group.name, l)
		}
	}
	return text
}

// verdictOfChecks says what the checks on the judged commit came to.
func (x *execution) verdictOfChecks() string {
	for i := len(x.Earlier) - 1; i >= 0; i-- {
		if v := x.Earlier[i].Result.Verification; v != nil && v.Commit == x.start {
			return describe(checks(v.Commands), x.Policy.Prompt.Output)
		}
	}
	return "(none were run)"
}

var _ tool.Desk = (*bench)(nil)
