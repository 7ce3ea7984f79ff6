package httpapi

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"

	"autonoma"
	"autonoma/api"
)

// requestOf is a task as it was sent, in our words.
func requestOf(in api.CreateTask) autonoma.Request {
	req := autonoma.Request{
		Task: in.Task, Capabilities: in.Capabilities, Intelligence: in.Intelligence, Scope: in.Scope,
		Priority: in.Priority, Source: in.Source, BaseRef: in.BaseRef, Delivery: in.Delivery,
		Setup: in.Setup, Verify: in.Verify, Metadata: in.Metadata,
	}
	if b := in.Budget; b != nil {
		req.Budget = autonoma.Budget{
			MaxCostUSD: orZero(b.MaxCostUSD), MaxTokens: orZero(b.MaxTokens), MaxDurationSeconds: orZero(b.MaxDurationSeconds),
		}
	}
	return req
}

// view is a run as it is shown.
func (s *server) view(ctx context.Context, by autonoma.Actor, run autonoma.Run) (api.Task, error) {
	t := taskOf(run, s.now())
	if run.Status == autonoma.Queued {
		ahead, err := s.Tasks.Ahead(ctx, run)
		if err != nil {
			return api.Task{}, err
		}
		place := ahead + 1
		t.QueuePosition = &place
	}
	if run.Output != nil {
		artifacts, err := s.Tasks.Artifacts(ctx, by, run.ID)
		if err != nil {
			return api.Task{}, err
		}
		t.Output = outputOf(*run.Output, run.ID, artifacts)
	}
	return t, nil
}

func taskOf(run autonoma.Run, now time.Time) api.Task {
	req, self := run.Request, pathOf(run.ID)
	t := api.Task{
		TaskID: run.ID, Kind: run.Kind, Status: run.Status, StatusDetail: orNull(run.StatusDetail),
		Progress: run.Progress, CompletedPhases: run.CompletedPhases(),
		EstimatedCompletion: seconds(run.EstimatedCompletion(now)),
		Task:                req.Task, Capabilities: req.Capabilities, Intelligence: req.Intelligence, Scope: req.Scope,
		Priority: req.Priority, Source: orNull(req.Source), BaseRef: orNull(req.BaseRef), Delivery: req.Delivery,
		Steps: make([]api.Step, len(run.Steps)), Usage: api.Usage(run.Usage), Budget: budgetOf(req.Budget),
		Metadata: req.Metadata, Error: errorOf(run.Error),
		CreatedAt: seconds(run.CreatedAt), StartedAt: secondsOrNull(run.StartedAt), CompletedAt: secondsOrNull(run.CompletedAt),
		Links: api.Links{Self: self, Events: self + "/events", Diff: self + "/diff", Cancel: self + "/cancel"},
	}
	if t.Metadata == nil {
		t.Metadata = map[string]string{}
	}
	if step := run.Current(); step != nil {
		t.CurrentAgent = &step.Agent
	}
	for i, step := range run.Steps {
		t.Steps[i] = api.Step{
			ID: step.ID, Agent: step.Agent, ExecutionID: orNull(step.Execution), Status: step.Status,
			Phase: orNull(step.Phase), Progress: step.Progress,
		}
	}
	return t
}

func outputOf(o autonoma.Output, id autonoma.RunID, artifacts []autonoma.Artifact) *api.Output {
	out := &api.Output{
		Summary: o.Summary, Branch: o.Branch, BaseCommit: o.BaseCommit, HeadCommit: o.HeadCommit,
		PullRequestURL: o.PullRequestURL, FilesChanged: o.FilesChanged, Insertions: o.Insertions, Deletions: o.Deletions,
		Confidence: o.Confidence,
		Verification: api.Verification{
			Status: o.Verification.Status, Commit: orNull(o.Verification.Commit), Isolation: orNull(o.Verification.Isolation),
			Commands: make([]api.Command, len(o.Verification.Commands)), EvidenceURL: o.Verification.EvidenceURL,
		},
		Artifacts: make([]api.Artifact, len(artifacts)),
	}
	for i, c := range o.Verification.Commands {
		out.Verification.Commands[i] = api.Command{
			Command: c.Command, ExitCode: c.ExitCode, DurationMS: c.DurationMS,
			Before: orNull(c.Before), After: orNull(c.After), Ended: orNull(c.Ended), Output: orNull(c.Output),
		}
	}
	for i, a := range artifacts {
		out.Artifacts[i] = api.Artifact{
			ID: a.ID, Name: a.Name, Type: a.Type, Path: a.Path, Size: a.Size,
			URL: fmt.Sprintf("%s/artifacts/%s", pathOf(id), url.PathEscape(string(a.ID))),
		}
	}
	return out
}

func errorOf(f *autonoma.Failure) *api.TaskError {
	if f == nil {
		return nil
	}
	return &api.TaskError{
		Code: f.Code, Message: f.Message, Agent: orNull(f.Agent), Phase: orNull(f.Phase), Retryable: f.Retryable,
	}
}

func budgetOf(b autonoma.Budget) *api.Budget {
	if b == (autonoma.Budget{}) {
		return nil
	}
	return &api.Budget{
		MaxCostUSD: orNull(b.MaxCostUSD), MaxTokens: orNull(b.MaxTokens), MaxDurationSeconds: orNull(b.MaxDurationSeconds),
	}
}

func eventOf(e autonoma.Event) api.Event {
	return api.Event{
		RunID: e.Run, Seq: e.Seq, At: e.At.UTC(), Kind: e.Kind, ExecutionID: orNull(e.Execution), Data: e.Data,
	}
}

// agentsOf returns the agents of a run's steps, in order, each once.
func agentsOf(run autonoma.Run) []autonoma.AgentID {
	agents := []autonoma.AgentID{}
	for _, step := range run.Steps {
		if !slices.Contains(agents, step.Agent) {
			agents = append(agents, step.Agent)
		}
	}
	return agents
}

func pathOf(id autonoma.RunID) string { return "/v1/agents/tasks/" + string(id) }

// seconds is a time as the contract writes it.
func seconds(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

func secondsOrNull(t time.Time) *time.Time { return orNull(seconds(t)) }

func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func orZero[T any](v *T) T {
	var zero T
	if v == nil {
		return zero
	}
	return *v
}
