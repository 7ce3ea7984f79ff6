package service

import (
	"context"
	"time"

	"autonoma"
	"autonoma/internal/queue"
	"autonoma/internal/store"
)

// End ends a run: its executions are called off, its questions withdrawn, and a job
// clears away what it left in the workspaces, should no worker be on it. It saves
// the run with the events that were told and those that tell of the end.
func End(ctx context.Context, tx *store.Tx, q *queue.Queue, run *autonoma.Run, next autonoma.Status, detail string, why *autonoma.Failure, at time.Time, told ...autonoma.Event) error {
	parked := run.Status == autonoma.AwaitingApproval
	ended, err := run.Become(next, detail, why, at)
	if err != nil {
		return err
	}
	for i := range run.Steps {
		step := &run.Steps[i]
		begun := step.Status == autonoma.StepRunning
		if begun || step.Execution != "" && !step.Status.Final() {
			step.Status = autonoma.StepCancelled
		}
		if begun { // that it began was told
			told = append(told, autonoma.NewStepEvent(*step, at))
			if err := count(tx, step, step.Execution); err != nil {
				return err
			}
		}
	}
	withdrawn, err := withdraw(tx, run.ID, func(autonoma.Approval) bool { return true }, at)
	if err != nil {
		return err
	}
	if err := tx.Cancel(run.ID, at); err != nil {
		return err
	}
	if parked {
		if err := q.Add(ctx, tx, queue.Job{Run: run.ID}, run.Request.Priority, time.Time{}); err != nil {
			return err
		}
	}
	return tx.SaveRun(*run, append(append(told, withdrawn...), ended)...)
}

// count adds what an execution that is over used to its step.
func count(tx *store.Tx, step *autonoma.Step, id autonoma.ExecutionID) error {
	e, err := tx.Execution(id)
	step.Used.Add(e.Usage)
	return err
}

// withdraw withdraws those questions of a run that match, and returns the events
// that tell of it.
func withdraw(tx *store.Tx, run autonoma.RunID, match func(autonoma.Approval) bool, at time.Time) ([]autonoma.Event, error) {
	pending, err := tx.PendingApprovals(run)
	if err != nil {
		return nil, err
	}
	var told []autonoma.Event
	for _, a := range pending {
		if !match(a) {
			continue
		}
		e, err := a.Settle(autonoma.ApprovalWithdrawn, nil, at)
		if err != nil {
			return nil, err
		}
		if err := tx.SaveApproval(a); err != nil {
			return nil, err
		}
		told = append(told, e)
	}
	return told, nil
}

// SendBack sends the work of a run back to a step, for another round that goes on at
// the given commit. What was under way of the steps that are done again is called
// off. It returns the events that tell of it.
func SendBack(tx *store.Tx, run *autonoma.Run, to, commit string, at time.Time) ([]autonoma.Event, error) {
	dropped := run.SendBack(to, commit)
	var told []autonoma.Event
	for _, s := range dropped {
		if s.Execution == "" {
			continue
		}
		if err := tx.CancelExecution(s.Execution, at); err != nil {
			return nil, err
		}
		if err := count(tx, run.Step(s.ID), s.Execution); err != nil {
			return nil, err
		}
		s.Status = autonoma.StepCancelled
		told = append(told, autonoma.NewStepEvent(s, at))
	}
	withdrawn, err := withdraw(tx, run.ID, func(a autonoma.Approval) bool {
		s := run.Step(a.Step)
		return s == nil || s.Approval != a.ID && (a.Execution == "" || s.Execution != a.Execution)
	}, at)
	return append(told, withdrawn...), err
}
