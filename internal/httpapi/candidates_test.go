package httpapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"autonoma"
	"autonoma/api"
)

// Both kinds of runs show which steps are candidates, which of them was chosen, and
// what each of them cost.
func TestCandidatesShown(t *testing.T) {
	k := newKit(t)
	for _, tt := range []struct{ path, body, chooses string }{
		{"/v1/agents/tasks", `{"task": "x", "capabilities": ["BUILD"], "intelligence": "ultra", "source": "/path"}`, "work"},
		{"/v1/customer/workflow", `{"name": "w", "steps": [{"id": "fix", "agent": "coder-ai", "task": "x"}], "intelligence": "ultra", "source": "/path"}`, "fix"},
	} {
		t.Run(tt.path, func(t *testing.T) {
			var made struct{ TaskID, WorkflowID autonoma.RunID }
			if err := json.Unmarshal(k.do(k.ann, "POST", tt.path, tt.body).body, &made); err != nil {
				t.Fatal(err)
			}
			id := made.TaskID + made.WorkflowID
			show := func() string {
				var run struct{ Steps []api.Step }
				r := k.do(k.ann, "GET", tt.path+"/"+string(id), "")
				if err := json.Unmarshal(r.body, &run); err != nil {
					t.Fatalf("%v: %s", err, r.body)
				}
				var all []string
				for _, s := range run.Steps {
					if s.CandidateOf == nil && s.ID != tt.chooses {
						continue
					}
					text := fmt.Sprintf("%s %d", s.ID, s.Usage.OutputTokens)
					if s.CandidateOf != nil {
						text += " of " + *s.CandidateOf
					}
					if s.Chosen != nil {
						text += fmt.Sprintf(" chosen: %v", *s.Chosen)
					}
					all = append(all, strings.ReplaceAll(text, tt.chooses, "S"))
				}
				return strings.Join(all, ", ")
			}
			if got, want := show(), "S.1 0 of S, S.2 0 of S, S 0"; got != want {
				t.Errorf("before there is a choice: %s", got)
			}
			k.become(id, autonoma.InProgress, "", nil)
			k.change(id, func(r *autonoma.Run) autonoma.Event {
				for n, s := range r.Candidates(tt.chooses) {
					s.Status, s.Used = []autonoma.StepStatus{autonoma.StepFailed, autonoma.StepCompleted}[n], autonoma.Usage{OutputTokens: int64(n + 1)}
				}
				s := r.Step(tt.chooses)
				s.Status, s.Chosen = autonoma.StepCompleted, tt.chooses+".2"
				return autonoma.NewStepEvent(*s, time.Now())
			})
			if got, want := show(), "S.1 1 of S chosen: false, S.2 2 of S chosen: true, S 0"; got != want {
				t.Errorf("after the choice: %s", got)
			}
			if r := k.do(k.ann, "GET", tt.path+"/"+string(id)+"/status", ""); strings.Contains(string(r.body), `"failedStep":"fix.1"`) {
				t.Errorf("the run has a step that failed: %s", r.body)
			}
		})
	}
}
