package worker

import (
	"autonoma"
	"autonoma/internal/gate"
)

// gates returns what the gates of all results came to; of each gate the last, but of
// confidence the lowest of those who changed something: that others are sure of their
// part makes nobody surer. A judgment that others answered does not count against the run.
func (m made) gates() []autonoma.Gate {
	var all []autonoma.Gate
	var unsure *autonoma.Gate
	for _, e := range m.results {
		all = gate.Merge(all, e.Result.Gates)
		for _, g := range e.Result.Gates {
			if g.ID == "rigor_confidence" && e.Result.Changed && g.Score != nil && (unsure == nil || *g.Score < *unsure.Score) {
				unsure = &g
			}
		}
	}
	if unsure != nil {
		all = gate.Merge(all, []autonoma.Gate{*unsure})
	}
	if m.rejected() != nil {
		return all
	}
	for i := range all {
		if all[i].ID == "code_review" && all[i].Status == autonoma.GateFailed {
			all[i].Status, all[i].Blocking = autonoma.GateWarning, false
			all[i].Message += "; steps that followed answered it"
		}
	}
	return all
}

// blocked is why a run fails that did not pass a gate that blocks.
func blocked(gates []autonoma.Gate) *autonoma.Failure {
	failed := gate.Blocked(gates)
	if len(failed) == 0 {
		return nil
	}
	return gate.Failure(failed)
}
