package worker

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"autonoma"
	"autonoma/internal/evidence"
	"autonoma/internal/queue"
	"autonoma/internal/rigor"
	"autonoma/internal/store"
)

// confine writes down how the commands of an execution are confined that is being
// taken, and returns the event that tells of it and of the step, if there is news: the
// server may have been started again at another level.
func (w *Worker) confine(step *autonoma.Step, exec *autonoma.Execution, at time.Time) []autonoma.Event {
	how := w.Engine.Isolation()
	news := step.Status != autonoma.StepRunning || step.Isolation != how.Level
	step.Status, step.Isolation = autonoma.StepRunning, how.Level
	if exec.Isolation == nil {
		exec.Isolation = &how
	} else {
		exec.Isolation = new(rigor.Weaker(*exec.Isolation, how))
	}
	if !news {
		return nil
	}
	return []autonoma.Event{autonoma.NewStepBegun(*step, how, at)}
}

// confined returns how the executions of a run were confined that came to something,
// in the order in which they were begun. Candidates that were not chosen are no part of
// what the run came to.
func confined(run autonoma.Run, all []autonoma.Execution) []evidence.Execution {
	var how []evidence.Execution
	for _, e := range all {
		chosen, decided := run.Chosen(*run.Step(e.Step))
		if e.Status == autonoma.StepCompleted && e.Isolation != nil && (chosen || !decided) {
			how = append(how, evidence.Execution{ID: e.Original(), Agent: e.Agent, Isolation: *e.Isolation})
		}
	}
	return how
}

// unconfined looks whether an execution would be confined less than its tenant demands:
// what was accepted when that was not so does not begin, nor go on. The server may have
// been started at another level by mistake, or the tenant's demand be a new one. Neither
// is worth losing a run for that may be hours old, so the execution waits, and its run
// says so; the next worker to look may be one that confines it. After a day somebody has
// to be told that nothing comes of it: then there is a failure.
func (w *Worker) unconfined(ctx context.Context, j queue.Job) (tooWeak, err error) {
	run, err := w.DB.Run(ctx, j.Run)
	if err != nil || run.Status.Final() {
		return nil, err
	}
	why := w.Confined(ctx, w.DB, run.Tenant)
	if !errors.Is(why, autonoma.ErrUnavailable) {
		return nil, why
	}
	said := strings.TrimSuffix(why.Error(), ": "+autonoma.ErrUnavailable.Error())
	past, err := w.DB.Journal(ctx, j.Run, j.Execution)
	if err != nil {
		return nil, err
	}
	since, told := unconfinedSince(past)
	if told && time.Since(since) > patience {
		return &autonoma.Failure{Code: autonoma.FailIsolation, Message: "after a day of waiting, " + said, Retryable: true}, nil
	}
	if !told {
		err = w.DB.Update(ctx, func(tx *store.Tx) error {
			run, err := tx.Run(j.Run)
			if err != nil || run.Status.Final() {
				return err
			}
			return tx.SaveRun(run, autonoma.NewEvent(autonoma.EventNotice, j.Execution, time.Now(), autonoma.Notice{
				Code: string(autonoma.FailIsolation), Message: "the work waits: " + said,
			}))
		})
		if err != nil {
			return nil, err
		}
		w.Log.WarnContext(ctx, "an execution waits", "run", j.Run, "execution", j.Execution, "err", why)
		w.Events.Wake(j.Run)
	}
	return nil, queue.Later(time.Minute)
}

// unconfinedSince returns since when an execution waits that is confined too little, if
// its last word is that.
func unconfinedSince(past []autonoma.Event) (since time.Time, told bool) {
	for _, e := range slices.Backward(past) {
		var notice autonoma.Notice
		if e.Kind == autonoma.EventNotice && json.Unmarshal(e.Data, &notice) == nil && notice.Code == string(autonoma.FailIsolation) {
			return e.At, true
		}
		if e.Kind != autonoma.EventNotice {
			return since, false
		}
	}
	return since, false
}
