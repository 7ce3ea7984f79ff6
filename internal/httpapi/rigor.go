package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/service"
)

type invokeIn struct {
	Personality string `path:"personality" doc:"Names the agent: its id, or another name it has."`
	Creation[api.Invoke]
}

func (s *server) invoke(ctx context.Context, by autonoma.Actor, in *invokeIn, also service.Also[autonoma.Run]) (autonoma.Run, error) {
	wish, faults, err := in.Sent.get()
	if err != nil {
		return autonoma.Run{}, err
	}
	req := requestOfInvoke(wish)
	if len(faults) > 0 {
		req.Capabilities = autonoma.Capabilities // the agent has one; it is not theirs to name
		return autonoma.Run{}, withNouns(faults, ofPrompt(judged(req.Normalize())))
	}
	run, err := s.Tasks.Invoke(ctx, by, autonoma.AgentID(in.Personality), req, also)
	if wrong, ok := errors.AsType[autonoma.FieldErrors](err); ok {
		return autonoma.Run{}, ofPrompt(wrong)
	}
	return run, err
}

// invoked is the answer to an invocation.
func invoked(run autonoma.Run) (string, api.Invoked) {
	id := autonoma.ExecutionID(run.ID)
	out := api.Invoked{
		ExecutionID: id, Personality: run.Request.Agent, Status: run.Status, ACMFMode: run.Mode, StatusURL: api.StatusPathOf(id),
	}
	return out.StatusURL, out
}

// ofPrompt calls the task of a request what it is called by whoever invokes an agent.
func ofPrompt(faults autonoma.FieldErrors) autonoma.FieldErrors {
	for _, f := range faults {
		if f.Field == "task" {
			f.Field = "prompt"
		}
	}
	return faults
}

type executionIn struct {
	ExecutionID string `path:"executionId" doc:"Names the execution."`
}

type executionOut struct {
	Body api.Execution
}

func (s *server) execution(ctx context.Context, by autonoma.Actor, in *executionIn) (*executionOut, error) {
	id := autonoma.ExecutionID(in.ExecutionID)
	if !id.Valid() {
		return nil, fmt.Errorf("there is no such execution: %w", autonoma.ErrNotFound)
	}
	w, err := s.Agents.Execution(ctx, by, id)
	if err != nil {
		return nil, err
	}
	return &executionOut{api.ExecutionOf(w.Execution, w.Run, w.Artifacts, w.Question, s.now())}, nil
}

type rigorHealthOut struct {
	Status int
	Body   api.RigorHealth
}

// rigorHealth tells whether executions can be carried out: 200 as long as they can,
// if not as they should.
func (s *server) rigorHealth(ctx context.Context, by autonoma.Actor, _ *struct{}) (*rigorHealthOut, error) {
	engine, err := s.Agents.Engine(ctx, by)
	if err != nil {
		return nil, err
	}
	h := api.RigorHealth{
		Status: api.Healthy, Models: map[autonoma.Intelligence]api.RigorModel{}, Sandbox: api.SandboxOf(autonoma.Isolation{}),
	}
	if s.Rigor != nil {
		h = s.Rigor(ctx)
	}
	h.Phases, h.Version, h.Agents = autonoma.Phases, s.Version, engine.Agents
	h.ActiveExecutions, h.QueuedExecutions = engine.Active, engine.Queued
	if !engine.Works && h.Status != api.Unhealthy {
		h.Status, h.Message = api.Unhealthy, new("no worker is alive; start one with autonoma serve")
	}
	status := http.StatusOK
	if h.Status == api.Unhealthy {
		status = http.StatusServiceUnavailable
	}
	return &rigorHealthOut{status, h}, nil
}
