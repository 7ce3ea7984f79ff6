// Package gate measures what a change and the work on it are like, and holds that
// against what the scope of the run asks for.
//
// A [Gate] measures one thing. A [Policy], which is data that an operator may change,
// says from which scope on it is measured and blocks, and what it is held against. No
// gate passes because nothing was measured: then it is skipped and says why. The
// package runs no commands and no git; what it looks at are [Facts], which are
// gathered only when a gate asks for them.
package gate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"autonoma"
	"autonoma/internal/scan"
)

// A Gate measures one thing.
type Gate struct {
	ID   autonoma.GateID
	Name string
	Unit string // of the score
	At   Moment // when there is something to measure
	Low  bool   // the score must reach the threshold; otherwise it must not exceed it

	Measure func(context.Context, *Facts) (Measured, error)
}

// A Moment is a time in the life of an execution at which gates are measured.
type Moment int

// The moments. A gate may have several.
const (
	AtStart    Moment = 1 << iota // nothing was done yet
	AtChange                      // the agent made a commit
	AtJudgment                    // the agent judged one
	AtDocument                    // the agent wrote something
	AfterWork  = AtChange | AtJudgment | AtDocument
)

// Measured is what a gate found.
type Measured struct {
	Skipped bool // nothing was measured: the message says why
	Score   *float64
	Fails   bool     // whatever the score is
	Message string   // for people, in a line
	Mend    []string // what the agent can do about it, place by place; none: nothing
}

func skipped(format string, args ...any) (Measured, error) {
	return Measured{Skipped: true, Message: fmt.Sprintf(format, args...)}, nil
}

// counted is a measurement whose score is a number of places.
func counted(places []string, none, some string) (Measured, error) {
	m := Measured{Score: new(float64(len(places))), Message: none, Mend: places}
	if len(places) > 0 {
		m.Message = some + ": " + few(places)
	}
	return m, nil
}

// few joins the first of several texts.
func few(texts []string) string {
	const most = 5
	if n := len(texts); n > most {
		return strings.Join(texts[:most], "; ") + fmt.Sprintf("; and %d more", n-most)
	}
	return strings.Join(texts, "; ")
}

// All returns the gates, in the order in which they are measured: what is cheap and
// must never leave comes first.
func All() []Gate {
	return []Gate{
		{ID: "secrets", Name: "Secrets", Unit: "secrets in the change", At: AtChange, Measure: secrets},
		{ID: "base_health", Name: "Base Health", Unit: "part of the checks that pass before", At: AtStart, Low: true, Measure: baseHealth},
		{ID: "acmf_validation", Name: "ACMF Validation", Unit: "1 if the mode allows the work", At: AtStart | AfterWork, Low: true, Measure: acmf},
		{ID: "budget", Name: "Budget", Unit: "part of the budget that is left", At: AtStart | AfterWork, Low: true, Measure: budget},
		{ID: "rigor_confidence", Name: "RIGOR Confidence", Unit: "the agent's confidence, 0 to 1", At: AfterWork, Low: true, Measure: confidence},
		{ID: "code_review", Name: "Code Review", Unit: "1 if the change is approved", At: AtJudgment, Low: true, Measure: codeReview},
		{ID: "build", Name: "Build", Unit: "build commands that fail", At: AtChange, Measure: builds},
		{ID: "tests", Name: "Tests", Unit: "test commands and tests that fail or are missing", At: AtChange, Measure: tests},
		{ID: "lint", Name: "Lint", Unit: "lint commands that pass no longer", At: AtChange, Measure: lint},
		{ID: "test_coverage", Name: "Test Coverage", Unit: "percent of lines or statements", At: AtChange, Low: true, Measure: coverage},
		{ID: "performance_check", Name: "Performance Check", Unit: "duration of the checks, as a multiple of before", At: AtChange, Measure: performance},
		{ID: "diff_scope", Name: "Diff Scope", Unit: "files that nobody named", At: AtChange, Measure: diffScope},
		{ID: "diff_size", Name: "Diff Size", Unit: "changed lines", At: AtChange, Measure: diffSize},
		{ID: "generated_files", Name: "Generated Files", Unit: "files that do not belong in a change", At: AtChange, Measure: generatedFiles},
		{ID: "reversibility", Name: "Reversibility", Unit: "things that cannot be taken back", At: AtChange, Measure: reversibility},
		{ID: "compliance_check", Name: "Compliance Check", Unit: "breaches of the repository's rules", At: AtChange, Measure: compliance},
		{ID: "security_scan", Name: "Security Scan", Unit: "weaknesses of high risk in new lines", At: AtChange, Measure: securityScan},
		{ID: "dependency_audit", Name: "Dependency Audit", Unit: "problems of changed dependencies", At: AtChange, Measure: dependencyAudit},
		{ID: "licence", Name: "Licence", Unit: "new dependencies without an allowed licence", At: AtChange, Measure: licence},
		{ID: "public_api", Name: "Public API", Unit: "exported things removed or changed", At: AtChange, Measure: publicAPI},
		{ID: "documentation", Name: "Documentation", Unit: "public additions without a word on them", At: AtChange, Measure: documentation},
	}
}

// An Outcome is what gates came to.
type Outcome struct {
	Gates []autonoma.Gate `json:"gates"`
	// Mend is what an agent has to do for those that block and that it can do
	// something about.
	Mend []string `json:"mend,omitempty"`
	// Withheld are those that block and whose change must not leave.
	Withheld []autonoma.GateID `json:"withheld,omitempty"`
}

// Blocked returns the gates that block and failed.
func Blocked(gates []autonoma.Gate) []autonoma.Gate {
	var failed []autonoma.Gate
	for _, g := range gates {
		if g.Status == autonoma.GateFailed {
			failed = append(failed, g)
		}
	}
	return failed
}

// Failure returns why work fails that did not pass gates that block.
func Failure(failed []autonoma.Gate) *autonoma.Failure {
	var texts []string
	for _, g := range failed {
		texts = append(texts, fmt.Sprintf("gate %s: %s", g.ID, g.Message))
	}
	return &autonoma.Failure{Code: autonoma.FailGate, Message: strings.Join(texts, "; ")}
}

// Merge puts later gates in the place of earlier ones of the same name, but for those
// that were not measured: what is known is not forgotten for that.
func Merge(earlier, later []autonoma.Gate) []autonoma.Gate {
	merged := append([]autonoma.Gate(nil), earlier...)
next:
	for _, g := range later {
		for i := range merged {
			if merged[i].ID == g.ID {
				if g.Status != autonoma.GateSkipped {
					merged[i] = g
				}
				continue next
			}
		}
		merged = append(merged, g)
	}
	return merged
}

// Measure measures the gates that the scope asks for at a moment.
func (p Policy) Measure(ctx context.Context, at Moment, f *Facts) (Outcome, error) {
	out := Outcome{Gates: []autonoma.Gate{}}
	f.policy = p
	for _, g := range All() {
		rule := p.Gates[g.ID]
		if g.At&at == 0 || !rule.measured(f.Scope) {
			continue
		}
		began := time.Now()
		m, err := g.Measure(ctx, f)
		if ctx.Err() != nil {
			return Outcome{}, context.Cause(ctx)
		}
		if err != nil && rule.Withholds && !errors.Is(err, ErrUnreadable) {
			return Outcome{}, fmt.Errorf("gate %s: %w", g.ID, err) // it may do better the next time
		}
		if err != nil {
			m = unmeasured(err, rule.Withholds)
		}
		held := g.hold(rule, f, m)
		held.Message = scan.Redact(held.Message)
		held.DurationMS = time.Since(began).Milliseconds()
		out.Gates = append(out.Gates, held)
		if held.Status != autonoma.GateFailed {
			continue
		}
		for _, place := range m.Mend {
			out.Mend = append(out.Mend, fmt.Sprintf("%s: %s", g.ID, scan.Redact(place)))
		}
		if rule.Withholds {
			out.Withheld = append(out.Withheld, g.ID)
		}
	}
	return out, nil
}

// unmeasured is what is said of a gate that could not be measured. What must not
// leave does not leave for want of a look at it.
func unmeasured(err error, withholds bool) Measured {
	return Measured{Fails: withholds, Skipped: !withholds, Message: "could not be measured: " + err.Error()}
}

// hold holds what was measured against the rule.
func (g Gate) hold(rule Rule, f *Facts, m Measured) autonoma.Gate {
	limit := rule.Threshold[f.Scope]
	out := autonoma.Gate{ID: g.ID, Name: g.Name, Score: m.Score, Blocking: rule.blocks(f.Scope), Message: m.Message}
	if g.ID == "code_review" && f.Judged { // the judgment is what was asked for, whatever it is
		out.Blocking = false
	}
	missed := m.Fails
	if m.Score != nil {
		out.Threshold = &limit
		missed = missed || g.Low && *m.Score < limit || !g.Low && *m.Score > limit
	}
	switch {
	case m.Skipped:
		out.Status = autonoma.GateSkipped
	case !missed:
		out.Status = autonoma.GatePassed
	case out.Blocking:
		out.Status = autonoma.GateFailed
	default:
		out.Status = autonoma.GateWarning
	}
	return out
}
