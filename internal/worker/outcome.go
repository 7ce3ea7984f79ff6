package worker

import (
	"context"
	"slices"
	"strings"

	"autonoma"
	"autonoma/internal/evidence"
	"autonoma/internal/rigor"
	"autonoma/internal/service"
)

// made is what the completed steps of a run made: results, and the commit that holds
// them all. Head and base are the same if nothing was changed.
type made struct {
	run        autonoma.Run
	results    []rigor.Earlier // in the order in which the steps were begun
	base, head string
	apart      []rigor.Earlier      // results that are in conflict with the head, and not in it
	confined   []evidence.Execution // how those who worked on it were confined
	observers  []autonoma.AgentID   // who changed something and may only propose it
}

// made returns what the completed executions of a run made, with one that is not
// saved yet.
func (w *Worker) made(ctx context.Context, id autonoma.RunID, last autonoma.Execution) (made, error) {
	run, err := w.DB.Run(ctx, id)
	if err != nil {
		return made{}, err
	}
	all, err := w.DB.Executions(ctx, id)
	if err != nil {
		return made{}, err
	}
	for i, e := range all {
		if e.ID == last.ID {
			all[i] = last
		}
	}
	m := made{run: run, results: completed(run, all), confined: confined(run, all), observers: observers(all)}
	if len(m.results) == 0 {
		return m, nil
	}
	m.base = m.results[0].Result.Base
	tips := service.Head(&run, all)
	m.head = tips[len(tips)-1]
	if len(tips) > 1 { // only of a run that was cut short: what fits together is handed over together
		together, err := w.Workspaces.Merge(ctx, string(id), tips)
		if err != nil {
			return m, err
		}
		if len(together.Conflicts) == 0 {
			m.head = together.Commit
			return m, nil
		}
		m.keep(func(r autonoma.Result) bool { return service.Within(all, m.head, r.Commit) })
	}
	return m, nil
}

// observers returns the agents that changed something in an execution in which they
// were to observe: nothing of it is applied, nor of what was built on it.
func observers(all []autonoma.Execution) []autonoma.AgentID {
	var who []autonoma.AgentID
	for _, e := range all {
		if e.Mode == autonoma.Observe && e.Status == autonoma.StepCompleted && e.Result.Changed && !slices.Contains(who, e.Agent) {
			who = append(who, e.Agent)
		}
	}
	return who
}

// keep sets the results apart that are not within the head.
func (m *made) keep(within func(autonoma.Result) bool) {
	var kept []rigor.Earlier
	for _, e := range m.results {
		if within(e.Result) {
			kept = append(kept, e)
		} else {
			m.apart = append(m.apart, e)
		}
	}
	m.results = kept
}

// outcome sums up what the steps of a run came to.
func (w *Worker) outcome(m made) delivery {
	d := delivery{apart: m.apart, output: autonoma.Output{
		BaseCommit: m.base, HeadCommit: m.head, Confidence: 1, Verification: w.verification(m), Gates: m.gates(),
	}}
	for _, e := range m.results {
		d.output.Confidence = min(d.output.Confidence, e.Result.Confidence)
		d.output.Findings = append(d.output.Findings, e.Result.Findings...)
		d.output.Measurements = append(d.output.Measurements, e.Result.Measurements...)
	}
	autonoma.SortFindings(d.output.Findings)
	blocks := w.Engine.Policy.Blocks(m.run.Request.Scope)
	switch v, no := d.output.Verification, m.rejected(); {
	case blocks && v.Status == autonoma.NotVerified:
		d.problem = &autonoma.Failure{Code: autonoma.FailVerification, Message: unverified(v)}
	case blocks && no != nil && m.run.Kind != autonoma.KindRigor: // there it is what was asked for
		d.problem = &autonoma.Failure{Code: autonoma.FailReview, Message: no.Result.Summary, Agent: no.Step.Agent, Phase: autonoma.Review}
	default:
		d.problem = blocked(d.output.Gates)
	}
	return d
}

// said is what those say who made the change first, each of them if several did
// at the same time. Where nothing was changed, the last step has the word.
func (m made) said() string {
	var first string
	var said []string
	for _, e := range m.results {
		if e.Result.Changed && (first == "" || !m.run.Lined(first, e.Step.ID)) {
			said = append(said, e.Result.Summary)
			if first == "" {
				first = e.Step.ID
			}
		}
	}
	if first == "" && len(m.results) > 0 {
		return m.results[len(m.results)-1].Result.Summary
	}
	return strings.Join(said, "\n\n")
}

// rejected returns the judgment that asks for changes and that nobody answered: no
// step follows but those that bring together.
func (m made) rejected() *rigor.Earlier {
	for i, e := range m.results {
		if e.Result.Verdict != autonoma.Changes {
			continue
		}
		answered := slices.ContainsFunc(m.run.Steps, func(s autonoma.Step) bool {
			return len(s.Merges) == 0 && m.run.Before(s.ID)[e.Step.ID]
		})
		if !answered {
			return &m.results[i]
		}
	}
	return nil
}

// verification is what the platform found out about the head.
func (w *Worker) verification(m made) autonoma.Verification {
	v := autonoma.Verification{Status: autonoma.NotApplicable, Commit: m.head, Commands: []autonoma.Checked{}}
	for _, e := range slices.Backward(m.results) {
		if known := e.Result.Verification; known != nil && known.Commit == m.head {
			return *known
		}
	}
	if m.head != m.base || !w.changes(m.run) {
		return v
	}
	// A change was asked for, and what there is is the base itself: checks that fail
	// on the base fail on the result.
	for _, c := range m.results[len(m.results)-1].Result.Baseline {
		c.Before, c.After = autonoma.Passed, autonoma.Passed
		if c.ExitCode != 0 || c.Ended != "" {
			c.Before, c.After, v.Status = autonoma.Failing, autonoma.Failing, autonoma.NotVerified
		}
		v.Commands = append(v.Commands, c)
	}
	return v
}

// changes reports whether a run has a step that is to change the repository.
func (w *Worker) changes(run autonoma.Run) bool {
	return slices.ContainsFunc(run.Steps, func(s autonoma.Step) bool {
		a, err := w.Catalog.Agent(s.Agent)
		return err == nil && a.Yields == autonoma.Change
	})
}
