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
	if err != nil || last.Commit == last.Base {
		return d, err
	}
	id, base, head, branch := string(run.ID), last.Base, last.Commit, "autonoma/"+string(run.ID)
	diff, err := w.Workspaces.Diff(ctx, id, base, head)
	if err != nil {
		return d, err
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
		return d, err
	}
	bundle, err := w.keep(run.ID, autonoma.BundleArtifact, "bundle", id+".bundle", "application/x-git-bundle", func(out io.Writer) error {
		return w.Workspaces.Bundle(ctx, id, head, branch, out)
	})
	if err != nil {
		return d, err
	}
	d.artifacts = append(d.artifacts, patch, bundle)
	if run.Request.Delivery == autonoma.DeliverBranch {
		err = w.branch(ctx, id, head, branch, &d)
	}
	return d, err
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
	if last.Verification != nil {
		d.output.Verification = *last.Verification
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
	case blocks && last.Verdict == autonoma.Changes:
		d.problem = &autonoma.Failure{Code: autonoma.FailReview, Message: last.Summary, Agent: exec.Agent, Phase: autonoma.Review}
	}
	return d, nil
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

// save ends the run, with what was delivered.
func (d delivery) save(tx *store.Tx, run autonoma.Run) error {
	now := time.Now()
	var told []autonoma.Event
	for _, a := range d.artifacts {
		if err := tx.PutArtifact(a); err != nil {
			return err
		}
		told = append(told, autonoma.NewEvent(autonoma.EventArtifact, "", now, a))
	}
	run.Output = &d.output
	told = append(told, autonoma.NewEvent(autonoma.EventDelivery, "", now, d.output))
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
