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
		MaxCostUSD: orZero(b.MaxCostUSD), MaxTokens: orZero(b.MaxTokens), MaxDurationSeconds: orZero(b.MaxDurationSeconds),
	}
}

// view is a run as it is shown.
func (s *server) view(ctx context.Context, by autonoma.Actor, run autonoma.Run) (api.Task, error) {
	t := api.TaskOf(run, s.now())
	if run.Status == autonoma.Queued {
		ahead, err := s.Tasks.Ahead(ctx, run)
		if err != nil {
			return api.Task{}, err
		}
		place := ahead + 1
		t.QueuePosition = &place
	}
	if run.Questions() > 0 {
		a, err := s.Approvals.Pending(ctx, run.ID)
		if err != nil {
			return api.Task{}, err
		}
		if a != nil {
			shown := api.ApprovalOf(*a)
			t.Approval = &shown
		}
	}
	if run.Output != nil {
		artifacts, err := s.Tasks.Artifacts(ctx, by, run.ID)
		if err != nil {
			return api.Task{}, err
		}
		t.Output = api.OutputOf(*run.Output, run.ID, artifacts)
	}
	return t, nil
}

func orZero[T any](v *T) T {
	var zero T
	if v == nil {
		return zero
	}
	return *v
}
