package worker

import (
	"context"
	"fmt"
	"io"
	"time"

	"autonoma"
	"autonoma/internal/store"
)

// A delivery is the result of a run, handed over but not yet told of.
type delivery struct {
	output    autonoma.Output
	artifacts []autonoma.Artifact
	problem   *autonoma.Failure // why the run fails all the same
}

// deliver hands over the result of a run: as patch and bundle, and as a branch in
// the source if that is wanted. It may be done again with the same outcome.
func (w *Worker) deliver(ctx context.Context, lease store.Lease, exec autonoma.Execution, last autonoma.Result) (delivery, error) {
	run, err := w.DB.Run(ctx, lease.Run)
	if err != nil {
		return delivery{}, err
	}
	d, err := w.outcome(ctx, run, exec, last)
	if err == nil && last.Commit != last.Base {
		err = w.handOver(ctx, lease, run, last, &d)
	}
	return d, err
}

// salvage hands over what the completed steps of a run had made that now fails. It
// returns nothing if they had made no change, or if that cannot be handed over: the
// run fails all the same.
func (w *Worker) salvage(ctx context.Context, lease store.Lease) *delivery {
	run, err := w.DB.Run(ctx, lease.Run)
	if err != nil {
		return nil
	}
	earlier, err := w.earlier(ctx, run)
	if err != nil || len(earlier) == 0 {
		return nil
	}
	last := earlier[len(earlier)-1].Result
	if last.Commit == last.Base {
		return nil
	}
	d, err := w.outcome(ctx, run, autonoma.Execution{}, last)
	if err == nil {
		err = w.handOver(ctx, lease, run, last, &d)
	}
	if err != nil {
		w.Log.WarnContext(ctx, "salvage", "run", run.ID, "err", err)
		return nil
	}
	return &d
}

// handOver makes the artifacts of a change, and the branch if that is wanted.
func (w *Worker) handOver(ctx context.Context, lease store.Lease, run autonoma.Run, last autonoma.Result, d *delivery) error {
	id, base, head, branch := string(run.ID), last.Base, last.Commit, "autonoma/"+string(run.ID)
	diff, err := w.Workspaces.Diff(ctx, id, base, head)
	if err != nil {
		return err
	}
	for _, f := range diff.Files {
		d.output.FilesChanged++
		d.output.Insertions += f.Insertions
		d.output.Deletions += f.Deletions
	}
	patch, err := w.keep(run.ID, autonoma.PatchArtifact, "patch", id+".patch", "text/x-diff; charset=utf-8", func(out io.Writer) error {
		return w.Workspaces.Patch(ctx, id, base, head, out)
	})
	if err != nil {
		return err
	}
	bundle, err := w.keep(run.ID, autonoma.BundleArtifact, "bundle", id+".bundle", "application/x-git-bundle", func(out io.Writer) error {
		return w.Workspaces.Bundle(ctx, id, head, branch, out)
	})
	if err != nil {
		return err
	}
	d.artifacts = append(d.artifacts, patch, bundle)
	if run.Delivery() != autonoma.DeliverBranch {
		return nil
	}
	// The run may have been cancelled meanwhile: then there is no branch.
	if err := w.DB.Update(ctx, func(tx *store.Tx) error { return tx.Hold(lease) }); err != nil {
		return err
	}
	return w.branch(ctx, id, head, branch, d)
}

// branch puts the result into the source as a branch.
func (w *Worker) branch(ctx context.Context, run, head, name string, d *delivery) error {
	handed, err := w.Workspaces.Deliver(ctx, run, head, name)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		w.Log.WarnContext(ctx, "deliver", "run", run, "err", err)
		d.problem = &autonoma.Failure{
			Code:    autonoma.FailDelivery,
			Message: "the branch " + name + " could not be made in the source (does it exist, is the repository writable?); the result is in the artifacts patch and bundle",
		}
	case handed.Branch != "":
		d.output.Branch = &name
	}
	return nil
}

// outcome sums up what the steps of a run came to.
func (w *Worker) outcome(ctx context.Context, run autonoma.Run, exec autonoma.Execution, last autonoma.Result) (delivery, error) {
	earlier, err := w.earlier(ctx, run)
	if err != nil {
		return delivery{}, err
	}
	d := delivery{output: autonoma.Output{
		Summary: last.Summary, BaseCommit: last.Base, HeadCommit: last.Commit, Confidence: last.Confidence,
		Verification: autonoma.Verification{Status: autonoma.NotApplicable, Commit: last.Commit, Commands: []autonoma.Checked{}},
	}}
	switch {
	case last.Verification != nil:
		d.output.Verification = *last.Verification
	case last.Commit == last.Base && w.changes(run):
		d.output.Verification = unchanged(last) // and yet a change was asked for
	}
	told := false
	for _, e := range earlier {
		if e.Step.ID == exec.Step {
			continue
		}
		if e.Result.Changed && !told { // who made the change tells of it, not who tested or judged it
			d.output.Summary, told = e.Result.Summary, true
		}
		d.output.Confidence = min(d.output.Confidence, e.Result.Confidence)
	}
	blocks := w.Engine.Policy.Blocks(run.Request.Scope)
	switch v := d.output.Verification; {
	case blocks && v.Status == autonoma.NotVerified:
		d.problem = &autonoma.Failure{Code: autonoma.FailVerification, Message: unverified(v)}
	case blocks && last.Verdict == autonoma.Changes && run.Kind != autonoma.KindRigor: // there it is what was asked for
		d.problem = &autonoma.Failure{Code: autonoma.FailReview, Message: last.Summary, Agent: exec.Agent, Phase: autonoma.Review}
	}
	return d, nil
}

// changes reports whether a run has a step that is to change the repository.
func (w *Worker) changes(run autonoma.Run) bool {
	for _, s := range run.Steps {
		if a, err := w.Catalog.Agent(s.Agent); err == nil && a.Yields == autonoma.Change {
			return true
		}
	}
	return false
}

// unchanged is the verification of a result that is the base itself, though a change
// was asked for: checks that fail on the base fail on the result.
func unchanged(last autonoma.Result) autonoma.Verification {
	v := autonoma.Verification{Status: autonoma.NotApplicable, Commit: last.Commit, Commands: []autonoma.Checked{}}
	for _, c := range last.Baseline {
		c.Before, c.After = autonoma.Passed, autonoma.Passed
		if c.ExitCode != 0 || c.Ended != "" {
			c.Before, c.After, v.Status = autonoma.Failing, autonoma.Failing, autonoma.NotVerified
		}
		v.Commands = append(v.Commands, c)
	}
	return v
}

// unverified names the checks that do not pass.
func unverified(v autonoma.Verification) string {
	text := fmt.Sprintf("the result %.12s does not pass its checks:", v.Commit)
	for _, c := range v.Commands {
		if c.After == autonoma.Failing {
			text += fmt.Sprintf(" `%s` exits with %d", c.Command, c.ExitCode)
			if c.Before == autonoma.Failing {
				text += " (as it did before the change)"
			}
			text += ";"
		}
	}
	return text[:len(text)-1]
}

// tell keeps what was delivered with the run, and returns the events that tell of it.
func (d delivery) tell(tx *store.Tx, run *autonoma.Run, now time.Time) ([]autonoma.Event, error) {
	told, err := putArtifacts(tx, "", d.artifacts, now)
	run.Output = &d.output
	return append(told, autonoma.NewEvent(autonoma.EventDelivery, "", now, d.output)), err
}

// putArtifacts keeps artifacts and returns the events that tell of them.
func putArtifacts(tx *store.Tx, by autonoma.ExecutionID, artifacts []autonoma.Artifact, now time.Time) ([]autonoma.Event, error) {
	var told []autonoma.Event
	for _, a := range artifacts {
		a.Execution = by
		kept, err := tx.PutArtifact(a)
		if err != nil {
			return nil, err
		}
		told = append(told, autonoma.NewEvent(autonoma.EventArtifact, by, now, kept))
	}
	return told, nil
}

// save ends the run, with what was delivered.
func (d delivery) save(tx *store.Tx, run autonoma.Run) error {
	now := time.Now()
	told, err := d.tell(tx, &run, now)
	if err != nil {
		return err
	}
	next, detail := autonoma.Completed, string(d.output.Verification.Status)
	if d.problem != nil {
		next, detail = autonoma.Failed, string(d.problem.Code)
	}
	ended, err := run.Become(next, detail, d.problem, now)
	if err != nil {
		return err
	}
	return tx.SaveRun(run, append(told, ended)...)
}
