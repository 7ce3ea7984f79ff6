package autonoma

import (
	"fmt"
	"slices"
	"strings"
)

// A Status is where a run is in its life.
type Status string

// The statuses of a run.
const (
	Queued           Status = "queued"
	InProgress       Status = "in_progress"
	AwaitingApproval Status = "awaiting_approval" // parked until a human decides
	WaitingProvider  Status = "waiting_provider"  // parked until the model's provider is back
	Completed        Status = "completed"
	Failed           Status = "failed"
	Cancelled        Status = "cancelled"
)

// Statuses are all statuses of a run, in the order of its life.
var Statuses = []Status{Queued, InProgress, AwaitingApproval, WaitingProvider, Completed, Failed, Cancelled}

// transitions is the whole life of a run: the statuses that may follow each
// status. docs/run-states.md is drawn from it.
var transitions = map[Status][]Status{
	Queued:           {InProgress, AwaitingApproval, Failed, Cancelled},
	InProgress:       {AwaitingApproval, WaitingProvider, Completed, Failed, Cancelled},
	AwaitingApproval: {InProgress, Failed, Cancelled},
	WaitingProvider:  {InProgress, Failed, Cancelled},
}

// CanBecome reports whether next may follow s.
func (s Status) CanBecome(next Status) bool { return slices.Contains(transitions[s], next) }

// Final reports whether nothing follows s.
func (s Status) Final() bool { return len(transitions[s]) == 0 }

// StateDiagram draws the life of a run in the language of Mermaid.
func StateDiagram() string {
	var b strings.Builder
	b.WriteString("stateDiagram-v2\n    [*] --> queued\n")
	for _, from := range Statuses {
		for _, to := range transitions[from] {
			fmt.Fprintf(&b, "    %s --> %s\n", from, to)
		}
		if from.Final() {
			fmt.Fprintf(&b, "    %s --> [*]\n", from)
		}
	}
	return b.String()
}

// A Phase is one of the five parts of an execution.
type Phase string

// The RIGOR phases.
const (
	Research      Phase = "research"
	Inspect       Phase = "inspect"
	Generate      Phase = "generate"
	OptimizePhase Phase = "optimize"
	Review        Phase = "review"
)

// Phases are the five phases, in order.
var Phases = []Phase{Research, Inspect, Generate, OptimizePhase, Review}

// A StepStatus is where a step, an execution or a phase is.
type StepStatus string

// The statuses of steps, executions and phases.
const (
	StepPending   StepStatus = "pending"
	StepRunning   StepStatus = "running"
	StepCompleted StepStatus = "completed"
	StepFailed    StepStatus = "failed"
	StepCancelled StepStatus = "cancelled"
	StepSkipped   StepStatus = "skipped" // its condition was not met: it counts as done, and came to nothing
)

// StepStatuses are all statuses of steps, in the order of their life.
var StepStatuses = []StepStatus{StepPending, StepRunning, StepCompleted, StepFailed, StepCancelled, StepSkipped}

// Final reports whether nothing follows s.
func (s StepStatus) Final() bool {
	return s == StepCompleted || s == StepFailed || s == StepCancelled || s == StepSkipped
}

// Done reports whether what needs a step of this status may begin.
func (s StepStatus) Done() bool { return s == StepCompleted || s == StepSkipped }
