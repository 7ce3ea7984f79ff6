package rigor_test

import (
	"fmt"
	"testing"

	"autonoma"
	"autonoma/internal/rigor"
)

// Changes are the same only if all of them is known to be: the patch of a large one is
// cut.
func TestLargeCandidatesAreNotTakenForOne(t *testing.T) {
	try := func(n int) string {
		return fmt.Sprintf(`
  - match: {agent: coder-ai, phase: generate, contains: "Try %[1]d."}
    turns:
      - calls: [{name: bash, args: {command: "head -c 1500000 /dev/zero | tr '\\0' x > a.txt; echo %[1]d > b.txt"}}]
      - calls: [{name: finish, args: {summary: Done., confidence: 0.9}}]
`, n)
	}
	s := open(t, greeting, try(1), try(2), `
  - match: {agent: coder-ai, phase: review}
    turns:
      - calls: [{name: finish, args: {candidate: work.2, summary: "It says two.", confidence: 0.9}}]
`)
	j := s.job("coder-ai", autonoma.Request{Scope: autonoma.Demo})
	j.Execution.Mode = autonoma.Autonomous
	var tried []rigor.Candidate
	for n := range 2 {
		c := j
		c.Step.ID, c.Step.Candidate, c.Step.Asks, c.Execution.ID = fmt.Sprintf("work.%d", n+1), "work", fmt.Sprintf("Try %d.", n+1), autonoma.NewExecutionID()
		r := s.must(c)
		tried = append(tried, rigor.Candidate{Step: c.Step.ID, Result: &r})
	}
	j.Candidates = tried
	if r := s.must(j); r.Choice == nil || r.Choice.By != autonoma.ByJudge || r.Choice.Step != "work.2" {
		t.Errorf("the choice is %+v", r.Choice)
	}
}
