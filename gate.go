package autonoma

// A Gate is what one of the checks of an execution came to: something was measured,
// or it was not and the message says why.
type Gate struct {
	ID         GateID     `json:"id"`
	Name       string     `json:"name"`
	Status     GateStatus `json:"status"`
	Score      *float64   `json:"score,omitempty"`     // what was measured; the gate's page says in which unit
	Threshold  *float64   `json:"threshold,omitempty"` // what it is held against
	Blocking   bool       `json:"blocking"`            // whether the run may not succeed without it
	Message    string     `json:"message"`
	DurationMS int64      `json:"durationMs"`
}

// A GateID names a gate, as in secrets or test_coverage.
type GateID string

// A GateStatus is what came of a gate.
type GateStatus string

// The statuses of a gate.
const (
	GatePassed  GateStatus = "passed"
	GateFailed  GateStatus = "failed"  // and it is blocking
	GateWarning GateStatus = "warning" // it was missed, and is not blocking
	GateSkipped GateStatus = "skipped" // nothing was measured: the message says why
)

// GateStatuses are all statuses of a gate.
var GateStatuses = []GateStatus{GatePassed, GateFailed, GateWarning, GateSkipped}

// Tests are how many tests a command ran, by outcome, as its runner told.
type Tests struct {
	Passed  int      `json:"passed"`
	Failed  int      `json:"failed"`
	Skipped int      `json:"skipped"`
	Failing []string `json:"failing,omitempty"` // the names of the first that failed
	Partial bool     `json:"partial,omitempty"` // the runner tells only of those that fail: how many passed is not known
}

// An Effect is something that a change or a command does, or tries to do, which a
// human may want to know of beforehand.
type Effect struct {
	Kind EffectKind `json:"kind"`
	What string     `json:"what"` // the path, or the command
	Why  string     `json:"why"`  // in a few words, for people
	Risk Risk       `json:"risk"`
}

// An EffectKind is a kind of effect, as in ci or deletion.
type EffectKind string

// RiskOf returns the highest risk of the effects; low if there are none.
func RiskOf(effects []Effect) Risk {
	most := LowRisk
	for _, e := range effects {
		most = most.Or(e.Risk)
	}
	return most
}
