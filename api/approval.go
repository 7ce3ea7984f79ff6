package api

import (
	"encoding/json"
	"time"

	"autonoma"
)

// An Approval is a question to a human, on whose answer a run waits.
type Approval struct {
	ID          autonoma.ApprovalID     `json:"id" doc:"Names the approval."`
	RunID       autonoma.RunID          `json:"runId" doc:"The task that waits."`
	StepID      string                  `json:"stepId" doc:"The step that it is about."`
	ExecutionID *autonoma.ExecutionID   `json:"executionId" doc:"The execution that waits in the middle of its work; null if the step has not begun."`
	Kind        autonoma.QuestionKind   `json:"kind" doc:"What becomes of the answer. Of a step, a yes begins it; of a change, a yes takes it over; without a yes the task fails. Of an agent's own question, the agent is told the answer with its reason, and goes on."`
	Status      autonoma.ApprovalStatus `json:"status" doc:"Where the question stands. Expired means that nobody answered in time, which is nobody's no; withdrawn, that the answer does not matter any more."`
	Question    string                  `json:"question" doc:"What is asked."`
	Reason      string                  `json:"reason" doc:"Why it is asked."`
	Risk        autonoma.Risk           `json:"risk" doc:"How much is at stake."`
	Evidence    json.RawMessage         `json:"evidence" doc:"What one should know to answer: what the agent is asked for, what the steps before said, and of a change its effects, its gates and what the platform found out about it."`
	DiffURL     *string                 `json:"diffUrl" doc:"Path of what the task has changed so far; null if nothing."`
	Deadline    time.Time               `json:"deadline" doc:"When it is too late for an answer."`
	Default     autonoma.ApprovalStatus `json:"default" doc:"What becomes of it then. The task fails; an agent that asked something goes on and is told that nobody answered."`
	Decision    *Decision               `json:"decision" doc:"The answer, if a human gave one."`
	CreatedAt   time.Time               `json:"createdAt" doc:"When it was asked."`
}

// A Decision is an answer to a question.
type Decision struct {
	KeyID  autonoma.KeyID `json:"keyId" doc:"The key with which it was given."`
	Name   string         `json:"name" doc:"The name of that key."`
	At     time.Time      `json:"at" doc:"When."`
	Reason *string        `json:"reason" doc:"Why so, if that was said."`
}

// The answers to a question.
const (
	Approve = "approve"
	Reject  = "reject"
)

// Decide is the body of POST /v1/approvals/{approvalId}/decision.
type Decide struct {
	Decision string `json:"decision" doc:"The answer: approve lets the step begin or takes the change over, reject ends the task. To a question of an agent it is the yes or the no, and reason says more."`
	Reason   string `json:"reason,omitempty" doc:"Why so: at most 2,000 characters. Of a rejection it is told with the task's error; an agent that asked is told it."`
}

// Approvals is a page of approvals, newest first.
type Approvals struct {
	Approvals  []Approval `json:"approvals" doc:"The approvals, newest first."`
	NextCursor *string    `json:"nextCursor" doc:"Give it as cursor to get the next page; null on the last."`
}

// ApprovalOf returns an approval as it is shown.
func ApprovalOf(a autonoma.Approval) Approval {
	out := Approval{
		ID: a.ID, RunID: a.Run, StepID: a.Step, ExecutionID: orNull(a.Execution), Kind: a.Kind, Status: a.Status, Question: a.Question, Reason: a.Reason, Risk: a.Risk,
		Evidence: a.Evidence, Deadline: Seconds(a.Deadline), Default: a.Default, CreatedAt: Seconds(a.CreatedAt),
	}
	if a.Changed {
		diff := PathOf(a.Run) + "/diff"
		out.DiffURL = &diff
	}
	if d := a.Decision; d != nil {
		out.Decision = &Decision{KeyID: d.Key, Name: d.Name, At: Seconds(d.At), Reason: orNull(d.Why)}
	}
	return out
}
