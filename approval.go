package autonoma

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// An Approval is a question to a human. A step that may not begin without an
// answer waits for it, and costs nothing until it comes.
type Approval struct {
	ID        ApprovalID
	Tenant    TenantID
	Run       RunID
	Step      string
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

// ApprovalTime is how long a human has to answer.
const ApprovalTime = 72 * time.Hour

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
	Step     string         `json:"step"`
	Status   ApprovalStatus `json:"status"`
	Question string         `json:"question"`
	Reason   string         `json:"reason,omitempty"`
	Risk     Risk           `json:"risk"`
	Deadline time.Time      `json:"deadline"`
	Decision *Decision      `json:"decision,omitempty"`
}

// Ask returns the question whether a step of the run may begin, with what one should
// know to answer it, and the event that tells of it.
func (r *Run) Ask(s *Step, risk Risk, reason string, evidence json.RawMessage, changed bool, at time.Time) (Approval, Event) {
	a := Approval{
		ID: NewApprovalID(), Tenant: r.Tenant, Run: r.ID, Step: s.ID, Risk: risk, Reason: reason, Evidence: evidence, Changed: changed,
		Question: fmt.Sprintf("May %s begin the step %s?", s.Agent, s.ID),
		Status:   ApprovalPending, Default: ApprovalExpired, CreatedAt: at, Deadline: at.Add(ApprovalTime),
	}
	s.Approval = a.ID
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

func (a *Approval) event(at time.Time) Event {
	return NewEvent(EventApproval, "", at, ApprovalChanged{
		Approval: a.ID, Step: a.Step, Status: a.Status, Question: a.Question, Reason: a.Reason,
		Risk: a.Risk, Deadline: a.Deadline, Decision: a.Decision,
	})
}
