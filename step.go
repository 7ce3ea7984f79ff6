package autonoma

import "time"

// A Step is a node of a run's graph: what one agent is asked for.
type Step struct {
	ID        string      `json:"id"`
	Agent     AgentID     `json:"agent"`
	Delivers  string      `json:"delivers,omitempty"` // the delivery phase that is complete with it, as in implementation
	Asks      string      `json:"asks,omitempty"`     // what is asked of the agent, beyond the task
	Asked     string      `json:"asked,omitempty"`    // the same with its blanks filled in, once it began; empty: Asks has none
	Reports   []Report    `json:"reports,omitempty"`  // what it names one by one; empty: what its agent does
	Needs     []string    `json:"needs,omitempty"`
	Candidate string      `json:"candidate,omitempty"` // the step that chooses among it and others that are asked the same
	Chosen    string      `json:"chosen,omitempty"`    // the candidate that was chosen, of one that has some
	Merges    []string    `json:"merges,omitempty"`    // the commits that it brings together, if it was put in for that
	From      string      `json:"from,omitempty"`      // the commit at which it goes on, after the work was sent back to it
	Back      *Back       `json:"back,omitempty"`      // where a verdict of "changes" sends the work
	Rules     Rules       `json:"rules,omitzero"`
	Pace      Pace        `json:"pace"` // what it is expected to take
	Status    StepStatus  `json:"status"`
	Phase     Phase       `json:"phase,omitempty"`    // that it is in; empty before and after
	Progress  int         `json:"progress"`           // 0 to 100
	Round     int         `json:"round"`              // from 1
	Tries     int         `json:"tries,omitempty"`    // how often it was begun again in this round, after it failed
	Approval  ApprovalID  `json:"approval,omitempty"` // what a human was asked before it begins
	Execution ExecutionID `json:"execution,omitempty"`
	Isolation string      `json:"isolation,omitempty"` // the level of its execution; empty before
	Used      Usage       `json:"used,omitzero"`       // by all work on it that is over
}

// Rules say when a step of a workflow begins, how it is done, and what its failure
// means. The zero value is a step like any other.
type Rules struct {
	When           string       `json:"when,omitempty"`         // what must be true for it to take part, as a CEL expression; empty: it does
	Approval       bool         `json:"approval,omitempty"`     // a human must agree before it begins
	Intelligence   Intelligence `json:"intelligence,omitempty"` // instead of the run's
	Scope          Scope        `json:"scope,omitempty"`        // instead of the run's
	TimeoutSeconds int64        `json:"timeoutSeconds,omitempty"`
	Retries        int          `json:"retries,omitempty"` // how often it is tried again after it failed
}

// Timeout returns the longest one try at the step may take, or zero.
func (r Rules) Timeout() time.Duration { return time.Duration(r.TimeoutSeconds) * time.Second }

// Enter takes into account that a phase of the step began or ended.
func (s *Step) Enter(now PhaseChanged) {
	s.Phase = now.Phase
	var done float64
	for _, p := range Phases {
		if p == now.Phase && now.Status != StepCompleted {
			break
		}
		done += s.Pace[p]
		if p == now.Phase {
			break
		}
	}
	if all := s.Pace.Total(); all > 0 {
		s.Progress = int(100 * done / all)
	}
}

// A Pace is how many seconds each phase takes, from which progress is reckoned.
type Pace map[Phase]float64

// Total returns how many seconds all phases take.
func (p Pace) Total() float64 {
	var all float64
	for _, seconds := range p {
		all += seconds
	}
	return all
}

// Back says where a reviewing step sends the work when it asks for changes.
type Back struct {
	To     string `json:"to" yaml:"to"`
	Rounds int    `json:"rounds" yaml:"rounds"` // how often at most
}
