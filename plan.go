package autonoma

import (
	"fmt"
	"math"
	"time"
)

// A PlanName names what a tenant may use.
type PlanName string

// The plans.
const (
	Startup    PlanName = "startup"
	Growth     PlanName = "growth"
	Scale      PlanName = "scale"
	Enterprise PlanName = "enterprise"
)

// Plans are the names of all plans.
var Plans = []PlanName{Startup, Growth, Scale, Enterprise}

// A Plan is how many requests a tenant may make.
type Plan struct {
	PerHour   int // in a clock hour
	PerMinute int // in a clock minute: what the hour allows, evenly
}

// DefaultPlans are the plans as the API's page prints them.
func DefaultPlans() map[PlanName]Plan {
	return map[PlanName]Plan{
		Startup:    {1_000, 17},
		Growth:     {2_500, 42},
		Scale:      {5_000, 84},
		Enterprise: {10_000, 167},
	}
}

// An Allowance is what a tenant may still do in the clock hour.
type Allowance struct {
	Limit     int
	Remaining int
	Reset     time.Time // when the next hour begins
}

// A LimitError is an [ErrLimited] that says when to come again.
type LimitError struct {
	Plan  PlanName
	Limit int
	Per   string        // hour or minute
	Wait  time.Duration // until the next one begins
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("the plan %s allows %d requests in a clock %s; come again in %d seconds", e.Plan, e.Limit, e.Per, e.Seconds())
}

// Seconds returns how long to wait in whole seconds, at least one.
func (e *LimitError) Seconds() int { return max(1, int(math.Ceil(e.Wait.Seconds()))) }

// Unwrap makes a LimitError an [ErrLimited].
func (e *LimitError) Unwrap() error { return ErrLimited }
