package worker

import (
	"autonoma"
	"autonoma/internal/gate"
)

// gates returns what the gates of all results came to; of each gate the last. A
// judgment that others answered does not count against the run.
func (m made) gates() []autonoma.Gate {
	var all []autonoma.Gate
	for _, e := range m.results {
		all = gate.Merge(all, e.Result.Gates)
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
