package api

import (
	"time"

	"autonoma"
)

// UsageReport is what a tenant used in a span of days.
type UsageReport struct {
	From    string       `json:"from" doc:"The first day, in UTC."`
	To      string       `json:"to" doc:"The last day, included."`
	Total   Spent        `json:"total" doc:"All of it."`
	ByDay   []DaySpent   `json:"byDay" doc:"By day, oldest first; days without usage are left out."`
	ByAgent []AgentSpent `json:"byAgent" doc:"By agent, in alphabetical order."`
	ByModel []ModelSpent `json:"byModel" doc:"By model, in alphabetical order."`
	ByPhase []PhaseSpent `json:"byPhase" doc:"By RIGOR phase, in alphabetical order."`
	ByCause []CauseSpent `json:"byCause" doc:"By what it was for, in alphabetical order."`
	Entries []SpentEntry `json:"entries" doc:"By day, agent and model."`
	Details []Detail     `json:"details" doc:"By day, agent, model, phase and cause."`
	Month   Month        `json:"month" doc:"This calendar month, in UTC, whichever days are asked for."`
}

// Month is what a tenant may use in a month and what is left of it.
type Month struct {
	Month    string      `json:"month" doc:"The month, as in 2026-01."`
	Spent    Amount      `json:"spent" doc:"What was used so far."`
	Reserved Amount      `json:"reserved" doc:"What is set aside for calls of models that are under way: what they cost at worst."`
	Budget   MonthBudget `json:"budget" doc:"What may be used; null for no limit. When it is used up, new tasks are refused and those under way end at their next turn, with budget_exceeded."`
}

// An Amount is money and tokens.
type Amount struct {
	CostUSD float64 `json:"costUsd" doc:"US dollars, at the prices known here."`
	Tokens  int64   `json:"tokens" doc:"Tokens in and out, cached ones included."`
}

// MonthOf returns the account of a month as it is shown.
func MonthOf(a autonoma.Account, at time.Time) Month {
	amount := func(u autonoma.Usage) Amount { return Amount{u.CostUSD, u.Tokens()} }
	return Month{Month: autonoma.Month(at).Format("2006-01"), Spent: amount(a.Spent), Reserved: amount(a.Reserved), Budget: MonthBudget{a.MaxUSD, a.MaxTokens}}
}

// Spent is what models were asked and what that cost.
type Spent struct {
	InputTokens  int64   `json:"inputTokens" doc:"Tokens that models read for the first time."`
	OutputTokens int64   `json:"outputTokens" doc:"Tokens that models wrote."`
	CachedTokens int64   `json:"cachedTokens" doc:"Tokens that models read from their cache, beside inputTokens."`
	CostUSD      float64 `json:"costUsd" doc:"What that cost, in US dollars, at the prices known here."`
	ModelCalls   int64   `json:"modelCalls" doc:"How often a model answered, or was lost in the middle of it."`
}

// Add adds what was used to s.
func (s *Spent) Add(u autonoma.Usage) {
	s.InputTokens += u.InputTokens
	s.OutputTokens += u.OutputTokens
	s.CachedTokens += u.CachedTokens
	s.CostUSD += u.CostUSD
	s.ModelCalls += u.ModelCalls
}

// DaySpent is what was used on a day.
type DaySpent struct {
	Day string `json:"day" doc:"The day, in UTC."`
	Spent
}

// AgentSpent is what an agent used.
type AgentSpent struct {
	Agent autonoma.AgentID `json:"agent" doc:"The agent."`
	Spent
}

// ModelSpent is what was used of a model.
type ModelSpent struct {
	Model string `json:"model" doc:"The model, as its provider calls it."`
	Spent
}

// SpentEntry is what an agent used of a model on a day.
type SpentEntry struct {
	Day   string           `json:"day" doc:"The day, in UTC."`
	Agent autonoma.AgentID `json:"agent" doc:"The agent."`
	Model string           `json:"model" doc:"The model, as its provider calls it."`
	Spent
}

// PhaseSpent is what was used in a phase.
type PhaseSpent struct {
	Phase autonoma.Phase `json:"phase" doc:"The phase; empty where it was not recorded yet."`
	Spent
}

// CauseSpent is what was used for something.
type CauseSpent struct {
	Cause autonoma.Cause `json:"cause" doc:"What it was for; empty where it was not recorded yet. More causes may be added."`
	Spent
}

// Detail is what an agent used of a model on a day in a phase, and for what.
type Detail struct {
	Day   string           `json:"day" doc:"The day, in UTC."`
	Agent autonoma.AgentID `json:"agent" doc:"The agent."`
	Model string           `json:"model" doc:"The model, as its provider calls it."`
	Phase autonoma.Phase   `json:"phase" doc:"The phase; empty where it was not recorded yet."`
	Cause autonoma.Cause   `json:"cause" doc:"What it was for; empty where it was not recorded yet."`
	Spent
}
