package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"autonoma"
	"autonoma/internal/model"
	"autonoma/internal/queue"
	"autonoma/internal/service"
	"autonoma/internal/store"
)

// fail records that an execution failed. Its step is tried again if its rules say so,
// and the run goes on without it if it is a candidate and others are left; otherwise the
// run ends, and hands over what it had made by then.
func (w *Worker) fail(ctx context.Context, lease store.Lease, why *autonoma.Failure) error {
	err := w.DB.Update(ctx, func(tx *store.Tx) error {
		run, exec, err := w.failed(tx, lease, why)
		if err != nil {
			return err
		}
		step := run.Step(exec.Step)
		switch {
		case step.Tries < step.Rules.Retries && worthwhile(why.Code):
			return w.steps().Again(ctx, tx, &run, step.ID, exec.Base, time.Now())
		case run.Spares(step.ID):
			_, err := w.steps().Begin(ctx, tx, &run, time.Now())
			return err
		}
		return errOver // nothing of this is saved: what was made is handed over first
	})
	if rules, wrong := errors.AsType[*autonoma.Failure](err); wrong { // of the step that would come next
		why = rules
	} else if !errors.Is(err, errOver) {
		return err
	}
	// Of several that fail at once one ends the run, and hands over what there is.
	defer w.alone(lease.Run)()
	if err := w.DB.Update(ctx, func(tx *store.Tx) error { return tx.Hold(lease) }); err != nil {
		return err
	}
	made := w.salvage(ctx, lease)
	return w.DB.Update(ctx, func(tx *store.Tx) error {
		run, _, err := w.failed(tx, lease, why)
		if err != nil {
			return err
		}
		now := time.Now()
		var told []autonoma.Event
		if made != nil {
			if told, err = made.tell(tx, &run, now); err != nil {
				return err
			}
		}
		return service.End(ctx, tx, w.Queue, &run, autonoma.Failed, string(why.Code), why, now, told...)
	})
}

// worthwhile reports whether another try may end better: it makes no budget larger, and
// changes no human's mind.
func worthwhile(why autonoma.FailureCode) bool {
	return why != autonoma.FailBudget && why != autonoma.FailRejected && why != autonoma.FailExpired
}

// failed marks the execution and its step as failed, and saves both.
func (w *Worker) failed(tx *store.Tx, lease store.Lease, why *autonoma.Failure) (run autonoma.Run, exec autonoma.Execution, err error) {
	if run, exec, err = held(tx, lease); err != nil {
		return run, exec, err
	}
	if why.Agent == "" {
		why.Agent, why.Phase = exec.Agent, exec.Phase
	}
	why.Message = w.Redact.Text(why.Message)
	now := time.Now()
	exec.Status, exec.Error, exec.CompletedAt = autonoma.StepFailed, why, now
	step := run.Step(exec.Step)
	step.Status = autonoma.StepFailed
	step.Used.Add(exec.Usage)
	told := []autonoma.Event{autonoma.NewStepEvent(*step, now)}
	if step.Rules.Retries > 0 || step.Candidate != "" {
		told = append(told, autonoma.NewEvent(autonoma.EventNotice, exec.ID, now, autonoma.Notice{Code: string(why.Code), Message: why.Message}))
	}
	changed, err := w.steps().Ended(tx, run, exec, now)
	told = append(told, changed...)
	return run, exec, errors.Join(err, tx.SaveExecution(exec), tx.SaveRun(run, told...))
}

// held returns the run and the execution that a good lease is on.
func held(tx *store.Tx, lease store.Lease) (run autonoma.Run, exec autonoma.Execution, err error) {
	if err = tx.Hold(lease); err != nil {
		return run, exec, err
	}
	if run, err = tx.Run(lease.Run); err != nil {
		return run, exec, err
	}
	exec, err = tx.Execution(lease.Execution)
	return run, exec, err
}

// park puts an execution aside until the provider of its model may be back, and with
// it the run if nothing else goes on there. It returns the failure of one that was
// put aside for too long.
func (w *Worker) park(ctx context.Context, lease store.Lease, why *model.Error) error {
	past, err := w.DB.Journal(ctx, lease.Run, lease.Execution)
	if err != nil {
		return err
	}
	times, since := refusals(past)
	if times > 0 && time.Since(since) > patience {
		f := modelFailure(why)
		f.Retryable = true
		return f
	}
	// Each time the run says that it waits, to whoever follows it: ever more seldom.
	wait := max(why.RetryAfter, min(time.Minute<<min(times, 5), longestWait))
	err = w.DB.Update(ctx, func(tx *store.Tx) error {
		run, exec, err := held(tx, lease)
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
		now := time.Now()
		says := fmt.Sprintf("%s; asked again at %s", why, now.Add(wait).UTC().Format(time.RFC3339))
		told, err := service.Rest(tx, &run, all, says, now)
		if err != nil {
			return err
		}
		if len(told) > 0 && run.Status == autonoma.WaitingProvider {
			told[0].Execution = exec.ID
		} else {
			told = append(told, autonoma.NewEvent(autonoma.EventNotice, exec.ID, now, autonoma.Notice{Code: string(autonoma.WaitingProvider), Message: says}))
		}
		return tx.SaveRun(run, told...)
	})
	if err != nil {
		return err
	}
	return queue.Later(wait)
}

const (
	patience    = 24 * time.Hour   // how long the provider of a model may refuse an execution
	longestWait = 30 * time.Minute // between two tries, unless the provider asks for more
)

// refusals returns how often an execution was put aside for a provider since it last
// got on, and when that was first.
func refusals(past []autonoma.Event) (times int, since time.Time) {
	for _, e := range slices.Backward(past) {
		switch e.Kind {
		case autonoma.EventStatus, autonoma.EventNotice:
			var told struct{ Status, Code autonoma.Status }
			if json.Unmarshal(e.Data, &told) == nil && (told.Status == autonoma.WaitingProvider || told.Code == autonoma.WaitingProvider) {
				times, since = times+1, e.At
			}
		case autonoma.EventStep, autonoma.EventRepeat:
		default:
			return times, since
		}
	}
	return times, since
}
