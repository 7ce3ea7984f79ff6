package autonoma

// A Feedback is what a person says of work that is over: that it was right, or that it
// was not.
type Feedback struct {
	ID     FeedbackID
	Tenant TenantID
	Run    RunID
	About  []Part // at least one
	Signal Signal
	By     Decision
}

// A Part is an agent's part in what a person speaks of.
type Part struct {
	Execution ExecutionID `json:"execution"`
	Agent     AgentID     `json:"agent"`
}

// A Signal is which of the two a feedback says.
type Signal string

// The signals.
const (
	Accept Signal = "accept" // a person agrees
	Reject Signal = "reject" // a person decided otherwise
)

// Signals are all signals.
var Signals = []Signal{Accept, Reject}

// Spoken returns what a feedback on a run is about: the executions that changed the
// repository or, where none did, the last one; none if nothing was done.
func Spoken(all []Execution) []Execution {
	var changed, over []Execution
	for _, e := range all {
		if !e.Status.Final() || e.StartedAt.IsZero() {
			continue
		}
		over = append(over, e)
		if e.Status == StepCompleted && e.Result != nil && e.Result.Changed {
			changed = append(changed, e)
		}
	}
	if len(changed) == 0 && len(over) > 0 {
		return over[len(over)-1:]
	}
	return changed
}
