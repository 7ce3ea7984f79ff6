package api

import (
	"time"

	"autonoma"
)

// AgentOf returns an agent as it is shown: with its mode and what it has to do for
// whoever asks, and whether it is offline.
func AgentOf(a autonoma.Agent, mode autonoma.Mode, load autonoma.Load, offline bool) Agent {
	view := Agent{
		ID: a.ID, Name: a.Name, Description: a.Description, Capability: a.Capability,
		Status: Available, Health: Healthy, ACMFMode: mode, ActiveTasks: load.Active,
	}
	if load.Active > 0 {
		view.Status = Busy
	}
	if load.Waiting > 0 {
		view.Health = Degraded
	}
	if offline {
		view.Status, view.Health = Offline, Unhealthy
	}
	return view
}

// AgentStatusOf returns an agent, as it is shown by itself.
func AgentStatusOf(a Agent, load autonoma.Load, r autonoma.Record, m autonoma.Maturity, changes []autonoma.ModeChange) AgentStatus {
	s := AgentStatus{
		Agent: a, QueuedTasks: load.Queued, CompletedTasks: r.Completed, FailedTasks: r.Failed,
		LastActiveAt: secondsOrNull(r.LastEnd), ACMF: acmfOf(m),
	}
	s.ACMF.Changes = make([]ModeChange, len(changes))
	for i, c := range changes {
		s.ACMF.Changes[i] = ModeChange{From: c.Shown.Mode, To: c.To, At: Seconds(c.At), Reason: c.Notice(a.ID).Message}
	}
	if load.Since.After(r.LastEnd) {
		s.LastActiveAt = secondsOrNull(load.Since)
	}
	if r.Completed+r.Failed > 0 {
		s.SuccessRate = new(r.SuccessRate())
	}
	if r.Completed > 0 {
		s.AverageDurationMS = new(r.Duration.Milliseconds())
	}
	return s
}

// acmfOf returns what the maturity of an agent is judged by.
func acmfOf(m autonoma.Maturity) ACMF {
	view := ACMF{
		Mode: m.Mode, Since: secondsOrNull(m.Since), Tasks: m.Tasks, ConsecutiveSuccesses: m.SuccessesInARow,
		ConsecutiveFailures: m.FailuresInARow, Credits: m.Credits,
	}
	if m.Tasks > 0 {
		view.SuccessRate, view.OverrideRate = new(m.SuccessRate()), new(m.OverrideRate())
	}
	if m.Successes > 0 {
		view.AverageConfidence = new(m.AverageConfidence())
	}
	if lacks, ok := m.Lacks(); ok {
		_, next, _ := m.Next()
		view.NextMode = &next
		view.Remaining = &Remaining{
			Tasks: lacks.Tasks, SuccessRate: lacks.SuccessRate, ConsecutiveSuccesses: lacks.Successes,
			OverrideRate: lacks.OverrideRate, AverageConfidence: lacks.Confidence,
		}
	}
	return view
}

// ActiveTaskOf returns a run as its coordination shows it.
func ActiveTaskOf(run autonoma.Run) ActiveTask {
	t := ActiveTask{
		TaskID: run.ID, Kind: run.Kind, Status: run.Status, Progress: run.Progress,
		Pattern: patternOf(run), Agents: make([]ActiveAgent, len(run.Steps)),
	}
	if step := run.Current(); step != nil {
		t.CurrentAgent = &step.Agent
	}
	for i, step := range run.Steps {
		t.Agents[i] = ActiveAgent{
			ID: step.Agent, ExecutionID: orNull(step.Execution), StepID: step.ID, Status: step.Status,
			Phase: orNull(step.Phase), Progress: step.Progress, DependsOn: append([]string{}, step.Needs...),
		}
	}
	return t
}

// patternOf returns how the agents of a run work together.
func patternOf(run autonoma.Run) Teamwork {
	if len(run.Steps) == 1 {
		return Single
	}
	for _, step := range run.Steps {
		if !run.Alone(step.ID) {
			return Graph
		}
	}
	return Sequential
}

// ExecutionOf returns an execution as it is shown, with its artifacts, and the question
// to a human for whose answer it waits, if it does.
func ExecutionOf(e autonoma.Execution, run autonoma.Run, artifacts []autonoma.Artifact, waits *autonoma.Approval, now time.Time) Execution {
	view := Execution{
		ExecutionID: e.ID, Personality: e.Agent, RunID: run.ID, Status: e.StatusIn(run), Phase: orNull(e.Phase),
		Phases: phasesOf(e, now), Gates: []Gate{}, ACMFMode: e.Mode, Artifacts: artifactsOf(run.ID, artifacts),
		Decisions: []string{}, Usage: Usage(e.Usage), Error: errorOf(e.Error),
		CreatedAt: Seconds(e.CreatedAt), StartedAt: secondsOrNull(e.StartedAt), CompletedAt: secondsOrNull(e.CompletedAt),
		Links: linksOf(run),
	}
	if step := run.Step(e.Step); step != nil {
		view.Progress = e.Progress(step.Pace)
	}
	if e.Isolation != nil {
		view.Sandbox = new(SandboxOf(*e.Isolation))
	}
	if waits != nil {
		view.Status, view.Approval = autonoma.AwaitingApproval, new(ApprovalOf(*waits))
	}
	if run.Kind == autonoma.KindRigor {
		view.Error = errorOf(run.Error)
	}
	if r := e.Result; r != nil {
		view.Confidence, view.Decisions = new(r.Confidence), append(view.Decisions, r.Decisions...)
		view.Gates = gatesOf(r.Gates)
		view.Output = &ExecutionOutput{
			Summary: r.Summary, Document: orNull(r.Document), Verdict: orNull(r.Verdict), Changed: r.Changed,
			BaseCommit: r.Base, HeadCommit: r.Commit,
			Findings: findingsOf(r.Findings), Measurements: measurementsOf(r.Measurements),
		}
		if r.Verification != nil {
			view.Output.Verification = new(verificationOf(*r.Verification))
		}
		if run.Output != nil {
			view.Output.Branch = run.Output.Branch
		}
	}
	return view
}

// phasesOf returns the five phases of an execution.
func phasesOf(e autonoma.Execution, now time.Time) []Phase {
	all := make([]Phase, len(autonoma.Phases))
	for i, name := range autonoma.Phases {
		all[i] = Phase{Name: name, Status: autonoma.StepPending}
		for _, p := range e.Phases {
			if p.Phase != name {
				continue
			}
			end := p.CompletedAt
			switch {
			case !end.IsZero():
				all[i].Status, all[i].Progress = autonoma.StepCompleted, 100
			case e.Status.Final():
				all[i].Status, end = e.Status, e.CompletedAt
			default:
				all[i].Status, end = autonoma.StepRunning, now
			}
			all[i].Duration = new(end.Sub(p.StartedAt).Milliseconds())
			all[i].StartedAt, all[i].CompletedAt = secondsOrNull(p.StartedAt), secondsOrNull(p.CompletedAt)
		}
	}
	return all
}

// StatusPathOf returns the path of an execution's status.
func StatusPathOf(id autonoma.ExecutionID) string { return "/v1/admin/rigor/status/" + string(id) }
