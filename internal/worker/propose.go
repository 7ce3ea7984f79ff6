package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"autonoma"
	"autonoma/internal/forge"
	"autonoma/internal/store"
)

// propose opens the pull request of what was delivered, if one is wanted and nothing
// speaks against the result. It may be done again: what is open by then is found.
func (w *Worker) propose(ctx context.Context, lease store.Lease, d *delivery) error {
	run, err := w.DB.Run(ctx, lease.Run)
	if err != nil || run.Delivery() != autonoma.DeliverPullRequest || d.problem != nil || d.proposed != "" || d.output.HeadCommit == d.output.BaseCommit {
		return err
	}
	// The run may have been cancelled meanwhile: then nobody is asked.
	if err := w.DB.Update(ctx, func(tx *store.Tx) error { return tx.Hold(lease) }); err != nil {
		return err
	}
	where, err := w.open(ctx, run, *d)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err == nil:
		d.output.PullRequestURL = &where
		return nil
	}
	w.Log.WarnContext(ctx, "propose", "run", run.ID, "err", err)
	says := "the result is in the artifacts patch and bundle, and in no branch"
	if d.output.Branch != nil {
		says = "the result is in the branch " + *d.output.Branch + " of the source"
	}
	d.problem = &autonoma.Failure{Code: autonoma.FailDelivery, Message: fmt.Sprintf("no pull request could be opened: %v; %s", err, says)}
	if failed, ok := errors.AsType[*forge.Error](err); ok {
		d.problem.Retryable = failed.Retryable
	}
	return nil
}

// open opens the pull request into the branch that the run began at, or else into the
// default branch.
func (w *Worker) open(ctx context.Context, run autonoma.Run, d delivery) (string, error) {
	base, err := w.Workspaces.Base(string(run.ID))
	switch {
	case err != nil:
		return "", err
	case w.Forges == nil:
		return "", errors.New("this server knows no forges")
	case base.Empty:
		return "", errors.New("the repository has no commits yet, so there is no branch to go into")
	case d.output.Branch == nil:
		return "", errors.New("the server is no longer allowed to push; its operator turns on push")
	}
	at, err := w.Forges.At(base.Source)
	if err != nil {
		return "", err
	}
	return at.Propose(ctx, forge.Proposal{Branch: *d.output.Branch, Base: base.Branch, Title: title(d.output), Body: body(run, d.output)})
}

// title is the first line of what was done. It and the body are written by models:
// they are quiet.
func title(o autonoma.Output) string {
	const most = 100
	first, _, _ := strings.Cut(words(o), "\n")
	return forge.Quiet(shortened(first, most))
}

// words is what the agents say of a result: what the platform knows stands elsewhere.
func words(o autonoma.Output) string {
	if _, said, ok := strings.Cut(o.Summary, autonoma.AgentsSay); ok {
		return strings.TrimSpace(said)
	}
	return strings.TrimSpace(o.Summary)
}

// body tells in Markdown what was done and what was found out about it. What agents
// say is quoted, so that nothing in it looks like what the platform says.
func body(run autonoma.Run, o autonoma.Output) string {
	const most = 20_000
	var b strings.Builder
	for line := range strings.SplitSeq(forge.Quiet(shortened(words(o), most)), "\n") {
		b.WriteString(strings.TrimRight("> "+line, " \t") + "\n")
	}
	v := o.Verification
	fmt.Fprintf(&b, "\n### Verification: %s\n\n", strings.ReplaceAll(string(v.Status), "_", " "))
	if len(v.Commands) == 0 {
		b.WriteString("No check was run.\n")
	} else {
		fmt.Fprintf(&b, "Run by Autonoma in a clean checkout of `%.12s`, at the isolation level %s.\n\n", v.Commit, v.Isolation)
		b.WriteString("| check | before | after |\n|---|---|---|\n")
	}
	for _, c := range v.Commands {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", cell(c.Command), c.Before, c.After)
	}
	fmt.Fprintf(&b, "\nFiles changed: %d, lines added: %d, removed: %d. From `%.12s` to `%.12s`, by task `%s`.\n",
		o.FilesChanged, o.Insertions, o.Deletions, o.BaseCommit, o.HeadCommit, run.ID)
	return b.String()
}

// cell is a command, fit for code in a cell of a table.
func cell(command string) string {
	const most = 200
	return forge.Quiet(shortened(strings.NewReplacer("`", "'", "|", `\|`, "\n", " ", "\t", " ").Replace(command), most))
}

// shortened returns a text of at most so many characters.
func shortened(text string, most int) string {
	if letters := []rune(text); len(letters) > most {
		return strings.TrimSpace(string(letters[:most])) + " …"
	}
	return text
}
