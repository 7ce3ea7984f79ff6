package autonoma

import (
	"errors"
	"fmt"
	"strings"
)

// The kinds of failure a caller can act on. Functions wrap them with detail;
// callers test for them with [errors.Is]. Any other error is a fault of ours:
// it is logged in full and shown to nobody.
var (
	ErrInvalid         = errors.New("invalid")         // mend the request and try again
	ErrUnauthenticated = errors.New("unauthenticated") // say who you are
	ErrForbidden       = errors.New("forbidden")       // your key may not do this
	ErrNotFound        = errors.New("not found")       // it is not there, or not yours to see
	ErrConflict        = errors.New("conflict")        // it is in another state than you think
	ErrLimited         = errors.New("rate limited")    // later
	ErrBudget          = errors.New("budget exceeded") // what you may use is used up: have it raised, or wait for the next month
	ErrUnavailable     = errors.New("unavailable")     // something this needs is missing or down; the text says what to do
)

// A FieldError is an [ErrInvalid] that names the field at fault, as in
// capabilities[1].
type FieldError struct {
	Field  string
	Reason string
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Reason }

// Unwrap makes a FieldError an [ErrInvalid].
func (e *FieldError) Unwrap() error { return ErrInvalid }

// FieldErrors are all that is wrong with a request, at once.
type FieldErrors []*FieldError

func (e FieldErrors) Error() string {
	texts := make([]string, len(e))
	for i, f := range e {
		texts[i] = f.Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap makes FieldErrors an [ErrInvalid].
func (e FieldErrors) Unwrap() error { return ErrInvalid }

// add notes one more fault.
func (e *FieldErrors) add(field, format string, args ...any) {
	*e = append(*e, &FieldError{field, fmt.Sprintf(format, args...)})
}

// orNil returns e, or nil if there is nothing wrong.
func (e FieldErrors) orNil() error {
	if len(e) == 0 {
		return nil
	}
	return e
}

// A Failure is why a run or an execution failed, as its owner is told. It is
// data: what is said here is stored, served and sent to webhooks.
type Failure struct {
	Code      FailureCode `json:"code"`
	Message   string      `json:"message"`
	Agent     AgentID     `json:"agent,omitempty"`
	Phase     Phase       `json:"phase,omitempty"`
	Retryable bool        `json:"retryable"`
}

func (f *Failure) Error() string { return string(f.Code) + ": " + f.Message }

// A FailureCode is the stable name of a kind of failure.
type FailureCode string

// The kinds of failure of a run.
const (
	FailModel        FailureCode = "model_error"          // the model's provider refused for good
	FailSilent       FailureCode = "model_silent"         // the model said nothing, however often it was asked again
	FailContext      FailureCode = "context_too_long"     // the conversation outgrew the model
	FailTurns        FailureCode = "turn_limit"           // the agent did not come to an end
	FailLoop         FailureCode = "loop_detected"        // the agent repeated itself without effect
	FailStall        FailureCode = "stall_detected"       // the agent changed nothing for many turns
	FailSwing        FailureCode = "oscillation_detected" // the agent's edits went back and forth
	FailBudget       FailureCode = "budget_exceeded"      // the run may not spend more
	FailVerification FailureCode = "verification_failed"  // the delivered commit does not pass its checks
	FailReview       FailureCode = "review_rejected"      // the reviewing agent still asks for changes
	FailGate         FailureCode = "gate_failed"          // a gate that blocks did not pass
	FailSource       FailureCode = "source_error"         // the repository could not be read
	FailSetup        FailureCode = "setup_failed"         // dependencies could not be installed
	FailDelivery     FailureCode = "delivery_failed"      // the result could not be handed over
	FailConflict     FailureCode = "merge_conflict"       // what several steps left could not be brought together
	FailStepTime     FailureCode = "step_timeout"         // a step took longer than its rules allow
	FailStepRules    FailureCode = "step_unresolved"      // the condition or the text of a step could not be worked out
	FailRejected     FailureCode = "approval_rejected"    // a human said no
	FailExpired      FailureCode = "approval_expired"     // no human said anything in time
	FailIsolation    FailureCode = "isolation_too_weak"   // commands would be confined less than the tenant demands
	FailInternal     FailureCode = "internal"             // a fault of ours
)
