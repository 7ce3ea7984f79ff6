package gate_test

import (
	"testing"
	"time"

	"autonoma"
	"autonoma/internal/gate"
)

func TestRigorConfidence(t *testing.T) {
	sure := func(c float64, s autonoma.Scope) func(*gate.Facts) {
		return func(f *gate.Facts) { f.Result.Confidence, f.Scope = c, s }
	}
	try(t, "rigor_confidence", gate.AtDocument, []tried{
		{"enough", "", "", sure(0.9, autonoma.Production), autonoma.GatePassed, "coder-ai is 90 % confident"},
		{"too little", "", "", sure(0.89, autonoma.Production), autonoma.GateFailed, "89 %"},
		{"too little where it does not block", "", "", sure(0.6, autonoma.MVP), autonoma.GateWarning, "60 %"},
	})
}

func TestCodeReview(t *testing.T) {
	says := func(v autonoma.Verdict) func(*gate.Facts) {
		return func(f *gate.Facts) { f.Result.Verdict = v }
	}
	try(t, "code_review", gate.AtJudgment, []tried{
		{"approved", "", "", says(autonoma.Approve), autonoma.GatePassed, "approves"},
		{"not approved", "", "", says(autonoma.Changes), autonoma.GateFailed, "asks for changes"},
		{"the judgment is what was asked for", "", "", func(f *gate.Facts) { f.Result.Verdict, f.Judged = autonoma.Changes, true }, autonoma.GateWarning, "asks for changes"},
		{"no judgment", "", "", nil, autonoma.GateSkipped, "judged nothing"},
	})
}

func TestACMFValidation(t *testing.T) {
	modes := func(allowed, mode autonoma.Mode) func(*gate.Facts) {
		return func(f *gate.Facts) { f.Allowed, f.Mode = allowed, mode }
	}
	try(t, "acmf_validation", gate.AtStart, []tried{
		{"as far as allowed", "", "", modes(autonoma.Assisted, autonoma.Assisted), autonoma.GatePassed, "what is critical waits"},
		{"less far", "", "", modes(autonoma.Assisted, autonoma.Observe), autonoma.GatePassed, "applied to nothing"},
		{"further", "", "", modes(autonoma.Observe, autonoma.Autonomous), autonoma.GateFailed, "allows no more than OBSERVE"},
		{"not known", "", "", modes(autonoma.Observe, ""), autonoma.GateSkipped, "no mode"},
	})
}

func TestBudget(t *testing.T) {
	try(t, "budget", gate.AtStart, []tried{
		{"none", "", "", nil, autonoma.GateSkipped, "no budget"},
		{"enough", "", "", func(f *gate.Facts) { f.Budget.MaxTokens, f.Used.InputTokens = 1000, 500 }, autonoma.GatePassed, "50 % of the run's tokens"},
		{"the shortest counts", "", "", func(f *gate.Facts) {
			f.Budget, f.Used = autonoma.Budget{MaxTokens: 1000, MaxCostUSD: 1}, autonoma.Usage{InputTokens: 500, CostUSD: 0.95}
		}, autonoma.GateWarning, "5 % of the run's money"},
		{"time", "", "", func(f *gate.Facts) { f.Budget.MaxDurationSeconds, f.Age = 100, 95*time.Second }, autonoma.GateWarning, "5 % of the run's time"},
	})
}
