package worker

import (
	"context"
	"fmt"
	"io"
	"time"

	"autonoma"
	"autonoma/internal/queue"
	"autonoma/internal/rigor"
	"autonoma/internal/service"
	"autonoma/internal/store"
)

// A delivery is the result of a run, handed over but not yet told of.
type delivery struct {
	output    autonoma.Output
	artifacts []autonoma.Artifact
	problem   *autonoma.Failure // why the run fails all the same
	apart     []rigor.Earlier   // what is left out
	proposed  string            // why there is no branch, although one was asked for
}

// deliver hands over the result of a run, of which the execution came to the last:
// as patch and bundle, and as a branch in the source if that is wanted. It may be
// done again with the same outcome.
func (w *Worker) deliver(ctx context.Context, lease store.Lease, exec autonoma.Execution, last autonoma.Result) (delivery, error) {
	exec.Status, exec.Result = autonoma.StepCompleted, &last
	m, err := w.made(ctx, lease.Run, exec)
	if err != nil {
		return delivery{}, err
	}
	return w.handOver(ctx, lease, m)
}

// salvage hands over what the completed steps of a run had made that now fails. It
// returns nothing if they had made no change, or if that cannot be handed over: the
// run fails all the same.
func (w *Worker) salvage(ctx context.Context, lease store.Lease) *delivery {
	m, err := w.made(ctx, lease.Run, autonoma.Execution{})
	if err == nil && m.head == m.base {
		return nil
	}
	var d delivery
	if err == nil {
		d, err = w.handOver(ctx, lease, m)
	}
	if err != nil {
		w.Log.WarnContext(ctx, "salvage", "run", lease.Run, "err", err)
		return nil
	}
	return &d
}

// handOver sums up what a run made, with the proof of it, and hands over the change if
// there is one.
func (w *Worker) handOver(ctx context.Context, lease store.Lease, m made) (delivery, error) {
	d := w.outcome(m)
	err := w.prove(ctx, m, &d)
	if err == nil && m.head != m.base {
		err = w.change(ctx, lease, m, &d)
	}
	d.output.Summary = m.summary(d.output)
	return d, err
}

// change makes the artifacts of a change, and the branch if that is wanted.
func (w *Worker) change(ctx context.Context, lease store.Lease, m made, d *delivery) error {
	run, base, head := m.run, m.base, m.head
	id, branch := string(run.ID), branchOf(run.ID)
	diff, err := w.Workspaces.Diff(ctx, id, base, head)
	if err != nil {
		return err
	}
	for _, f := range diff.Files {
		d.output.FilesChanged++
		d.output.Insertions += f.Insertions
		d.output.Deletions += f.Deletions
	}
	patch, err := w.patch(ctx, m)
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
	if err := w.bill(ctx, m, d); err != nil {
		return err
	}
	switch {
	case run.Delivery() == autonoma.DeliverPatch:
		return nil
	case len(m.observers) > 0:
		d.proposed = fmt.Sprintf("%v may only observe: what was made is a proposal, in the artifacts patch and bundle, and there is no branch", m.observers)
		return nil
	}
	// The run may have been cancelled meanwhile: then there is no branch.
	if err := w.DB.Update(ctx, func(tx *store.Tx) error { return tx.Hold(lease) }); err != nil {
		return err
	}
	return w.branch(ctx, id, head, branch, d)
}

// patch keeps what was changed as an artifact.
func (w *Worker) patch(ctx context.Context, m made) (autonoma.Artifact, error) {
	id := string(m.run.ID)
	return w.keep(m.run.ID, autonoma.PatchArtifact, "patch", id+".patch", "text/x-diff; charset=utf-8", func(out io.Writer) error {
		return w.Workspaces.Patch(ctx, id, m.base, m.head, out)
	})
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

// unverified names the checks that do not pass.
func unverified(v autonoma.Verification) string {
	text := fmt.Sprintf("the result %.12s does not pass its checks:", v.Commit)
	for _, c := range v.Commands {
		if c.After == autonoma.Failing {
			text += fmt.Sprintf(" `%s` exits with %d", c.Command, c.ExitCode)
			if c.Before == autonoma.Failing {
				text += " (as it did before the change)"
			}
			if names := naming(c.Tests); names != "" {
				text += ": " + names
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
	for _, e := range d.apart {
		told = append(told, autonoma.NewEvent(autonoma.EventNotice, "", now, autonoma.Notice{
			Code: "left_out", Message: fmt.Sprintf("what step %s made, commit %s, is not in the result: the two are in conflict", e.Step.ID, e.Result.Commit),
		}))
	}
	if d.proposed != "" {
		told = append(told, autonoma.NewEvent(autonoma.EventNotice, "", now, autonoma.Notice{Code: "proposed", Message: d.proposed}))
	}
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
func (d delivery) save(ctx context.Context, tx *store.Tx, q *queue.Queue, run autonoma.Run) error {
	now := time.Now()
	told, err := d.tell(tx, &run, now)
	if err != nil {
		return err
	}
	next, detail := autonoma.Completed, string(d.output.Verification.Status)
	if d.problem != nil {
		next, detail = autonoma.Failed, string(d.problem.Code)
	}
	return service.End(ctx, tx, q, &run, next, detail, d.problem, now, told...)
}
