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
	Data        json.RawMessage       `json:"data" doc:"What happened; its form depends on the kind. Of an egress, which says that a command wanted to reach a host: by (setup or agent), phase, host, port, allowed, reason (policy, address, name, protocol, limit or unreachable) and detail if it was not reached, count, sentBytes and receivedBytes; what a command did again with the same outcome is counted, not told again."`
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
