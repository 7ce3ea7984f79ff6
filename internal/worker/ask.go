package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"autonoma"
	"autonoma/internal/queue"
	"autonoma/internal/service"
	"autonoma/internal/store"
)

// human returns the question that an execution asked, once it is settled. Until then
// it returns an [autonoma.Unanswered], which puts the execution aside.
func (w *Worker) human(exec autonoma.ExecutionID) func(context.Context, autonoma.Question) (autonoma.Approval, error) {
	return func(ctx context.Context, q autonoma.Question) (autonoma.Approval, error) {
		a, err := w.DB.ApprovalOn(ctx, exec, q.Topic)
		if errors.Is(err, autonoma.ErrNotFound) || err == nil && a.Status == autonoma.ApprovalPending {
			err = &autonoma.Unanswered{Question: q}
		}
		return a, err
	}
}

// ask puts an execution aside until a human has answered, and with it the run if
// nothing else goes on there. The question is asked if it was not yet.
func (w *Worker) ask(ctx context.Context, lease store.Lease, q autonoma.Question) error {
	shown, err := w.shown(ctx, lease.Run, q)
	if err != nil {
		return err
	}
	answered := false
	err = w.DB.Update(ctx, func(tx *store.Tx) error {
		run, exec, err := held(tx, lease)
		if err != nil {
			return err
		}
		now := time.Now()
		var told []autonoma.Event
		a, err := tx.ApprovalOn(exec.ID, q.Topic)
		switch {
		case errors.Is(err, autonoma.ErrNotFound):
			told, err = w.askOnce(tx, run, exec, q, shown, now)
		case err == nil && a.Status != autonoma.ApprovalPending:
			answered = true // between the look and this
			return nil
		}
		if err != nil {
			return err
		}
		exec.Status = autonoma.StepPending
		if err := tx.SaveExecution(exec); err != nil {
			return err
		}
		all, err := tx.Executions(run.ID)
		if err != nil {
			return err
		}
		rest, err := service.Rest(tx, &run, all, "a human is asked", now)
		if err != nil {
			return err
		}
		return tx.SaveRun(run, append(told, rest...)...)
	})
	if err == nil && answered {
		return queue.Later(0)
	}
	return err
}

// askOnce saves a question with what is shown of it, and returns the events that tell of
// both.
func (w *Worker) askOnce(tx *store.Tx, run autonoma.Run, exec autonoma.Execution, q autonoma.Question, shown []autonoma.Artifact, now time.Time) ([]autonoma.Event, error) {
	asked, event := run.AskFor(exec, q, w.AnswerIn, now)
	if err := tx.InsertApproval(asked); err != nil {
		return nil, err
	}
	told, err := putArtifacts(tx, "", shown, now)
	return append(told, event), err
}

// shown is what a human wants to see who is asked about a change: the run's patch with
// it.
func (w *Worker) shown(ctx context.Context, id autonoma.RunID, q autonoma.Question) ([]autonoma.Artifact, error) {
	if q.To == "" || q.To == q.From {
		return nil, nil
	}
	patch, err := w.keep(id, autonoma.PatchArtifact, "patch", string(id)+".patch", "text/x-diff; charset=utf-8", func(out io.Writer) error {
		return w.Workspaces.Patch(ctx, string(id), q.From, q.To, out)
	})
	if err != nil {
		return nil, fmt.Errorf("show what is asked about: %w", err)
	}
	return []autonoma.Artifact{patch}, nil
}

// waited returns for how long an execution has waited for humans.
func (w *Worker) waited(ctx context.Context, exec autonoma.ExecutionID) (time.Duration, error) {
	asked, err := w.DB.ApprovalsOf(ctx, exec)
	var all time.Duration
	for _, a := range asked {
		all += a.Waited(time.Now())
	}
	return all, err
}
