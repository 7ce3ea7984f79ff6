package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"autonoma"
	"autonoma/internal/store"
)

// A log writes the journal of one execution, with its lease, and settles what its purse
// has set aside. It is used by one goroutine.
type log struct {
	worker *Worker
	lease  store.Lease
	purse  *purse
}

// Append implements [journal.Log].
func (l *log) Append(ctx context.Context, used autonoma.Usage, events ...autonoma.Event) error {
	var err error
	switch {
	case len(events) == 1 && events[0].Kind == autonoma.EventPhase:
		err = l.worker.enterPhase(ctx, l.lease, events[0])
	case used.ModelCalls > 0:
		err = l.purse.settle(ctx, used, events)
	default:
		err = l.worker.DB.Append(ctx, l.lease, used, events...)
	}
	if err == nil {
		l.worker.Events.Wake(l.lease.Run)
	}
	return err
}

// enterPhase saves the beginning or end of a phase with the progress it means.
func (w *Worker) enterPhase(ctx context.Context, lease store.Lease, e autonoma.Event) error {
	var now autonoma.PhaseChanged
	if err := json.Unmarshal(e.Data, &now); err != nil {
		return err
	}
	return w.DB.Update(ctx, func(tx *store.Tx) error {
		run, exec, err := held(tx, lease)
		if err != nil {
			return err
		}
		exec.Enter(now, e.At)
		run.Step(exec.Step).Enter(now)
		run.Advance()
		if err := tx.SaveExecution(exec); err != nil {
			return err
		}
		return tx.SaveRun(run, e)
	})
}

func stepOutOfTime(step string, limit time.Duration) error {
	return &autonoma.Failure{Code: autonoma.FailStepTime, Message: fmt.Sprintf("step %s took longer than the %v it had", step, limit)}
}

func outOfTime(limit time.Duration) error {
	return &autonoma.Failure{Code: autonoma.FailBudget, Message: fmt.Sprintf("the run took longer than the %v it had", limit)}
}
