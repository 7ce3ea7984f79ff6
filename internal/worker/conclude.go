package worker

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"autonoma"
	"autonoma/internal/model"
	"autonoma/internal/queue"
	"autonoma/internal/service"
	"autonoma/internal/store"
)

// conclude records the result of an execution, and what follows from it: the next
// steps, another round, or the delivery and the end of the run.
func (w *Worker) conclude(ctx context.Context, lease store.Lease, exec autonoma.Execution, result autonoma.Result) error {
	docs, err := w.document(lease.Run, exec, result)
	if err != nil {
		return err
	}
	var over bool
	err = w.DB.Update(ctx, func(tx *store.Tx) error {
		run, err := w.complete(tx, lease, exec, result, docs)
		if err != nil {
			return err
		}
		if over = run.Next() == nil; over {
			return errOver // nothing of this is saved: the delivery comes first
		}
		return service.Begin(ctx, tx, w.Queue, &run, result.Commit, time.Now())
	})
	if !over {
		return err
	}
	d, err := w.deliver(ctx, lease, exec, result)
	if err != nil {
		return err
	}
	err = w.DB.Update(ctx, func(tx *store.Tx) error {
		run, err := w.complete(tx, lease, exec, result, docs)
		if err != nil {
			return err
		}
		return d.save(tx, run)
	})
	if err != nil {
		return err
	}
	return w.clear(ctx, lease.Run)
}

// errOver ends a transaction that found the run to be over.
var errOver = fmt.Errorf("the run is over")

// complete marks the execution and its step as completed, and sends the work back
// if that is the verdict. It saves both with their events.
func (w *Worker) complete(tx *store.Tx, lease store.Lease, exec autonoma.Execution, result autonoma.Result, docs []autonoma.Artifact) (autonoma.Run, error) {
	if err := tx.Hold(lease); err != nil {
		return autonoma.Run{}, err
	}
	run, err := tx.Run(lease.Run)
	if err != nil {
		return run, err
	}
	if exec, err = tx.Execution(exec.ID); err != nil { // its phases were saved since it was taken
		return run, err
	}
	now := time.Now()
	exec.Status, exec.Phase, exec.Result, exec.CompletedAt = autonoma.StepCompleted, autonoma.Review, &result, now
	if err := tx.SaveExecution(exec); err != nil {
		return run, err
	}
	step := run.Step(exec.Step)
	step.Status, step.Phase, step.Progress = autonoma.StepCompleted, "", 100
	told := []autonoma.Event{
		autonoma.NewEvent(autonoma.EventResult, exec.ID, now, resultOf(result)),
		autonoma.NewEvent(autonoma.EventStep, exec.ID, now, autonoma.StepChanged{
			Step: step.ID, Agent: step.Agent, Status: step.Status, Round: step.Round,
		}),
	}
	kept, err := putArtifacts(tx, exec.ID, docs, now)
	if err != nil {
		return run, err
	}
	told = append(told, kept...)
	if sentBack(*step, result) {
		run.SendBack(step.Back.To)
	}
	run.Advance()
	return run, tx.SaveRun(run, told...)
}

// sentBack reports whether a result sends the work back for another round.
func sentBack(step autonoma.Step, result autonoma.Result) bool {
	return result.Verdict == autonoma.Changes && step.Back != nil && step.Round <= step.Back.Rounds
}

// resultOf is what the log tells of a result: not its documents, which are
// artifacts and in the execution.
func resultOf(r autonoma.Result) autonoma.Result {
	r.Document, r.Context, r.Installed, r.Baseline = "", "", nil, nil
	return r
}

// document keeps the document of a result as an artifact.
func (w *Worker) document(run autonoma.RunID, exec autonoma.Execution, result autonoma.Result) ([]autonoma.Artifact, error) {
	var docs []autonoma.Artifact
	for _, d := range []struct{ name, text string }{{exec.Step, result.Document}, {"research", research(exec, result)}} {
		if d.text == "" {
			continue
		}
		name := d.name
		if exec.Round > 1 {
			name = fmt.Sprintf("%s.%d", name, exec.Round)
		}
		a, err := w.keep(run, autonoma.DocumentArtifact, name, name+".md", "text/markdown; charset=utf-8", func(out io.Writer) error {
			_, err := io.Copy(out, strings.NewReader(d.text))
			return err
		})
		if err != nil {
			return nil, err
		}
		docs = append(docs, a)
	}
	return docs, nil
}

// research returns the context report of the execution that made it.
func research(exec autonoma.Execution, result autonoma.Result) string {
	if result.Researched {
		return result.Context
	}
	return ""
}

// keep stores the content of an artifact.
func (w *Worker) keep(run autonoma.RunID, typ, name, path, media string, write func(io.Writer) error) (autonoma.Artifact, error) {
	digest, size, err := w.Blobs.Put(write)
	if err != nil {
		return autonoma.Artifact{}, err
	}
	return autonoma.Artifact{
		ID: autonoma.NewArtifactID(), Run: run, Name: name, Type: typ, MediaType: media,
		Path: path, Size: size, Digest: digest, CreatedAt: time.Now(),
	}, nil
}

// fail ends the run, and hands over what it had made by then.
func (w *Worker) fail(ctx context.Context, lease store.Lease, why *autonoma.Failure) error {
	made := w.salvage(ctx, lease)
	err := w.DB.Update(ctx, func(tx *store.Tx) error {
		if err := tx.Hold(lease); err != nil {
			return err
		}
		run, err := tx.Run(lease.Run)
		if err != nil {
			return err
		}
		exec, err := tx.Execution(lease.Execution)
		if err != nil {
			return err
		}
		now := time.Now()
		exec.Status, exec.Error, exec.CompletedAt = autonoma.StepFailed, why, now
		step := run.Step(exec.Step)
		step.Status = autonoma.StepFailed
		if why.Agent == "" {
			why.Agent, why.Phase = exec.Agent, exec.Phase
		}
		told := []autonoma.Event{autonoma.NewEvent(autonoma.EventStep, exec.ID, now, autonoma.StepChanged{
			Step: step.ID, Agent: step.Agent, Status: step.Status, Round: step.Round,
		})}
		if made != nil {
			delivered, err := made.tell(tx, &run, now)
			if err != nil {
				return err
			}
			told = append(told, delivered...)
		}
		ended, err := run.Become(autonoma.Failed, string(why.Code), why, now)
		if err != nil {
			return err
		}
		if err := tx.SaveExecution(exec); err != nil {
			return err
		}
		return tx.SaveRun(run, append(told, ended)...)
	})
	if err != nil {
		return err
	}
	return w.clear(ctx, lease.Run)
}

// park puts the run aside until the provider of its model may be back.
func (w *Worker) park(ctx context.Context, lease store.Lease, why *model.Error) error {
	wait := max(why.RetryAfter, time.Minute)
	tooLong := false
	err := w.DB.Update(ctx, func(tx *store.Tx) error {
		if err := tx.Hold(lease); err != nil {
			return err
		}
		run, err := tx.Run(lease.Run)
		if err != nil {
			return err
		}
		if tooLong = time.Since(run.StartedAt) > patience; tooLong {
			return nil
		}
		until := time.Now().Add(wait).UTC().Format(time.RFC3339)
		told, err := run.Become(autonoma.WaitingProvider, fmt.Sprintf("%s; asked again at %s", why, until), nil, time.Now())
		if err != nil {
			return err
		}
		return tx.SaveRun(run, told)
	})
	if err == nil && tooLong {
		return w.fail(ctx, lease, &autonoma.Failure{Code: autonoma.FailModel, Message: why.Error(), Retryable: true})
	}
	if err != nil {
		return err
	}
	return queue.Later(wait)
}

// patience is how long after its start a run may still be put aside for a provider.
const patience = 24 * time.Hour

// clear removes what a run that is over has left in the workspaces.
func (w *Worker) clear(ctx context.Context, id autonoma.RunID) error {
	run, err := w.DB.Run(ctx, id)
	if err != nil || !run.Status.Final() {
		return err
	}
	return w.Workspaces.Remove(ctx, string(id))
}
