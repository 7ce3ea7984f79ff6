package autonoma

import (
	"encoding/json"
	"time"
)

// An Event is something that happened in a run. Events are numbered from 1 in
// each run, without gaps; they are never changed. The log is the truth: the
// run's state, its streams and the resumption of its work are read from it.
type Event struct {
	Run       RunID           `json:"runId"`
	Seq       int64           `json:"seq"`
	At        time.Time       `json:"at"`
	Kind      EventKind       `json:"kind"`
	Execution ExecutionID     `json:"executionId,omitempty"`
	Data      json.RawMessage `json:"data"`
}

// An EventKind is what an event tells of. The kinds from [EventPhase] to
// [EventResult] are the journal of an execution: from them it is rebuilt after
// a crash.
type EventKind string

// The kinds of events and what their data are.
const (
	EventStatus     EventKind = "status"     // StatusChanged: the run is in another status
	EventStep       EventKind = "step"       // StepChanged: a step began or ended
	EventNotice     EventKind = "notice"     // Notice: something the owner should know
	EventPhase      EventKind = "phase"      // PhaseChanged: a phase began or ended
	EventTurn       EventKind = "turn"       // what the model answered
	EventCompaction EventKind = "compaction" // how the model summed up a conversation that got long
	EventCall       EventKind = "call"       // what a tool call came to
	EventWork       EventKind = "work"       // what the platform did itself: looked, checked, ran, decided
	EventResult     EventKind = "result"     // what an execution came to
	EventRepeat     EventKind = "repeat"     // a call that a crash cut off is about to be made once more
	EventArtifact   EventKind = "artifact"   // Artifact: a named output
	EventDelivery   EventKind = "delivery"   // Output: the result was handed over
	EventApproval   EventKind = "approval"   // ApprovalChanged: a human is asked, or the question is settled
	EventEgress     EventKind = "egress"     // Egress: commands wanted to reach a host, and could or could not
)

// StatusChanged is the data of an [EventStatus].
type StatusChanged struct {
	Status Status   `json:"status"`
	Detail string   `json:"detail,omitempty"`
	Error  *Failure `json:"error,omitempty"`
}

// StepChanged is the data of an [EventStep].
type StepChanged struct {
	Step   string     `json:"step"`
	Agent  AgentID    `json:"agent"`
	Status StepStatus `json:"status"`
	Round  int        `json:"round,omitempty"` // from 1; more than 1 when a review sent the work back
	Tries  int        `json:"tries,omitempty"` // how often it was begun again in this round, after it failed

	// Isolation is how commands are confined from here on, of a step that is being worked on.
	Isolation *Isolation `json:"isolation,omitempty"`
}

// NewStepEvent returns the event that tells where a step is now.
func NewStepEvent(s Step, at time.Time) Event {
	return NewEvent(EventStep, s.Execution, at, StepChanged{Step: s.ID, Agent: s.Agent, Status: s.Status, Round: s.Round, Tries: s.Tries})
}

// NewStepBegun returns the event that tells that a step is being worked on, and how
// commands of the work are confined.
func NewStepBegun(s Step, how Isolation, at time.Time) Event {
	return NewEvent(EventStep, s.Execution, at, StepChanged{Step: s.ID, Agent: s.Agent, Status: s.Status, Round: s.Round, Tries: s.Tries, Isolation: &how})
}

// PhaseChanged is the data of an [EventPhase].
type PhaseChanged struct {
	Phase   Phase      `json:"phase"`
	Status  StepStatus `json:"status"`
	Message string     `json:"message,omitempty"`
}

// Notice is the data of an [EventNotice].
type Notice struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// NewEvent returns an event of the given kind with v as its data. It panics if
// v cannot be written as JSON, which is a fault in the program.
func NewEvent(kind EventKind, exec ExecutionID, at time.Time, v any) Event {
	data, err := json.Marshal(v)
	if err != nil {
		panic("autonoma: event data: " + err.Error())
	}
	return Event{At: at, Kind: kind, Execution: exec, Data: data}
}
