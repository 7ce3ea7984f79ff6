package autonoma

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// A Kind says through which door a run came in.
type Kind string

// The kinds of runs.
const (
	KindTask     Kind = "task"     // a task, whose capabilities choose the flow
	KindRigor    Kind = "rigor"    // one agent, invoked by name
	KindWorkflow Kind = "workflow" // a flow that a customer wrote
)

// Kinds are all kinds of runs.
var Kinds = []Kind{KindTask, KindRigor, KindWorkflow}

// A Run is one execution of a flow on a source, for a tenant.
type Run struct {
	ID           RunID
	Tenant       TenantID
	Kind         Kind
	Mode         Mode  // how far its agents may go at most
	RetryOf      RunID // the run whose request it repeats; empty if none
	Request      Request
	Status       Status
	StatusDetail string
	Steps        []Step
	Progress     int // 0 to 100; never goes back
	Usage        Usage
	Output       *Output  // once completed, and when failed with a result
	Error        *Failure // once failed
	Expected     time.Duration
	Resumes      RunID // whose completed steps it took over; empty: none
	CreatedAt    time.Time
	StartedAt    time.Time // zero until then
	CompletedAt  time.Time // zero until then
}

// NewRun returns a queued run of the steps and the event that begins its log.
// Expected is how long like runs took. Steps are in an order in which what a step
// needs comes before it.
func NewRun(kind Kind, tenant TenantID, req Request, steps []Step, expected time.Duration, at time.Time) (Run, Event) {
	r := Run{
		ID: NewRunID(kind), Tenant: tenant, Kind: kind, Mode: req.Mode.Within(Autonomous), Request: req,
		Status: Queued, Steps: steps, Expected: expected, CreatedAt: at,
	}
	return r, NewEvent(EventStatus, "", at, StatusChanged{Status: Queued})
}

// Delivery returns how the result of r is handed over: agents that may only observe
// leave it at the artifacts, whatever was asked for. So do those that have earned no
// more, which is known when their work begins: see [Execution.Mode].
func (r *Run) Delivery() Delivery {
	if r.Mode == Observe {
		return DeliverPatch
	}
	return r.Request.Delivery
}

// NewExecutionID returns an identifier for the next execution of r. Who invokes an
// agent by name asks for one execution, so the first has the name of the run.
func (r *Run) NewExecutionID() ExecutionID {
	if r.Kind == KindRigor && r.StartedAt.IsZero() {
		return ExecutionID(r.ID)
	}
	return NewExecutionID()
}

// Become moves r to the next status and returns the event that says so. It is
// the only place where the status of a run changes, so the log tells the whole
// story. It returns [ErrConflict] if next may not follow.
func (r *Run) Become(next Status, detail string, why *Failure, at time.Time) (Event, error) {
	if !r.Status.CanBecome(next) {
		return Event{}, fmt.Errorf("the run is %s and cannot become %s: %w", r.Status, next, ErrConflict)
	}
	r.Status, r.StatusDetail, r.Error = next, detail, why
	if next == InProgress && r.StartedAt.IsZero() {
		r.StartedAt = at
	}
	if next.Final() {
		r.CompletedAt = at
	}
	if next == Completed {
		r.Progress = 100
	}
	return NewEvent(EventStatus, "", at, StatusChanged{next, detail, why}), nil
}

// Advance brings the progress up to what the steps say. It never lowers it, and
// leaves the last hundredth to completion.
func (r *Run) Advance() {
	var done, all float64
	for _, s := range r.Steps {
		weight := s.Pace.Total()
		all += weight
		done += weight * float64(s.Progress) / 100
	}
	if all > 0 {
		r.Progress = max(r.Progress, min(99, int(100*done/all)))
	}
}

// EstimatedCompletion returns when r will likely be done: from how long like
// runs took and, the further it has come, from its own pace.
func (r *Run) EstimatedCompletion(now time.Time) time.Time {
	switch {
	case !r.CompletedAt.IsZero():
		return r.CompletedAt
	case r.StartedAt.IsZero():
		return later(r.CreatedAt.Add(r.Expected), now)
	}
	total := r.Expected
	if p := float64(r.Progress) / 100; p >= 0.05 {
		pace := float64(now.Sub(r.StartedAt)) / p
		total = time.Duration(math.Round((1-p)*float64(r.Expected) + p*pace))
	}
	return later(r.StartedAt.Add(total), now)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Step returns the step of the given name, or nil.
func (r *Run) Step(id string) *Step {
	for i := range r.Steps {
		if r.Steps[i].ID == id {
			return &r.Steps[i]
		}
	}
	return nil
}

// Current returns the step that is worked on, the first if there are several, or nil.
func (r *Run) Current() *Step {
	for i := range r.Steps {
		if r.Steps[i].Status == StepRunning {
			return &r.Steps[i]
		}
	}
	return nil
}

// CompletedPhases returns the delivery phases that are done, in order.
func (r *Run) CompletedPhases() []string {
	done := []string{}
	for _, s := range r.Steps {
		if s.Status == StepCompleted && s.Delivers != "" {
			done = append(done, s.Delivers)
		}
	}
	return done
}

// Outline returns the run without the texts that its agents are asked, which may be
// long: what of it is shown.
func (r Run) Outline() Run {
	r.Steps = slices.Clone(r.Steps)
	for i := range r.Steps {
		r.Steps[i].Asks, r.Steps[i].Asked, r.Steps[i].Rules = "", "", Rules{}
	}
	return r
}
