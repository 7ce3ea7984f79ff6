package catalog

import (
	"fmt"
	"slices"
	"time"

	"autonoma"
)

// Plan returns the steps of a run: the flows of the request's capabilities, one
// after the other, with the steps that take part at its scope. A step that needs
// one which does not take part needs what that one needed.
func (c *Catalog) Plan(req autonoma.Request) []autonoma.Step {
	var steps []autonoma.Step
	var last string // the step before, across flows
	several := len(req.Capabilities) > 1
	for _, capability := range autonoma.Capabilities {
		if !slices.Contains(req.Capabilities, capability) {
			continue
		}
		f := c.flows[capability]
		name := func(id string) string {
			if several {
				return f.Name + "." + id
			}
			return id
		}
		stands := map[string]string{} // for a step that takes no part, the one before it that does
		for _, s := range f.Steps {
			if !s.In(req.Scope) {
				stands[s.ID] = last
				continue
			}
			steps = append(steps, c.step(s, name, stands, last))
			last = name(s.ID)
			stands[s.ID] = last
		}
	}
	return steps
}

func (c *Catalog) step(s autonoma.FlowStep, name func(string) string, stands map[string]string, last string) autonoma.Step {
	step := autonoma.Step{
		ID: name(s.ID), Agent: s.Agent, Delivers: s.Delivers, Asks: s.Asks,
		Weight: weights[c.agents[s.Agent].Yields], Status: autonoma.StepPending, Round: 1,
	}
	for _, need := range s.Needs {
		if by := stands[need]; by != "" && !slices.Contains(step.Needs, by) {
			step.Needs = append(step.Needs, by)
		}
	}
	if len(s.Needs) == 0 && last != "" {
		step.Needs = []string{last}
	}
	if s.Back != nil && stands[s.Back.To] != "" {
		step.Back = &autonoma.Back{To: stands[s.Back.To], Rounds: s.Back.Rounds}
	}
	return step
}

// weights say how long a step takes by default, compared with others: to change
// a repository takes several times as long as to write about it.
var weights = map[autonoma.Yield]float64{
	autonoma.Document: 1,
	autonoma.Judgment: 2,
	autonoma.Change:   4,
}

// PhaseShare says which part of a step's time a phase takes by default, in
// hundredths. They add up to 100.
func PhaseShare(p autonoma.Phase) int {
	switch p {
	case autonoma.Research:
		return 10
	case autonoma.Inspect:
		return 10
	case autonoma.Generate:
		return 55
	case autonoma.OptimizePhase:
		return 15
	case autonoma.Review:
		return 10
	}
	panic(fmt.Sprintf("catalog: no phase %q", p))
}

// Expected returns how long a run is expected to take before any like it has
// been completed here. Later the median of those takes its place.
func Expected(s autonoma.Scope) time.Duration {
	switch s {
	case autonoma.Demo:
		return 5 * time.Minute
	case autonoma.POC:
		return 15 * time.Minute
	case autonoma.MVP:
		return 30 * time.Minute
	case autonoma.Product:
		return time.Hour
	case autonoma.Production:
		return 90 * time.Minute
	}
	panic(fmt.Sprintf("catalog: no scope %q", s))
}
