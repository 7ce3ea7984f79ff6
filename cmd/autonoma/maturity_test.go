package main

import (
	"testing"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/model/modeltest"
)

// TestMaturity has agents begin where the operator says, work, and hear what a person
// thinks of it. A server that is started anew with another setting remembers all that,
// and has the other agents begin elsewhere.
func TestMaturity(t *testing.T) {
	t.Parallel()
	repo := greeting(t)
	s, c := serve(t, modeltest.NewServer(t, coder(mend)), "--source-root", repo, "--acmf-start", "OBSERVE")
	task := finish(t, c, submit(t, c, slip(repo, autonoma.Demo)))
	if task.Status != autonoma.Completed || task.ACMFMode != autonoma.Observe || task.Output.Branch != nil {
		t.Errorf("%s, %s, %+v", task.Status, task.ACMFMode, task.Output)
	}
	said, err := c.GiveFeedback(t.Context(), api.GiveFeedback{TaskID: task.TaskID, Signal: autonoma.Reject, Reason: "Not so."})
	if err != nil || len(said.Executions) != 1 || said.Executions[0].Personality != "coder-ai" {
		t.Errorf("%+v, %v", said, err)
	}
	s.kill()
	s.args = append(s.args, "--acmf-start", "AUTONOMOUS")
	s.start()
	s.ready()
	a, err := c.Agent(t.Context(), "coder-ai")
	if err != nil || a.ACMFMode != autonoma.Observe || a.ACMF.Tasks != 1 || *a.ACMF.OverrideRate != 1 || a.ACMF.ConsecutiveSuccesses != 0 {
		t.Errorf("who has begun: %+v, %v", a.ACMF, err)
	}
	if a, err := c.Agent(t.Context(), "tester-ai"); err != nil || a.ACMFMode != autonoma.Autonomous || a.ACMF.NextMode != nil || a.ACMF.Remaining != nil {
		t.Errorf("who has not: %+v, %v", a.ACMF, err)
	}
	for f, err := range c.AllFeedback(t.Context()) {
		if err != nil || f.ID != said.ID || *f.Reason != "Not so." {
			t.Errorf("what was said: %+v, %v", f, err)
		}
	}
}
