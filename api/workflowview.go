package api

import (
	"encoding/json"
	"time"

	"autonoma"
)

// WorkflowOf returns a definition as it is shown.
func WorkflowOf(w autonoma.Workflow) Workflow {
	out := Workflow{
		Name: w.Name, Description: w.Description, Pattern: w.Pattern, Input: free(w.Input),
		Steps: make([]WorkflowStep, len(w.Steps)),
	}
	for i, s := range w.Steps {
		out.Steps[i] = WorkflowStep{
			ID: s.ID, Agent: s.Agent, Task: s.Task, DependsOn: s.DependsOn, When: s.When, Approval: s.Approval,
			Intelligence: s.Intelligence, Scope: s.Scope, TimeoutSeconds: s.TimeoutSeconds, Retries: s.Retries,
		}
		if s.Back != nil {
			out.Steps[i].Back = &Back{To: s.Back.To, Rounds: int64(s.Back.Rounds)}
		}
	}
	return out
}

// TemplateOf returns a template as it is shown.
func TemplateOf(t autonoma.WorkflowTemplate) WorkflowTemplate {
	return WorkflowTemplate{
		Name: t.Name, Description: orNull(t.Description), Pattern: t.Pattern, StepCount: len(t.Steps),
		BuiltIn: t.BuiltIn, Revision: t.Revision, Definition: WorkflowOf(t.Workflow),
		CreatedAt: secondsOrNull(t.CreatedAt), UpdatedAt: secondsOrNull(t.UpdatedAt),
	}
}

// NodesOf returns steps and what they wait for.
func NodesOf(steps []autonoma.Step) []WorkflowNode {
	nodes := make([]WorkflowNode, len(steps))
	for i, s := range steps {
		nodes[i] = WorkflowNode{ID: s.ID, Agent: s.Agent, DependsOn: append([]string{}, s.Needs...)}
	}
	return nodes
}

// StepOf returns a step of a run as it is shown.
func StepOf(run autonoma.Run, s autonoma.Step) Step {
	out := Step{
		ID: s.ID, Agent: s.Agent, ExecutionID: orNull(s.Execution), Status: s.Status,
		Phase: orNull(s.Phase), Progress: s.Progress, Isolation: orNull(s.Isolation), CandidateOf: orNull(s.Candidate), Usage: Usage(s.Used),
	}
	if is, decided := run.Chosen(s); decided {
		out.Chosen = &is
	}
	return out
}

// CreatedWorkflowOf returns what is answered to a run that was accepted.
func CreatedWorkflowOf(run autonoma.Run) CreatedWorkflow {
	out := CreatedWorkflow{
		WorkflowID: run.ID, Status: run.Status, Steps: make([]Step, len(run.Steps)), StatusURL: PathOf(run.ID) + "/status",
	}
	for i, s := range run.Steps {
		out.Steps[i] = StepOf(run, s)
	}
	return out
}

// WorkflowStatusOf returns where a run stands.
func WorkflowStatusOf(run autonoma.Run) WorkflowStatus {
	w := WorkflowStatus{
		WorkflowID: run.ID, Status: run.Status, StatusDetail: orNull(run.StatusDetail), Progress: run.Progress,
		CurrentAgents: []autonoma.AgentID{}, CompletedSteps: []string{}, SkippedSteps: []string{},
		CreatedAt: Seconds(run.CreatedAt), StartedAt: secondsOrNull(run.StartedAt), CompletedAt: secondsOrNull(run.CompletedAt),
	}
	for _, s := range run.Steps {
		switch s.Status {
		case autonoma.StepRunning:
			if len(w.CurrentAgents) == 0 {
				w.Phase = orNull(s.Phase)
			}
			w.CurrentAgents = append(w.CurrentAgents, s.Agent)
		case autonoma.StepCompleted:
			w.CompletedSteps = append(w.CompletedSteps, s.ID)
		case autonoma.StepSkipped:
			w.SkippedSteps = append(w.SkippedSteps, s.ID)
		case autonoma.StepFailed:
			if s.Candidate == "" || run.Status == autonoma.Failed { // one of several candidates may fail
				w.FailedStep = &s.ID
			}
		case autonoma.StepPending, autonoma.StepCancelled:
		}
	}
	return w
}

// WorkflowRunOf returns a run and its executions as they are shown, but for its place
// in the queue and its result: see [OutputOf].
func WorkflowRunOf(run autonoma.Run, executions []autonoma.Execution, now time.Time) WorkflowRun {
	req := run.Request
	w := WorkflowRun{
		WorkflowStatus: WorkflowStatusOf(run), EstimatedCompletion: Seconds(run.EstimatedCompletion(now)),
		Steps: make([]WorkflowRunStep, len(run.Steps)), Intelligence: req.Intelligence, Scope: req.Scope, Priority: req.Priority,
		Source: orNull(req.Source), BaseRef: orNull(req.BaseRef), Delivery: req.Delivery,
		Usage: Usage(run.Usage), Budget: budgetOf(req.Budget), Metadata: req.Metadata, Error: errorOf(run.Error), Links: linksOf(run),
	}
	if w.Metadata == nil {
		w.Metadata = map[string]string{}
	}
	if use := req.Workflow; use != nil {
		w.Name, w.Definition, w.Input = use.Name, WorkflowOf(use.Workflow), free(use.Given)
	}
	last := map[autonoma.ExecutionID]autonoma.Execution{}
	for _, e := range executions {
		last[e.ID] = e
	}
	for i, s := range run.Steps {
		w.Steps[i] = runStepOf(run, s, last[s.Execution])
	}
	return w
}

func runStepOf(run autonoma.Run, s autonoma.Step, e autonoma.Execution) WorkflowRunStep {
	out := WorkflowRunStep{
		Step: StepOf(run, s), DependsOn: append([]string{}, s.Needs...), Round: s.Round, ApprovalID: orNull(s.Approval),
		Error: errorOf(e.Error), StartedAt: secondsOrNull(e.StartedAt), CompletedAt: secondsOrNull(e.CompletedAt),
	}
	if asked := s.Asked; s.Execution != "" {
		if asked == "" {
			asked = s.Asks
		}
		out.Asked = orNull(asked)
	}
	if r := e.Result; r != nil && s.Status == autonoma.StepCompleted {
		out.Output = &StepOutput{
			Summary: r.Summary, Document: orNull(r.Document), Verdict: orNull(r.Verdict), Confidence: r.Confidence,
			Decisions: append([]string{}, r.Decisions...), Changed: r.Changed, Commit: orNull(r.Commit),
		}
		if r.Verification != nil {
			out.Output.Verification = &r.Verification.Status
		}
	}
	return out
}

// free is JSON that has no type here, or nothing.
func free(text json.RawMessage) any {
	if len(text) == 0 {
		return nil
	}
	return text
}
