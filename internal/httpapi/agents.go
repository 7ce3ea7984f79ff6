package httpapi

import (
	"context"

	"autonoma"
	"autonoma/api"
)

type agentsOut struct {
	Body api.Agents
}

func (s *server) listAgents(ctx context.Context, by autonoma.Actor, _ *struct{}) (*agentsOut, error) {
	all, err := s.Agents.List(ctx, by)
	if err != nil {
		return nil, err
	}
	page := api.Agents{Agents: make([]api.Agent, len(all)), Total: len(all)}
	for i, a := range all {
		page.Agents[i] = api.AgentOf(a.Agent, a.Mode, a.Load, a.Offline)
	}
	return &agentsOut{page}, nil
}

type agentIn struct {
	ID string `path:"id" doc:"Names the agent: its id, or another name it has."`
}

type agentOut struct {
	Body api.AgentStatus
}

func (s *server) agentStatus(ctx context.Context, by autonoma.Actor, in *agentIn) (*agentOut, error) {
	a, err := s.Agents.Get(ctx, by, autonoma.AgentID(in.ID))
	if err != nil {
		return nil, err
	}
	return &agentOut{api.AgentStatusOf(api.AgentOf(a.Agent, a.Mode, a.Load, a.Offline), a.Load, a.Record, a.Maturity, a.Changes)}, nil
}

type coordinationOut struct {
	Body api.Coordination
}

func (s *server) coordination(ctx context.Context, by autonoma.Actor, _ *struct{}) (*coordinationOut, error) {
	c, err := s.Agents.Coordination(ctx, by)
	if err != nil {
		return nil, err
	}
	body := api.Coordination{
		Timestamp: api.Seconds(c.At), ActiveTasks: make([]api.ActiveTask, len(c.Active)),
		Queue: api.Queue{ByPriority: map[autonoma.Priority]int{}}, Workers: make([]api.Worker, len(c.Workers)),
	}
	for i, run := range c.Active {
		body.ActiveTasks[i] = api.ActiveTaskOf(run)
	}
	for _, p := range autonoma.Priorities {
		w := c.Waiting[p]
		body.Queue.Queued += w.Runs
		body.Queue.ByPriority[p] = w.Runs
		if old := int64(c.At.Sub(w.Oldest).Seconds()); w.Runs > 0 && (body.Queue.OldestSeconds == nil || old > *body.Queue.OldestSeconds) {
			body.Queue.OldestSeconds = &old
		}
	}
	for i, w := range c.Workers {
		body.Workers[i] = api.Worker{ID: w.ID, Host: w.Host, Slots: w.Slots, Busy: w.Executions, LastSeenAt: api.Seconds(w.SeenAt)}
	}
	return &coordinationOut{body}, nil
}
