package api

import "autonoma"

// UsageReport is what a tenant used in a span of days.
type UsageReport struct {
	From    string       `json:"from" doc:"The first day, in UTC."`
	To      string       `json:"to" doc:"The last day, included."`
	Total   Spent        `json:"total" doc:"All of it."`
	ByDay   []DaySpent   `json:"byDay" doc:"By day, oldest first; days without usage are left out."`
	ByAgent []AgentSpent `json:"byAgent" doc:"By agent, in alphabetical order."`
	ByModel []ModelSpent `json:"byModel" doc:"By model, in alphabetical order."`
	Entries []SpentEntry `json:"entries" doc:"By day, agent and model."`
}

// Spent is what models were asked and what that cost.
type Spent struct {
	InputTokens  int64   `json:"inputTokens" doc:"Tokens that models read for the first time."`
	OutputTokens int64   `json:"outputTokens" doc:"Tokens that models wrote."`
	CachedTokens int64   `json:"cachedTokens" doc:"Tokens that models read from their cache, beside inputTokens."`
	CostUSD      float64 `json:"costUsd" doc:"What that cost, in US dollars, at the prices known here."`
	ModelCalls   int64   `json:"modelCalls" doc:"How often a model answered."`
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
