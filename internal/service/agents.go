package service

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"autonoma"
	"autonoma/internal/store"
)

// Agents is what users may know of agents and of their work. All of it comes from
// the database, so that every process says the same, and all figures are the
// asker's own: of the work for others nothing is told.
type Agents struct {
	Config
	now func() time.Time
}

// NewAgents returns the agents of the catalog and their work in the database.
func NewAgents(cfg Config) *Agents { return &Agents{cfg, time.Now} }

// An AgentState is an agent and what it has to do.
type AgentState struct {
	autonoma.Agent
	Mode    autonoma.Mode
	Load    autonoma.Load
	Offline bool // no worker is alive that could carry out its work
}

// An AgentRecord is an agent, what it has to do, what it has done, and what of that
// its maturity is judged by.
type AgentRecord struct {
	AgentState
	Record   autonoma.Record
	Maturity autonoma.Maturity
	Changes  []autonoma.ModeChange // the modes it gained and lost, newest first
}

// maxChanges is how many of these are shown at most.
const maxChanges = 20

// List returns the agents that users may ask for, in their order.
func (s *Agents) List(ctx context.Context, by autonoma.Actor) ([]AgentState, error) {
	if err := may(by, autonoma.ScopeRead); err != nil {
		return nil, err
	}
	loads, works, err := s.state(ctx, by)
	if err != nil {
		return nil, err
	}
	modes, err := s.DB.Modes(ctx, by.Tenant)
	if err != nil {
		return nil, err
	}
	all := slices.DeleteFunc(s.Catalog.Agents(), func(a autonoma.Agent) bool { return a.Internal })
	states := make([]AgentState, len(all))
	for i, a := range all {
		states[i] = AgentState{a, modeOf(a.ID, modes, s.StartMode), loads[a.ID], !works}
	}
	return states, nil
}

// Get returns the agent with the given id or alias.
func (s *Agents) Get(ctx context.Context, by autonoma.Actor, id autonoma.AgentID) (AgentRecord, error) {
	if err := may(by, autonoma.ScopeRead); err != nil {
		return AgentRecord{}, err
	}
	a, err := s.agent(id)
	if err != nil {
		return AgentRecord{}, err
	}
	loads, works, err := s.state(ctx, by)
	if err != nil {
		return AgentRecord{}, err
	}
	r := AgentRecord{}
	if r.Record, err = s.DB.Record(ctx, by.Tenant, a.ID); err != nil {
		return AgentRecord{}, err
	}
	if r.Maturity, err = s.DB.Maturity(ctx, by.Tenant, a.ID, a.Capability); err != nil {
		return AgentRecord{}, err
	}
	r.Maturity.Begin(cmp.Or(s.StartMode, autonoma.StartMode))
	r.AgentState = AgentState{a, r.Maturity.Mode, loads[a.ID], !works}
	r.Changes, err = s.DB.ModeChanges(ctx, by.Tenant, a.ID, maxChanges)
	return r, err
}

// state returns what agents have to do for the asker, and whether anybody could.
func (s *Agents) state(ctx context.Context, by autonoma.Actor) (map[autonoma.AgentID]autonoma.Load, bool, error) {
	loads, err := s.DB.Loads(ctx, by.Tenant)
	if err != nil {
		return nil, false, err
	}
	works, err := s.DB.Works(ctx, s.now())
	return loads, works, err
}

// A Coordination is who works on what for a tenant.
type Coordination struct {
	At      time.Time
	Active  []autonoma.Run // that have begun and are not over, newest first
	Waiting map[autonoma.Priority]store.Waiting
	Workers []store.Busy // and how many executions of the tenant they carry out
}

// MaxActive is how many runs a [Coordination] shows at most.
const MaxActive = 100

// Coordination returns who works on what for the asker.
func (s *Agents) Coordination(ctx context.Context, by autonoma.Actor) (Coordination, error) {
	if err := may(by, autonoma.ScopeRead); err != nil {
		return Coordination{}, err
	}
	c := Coordination{At: s.now()}
	var err error
	if c.Active, err = s.DB.ActiveRuns(ctx, by.Tenant, MaxActive); err != nil {
		return Coordination{}, err
	}
	if c.Waiting, err = s.DB.Waiting(ctx, by.Tenant); err != nil {
		return Coordination{}, err
	}
	c.Workers, err = s.DB.Workers(ctx, by.Tenant, c.At)
	return c, err
}

// Work is an execution, the run it is part of, and what it made.
type Work struct {
	Execution autonoma.Execution
	Run       autonoma.Run
	Artifacts []autonoma.Artifact
	Question  *autonoma.Approval // to a human, for whose answer it waits; nil: for none
}

// Execution returns any execution of the asker, of whatever kind of run.
func (s *Agents) Execution(ctx context.Context, by autonoma.Actor, id autonoma.ExecutionID) (Work, error) {
	if err := may(by, autonoma.ScopeAdmin); err != nil {
		return Work{}, err
	}
	exec, err := s.DB.Execution(ctx, id)
	if err != nil {
		return Work{}, err
	}
	run, err := s.DB.Run(ctx, exec.Run)
	if err == nil && run.Tenant != by.Tenant {
		err = fmt.Errorf("%s: %w", id, autonoma.ErrNotFound)
	}
	if err != nil {
		return Work{}, err
	}
	// The name of an invocation stands for its newest execution, should there be
	// more than one.
	if newest := run.Steps[0].Execution; string(id) == string(run.ID) && newest != id {
		if exec, err = s.DB.Execution(ctx, newest); err != nil {
			return Work{}, err
		}
	}
	artifacts, err := s.DB.Artifacts(ctx, run.ID)
	artifacts = slices.DeleteFunc(artifacts, func(a autonoma.Artifact) bool {
		return a.Execution != exec.ID && run.Kind != autonoma.KindRigor
	})
	if err != nil {
		return Work{}, err
	}
	pending, err := s.DB.PendingApprovals(ctx, run.ID)
	w := Work{Execution: exec, Run: run, Artifacts: artifacts}
	if i := slices.IndexFunc(pending, func(a autonoma.Approval) bool { return a.Execution == exec.ID }); i >= 0 {
		w.Question = &pending[i]
	}
	return w, err
}

// Engine is how much work there is for the asker, and whether there is somebody to
// do it.
type Engine struct {
	Active, Queued int
	Agents         int // that may be invoked
	Works          bool
}

// Engine returns how much work there is for the asker.
func (s *Agents) Engine(ctx context.Context, by autonoma.Actor) (Engine, error) {
	if err := may(by, autonoma.ScopeAdmin); err != nil {
		return Engine{}, err
	}
	loads, works, err := s.state(ctx, by)
	e := Engine{Works: works}
	for _, l := range loads {
		e.Active, e.Queued = e.Active+l.Active, e.Queued+l.Queued
	}
	for _, a := range s.Catalog.Agents() {
		if !a.Internal {
			e.Agents++
		}
	}
	return e, err
}
