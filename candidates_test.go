package autonoma_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"autonoma"
)

// needing writes steps with what they need.
func needing(steps []autonoma.Step) string {
	var b strings.Builder
	for _, s := range steps {
		fmt.Fprintf(&b, "%s(%s) ", s.ID, strings.Join(s.Needs, " "))
	}
	return strings.TrimSpace(b.String())
}

// thrice has the steps of the given names tried three times.
func thrice(names ...string) func(autonoma.Step) int {
	return func(s autonoma.Step) int {
		if slices.Contains(names, s.ID) {
			return 3
		}
		return 1
	}
}

func TestExpand(t *testing.T) {
	steps := []autonoma.Step{
		{ID: "plan"}, {ID: "design"},
		{ID: "code", Agent: "coder-ai", Asks: "Do it.", Delivers: "implementation", Needs: []string{"plan", "design"}, Rules: autonoma.Rules{Retries: 2}},
		{ID: "review", Needs: []string{"code"}, Back: &autonoma.Back{To: "code", Rounds: 1}},
	}
	const want = "plan() design() code.1(plan design) code.2(plan design) code.3(plan design) code(code.1 code.2 code.3) review(code)"
	got := autonoma.Expand(steps, thrice("code", "review"))
	if needing(got) != want {
		t.Errorf("steps are\n%s\nwant\n%s", needing(got), want)
	}
	c, s := got[3], got[5]
	if c.Candidate != "code" || c.Asks != "Do it." || c.Rules.Retries != 2 || c.Delivers != "" || s.Delivers != "implementation" || s.Candidate != "" {
		t.Errorf("a candidate is %+v, and what chooses %+v", c, s)
	}
	if needing(steps) != "plan() design() code(plan design) review(code)" {
		t.Errorf("the steps it was given are now %s", needing(steps))
	}
	if got := autonoma.Expand(steps, thrice()); needing(got) != needing(steps) {
		t.Errorf("steps that are tried once are now %s", needing(got))
	}
}

// chooser is a run whose candidates stand as given.
func chooser(standing ...autonoma.StepStatus) autonoma.Run {
	r := autonoma.Run{Steps: autonoma.Expand([]autonoma.Step{{ID: "code", Status: autonoma.StepPending, Round: 1}}, thrice("code"))}
	for i, s := range standing {
		r.Steps[i].Status = s
	}
	return r
}

func TestCandidatesReady(t *testing.T) {
	const (
		done, failed, running = autonoma.StepCompleted, autonoma.StepFailed, autonoma.StepRunning
	)
	for _, tt := range []struct {
		standing []autonoma.StepStatus
		ready    bool
		spares   bool // the first
	}{
		{[]autonoma.StepStatus{done, done, done}, true, true},
		{[]autonoma.StepStatus{failed, done, failed}, true, true},
		{[]autonoma.StepStatus{failed, running, done}, false, true},
		{[]autonoma.StepStatus{failed, failed, running}, false, true},
		{[]autonoma.StepStatus{failed, failed, failed}, true, false}, // nobody asks: the run is over
	} {
		r := chooser(tt.standing...)
		if ready := len(r.Ready()) > 0; ready != tt.ready || r.Spares("code.1") != tt.spares {
			t.Errorf("%v: ready %v, spares %v", tt.standing, ready, r.Spares("code.1"))
		}
		if r.Alone("code.1") || !r.Alone("code") || !slices.Equal(r.Leaves(), []string{"code"}) {
			t.Errorf("alone %v %v, leaves %v", r.Alone("code.1"), r.Alone("code"), r.Leaves())
		}
	}
	r := chooser(done, failed, done)
	if r.Spares("code") || !r.Chooses("code") || r.Chooses("code.1") {
		t.Error("what chooses is taken for a candidate, or the other way round")
	}
	r.Steps[3].Status, r.Steps[3].Chosen = done, "code.3"
	if !r.Done() {
		t.Error("a candidate that failed keeps the run from being done")
	}
	r.SendBack("code", "c0ffee")
	if r.Chooses("code") || r.Steps[3].Chosen != "code.3" {
		t.Error("what was sent back chooses again")
	}
	if now := r.Resumed(); now[1].Status != failed || now[1].Execution != "" {
		t.Errorf("resumed, the candidate that failed is %+v", now[1])
	}
	r.SendBack("code.1", "c0ffee")
	if !r.Chooses("code") || r.Steps[3].Chosen != "" {
		t.Error("candidates tried again, and nothing is chosen")
	}
}

// better is a candidate, changed by adjust.
func better(adjust func(*autonoma.Candidate)) autonoma.Candidate {
	c := autonoma.Candidate{Step: "code.1", Changed: true, Verification: autonoma.Verified, Blocked: 1, Failing: 1, Broken: 1, Warnings: 1}
	if adjust != nil {
		adjust(&c)
	}
	return c
}

// Evidence is weighed in an order: what comes first in it outweighs all that follows.
func TestCompare(t *testing.T) {
	worse := []func(*autonoma.Candidate){
		func(c *autonoma.Candidate) { c.Warnings++ },
		func(c *autonoma.Candidate) { c.Broken++; c.Warnings = 0 },
		func(c *autonoma.Candidate) { c.Failing++; c.Broken = 0 },
		func(c *autonoma.Candidate) { c.Blocked++; c.Failing = 0 },
		func(c *autonoma.Candidate) { c.Changed = false; c.Blocked = 0 },
		func(c *autonoma.Candidate) { c.Verification = autonoma.NotApplicable; c.Changed = true; c.Blocked = 0 },
		func(c *autonoma.Candidate) { c.Verification = autonoma.NotVerified; c.Failing = 0; c.Blocked = 0 },
	}
	for i, w := range worse {
		a, b := better(nil), better(w)
		if i > 0 {
			a = better(worse[i-1])
		}
		if a.Compare(b) >= 0 || b.Compare(a) <= 0 || a.Compare(a) != 0 {
			t.Errorf("%d: %+v is not better than %+v", i, a, b)
		}
	}
	all := []autonoma.Candidate{{Step: "a", Failure: autonoma.FailTurns, Changed: true, Verification: autonoma.Verified}, better(worse[0]), better(nil), better(nil)}
	if got := autonoma.Best(all); len(got) != 2 || got[0] != all[2] {
		t.Errorf("best are %+v", got)
	}
}

// What is known of a candidate is what the platform found out about it.
func TestNewCandidate(t *testing.T) {
	checks := func(exit, failed int) []autonoma.Checked {
		return []autonoma.Checked{{Command: "test", ExitCode: exit, Tests: &autonoma.Tests{Failed: failed}}}
	}
	for _, tt := range []struct {
		name string
		r    autonoma.Result
		want autonoma.Candidate
	}{
		{"verified", autonoma.Result{Changed: true, Verification: &autonoma.Verification{Status: autonoma.Verified, Commands: checks(0, 0)}, Baseline: checks(1, 2)},
			autonoma.Candidate{Changed: true, Verification: autonoma.Verified}},
		{"breaks a test", autonoma.Result{Changed: true, Verification: &autonoma.Verification{Status: autonoma.NotVerified, Commands: checks(1, 3)}, Baseline: checks(1, 2)},
			autonoma.Candidate{Changed: true, Verification: autonoma.NotVerified, Failing: 1, Broken: 1}},
		{"nothing to check", autonoma.Result{Changed: true}, autonoma.Candidate{Changed: true, Verification: autonoma.NotApplicable}},
		{"no change of what fails", autonoma.Result{Baseline: checks(1, 2)}, autonoma.Candidate{Verification: autonoma.NotVerified, Failing: 1}},
		{"no change of what passes", autonoma.Result{Baseline: checks(0, 0)}, autonoma.Candidate{Verification: autonoma.NotApplicable}},
		{"gates", autonoma.Result{Changed: true, Gates: []autonoma.Gate{
			{Status: autonoma.GateFailed, Blocking: true}, {Status: autonoma.GateWarning}, {Status: autonoma.GatePassed, Blocking: true}, {Status: autonoma.GateSkipped},
		}}, autonoma.Candidate{Changed: true, Verification: autonoma.NotApplicable, Blocked: 1, Warnings: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.Step = "code.1"
			if got := autonoma.NewCandidate("code.1", tt.r, autonoma.Usage{}); got != tt.want {
				t.Errorf("found out is %+v\nwant %+v", got, tt.want)
			}
		})
	}
}
