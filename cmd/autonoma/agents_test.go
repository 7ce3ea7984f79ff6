package main

import (
	"slices"
	"strings"
	"testing"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/model/modeltest"
	"autonoma/internal/workspace/workspacetest"
)

// TestInvoke invokes an agent by name and follows its status from the queue to a
// branch, through the end of the server and back.
func TestInvoke(t *testing.T) {
	t.Parallel()
	repo := greeting(t)
	models := modeltest.NewServer(t, coder(`
      - calls: [{name: bash, args: {command: "test -e greet.txt; sleep 0.2"}}]
`+mend[1:]))
	s, c := serve(t, models, "--source-root", repo)
	if a, err := c.Agent(t.Context(), "doc-ai"); err != nil || a.Status != api.Available || a.CompletedTasks != 0 {
		t.Errorf("before: %+v, %v", a, err)
	}
	made, err := c.Invoke(t.Context(), "doc-ai", api.Invoke{Prompt: "Spell the greeting right.", Source: repo, Scope: autonoma.Demo})
	if err != nil || made.Personality != "coder-ai" || made.Status != autonoma.Queued {
		t.Fatalf("%+v, %v", made, err)
	}
	status := func() api.Execution {
		t.Helper()
		e, err := c.Execution(t.Context(), made.ExecutionID)
		if err != nil || len(e.Phases) != 5 {
			t.Fatalf("%+v, %v", e, err)
		}
		return e
	}
	run := autonoma.RunID(made.ExecutionID)
	if !await(t, c, run, func(e api.Event) bool { return e.Kind == autonoma.EventTurn }) || status().Usage.ModelCalls == 0 {
		t.Error("nothing was done, or nothing is told of it")
	}
	if work, err := c.Coordination(t.Context()); err != nil || len(work.ActiveTasks) != 1 || len(work.Workers) != 1 || work.Workers[0].Busy != 1 ||
		*work.ActiveTasks[0].Agents[0].ExecutionID != made.ExecutionID {
		t.Errorf("at work: %+v, %v", work, err)
	}
	s.kill()
	s.start()
	s.ready()
	await(t, c, run, func(api.Event) bool { return false })
	e := status()
	branch := "autonoma/" + string(made.ExecutionID)
	if e.Status != autonoma.Completed || e.Progress != 100 || e.Output == nil || e.Output.Branch == nil || *e.Output.Branch != branch {
		t.Fatalf("%+v, %+v", e, e.Error)
	}
	if got := workspacetest.Git(t, repo, "show", branch+":greet.txt"); got != "hello world" {
		t.Errorf("the branch says %q", got)
	}
	for _, p := range e.Phases {
		if p.Status != autonoma.StepCompleted || p.Duration == nil {
			t.Errorf("%+v", p)
		}
	}
	a, err := c.Agent(t.Context(), "coder-ai")
	if err != nil || a.CompletedTasks != 1 || a.Status != api.Available || *a.SuccessRate != 1 || *a.ACMF.AverageConfidence != 0.9 {
		t.Errorf("afterwards: %+v, %v", a, err)
	}
}

// TestRigorHealth asks a server that can carry out executions, and one that cannot.
func TestRigorHealth(t *testing.T) {
	t.Parallel()
	s, c := serve(t, modeltest.NewServer(t, coder(mend)))
	h, err := c.RigorHealth(t.Context())
	if err != nil || h.Status == api.Unhealthy || h.Agents != 25 || !slices.Equal(h.Phases, autonoma.Phases) || h.Sandbox.Level == nil {
		t.Errorf("%+v, %v", h, err)
	}
	if len(h.Sandbox.ProvenBy) == 0 || h.Sandbox.NotProven == nil || (h.Status == api.Healthy) != slices.Contains(h.Sandbox.ProvenBy, "host processes are hidden") {
		t.Errorf("it is %s, proven by %v, not by %v", h.Status, h.Sandbox.ProvenBy, h.Sandbox.NotProven)
	}
	for _, tier := range autonoma.Intelligences {
		if m := h.Models[tier]; m.Status != api.Healthy || *m.Model != "openai/script" {
			t.Errorf("%s: %+v", tier, m)
		}
	}
	s.kill()
	s.env = slices.DeleteFunc(s.env, func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return strings.HasPrefix(v, "OPENAI") || strings.HasSuffix(name, "_API_KEY") || v == "AUTONOMA_MODEL=openai/script"
	})
	s.start()
	s.ready()
	h, err = c.RigorHealth(t.Context())
	if err != nil || h.Status != api.Unhealthy || h.Message == nil || h.Models[autonoma.Core].Status != api.Unhealthy {
		t.Errorf("without a model: %+v, %v", h, err)
	}
	if a, err := c.Agent(t.Context(), "coder-ai"); err != nil || a.Status != api.Offline {
		t.Errorf("without a model: %+v, %v", a, err)
	}
}
