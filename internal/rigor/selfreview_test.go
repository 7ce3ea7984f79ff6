package rigor_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"autonoma"
	"autonoma/internal/agent"
	"autonoma/internal/rigor"
)

// points is a self-review with a verdict.
func points(verdict, summary string) string {
	return fmt.Sprintf(`
  - match: {agent: coder-ai, phase: optimize}
    turns:
      - calls: [{name: finish, args: {verdict: %s, summary: %q, confidence: 0.9}}]
`, verdict, summary)
}

// mends is what the agent does when it is asked once more.
func mends(edit string) string {
	return speller + `
      - calls: [{name: edit, args: ` + edit + `}]
      - calls: [{name: finish, args: {summary: Mended., confidence: 0.9}}]
`
}

// pro is a job of the coder at the tier that reviews its own work.
func (s *shop) pro(scope autonoma.Scope) rigor.Job {
	req := mvp()
	req.Scope = scope
	j := s.job("coder-ai", req)
	j.Run.Request.Intelligence = autonoma.Pro
	return j
}

// A change is reviewed by somebody who does not know how it was made, once; what is
// found goes back to the agent, and what it then does is taken back if the checks do
// not pass any longer. At a scope at which the change would be simplified, that is
// part of the review.
func TestSelfReview(t *testing.T) {
	const risks = `
  - match: {phase: inspect}
    turns:
      - calls: [{name: finish, args: {summary: None., confidence: 1, document: "Nothing of weight."}}]
`
	good := `{path: greet.txt, old: "hello world", new: "# hello world"}`
	for _, tt := range []struct {
		name, review, work string
		scope              autonoma.Scope
		want, summary      string
		again              bool // whether the agent was asked once more
	}{
		{"a point is mended", points("changes", "greet.txt:1 is no comment."), mends(good), autonoma.MVP, "# hello world\n", "Mended.", true},
		{"what breaks the checks is taken back", points("changes", "greet.txt:1 is long."), mends(`{path: greet.txt, old: "hello world", new: "hi"}`), autonoma.MVP, "hello world\n", "Spell world right. It was a slip.", true},
		{"nothing is found", points("approve", "Right."), mends(good), autonoma.MVP, "hello world\n", "Spell world right. It was a slip.", false},
		{"in place of simplifying", points("approve", "Right."), mends(good), autonoma.Product, "hello world\n", "Spell world right. It was a slip.", false},
		{"without checks", points("changes", "greet.txt:1 is no comment."), mends(good), autonoma.Demo, "# hello world\n", "Mended.", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t, greeting, explorer, risks, tt.review, tt.work)
			j := s.pro(tt.scope)
			r := s.must(j)
			if got := s.show(j, r.Commit, "greet.txt"); got != tt.want || r.Summary != tt.summary {
				t.Errorf("greet.txt says %q, result %+v", got, r)
			}
			if v := r.Verification; tt.scope != autonoma.Demo && v.Status != autonoma.Verified {
				t.Errorf("verification %+v", v)
			}
			var reviews, again int
			for _, q := range s.asked {
				last := q.Messages[len(q.Messages)-1].Text
				switch {
				case strings.Contains(q.System, "\nPhase: optimize\n"):
					reviews++
					if !strings.Contains(last, "+hello world") || !strings.Contains(last, "Spell the greeting right.") || strings.Contains(last, "It was a slip") {
						t.Errorf("the review is asked\n%s", last)
					}
				case strings.Contains(last, "# Once more"):
					again++
				}
			}
			if reviews != 1 || again > 0 != tt.again {
				t.Errorf("%d reviews, and the agent was asked %d times more", reviews, again)
			}
		})
	}
}

// An execution whose agent changed nothing is not reviewed, and a review that there is
// no budget for is left out.
func TestNoSelfReview(t *testing.T) {
	s := open(t, greeting, explorer, `
  - match: {agent: coder-ai, phase: generate}
    turns:
      - calls: [{name: finish, args: {summary: There is nothing to do., confidence: 0.9}}]
      - calls: [{name: finish, args: {summary: Really., confidence: 0.9}}]
      - calls: [{name: finish, args: {summary: Truly., confidence: 0.9}}]
`)
	if r := s.must(s.pro(autonoma.Demo)); r.Changed {
		t.Errorf("result %+v", r)
	}
	s = open(t, greeting, explorer, speller)
	j := s.pro(autonoma.MVP)
	j.Afford = func(_ context.Context, q agent.Quote) (int, error) {
		if q.Cause == autonoma.CauseSelfReview || q.Cause == autonoma.CauseFinish {
			return 0, &autonoma.Failure{Code: autonoma.FailBudget, Message: "all is spent"}
		}
		return 0, nil
	}
	if r := s.must(j); r.Verification.Status != autonoma.Verified || s.show(j, r.Commit, "greet.txt") != "hello world\n" {
		t.Errorf("result %+v", r)
	}
}
