package autonoma

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Choice is how one of several candidates was taken over, and what all of them
// came to and cost.
type Choice struct {
	Step       string      `json:"step"` // the candidate
	By         ChosenBy    `json:"by"`
	Why        string      `json:"why"`
	Candidates []Candidate `json:"candidates"` // in the order of their steps
}

// ChosenBy says what decided.
type ChosenBy string

// What can decide.
const (
	ByDefault  ChosenBy = "default"  // it is the only one that came to a result
	ByEvidence ChosenBy = "evidence" // it is the best by what the platform found out
	ByLikeness ChosenBy = "likeness" // those that are equally good made the same change
	ByJudge    ChosenBy = "judge"    // of those that are equally good a model preferred it
	ByOrder    ChosenBy = "order"    // of those that are equally good it is the first: the judge came to no end
)

// A Candidate is one of several tries at the same step, as the platform found it. What
// its agent says of it is no part of that.
type Candidate struct {
	Step         string             `json:"step"`
	Failure      FailureCode        `json:"failure,omitempty"` // why it came to no result
	Commit       string             `json:"commit,omitempty"`
	Changed      bool               `json:"changed"`
	Verification VerificationStatus `json:"verification,omitempty"`
	Blocked      int                `json:"blocked"`  // blocking gates that failed
	Failing      int                `json:"failing"`  // checks that fail
	Broken       int                `json:"broken"`   // tests that fail and did not before, as far as runners tell
	Warnings     int                `json:"warnings"` // gates that were missed and block nothing
	Usage        Usage              `json:"usage"`
}

// NewCandidate returns what came of a try that came to a result.
func NewCandidate(step string, r Result, used Usage) Candidate {
	c := Candidate{Step: step, Commit: r.Commit, Changed: r.Changed, Verification: NotApplicable, Usage: used}
	switch v := r.Verification; {
	case v != nil && (c.Changed || v.Status != NotApplicable):
		c.Verification, c.Failing, c.Broken = v.Status, failing(v.Commands), broken(r.Baseline, v.Commands)
	case !c.Changed && failing(r.Baseline) > 0: // it left the base as it is, and that does not pass
		c.Verification, c.Failing = NotVerified, failing(r.Baseline)
	}
	for _, g := range r.Gates {
		switch {
		case g.Status == GateFailed && g.Blocking:
			c.Blocked++
		case g.Status == GateFailed || g.Status == GateWarning:
			c.Warnings++
		}
	}
	return c
}

func failing(checks []Checked) int {
	n := 0
	for _, c := range checks {
		if c.ExitCode != 0 || c.Ended != "" {
			n++
		}
	}
	return n
}

// broken counts the tests that fail after and did not before.
func broken(before, after []Checked) int {
	n := 0
	for _, a := range after {
		if a.Tests == nil {
			continue
		}
		failed := a.Tests.Failed
		for _, b := range before {
			if b.Command == a.Command && b.Tests != nil {
				failed -= b.Tests.Failed
			}
		}
		n += max(0, failed)
	}
	return n
}

// Compare says which of two candidates is better by evidence: it is negative if c is.
// Better is what is verified over what cannot be, and that over what fails its checks;
// then what changed something; then what fails fewer blocking gates, checks and tests,
// and what is warned of less.
func (c Candidate) Compare(o Candidate) int {
	rank := map[VerificationStatus]int{Verified: 0, NotApplicable: 1, NotVerified: 2}
	unchanged := func(c Candidate) int {
		if c.Changed {
			return 0
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(rank[c.Verification], rank[o.Verification]),
		cmp.Compare(unchanged(c), unchanged(o)),
		cmp.Compare(c.Blocked, o.Blocked),
		cmp.Compare(c.Failing, o.Failing),
		cmp.Compare(c.Broken, o.Broken),
		cmp.Compare(c.Warnings, o.Warnings),
	)
}

// Best returns those candidates that came to a result and that no other beats, in
// their order.
func Best(all []Candidate) []Candidate {
	var best []Candidate
	for _, c := range all {
		beaten := slices.ContainsFunc(all, func(o Candidate) bool { return o.Failure == "" && o.Compare(c) < 0 })
		if c.Failure == "" && !beaten {
			best = append(best, c)
		}
	}
	return best
}

// Lost returns what the candidates used that were not chosen.
func (c Choice) Lost() Usage {
	var lost Usage
	for _, o := range c.Candidates {
		if o.Step != c.Step {
			lost.Add(o.Usage)
		}
	}
	return lost
}

// Markdown tells of the choice for people: what was chosen and why, and what each
// candidate came to and cost.
func (c Choice) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# The choice among %d candidates\n\n%s was chosen by %s: %s\n\n", len(c.Candidates), c.Step, c.By, strings.TrimSpace(c.Why))
	b.WriteString("| candidate | came to | gates failed | checks failing | tests newly failing | warnings | model calls | tokens | cost |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|\n")
	for _, o := range c.Candidates {
		came := string(o.Verification)
		switch {
		case o.Failure != "":
			came = string(o.Failure)
		case !o.Changed:
			came += ", no change"
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %d | %d | %d | %d | $%.4f |\n", o.Step, came, o.Blocked, o.Failing, o.Broken, o.Warnings, o.Usage.ModelCalls, o.Usage.Tokens(), o.Usage.CostUSD)
	}
	lost := c.Lost()
	fmt.Fprintf(&b, "\nWhat was not chosen cost %d model calls, %d tokens, $%.4f.\n", lost.ModelCalls, lost.Tokens(), lost.CostUSD)
	return b.String()
}
