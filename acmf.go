package autonoma

import (
	"slices"
	"time"
)

// A Mode is how far an agent may go by itself: its maturity (ACMF).
type Mode string

// The modes.
const (
	Observe    Mode = "OBSERVE"    // it proposes: what it makes is kept, and applied to nothing
	Learning   Mode = "LEARNING"   // a human agrees to all that it does
	Assisted   Mode = "ASSISTED"   // it works by itself, but for what is critical
	Autonomous Mode = "AUTONOMOUS" // it works by itself, and the log tells of it
)

// Modes are all modes, the narrowest first.
var Modes = []Mode{Observe, Learning, Assisted, Autonomous}

// StartMode is the mode of agents that have not earned another, unless the operator
// sets one.
const StartMode = Assisted

// Within returns the lower of m and the most that is allowed. If m is empty, nothing
// less was asked for.
func (m Mode) Within(most Mode) Mode {
	if m == "" || slices.Index(Modes, m) > slices.Index(Modes, most) {
		return most
	}
	return m
}

// A Load is what an agent has to do for a tenant now.
type Load struct {
	Active  int       // executions under way, those that wait for a provider or a person among them
	Waiting int       // how many of these wait for the provider of a model
	Queued  int       // executions that nobody has taken yet
	Since   time.Time // when the newest of the active ones began
}

// A Record is what an agent's executions for a tenant came to. What was cancelled
// counts neither way, and what a resumed run took over counts where it was done.
type Record struct {
	Completed int
	Failed    int
	Duration  time.Duration // of a completed one, on average
	LastEnd   time.Time
}

// SuccessRate returns the part of them that was completed, from 0 to 1; 0 if there
// are none.
func (r Record) SuccessRate() float64 {
	return float64(r.Completed) / float64(max(1, r.Completed+r.Failed))
}

// A Worker is a process that carries out executions.
type Worker struct {
	ID     WorkerID // a new one at each start
	Host   string
	Slots  int // how many executions it carries out at once
	SeenAt time.Time
	Until  time.Time // if it is not seen again by then, it is dead
}
