package autonoma

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// An Approval is a question to a human. What may not go on without an answer waits
// for it, and costs nothing until it comes: a step that has not begun, or an execution
// in the middle of its work.
type Approval struct {
	ID        ApprovalID
	Tenant    TenantID
	Run       RunID
	Step      string
	Execution ExecutionID // that waits; empty: the step has not begun
	Topic     string      // names the question in the execution
	Kind      QuestionKind
	Question  string
	Reason    string // why it is asked
	Risk      Risk
	Status    ApprovalStatus
	Default   ApprovalStatus // what becomes of it when the deadline passes
	Evidence  json.RawMessage
	Changed   bool // whether the run has changed the repository by then, so that there is a diff to look at
	CreatedAt time.Time
	Deadline  time.Time
	Decision  *Decision // of a human; nil unless approved or rejected
}

// ApprovalTime is how long a human has to answer, unless the operator says otherwise.
const ApprovalTime = 72 * time.Hour

// A QuestionKind says what becomes of a question's answer.
type QuestionKind string

// The kinds of questions.
const (
	AskStep   QuestionKind = "step"     // a yes begins the step; without one the run fails
	AskChange QuestionKind = "change"   // a yes takes over what an execution changed; without one it fails
	AskPerson QuestionKind = "question" // an agent is told the answer, whatever it is, and goes on
)

// QuestionKinds are all kinds of questions.
var QuestionKinds = []QuestionKind{AskStep, AskChange, AskPerson}

// A Question is what an execution asks a human in the middle of its work.
type Question struct {
	Topic    string // names it in the execution: asked once more, it is the same question
	Kind     QuestionKind
	Text     string
	Reason   string
	Risk     Risk
	Evidence json.RawMessage
	From, To string // the commits between which lies the change it is about; empty: of none
}

// Unanswered is why an execution cannot go on: a human has not answered yet.
type Unanswered struct{ Question Question }

func (u *Unanswered) Error() string { return "waits for a human: " + u.Question.Text }

// A Decision is who answered a question, when, and why so.
type Decision struct {
	Key  KeyID     `json:"key"`
	Name string    `json:"name,omitempty"` // of the key
	At   time.Time `json:"at"`
	Why  string    `json:"why,omitempty"`
}

// A Risk is how much is at stake.
type Risk string

// The risks.
const (
	LowRisk      Risk = "low"
	MediumRisk   Risk = "medium"
	HighRisk     Risk = "high"
	CriticalRisk Risk = "critical"
)

// Risks are all risks, least first.
var Risks = []Risk{LowRisk, MediumRisk, HighRisk, CriticalRisk}

// Or returns the higher of two risks.
func (r Risk) Or(other Risk) Risk {
	if slices.Index(Risks, other) > slices.Index(Risks, r) {
		return other
	}
	return r
}

// An ApprovalStatus is where a question stands.
type ApprovalStatus string

// The statuses of approvals. Nothing follows any but the first.
const (
	ApprovalPending   ApprovalStatus = "pending"
	ApprovalApproved  ApprovalStatus = "approved"
	ApprovalRejected  ApprovalStatus = "rejected"  // a human said no
	ApprovalExpired   ApprovalStatus = "expired"   // nobody said anything in time, which is not a yes
	ApprovalWithdrawn ApprovalStatus = "withdrawn" // the answer does not matter any more
)

// ApprovalStatuses are all statuses of approvals.
var ApprovalStatuses = []ApprovalStatus{ApprovalPending, ApprovalApproved, ApprovalRejected, ApprovalExpired, ApprovalWithdrawn}

// ApprovalChanged is the data of an [EventApproval].
type ApprovalChanged struct {
	Approval ApprovalID     `json:"approvalId"`
	Kind     QuestionKind   `json:"kind"`
	Step     string         `json:"step"`
	Status   ApprovalStatus `json:"status"`
	Question string         `json:"question"`
	Reason   string         `json:"reason,omitempty"`
	Risk     Risk           `json:"risk"`
	Deadline time.Time      `json:"deadline"`
	Decision *Decision      `json:"decision,omitempty"`
}

// Ask returns the question whether a step of the run may begin, with what one should
// know to answer it, and the event that tells of it. It is to be answered within the
// given time; zero is [ApprovalTime].
func (r *Run) Ask(s *Step, within time.Duration, risk Risk, reason string, evidence json.RawMessage, changed bool, at time.Time) (Approval, Event) {
	a := Approval{
		ID: NewApprovalID(), Tenant: r.Tenant, Run: r.ID, Step: s.ID, Kind: AskStep, Risk: risk, Reason: reason, Evidence: evidence, Changed: changed,
		Question: fmt.Sprintf("May %s begin the step %s?", s.Agent, s.ID),
		Status:   ApprovalPending, Default: ApprovalExpired, CreatedAt: at, Deadline: at.Add(cmp.Or(within, ApprovalTime)),
	}
	s.Approval = a.ID
	return a, a.event(at)
}

// AskFor returns the question of an execution of the run, and the event that tells of
// it. It is to be answered within the given time; zero is [ApprovalTime].
func (r *Run) AskFor(e Execution, q Question, within time.Duration, at time.Time) (Approval, Event) {
	a := Approval{
		ID: NewApprovalID(), Tenant: r.Tenant, Run: r.ID, Step: e.Step, Execution: e.ID, Topic: q.Topic, Kind: q.Kind,
		Question: q.Text, Reason: q.Reason, Risk: q.Risk, Evidence: q.Evidence, Changed: q.To != "",
		Status: ApprovalPending, Default: ApprovalExpired, CreatedAt: at, Deadline: at.Add(cmp.Or(within, ApprovalTime)),
	}
	return a, a.event(at)
}

// Settle moves a pending approval to its last status and returns the event that
// says so. By is the human who decided; nil if none did. It returns [ErrConflict]
// if it was settled before.
func (a *Approval) Settle(next ApprovalStatus, by *Decision, at time.Time) (Event, error) {
	if a.Status != ApprovalPending {
		return Event{}, fmt.Errorf("the approval is %s: %w", a.Status, ErrConflict)
	}
	a.Status, a.Decision = next, by
	return a.event(at), nil
}

// Waited returns for how long something waited for the answer by the given time.
func (a *Approval) Waited(now time.Time) time.Duration {
	switch {
	case a.Decision != nil:
		now = a.Decision.At
	case a.Status != ApprovalPending && a.Deadline.Before(now):
		now = a.Deadline
	}
	return max(0, now.Sub(a.CreatedAt))
}

func (a *Approval) event(at time.Time) Event {
	return NewEvent(EventApproval, a.Execution, at, ApprovalChanged{
		Approval: a.ID, Kind: a.Kind, Step: a.Step, Status: a.Status, Question: a.Question, Reason: a.Reason,
		Risk: a.Risk, Deadline: a.Deadline, Decision: a.Decision,
	})
}
