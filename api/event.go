package api

import (
	"encoding/json"
	"time"

	"autonoma"
)

// An Event is one entry in the log of a task. As a server-sent event its id is
// Seq and its event name is Kind.
type Event struct {
	RunID       autonoma.RunID        `json:"runId" doc:"The task."`
	Seq         int64                 `json:"seq" doc:"Its number: from 1, without gaps."`
	At          time.Time             `json:"at" doc:"When it happened."`
	Kind        autonoma.EventKind    `json:"kind" doc:"What it tells of. New kinds may be added: skip what you do not know."`
	ExecutionID *autonoma.ExecutionID `json:"executionId" doc:"Whose work it tells of, if that of one agent."`
	Data        json.RawMessage       `json:"data" doc:"What happened; its form depends on the kind."`
}

// Last reports whether e is the event after which nothing happens to its task.
func (e Event) Last() bool {
	var s autonoma.StatusChanged
	return e.Kind == autonoma.EventStatus && json.Unmarshal(e.Data, &s) == nil && s.Status.Final()
}

// Events is a page of events, oldest first.
type Events struct {
	Events     []Event `json:"events" doc:"The events, oldest first."`
	NextCursor *string `json:"nextCursor" doc:"Give it as after to get the next page; null if there is none yet."`
}
