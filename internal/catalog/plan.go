package catalog

import (
	"fmt"
	"slices"
	"time"

	"autonoma"
)

// Plan returns the steps of a run: the flows of the request's capabilities, one
// after the other, with the steps that take part at its scope. A step that needs
// one which does not take part needs what that one needed, and a flow begins when
// all that nobody waits for in the flow before is done. A request that names an
// agent has one step, which is that agent's.
func (c *Catalog) Plan(req autonoma.Request) []autonoma.Step {
	if a, ok := c.agents[req.Agent]; ok {
		return []autonoma.Step{{ID: "work", Agent: a.ID, Pace: Pace(a.Yields), Status: autonoma.StepPending, Round: 1}}
	}
	var steps []autonoma.Step
	var ends []string // of the flow before
	for _, capability := range autonoma.Capabilities {
		if !slices.Contains(req.Capabilities, capability) {
			continue
		}
		f, prefix := c.flows[capability], ""
		if len(req.Capabilities) > 1 {
			prefix = f.Name + "."
		}
		if part := c.planFlow(f, req.Scope, prefix, ends); len(part) > 0 {
			steps, ends = append(steps, part...), leaves(part)
		}
	}
	return steps
}

// planFlow returns the steps of one flow, which begins after the given ones.
func (c *Catalog) planFlow(f autonoma.Flow, scope autonoma.Scope, prefix string, after []string) []autonoma.Step {
	var steps []autonoma.Step
	stands := map[string][]string{} // for each step so far, itself, or what it would have needed
	before := after                 // what a step that names no needs follows
	for _, s := range f.Steps {
		needs := before
		if len(s.Needs) > 0 {
			needs = nil
			for _, need := range s.Needs {
				needs = union(needs, stands[need])
			}
		}
		stands[s.ID] = needs
		if s.In(scope) {
			stands[s.ID] = []string{prefix + s.ID}
			steps = append(steps, autonoma.Step{
				ID: prefix + s.ID, Agent: s.Agent, Delivers: s.Delivers, Asks: s.Asks, Reports: s.Reports,
				Needs: slices.Clone(needs), Back: back(s.Back, stands, steps),
				Pace: Pace(c.agents[s.Agent].Yields), Status: autonoma.StepPending, Round: 1,
			})
		}
		before = stands[s.ID]
	}
	return steps
}

// back returns where a verdict sends the work: to the step that is named or, if
// that takes no part, to the one it would have followed in the same flow.
func back(b *autonoma.Back, stands map[string][]string, steps []autonoma.Step) *autonoma.Back {
	if b == nil || len(stands[b.To]) != 1 {
		return nil
	}
	to := stands[b.To][0]
	if !slices.ContainsFunc(steps, func(s autonoma.Step) bool { return s.ID == to }) {
		return nil
	}
	return &autonoma.Back{To: to, Rounds: b.Rounds}
}

// leaves returns the steps that no other step needs.
func leaves(steps []autonoma.Step) []string {
	var ids []string
	for _, s := range steps {
		needed := slices.ContainsFunc(steps, func(o autonoma.Step) bool { return slices.Contains(o.Needs, s.ID) })
		if !needed {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// union returns a new slice of what is in a or in b, once.
func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// Pace says what a step is expected to take before its agent has completed any
// here: to change a repository takes several times as long as to write about it.
// Only the proportions matter, to the progress of a run.
func Pace(y autonoma.Yield) autonoma.Pace {
	minutes := map[autonoma.Yield]float64{autonoma.Document: 1, autonoma.Judgment: 2, autonoma.Change: 4}[y]
	return autonoma.Pace{
		autonoma.Research:      6 * minutes,
		autonoma.Inspect:       6 * minutes,
		autonoma.Generate:      33 * minutes,
		autonoma.OptimizePhase: 9 * minutes,
		autonoma.Review:        6 * minutes,
	}
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
