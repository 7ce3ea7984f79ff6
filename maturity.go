package autonoma

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// A Maturity is what an agent has shown to a tenant since it gained or lost its mode:
// each mode is earned on what was done in it.
type Maturity struct {
	Mode            Mode      `json:"mode"`           // empty: nothing was counted yet, and the agent is where agents start
	Since           time.Time `json:"since,omitzero"` // when the mode was gained or lost; zero: the agent started in it
	Tasks           int       `json:"tasks"`          // executions that tell something of it
	Successes       int       `json:"successes"`
	SuccessesInARow int       `json:"consecutiveSuccesses"`
	FailuresInARow  int       `json:"consecutiveFailures"`
	Overrides       int       `json:"overrides"`  // executions of which a person decided otherwise
	Confidence      int64     `json:"confidence"` // of the successes, in millionths, so that their sum is exact
	Credits         float64   `json:"credits"`    // for what is known from before: see [History.Credits]
}

// A Promotion is what an agent has to show, all of it at once, to gain the mode after
// one.
type Promotion struct {
	From         Mode
	SuccessRate  float64 // at least
	Tasks        int     // at least, before credits
	Successes    int     // in a row, at least
	OverrideRate float64 // at most
	Confidence   float64 // on average, at least
}

// Promotions are the ways up, one for each mode but the last. The middle one asks
// for less than the first in all but numbers: that is how the framework has it.
var Promotions = []Promotion{
	{Observe, 0.95, 100, 20, 0.05, 0.85},
	{Learning, 0.90, 200, 30, 0.10, 0.80},
	{Assisted, 0.95, 500, 50, 0.02, 0.90},
}

// MaxFailures is how many failures in a row cost an agent its mode.
const MaxFailures = 5

// MaxReduction is the largest part of the tasks of a [Promotion] that credits stand
// for.
const MaxReduction = 0.5

// Begin puts an agent of which nothing was counted yet where agents start.
func (m *Maturity) Begin(at Mode) {
	if m.Mode == "" {
		m.Mode = at
	}
}

// Count takes a success or a failure into account, and returns what that changed of
// the mode, or nil. The confidence is that of a success, from 0 to 1.
func (m *Maturity) Count(success bool, confidence float64, at time.Time) *ModeChange {
	m.Tasks++
	if success {
		m.Successes++
		m.SuccessesInARow++
		m.FailuresInARow = 0
		m.Confidence += int64(math.Round(1e6 * max(0, min(1, confidence))))
	} else {
		m.SuccessesInARow = 0
		m.FailuresInARow++
	}
	here := slices.Index(Modes, m.Mode)
	if m.FailuresInARow >= MaxFailures && here > 0 {
		return m.become(Modes[here-1], at)
	}
	if lacks, ok := m.Lacks(); ok && lacks == (Lacking{}) {
		return m.become(Modes[here+1], at)
	}
	return nil
}

// Override takes into account that a person decided otherwise than the agent did.
// That is no failure, but ends a row of successes.
func (m *Maturity) Override() {
	m.Overrides++
	m.SuccessesInARow = 0
}

// become begins to count anew in another mode.
func (m *Maturity) become(next Mode, at time.Time) *ModeChange {
	change := &ModeChange{To: next, At: at, Shown: *m}
	*m = Maturity{Mode: next, Since: at, Credits: m.Credits}
	return change
}

// SuccessRate returns the part that was a success, from 0 to 1; 0 if nothing was
// counted.
func (m *Maturity) SuccessRate() float64 { return float64(m.Successes) / float64(max(1, m.Tasks)) }

// OverrideRate returns the part in which a person decided otherwise, from 0 to 1. What
// is overridden may have been counted before the mode was gained.
func (m *Maturity) OverrideRate() float64 {
	return min(1, float64(m.Overrides)/float64(max(1, m.Tasks)))
}

// AverageConfidence returns the agent's own estimate of its successes, from 0 to 1; 0
// if there are none.
func (m *Maturity) AverageConfidence() float64 {
	return float64(m.Confidence) / float64(1_000_000*max(1, m.Successes))
}

// Lacking is what an agent lacks for its next mode, of each of the five. The zero
// value is: nothing.
type Lacking struct {
	SuccessRate  float64 // by how much it is too low
	Tasks        int     // how many more
	Successes    int     // how many more in a row
	OverrideRate float64 // by how much it is too high
	Confidence   float64 // by how much it is too low
}

// Next returns what has to be shown for the next mode, with credits taken into
// account; false if there is none.
func (m *Maturity) Next() (p Promotion, to Mode, ok bool) {
	i := slices.IndexFunc(Promotions, func(p Promotion) bool { return p.From == m.Mode })
	if i < 0 {
		return p, "", false
	}
	p = Promotions[i]
	// What is not a whole task is not given; the sum of credits may be a hair off.
	p.Tasks -= int(float64(p.Tasks)*min(MaxReduction, m.Credits) + 1e-9)
	return p, Modes[slices.Index(Modes, p.From)+1], true
}

// Lacks returns what the agent lacks for its next mode; false if there is none.
func (m *Maturity) Lacks() (Lacking, bool) {
	p, _, ok := m.Next()
	if !ok {
		return Lacking{}, false
	}
	return Lacking{
		SuccessRate:  above(p.SuccessRate, m.SuccessRate()),
		Tasks:        max(0, p.Tasks-m.Tasks),
		Successes:    max(0, p.Successes-m.SuccessesInARow),
		OverrideRate: above(m.OverrideRate(), p.OverrideRate),
		Confidence:   above(p.Confidence, m.AverageConfidence()),
	}, true
}

// above returns by how much a rate is above another, in ten-thousandths rounded up, so
// that nothing which is missing looks like nothing.
func above(rate, other float64) float64 {
	if rate <= other {
		return 0
	}
	return max(1, math.Ceil((rate-other)*1e4-1e-6)) / 1e4
}

// A ModeChange is that an agent gained or lost a mode, and all that led to it.
type ModeChange struct {
	To    Mode      `json:"to"`
	At    time.Time `json:"at"`
	Shown Maturity  `json:"shown"` // in the mode before, the last task included
}

// Gained reports whether the mode is wider than the one before.
func (c ModeChange) Gained() bool {
	return slices.Index(Modes, c.To) > slices.Index(Modes, c.Shown.Mode)
}

// Notice tells of the change.
func (c ModeChange) Notice(agent AgentID) Notice {
	m := c.Shown
	if !c.Gained() {
		return Notice{"mode_lost", fmt.Sprintf("%s failed %d times in a row and went from %s to %s", agent, m.FailuresInARow, m.Mode, c.To)}
	}
	return Notice{"mode_gained", fmt.Sprintf(
		"%s went from %s to %s: %.1f %% of %d tasks were successes, the last %d in a row; people decided otherwise in %.1f %%; its confidence was %.1f %%",
		agent, m.Mode, c.To, 100*m.SuccessRate(), m.Tasks, m.SuccessesInARow, 100*m.OverrideRate(), 100*m.AverageConfidence())}
}

// Tells reports whether e tells something of its agent, and whether that speaks for
// it. It does if it came to a result that holds, or failed by what the agent did.
func (e *Execution) Tells() (success, something bool) {
	switch {
	case e.CopyOf != "": // it was counted where it was done
		return false, false
	case e.Status == StepCompleted && e.Result != nil:
		return e.Result.holds(), true
	case e.Status == StepFailed && e.Error != nil:
		return false, !e.Error.Code.blameless()
	}
	return false, false
}

// holds reports whether nothing that was measured speaks against r. Who changed nothing
// is not to blame for the commit it found.
func (r *Result) holds() bool {
	own := r.Changed || len(r.Merged) > 0
	if own && r.Verification != nil && r.Verification.Status == NotVerified {
		return false
	}
	return !slices.ContainsFunc(r.Gates, func(g Gate) bool { return g.Blocking && g.Status == GateFailed })
}

// blameless reports whether a failure tells nothing of the agent it befell. Whatever is
// not named here does.
func (c FailureCode) blameless() bool {
	return slices.Contains([]FailureCode{
		FailModel, FailContext, // the model's provider, and the model that the operator chose
		FailSource, FailSetup, FailDelivery, FailInternal, // the world around it, and us
		FailBudget, FailStepRules, // whoever asked
		FailRejected, FailExpired, // a person: a no is counted as that
	}, c)
}
