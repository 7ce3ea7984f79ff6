package autonoma_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"autonoma"
)

// graph is a run of steps, each written as its name and the names it needs.
func graph(steps ...string) autonoma.Run {
	var r autonoma.Run
	for _, text := range steps {
		names := strings.Fields(text)
		r.Steps = append(r.Steps, autonoma.Step{ID: names[0], Needs: names[1:], Status: autonoma.StepPending, Round: 1})
	}
	return r
}

// drawn writes the steps of a run as graph reads them.
func drawn(steps []autonoma.Step) []string {
	var texts []string
	for _, s := range steps {
		texts = append(texts, strings.Join(append([]string{s.ID}, s.Needs...), " "))
	}
	return texts
}

// Steps that do not need each other may begin at once; one that is skipped counts as
// done; one that was begun, or waits for a human, does not begin again.
func TestReadyAtOnce(t *testing.T) {
	r := graph("plan", "left plan", "right plan", "both left right")
	for _, tt := range []struct {
		step   string
		change func(*autonoma.Step)
		want   []string
	}{
		{"plan", func(s *autonoma.Step) {}, []string{"plan"}},
		{"plan", func(s *autonoma.Step) { s.Status = autonoma.StepSkipped }, []string{"left", "right"}},
		{"left", func(s *autonoma.Step) { s.Execution = "exec_1" }, []string{"right"}},
		{"right", func(s *autonoma.Step) { s.Approval = "appr_1" }, []string{}},
		{"left", func(s *autonoma.Step) { s.Status = autonoma.StepCompleted }, []string{}},
		{"right", func(s *autonoma.Step) { s.Status = autonoma.StepSkipped }, []string{"both"}},
	} {
		tt.change(r.Step(tt.step))
		if got := ready(r); !slices.Equal(got, tt.want) {
			t.Errorf("after %s ready are %v, want %v", tt.step, got, tt.want)
		}
	}
}

func TestLined(t *testing.T) {
	r := graph("plan", "left plan", "right plan", "more right", "both left more")
	for _, s := range r.Steps {
		for _, o := range r.Steps {
			beside := s.ID == "left" && (o.ID == "right" || o.ID == "more") || o.ID == "left" && (s.ID == "right" || s.ID == "more")
			if r.Lined(s.ID, o.ID) == beside {
				t.Errorf("%s and %s are lined up: %v", s.ID, o.ID, !beside)
			}
		}
		if alone := s.ID == "plan" || s.ID == "both"; r.Alone(s.ID) != alone {
			t.Errorf("%s is alone: %v", s.ID, !alone)
		}
	}
}

// A step that brings together comes between, and is gone when all is begun anew.
func TestMerge(t *testing.T) {
	before := []string{"plan", "left plan", "right plan", "both left right", "merge plan"}
	r := graph(before...)
	r.Step("both").From = "c0"
	r.Merge("both", []string{"c1", "c2"}, "coder-ai")
	if from, now := r.Step("merge-both").From, r.Step("both").From; from != "c0" || now != "" {
		t.Errorf("the merge goes on from %q, what follows from %q", from, now)
	}
	r.Merge("", []string{"c3", "c4"}, "coder-ai")
	want := []string{"plan", "left plan", "right plan", "merge-both left right", "both merge-both", "merge plan", "merge-2 both merge"}
	if got := drawn(r.Steps); !slices.Equal(got, want) {
		t.Errorf("steps %q, want %q", got, want)
	}
	if m := r.Step("merge-both"); !slices.Equal(m.Merges, []string{"c1", "c2"}) || m.Agent != "coder-ai" || m.Status != autonoma.StepPending || m.Round != 1 {
		t.Errorf("%+v", m)
	}
	for i := range r.Steps {
		r.Steps[i].Status, r.Steps[i].Execution = autonoma.StepCompleted, "exec_1"
	}
	r.Step("both").Status = autonoma.StepFailed
	if got := r.Resumed(); got[3].Status != autonoma.StepCompleted || got[4].Status != autonoma.StepPending || got[4].Execution != "" {
		t.Errorf("resumed %+v", got)
	}
	renewed := r.Renewed()
	if got := drawn(renewed); !slices.Equal(got, before) {
		t.Errorf("renewed %q, want %q", got, before)
	}
	for _, s := range renewed {
		if s.Status != autonoma.StepPending || s.Execution != "" {
			t.Errorf("%+v", s)
		}
	}
}

// Sending the work back drops what follows and was under way, and leaves alone what
// does not follow.
func TestSendBackDrops(t *testing.T) {
	r := graph("plan", "code plan", "review code", "docs code", "other plan")
	for id, s := range map[string]autonoma.StepStatus{
		"plan": autonoma.StepCompleted, "code": autonoma.StepCompleted, "review": autonoma.StepCompleted, "docs": autonoma.StepRunning, "other": autonoma.StepRunning,
	} {
		r.Step(id).Status, r.Step(id).Execution = s, autonoma.ExecutionID("exec_"+id)
	}
	dropped := r.SendBack("code", "c1")
	if len(dropped) != 1 || dropped[0].Execution != "exec_docs" {
		t.Errorf("dropped %+v", dropped)
	}
	if s := r.Step("other"); s.Status != autonoma.StepRunning || s.Round != 1 {
		t.Errorf("other %+v", s)
	}
}

// A graph of many layers is looked at in no time.
func TestWide(t *testing.T) {
	var steps []string
	var above []string
	for layer := range 20 {
		var here []string
		for i := range 10 {
			id := fmt.Sprintf("s%d-%d", layer, i)
			steps, here = append(steps, strings.Join(append([]string{id}, above...), " ")), append(here, id)
		}
		above = here
	}
	r := graph(steps...)
	if begin := time.Now(); len(r.Before("s19-0")) != 190 || r.Alone("s3-3") {
		t.Error("the graph is not what it was")
	} else if took := time.Since(begin); took > time.Second {
		t.Errorf("it took %v", took)
	}
}

// A question is answered once.
func TestApproval(t *testing.T) {
	r := graph("deploy")
	a, told := r.Ask(r.Step("deploy"), 0, autonoma.HighRisk, "It is the rule.", nil, false, noon)
	if told.Kind != autonoma.EventApproval || r.Step("deploy").Approval != a.ID || !a.ID.Valid() || a.Deadline.Sub(noon) != 72*time.Hour {
		t.Fatalf("%+v", a)
	}
	if _, err := a.Settle(autonoma.ApprovalApproved, &autonoma.Decision{Key: "key_1", At: noon}, noon); err != nil || a.Decision.Key != "key_1" {
		t.Fatal(a, err)
	}
	for _, next := range autonoma.ApprovalStatuses {
		if _, err := a.Settle(next, nil, noon); err == nil || a.Status != autonoma.ApprovalApproved || a.Decision == nil {
			t.Errorf("it became %s", next)
		}
	}
}
