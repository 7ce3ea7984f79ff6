package httpapi

import (
	"context"

	"autonoma"
	"autonoma/api"
)

// requestOf is a task as it was sent, in our words.
func requestOf(in api.CreateTask) autonoma.Request {
	return autonoma.Request{
		Task: in.Task, Capabilities: in.Capabilities, Intelligence: in.Intelligence, Scope: in.Scope,
		Priority: in.Priority, Source: in.Source, BaseRef: in.BaseRef, Delivery: in.Delivery,
		Setup: in.Setup, Verify: in.Verify, Mode: in.ACMFMode, CallbackURL: in.CallbackURL, Metadata: in.Metadata, Budget: budgetOf(in.Budget),
	}
}

// requestOfInvoke is what was asked of a single agent, in our words.
func requestOfInvoke(in api.Invoke) autonoma.Request {
	return autonoma.Request{
		Task: in.Prompt, Intelligence: in.Intelligence, Scope: in.Scope, Priority: in.Priority, Source: in.Source,
		Mode: in.ACMFMode, CallbackURL: in.CallbackURL, Budget: budgetOf(in.Budget),
	}
}

func budgetOf(b *api.Budget) autonoma.Budget {
	if b == nil {
		return autonoma.Budget{}
	}
	return autonoma.Budget{
		MaxCostUSD: orZero(b.MaxCostUSD), MaxTokens: orZero(b.MaxTokens), MaxTurns: orZero(b.MaxTurns), MaxDurationSeconds: orZero(b.MaxDurationSeconds),
	}
}

// view is a run as it is shown.
func (s *server) view(ctx context.Context, by autonoma.Actor, run autonoma.Run) (api.Task, error) {
	t := api.TaskOf(run, s.now())
	a, err := s.around(ctx, by, run)
	t.QueuePosition, t.Approval, t.Output = a.place, a.question, a.output
	return t, err
}

// surroundings are what is shown of a run and no part of it.
type surroundings struct {
	place    *int          // in the queue, if it waits there
	question *api.Approval // to a human, if it waits for one
	output   *api.Output   // if there is one
}

func (s *server) around(ctx context.Context, by autonoma.Actor, run autonoma.Run) (surroundings, error) {
	var around surroundings
	if run.Status == autonoma.Queued {
		ahead, err := s.Tasks.Ahead(ctx, run)
		if err != nil {
			return around, err
		}
		ahead++
		around.place = &ahead
	}
	if run.Questions() > 0 {
		a, err := s.Approvals.Pending(ctx, run.ID)
		if err != nil {
			return around, err
		}
		if a != nil {
			shown := api.ApprovalOf(*a)
			around.question = &shown
		}
	}
	if run.Output != nil {
		artifacts, err := s.Tasks.Artifacts(ctx, by, run.ID)
		if err != nil {
			return around, err
		}
		around.output = api.OutputOf(*run.Output, run.ID, artifacts)
	}
	return around, nil
}

func orZero[T any](v *T) T {
	var zero T
	if v == nil {
		return zero
	}
	return *v
}
