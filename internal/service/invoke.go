package service

import (
	"context"
	"fmt"

	"autonoma"
)

// Invoke accepts a request to one agent, by its id or alias. The run has one step;
// all else about it is as with a task.
func (s *Tasks) Invoke(ctx context.Context, by autonoma.Actor, agent autonoma.AgentID, req autonoma.Request, also ...Also[autonoma.Run]) (autonoma.Run, error) {
	if err := may(by, autonoma.ScopeAdmin); err != nil {
		return autonoma.Run{}, err
	}
	a, err := s.agent(agent)
	if err != nil {
		return autonoma.Run{}, err
	}
	req.Agent, req.Capabilities = a.ID, []autonoma.Capability{a.Capability}
	return s.accept(ctx, by, autonoma.KindRigor, req, origin{also: also})
}

// Task returns a run that came in as a task.
func (s *Tasks) Task(ctx context.Context, by autonoma.Actor, id autonoma.RunID) (autonoma.Run, error) {
	run, err := s.Get(ctx, by, id)
	if err == nil && run.Kind != autonoma.KindTask {
		return autonoma.Run{}, fmt.Errorf("%s: %w", id, autonoma.ErrNotFound)
	}
	return run, err
}

// agent returns the agent with the id or alias, unless it works for the platform:
// users have no use for those, so they are not there.
func (c Config) agent(id autonoma.AgentID) (autonoma.Agent, error) {
	a, err := c.Catalog.Agent(id)
	if err == nil && a.Internal {
		return autonoma.Agent{}, fmt.Errorf("agent %s: %w", id, autonoma.ErrNotFound)
	}
	return a, err
}
