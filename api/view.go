package api

import (
	"fmt"
	"net/url"
	"slices"
	"time"

	"autonoma"
)

// TaskOf returns a run as it is shown, but for its place in the queue and its
// output: see [OutputOf].
func TaskOf(run autonoma.Run, now time.Time) Task {
	req := run.Request
	t := Task{
		TaskID: run.ID, Kind: run.Kind, Status: run.Status, StatusDetail: orNull(run.StatusDetail),
		Progress: run.Progress, CompletedPhases: run.CompletedPhases(),
		EstimatedCompletion: Seconds(run.EstimatedCompletion(now)),
		Task:                req.Task, Capabilities: req.Capabilities, Intelligence: req.Intelligence, Scope: req.Scope,
		Priority: req.Priority, Source: orNull(req.Source), BaseRef: orNull(req.BaseRef), Delivery: run.Delivery(),
		ACMFMode: run.Mode, RetryOf: orNull(run.RetryOf),
		Steps: make([]Step, len(run.Steps)), Usage: Usage(run.Usage), Budget: budgetOf(req.Budget),
		Metadata: req.Metadata, Error: errorOf(run.Error),
		CreatedAt: Seconds(run.CreatedAt), StartedAt: secondsOrNull(run.StartedAt), CompletedAt: secondsOrNull(run.CompletedAt),
		Links: linksOf(run),
	}
	if t.Metadata == nil {
		t.Metadata = map[string]string{}
	}
	if step := run.Current(); step != nil {
		t.CurrentAgent = &step.Agent
	}
	for i, step := range run.Steps {
		t.Steps[i] = StepOf(run, step)
	}
	return t
}

// OutputOf returns the output of a run as it is shown.
func OutputOf(o autonoma.Output, id autonoma.RunID, artifacts []autonoma.Artifact) *Output {
	out := &Output{
		Summary: o.Summary, Branch: o.Branch, BaseCommit: o.BaseCommit, HeadCommit: o.HeadCommit,
		PullRequestURL: o.PullRequestURL, FilesChanged: o.FilesChanged, Insertions: o.Insertions, Deletions: o.Deletions,
		Confidence:   o.Confidence,
		Verification: verificationOf(o.Verification), Gates: gatesOf(o.Gates), Findings: findingsOf(o.Findings), Measurements: measurementsOf(o.Measurements),
		Artifacts: artifactsOf(id, artifacts),
	}
	if slices.ContainsFunc(artifacts, func(a autonoma.Artifact) bool { return a.Type == autonoma.EvidenceArtifact }) {
		url := PathOf(id) + "/evidence"
		out.Verification.EvidenceURL = &url
	}
	return out
}

func gatesOf(gates []autonoma.Gate) []Gate {
	views := make([]Gate, len(gates))
	for i, g := range gates {
		views[i] = Gate(g)
	}
	return views
}

func verificationOf(v autonoma.Verification) Verification {
	view := Verification{
		Status: v.Status, Commit: orNull(v.Commit), Isolation: orNull(v.Isolation),
		ProvenBy: append([]string{}, v.ProvenBy...), NotProven: append([]string{}, v.NotProven...),
		Commands: make([]Command, len(v.Commands)),
	}
	for i, c := range v.Commands {
		view.Commands[i] = Command{
			Command: c.Command, ExitCode: c.ExitCode, DurationMS: c.DurationMS,
			Before: orNull(c.Before), After: orNull(c.After), Ended: orNull(c.Ended), Isolation: orNull(c.Isolation), Output: orNull(c.Output),
			Digest: orNull(c.Digest), Tests: testsOf(c.Tests),
		}
	}
	return view
}

func artifactsOf(id autonoma.RunID, artifacts []autonoma.Artifact) []Artifact {
	views := make([]Artifact, len(artifacts))
	for i, a := range artifacts {
		views[i] = Artifact{
			ID: a.ID, Name: a.Name, Type: a.Type, Path: a.Path, Size: a.Size,
			URL: fmt.Sprintf("%s/artifacts/%s", PathOf(id), url.PathEscape(string(a.ID))),
		}
	}
	return views
}

func linksOf(run autonoma.Run) Links {
	self, path := PathOf(run.ID), PathOf(run.ID)
	if run.Kind == autonoma.KindRigor {
		self = StatusPathOf(autonoma.ExecutionID(run.ID))
	}
	return Links{Self: self, Events: path + "/events", Diff: path + "/diff", Cancel: path + "/cancel"}
}

func errorOf(f *autonoma.Failure) *TaskError {
	if f == nil {
		return nil
	}
	return &TaskError{
		Code: f.Code, Message: f.Message, Agent: orNull(f.Agent), Phase: orNull(f.Phase), Retryable: f.Retryable,
	}
}

func budgetOf(b autonoma.Budget) *Budget {
	if b == (autonoma.Budget{}) {
		return nil
	}
	return &Budget{
		MaxCostUSD: orNull(b.MaxCostUSD), MaxTokens: orNull(b.MaxTokens), MaxTurns: orNull(b.MaxTurns), MaxDurationSeconds: orNull(b.MaxDurationSeconds),
	}
}

// EventOf returns an event as it is shown.
func EventOf(e autonoma.Event) Event {
	return Event{
		RunID: e.Run, Seq: e.Seq, At: e.At.UTC(), Kind: e.Kind, ExecutionID: orNull(e.Execution), Data: e.Data,
	}
}

// AgentsOf returns the agents of a run's steps, in order, each once.
func AgentsOf(run autonoma.Run) []autonoma.AgentID {
	agents := []autonoma.AgentID{}
	for _, step := range run.Steps {
		if !slices.Contains(agents, step.Agent) {
			agents = append(agents, step.Agent)
		}
	}
	return agents
}

// PathOf returns the path of a run.
func PathOf(id autonoma.RunID) string {
	if id.Of(autonoma.KindWorkflow) {
		return "/v1/customer/workflow/" + url.PathEscape(string(id))
	}
	return "/v1/agents/tasks/" + url.PathEscape(string(id))
}

// Seconds is a time as the contract writes it.
func Seconds(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

func secondsOrNull(t time.Time) *time.Time { return orNull(Seconds(t)) }

func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
