package autonoma

import (
	"fmt"
	"time"
)

// A Budget is what a run may use. Zero means no limit.
type Budget struct {
	MaxCostUSD         float64 `json:"maxCostUsd,omitempty"`
	MaxTokens          int64   `json:"maxTokens,omitempty"`
	MaxTurns           int64   `json:"maxTurns,omitempty"`           // how often models are asked
	MaxDurationSeconds int64   `json:"maxDurationSeconds,omitempty"` // from the start of the run, waiting included
}

// MaxDuration returns the longest a run may take, or zero.
func (b Budget) MaxDuration() time.Duration { return time.Duration(b.MaxDurationSeconds) * time.Second }

// Account returns the account of a run with the budget.
func (b Budget) Account() Account {
	return Account{MaxUSD: limit(b.MaxCostUSD), MaxTokens: limit(b.MaxTokens), MaxTurns: limit(b.MaxTurns)}
}

func limit[T int64 | float64](v T) *T {
	if v == 0 {
		return nil
	}
	return &v
}

func (b Budget) check(faults *FieldErrors) {
	if b.MaxCostUSD < 0 {
		faults.add("budget.maxCostUsd", "must not be negative")
	}
	if b.MaxTokens < 0 {
		faults.add("budget.maxTokens", "must not be negative")
	}
	if b.MaxTurns < 0 {
		faults.add("budget.maxTurns", "must not be negative")
	}
	if b.MaxDurationSeconds < 0 || b.MaxDurationSeconds > int64(30*24*time.Hour/time.Second) {
		faults.add("budget.maxDurationSeconds", "must be between 0 and 2592000 (30 days)")
	}
}

// A MonthBudget is what a tenant may use in a calendar month, in UTC. Nil means no
// limit; zero means nothing.
type MonthBudget struct {
	USD    *float64
	Tokens *int64
}

// Or returns b with what it leaves open taken from other.
func (b MonthBudget) Or(other MonthBudget) MonthBudget {
	if b.USD == nil {
		b.USD = other.USD
	}
	if b.Tokens == nil {
		b.Tokens = other.Tokens
	}
	return b
}

// Limited reports whether there is any limit.
func (b MonthBudget) Limited() bool { return b.USD != nil || b.Tokens != nil }

// Account returns the account of a tenant with the budget.
func (b MonthBudget) Account() Account {
	return Account{Of: "of this tenant's month ", MaxUSD: b.USD, MaxTokens: b.Tokens}
}

// Check reports what is wrong with b, as [FieldErrors].
func (b MonthBudget) Check() FieldErrors {
	var faults FieldErrors
	if b.USD != nil && *b.USD < 0 {
		faults.add("budget.monthUsd", "must not be negative")
	}
	if b.Tokens != nil && *b.Tokens < 0 {
		faults.add("budget.monthTokens", "must not be negative")
	}
	return faults
}

// Month returns the first moment of the calendar month of a time.
func Month(at time.Time) time.Time {
	y, m, _ := at.UTC().Date()
	return time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
}

// An Account is what may be used, what was used, and what is set aside for calls of
// models that are under way. What is used and set aside together never exceeds the
// limits.
type Account struct {
	Of        string // whose it is, in a sentence; empty: the run's
	MaxUSD    *float64
	MaxTokens *int64
	MaxTurns  *int64
	Spent     Usage
	Reserved  Usage
}

// Short returns why there is not enough left for a call that comes to so much at
// worst, or nil. Those that are under way may turn out cheaper than what is set aside
// for them: if that would do, waits is true.
func (a Account) Short(worst Usage) (why *Failure, waits bool) {
	if why := a.over(a.Spent, worst); why != nil {
		return why, false
	}
	taken := a.Spent
	taken.Add(a.Reserved)
	why = a.over(taken, worst)
	return why, why != nil
}

// Exhausted returns why nothing more can be asked for, or nil.
func (a Account) Exhausted() *Failure {
	switch {
	case a.MaxTokens != nil && a.Spent.Tokens() >= *a.MaxTokens:
		return a.failure("%d of %d tokens %sare used", a.Spent.Tokens(), *a.MaxTokens, a.Of)
	case a.MaxUSD != nil && a.Spent.CostUSD >= *a.MaxUSD:
		return a.failure("$%.4f of $%.4f %sare spent", a.Spent.CostUSD, *a.MaxUSD, a.Of)
	}
	return nil
}

func (a Account) over(used, worst Usage) *Failure {
	switch {
	case a.MaxTokens != nil && used.Tokens()+worst.Tokens() > *a.MaxTokens:
		return a.failure("%d of %d tokens %sare used, and the next turn may take %d", used.Tokens(), *a.MaxTokens, a.Of, worst.Tokens())
	case a.MaxUSD != nil && used.CostUSD+worst.CostUSD > *a.MaxUSD:
		return a.failure("$%.4f of $%.4f %sare spent, and the next turn may cost $%.4f", used.CostUSD, *a.MaxUSD, a.Of, worst.CostUSD)
	case a.MaxTurns != nil && used.ModelCalls+worst.ModelCalls > *a.MaxTurns:
		return a.failure("%d of %d turns %sare taken", used.ModelCalls, *a.MaxTurns, a.Of)
	}
	return nil
}

func (a Account) failure(format string, args ...any) *Failure {
	return &Failure{Code: FailBudget, Message: fmt.Sprintf(format, args...)}
}

// A Cause is what a call of a model was for.
type Cause string

// The causes.
const (
	CauseWork       Cause = "work"        // what the step asks
	CauseResearch   Cause = "research"    // reading the repository before
	CauseRisks      Cause = "risks"       // weighing what could go wrong
	CauseRepair     Cause = "repair"      // mending what fails its checks
	CauseSimplify   Cause = "simplify"    // going over a change once more
	CauseSelfReview Cause = "self_review" // reviewing the own change, and mending what that finds
	CauseChoice     Cause = "choice"      // judging which of several candidates is taken over
	CauseRework     Cause = "rework"      // another round, because a review asked for it
	CauseRetry      Cause = "retry"       // another try of a step that failed
	CauseCompaction Cause = "compaction"  // summing up a conversation that got long
	CauseFinish     Cause = "finish"      // the last turn that the budget allowed
	CauseLost       Cause = "lost"        // a process died in the middle of it
)

// Causes are all causes.
var Causes = []Cause{CauseWork, CauseResearch, CauseRisks, CauseRepair, CauseSimplify, CauseSelfReview, CauseChoice, CauseRework, CauseRetry, CauseCompaction, CauseFinish, CauseLost}
