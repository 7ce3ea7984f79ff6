package service

import (
	"cmp"
	"time"

	"autonoma"
	"autonoma/internal/store"
)

// modeOf returns the mode of an agent, given those of which something was counted.
func modeOf(agent autonoma.AgentID, modes map[autonoma.AgentID]autonoma.Mode, start autonoma.Mode) autonoma.Mode {
	return cmp.Or(modes[agent], start, autonoma.StartMode)
}

// widest returns the widest mode that an agent of the steps has.
func (s Steps) widest(tx *store.Tx, tenant autonoma.TenantID, steps []autonoma.Step) (autonoma.Mode, error) {
	modes, err := tx.Modes(tenant)
	most := autonoma.Observe
	for _, step := range steps {
		if mode := modeOf(step.Agent, modes, s.StartMode); most.Within(mode) == most {
			most = mode
		}
	}
	return most, err
}

// Ended takes into account how an execution ended that is saved in the same
// transaction: for the maturity of its agent and, if it looked at the history of the
// source, for the credits of all. It returns the events that tell of a mode that was
// gained or lost. Whoever ends an execution holds its lease, which is good once: so
// it is counted once.
func (s Steps) Ended(tx *store.Tx, run autonoma.Run, exec autonoma.Execution, at time.Time) ([]autonoma.Event, error) {
	if r := exec.Result; r != nil && r.History != nil {
		if err := credit(tx, run, *r.History, at); err != nil {
			return nil, err
		}
	}
	success, something := exec.Tells()
	step := run.Step(exec.Step)
	if !something || step != nil && step.Candidate != "" { // what counts is what was made of the candidates
		return nil, nil
	}
	agent, _ := s.Catalog.Agent(exec.Agent) // one that is gone has no capability, and no credits
	m, err := tx.Maturity(run.Tenant, exec.Agent, agent.Capability)
	if err != nil {
		return nil, err
	}
	m.Begin(cmp.Or(s.StartMode, autonoma.StartMode))
	var confidence float64
	if exec.Result != nil {
		confidence = exec.Result.Confidence
	}
	change := m.Count(success, confidence, at)
	if err := tx.SaveMaturity(run.Tenant, exec.Agent, m); err != nil || change == nil {
		return nil, err
	}
	told := autonoma.NewEvent(autonoma.EventNotice, exec.ID, at, change.Notice(exec.Agent))
	return []autonoma.Event{told}, tx.InsertModeChange(run.Tenant, exec, *change)
}

// credit stores what the history of a run's source is worth.
func credit(tx *store.Tx, run autonoma.Run, h autonoma.History, at time.Time) error {
	for _, c := range autonoma.Capabilities {
		if worth := h.Credits(c, at); worth > 0 {
			if err := tx.PutCredits(run.Tenant, c, run.Request.Source, worth, h, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// Overridden takes into account for the maturity of an agent that a person decided
// otherwise than its execution did. However often that is said of one, it counts once.
func Overridden(tx *store.Tx, tenant autonoma.TenantID, exec autonoma.Execution) error {
	first, err := tx.Override(exec.Original())
	if err != nil || !first {
		return err
	}
	m, err := tx.Maturity(tenant, exec.Agent, "") // credits are not looked at
	if err != nil {
		return err
	}
	m.Override()
	return tx.SaveMaturity(tenant, exec.Agent, m)
}
