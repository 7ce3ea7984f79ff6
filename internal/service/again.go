package service

import (
	"context"
	"fmt"
	"strings"
	"time"

	"autonoma"
	"autonoma/internal/store"
)

// Retry makes a new run from the request of one that is over. A task is planned
// anew; another run has the same steps.
func (s *Tasks) Retry(ctx context.Context, by autonoma.Actor, id autonoma.RunID, also ...Also[autonoma.Run]) (autonoma.Run, error) {
	old, err := s.past(ctx, by, id)
	if err != nil {
		return autonoma.Run{}, fmt.Errorf("retry: %w", err)
	}
	steps := old.Renewed()
	if old.Kind == autonoma.KindTask {
		if steps, err = s.plan(ctx, old.Request); err != nil {
			return autonoma.Run{}, fmt.Errorf("retry: %w", err)
		}
	}
	run, err := s.start(ctx, by, old.Kind, old.Request, steps, origin{retryOf: old.ID, also: also})
	if err != nil {
		return autonoma.Run{}, fmt.Errorf("retry: %w", err)
	}
	return run, nil
}

// Resume makes a new run from one that failed or was cancelled, which takes over
// what its completed steps came to: only the others are done. It begins at the
// commit at which the old run began.
func (s *Tasks) Resume(ctx context.Context, by autonoma.Actor, id autonoma.RunID, also ...Also[autonoma.Run]) (autonoma.Run, error) {
	old, err := s.past(ctx, by, id)
	if err != nil {
		return autonoma.Run{}, fmt.Errorf("resume: %w", err)
	}
	if old.Status == autonoma.Completed || old.Done() {
		return autonoma.Run{}, fmt.Errorf("resume: no step of %s is left to be done; retry it: %w", id, autonoma.ErrConflict)
	}
	all, err := s.DB.Executions(ctx, id)
	if err != nil {
		return autonoma.Run{}, fmt.Errorf("resume: %w", err)
	}
	artifacts, err := s.DB.Artifacts(ctx, id)
	if err != nil {
		return autonoma.Run{}, fmt.Errorf("resume: %w", err)
	}
	run, err := s.start(ctx, by, old.Kind, old.Request, old.Resumed(), origin{also: also, carry: func(tx *store.Tx, run *autonoma.Run, now time.Time) error {
		return carry(tx, run, old.ID, all, artifacts, now)
	}})
	if err != nil {
		return autonoma.Run{}, fmt.Errorf("resume: %w", err)
	}
	return run, nil
}

// past returns a run that is over, and may be done once more by the asker.
func (s *Tasks) past(ctx context.Context, by autonoma.Actor, id autonoma.RunID) (autonoma.Run, error) {
	if err := may(by, autonoma.ScopeWrite); err != nil {
		return autonoma.Run{}, err
	}
	run, err := s.DB.Run(ctx, id)
	if run, err = visible(by, run, err); err != nil {
		return run, err
	}
	if !run.Status.Final() {
		return run, fmt.Errorf("the run is %s; wait for its end or cancel it: %w", run.Status, autonoma.ErrConflict)
	}
	return run, s.acceptable(ctx, by, &run.Request)
}

// carry takes over what the executions of an old run completed, the documents they
// wrote and the patch of it, and says so in the log.
func carry(tx *store.Tx, run *autonoma.Run, old autonoma.RunID, all []autonoma.Execution, artifacts []autonoma.Artifact, now time.Time) error {
	var names []string
	var told []autonoma.Event
	for _, e := range all {
		if e.Status != autonoma.StepCompleted {
			continue
		}
		e.CopyOf = e.Original()
		e.ID, e.Run, run.Resumes = autonoma.NewExecutionID(), run.ID, old
		if err := tx.InsertExecution(e); err != nil {
			return err
		}
		if err := tx.SaveExecution(e); err != nil {
			return err
		}
		if step := run.Step(e.Step); step.Status == autonoma.StepCompleted {
			step.Execution = e.ID
		}
	}
	for _, s := range run.Steps {
		if s.Status.Done() {
			names = append(names, s.ID)
			told = append(told, autonoma.NewStepEvent(s, now))
		}
	}
	for _, a := range artifacts {
		if a.Type == autonoma.BundleArtifact { // it names the branch of the old run
			continue
		}
		a.ID, a.Run = autonoma.NewArtifactID(), run.ID
		kept, err := tx.PutArtifact(a)
		if err != nil {
			return err
		}
		told = append(told, autonoma.NewEvent(autonoma.EventArtifact, "", now, kept))
	}
	if len(names) > 0 {
		told = append(told, autonoma.NewEvent(autonoma.EventNotice, "", now, autonoma.Notice{
			Code: "carried_over", Message: fmt.Sprintf("taken over from %s: %s", old, strings.Join(names, ", ")),
		}))
	}
	run.Advance()
	return tx.SaveRun(*run, told...)
}
