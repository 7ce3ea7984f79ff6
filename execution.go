package autonoma

import (
	"cmp"
	"time"
)

// An Execution is one agent's work on one step, in one round.
type Execution struct {
	ID          ExecutionID
	Run         RunID
	Step        string
	Agent       AgentID
	Mode        Mode // how far the agent may go in it
	Round       int
	Status      StepStatus
	Phase       Phase
	Phases      []PhaseTime // those that have begun, in order
	Worker      WorkerID    // who took it last
	Usage       Usage       // what it used
	Isolation   *Isolation  // the weakest of those that it was taken up at; nil before
	Lease       int64       // grows each time a worker takes the execution over; whoever holds an older one can write nothing
	Base        string
	Result      *Result
	Error       *Failure
	CopyOf      ExecutionID // where it was done, if a resumed run took it over; empty: here
	CreatedAt   time.Time
	StartedAt   time.Time
	CompletedAt time.Time
}

// Original returns where the work was done: the execution itself, unless it is a copy.
func (e *Execution) Original() ExecutionID { return cmp.Or(e.CopyOf, e.ID) }

// A PhaseTime is when a phase of an execution began and ended.
type PhaseTime struct {
	Phase       Phase     `json:"phase"`
	StartedAt   time.Time `json:"startedAt"`
	CompletedAt time.Time `json:"completedAt,omitzero"`
}

// Enter takes into account that a phase began or ended.
func (e *Execution) Enter(now PhaseChanged, at time.Time) {
	e.Phase = now.Phase
	if n := len(e.Phases); now.Status == StepCompleted && n > 0 {
		e.Phases[n-1].CompletedAt = at
		return
	}
	e.Phases = append(e.Phases, PhaseTime{Phase: now.Phase, StartedAt: at})
}

// Progress returns how far e has come, in hundredths, at the pace of its step.
func (e *Execution) Progress(pace Pace) int {
	if e.Status == StepCompleted {
		return 100
	}
	s := Step{Pace: pace}
	for _, p := range e.Phases {
		if !p.CompletedAt.IsZero() {
			s.Enter(PhaseChanged{Phase: p.Phase, Status: StepCompleted})
		}
	}
	return min(99, s.Progress)
}

// StatusIn returns where e is, in the words for the run it is part of. One that was
// invoked by name is the run.
func (e *Execution) StatusIn(r Run) Status {
	switch {
	case r.Kind == KindRigor:
		return r.Status
	case e.Status == StepPending && !e.StartedAt.IsZero(): // put aside, while others go on
		return WaitingProvider
	case e.Status == StepPending:
		return Queued
	case e.Status == StepCompleted:
		return Completed
	case e.Status == StepFailed:
		return Failed
	case e.Status.Final() || r.Status.Final():
		return Cancelled
	}
	return r.Status
}

// A Result is what an execution came to.
type Result struct {
	Summary      string        `json:"summary"`
	Document     string        `json:"document,omitempty"`   // what the next agents read
	Context      string        `json:"context,omitempty"`    // what research found, for agents that follow
	Researched   bool          `json:"researched,omitempty"` // whether it was this execution that found it
	Confidence   float64       `json:"confidence"`           // 0 to 1, by the agent's own word
	Decisions    []string      `json:"decisions,omitempty"`
	Verdict      Verdict       `json:"verdict,omitempty"`
	Base         string        `json:"base"`                   // the commit the run began at
	Commit       string        `json:"commit"`                 // the state of the branch afterwards
	Changed      bool          `json:"changed"`                // whether this execution changed it
	Merged       []string      `json:"merged,omitempty"`       // the commits that Commit brings together
	Verification *Verification `json:"verification,omitempty"` // of Commit
	Installed    *Installed    `json:"installed,omitempty"`    // what set-up installed, for the whole run
	Baseline     []Checked     `json:"baseline,omitempty"`     // the checks on the base of the run
	History      *History      `json:"history,omitempty"`      // what its source tells from before; nil: nobody looked
	Gates        []Gate        `json:"gates,omitempty"`        // what was measured of it
	Findings     []Finding     `json:"findings,omitempty"`
	Measurements []Measurement `json:"measurements,omitempty"`
	Effects      []Effect      `json:"effects,omitempty"` // what its change does that a human may want to know of
	Choice       *Choice       `json:"choice,omitempty"`  // of a step that chose: all else is what the chosen one came to
}

// Installed names what set-up installed. It is installed once, for the base of the
// run: what agents write must not decide what runs with a network.
type Installed struct {
	Key   string   `json:"key,omitempty"`
	Makes []string `json:"makes,omitempty"` // what it put into the checkout
	// Problem is why nothing was installed, although there was something to install.
	Problem string `json:"problem,omitempty"`
}

// A Verdict is what a reviewing agent decided.
type Verdict string

// The verdicts.
const (
	Approve Verdict = "approve"
	Changes Verdict = "changes"
)
