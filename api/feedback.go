package api

import (
	"net/url"
	"time"

	"autonoma"
)

// GiveFeedback is the body of POST /v1/feedback. Either taskId or executionId says what
// it is about.
type GiveFeedback struct {
	TaskID      autonoma.RunID       `json:"taskId,omitempty" doc:"A task, a workflow or an invocation that is over. The feedback is about those of its executions that changed the repository or, where none did, about the last one."`
	ExecutionID autonoma.ExecutionID `json:"executionId,omitempty" doc:"An execution that is over."`
	Signal      autonoma.Signal      `json:"signal" doc:"accept says that the work was right; reject, that it was not, which counts against its agents as a decision of a person."`
	Reason      string               `json:"reason,omitempty" doc:"Why so: at most 2,000 characters."`
}

// Feedback is what a person said of work that is over.
type Feedback struct {
	ID         autonoma.FeedbackID `json:"id" doc:"Names the feedback."`
	TaskID     autonoma.RunID      `json:"taskId" doc:"The run that it was given for."`
	Executions []JudgedExecution   `json:"executions" doc:"The executions that it is about. Of each there is one feedback."`
	Signal     autonoma.Signal     `json:"signal" doc:"Whether the work was right."`
	Reason     *string             `json:"reason" doc:"Why so, if that was said."`
	KeyID      autonoma.KeyID      `json:"keyId" doc:"The key with which it was given."`
	Name       string              `json:"name" doc:"The name of that key."`
	CreatedAt  time.Time           `json:"createdAt" doc:"When it was given."`
}

// A JudgedExecution is an execution that a feedback is about.
type JudgedExecution struct {
	ExecutionID autonoma.ExecutionID `json:"executionId" doc:"Names the execution. What a resumed run took over is judged where it was done."`
	Personality autonoma.AgentID     `json:"personality" doc:"Whose work it is."`
}

// Feedbacks is a page of feedback, newest first.
type Feedbacks struct {
	Feedback   []Feedback `json:"feedback" doc:"The feedback, newest first."`
	NextCursor *string    `json:"nextCursor" doc:"Give it as cursor to get the next page; null on the last."`
}

// FeedbackOf returns a feedback as it is shown.
func FeedbackOf(f autonoma.Feedback) Feedback {
	out := Feedback{
		ID: f.ID, TaskID: f.Run, Executions: make([]JudgedExecution, len(f.About)), Signal: f.Signal,
		Reason: orNull(f.By.Why), KeyID: f.By.Key, Name: f.By.Name, CreatedAt: Seconds(f.By.At),
	}
	for i, p := range f.About {
		out.Executions[i] = JudgedExecution{p.Execution, p.Agent}
	}
	return out
}

// FeedbackPathOf returns the path of a feedback.
func FeedbackPathOf(id autonoma.FeedbackID) string {
	return "/v1/feedback/" + url.PathEscape(string(id))
}
