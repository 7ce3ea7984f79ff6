package httpapi

import (
	"time"

	"autonoma"
	"autonoma/api"
)

// Examples of what is told of agents and executions. They are made by the code that
// makes the answers, so they have all their keys.

// noon is when it is in examples.
var noon = time.Date(2026, 2, 23, 15, 0, 5, 0, time.UTC)

const exampleID = "exec_7f3a9c0b1d2e"

// exampleInvoke is the request that the API's first page shows.
func exampleInvoke() any {
	return map[string]any{"prompt": "Generate unit tests for auth module", "priority": "normal", "acmfMode": "ASSISTED"}
}

func exampleInvoked() any {
	return api.Invoked{
		ExecutionID: exampleID, Personality: "coder-ai", Status: autonoma.Queued, ACMFMode: autonoma.Assisted,
		StatusURL: api.StatusPathOf(exampleID),
	}
}

func exampleAgent() autonoma.Agent {
	return autonoma.Agent{
		ID: "coder-ai", Name: "Coder", Capability: autonoma.Build,
		Description: "Makes the change in the repository, with the smallest diff that does the whole task.",
	}
}

func exampleAgents() any {
	return api.Agents{Agents: []api.Agent{api.AgentOf(exampleAgent(), autonoma.Assisted, autonoma.Load{Active: 1}, false)}, Total: 1}
}

func exampleAgentStatus() any {
	load := autonoma.Load{Active: 1, Since: noon}
	m := autonoma.Maturity{
		Mode: autonoma.Assisted, Since: noon.Add(-240 * time.Hour), Tasks: 42, Successes: 41, SuccessesInARow: 12, Overrides: 1,
		Confidence: 36_900_000, Credits: 0.25,
	}
	gained := autonoma.ModeChange{To: autonoma.Assisted, At: m.Since, Shown: autonoma.Maturity{
		Mode: autonoma.Learning, Tasks: 200, Successes: 190, SuccessesInARow: 44, Overrides: 3, Confidence: 180_500_000,
	}}
	return api.AgentStatusOf(api.AgentOf(exampleAgent(), m.Mode, load, false), load, autonoma.Record{
		Completed: 230, Failed: 12, Duration: 93 * time.Second, LastEnd: noon.Add(-time.Hour),
	}, m, []autonoma.ModeChange{gained})
}

func exampleCoordination() any {
	run := autonoma.Run{ID: "task_a1b2c3d4e5f6", Kind: autonoma.KindTask, Status: autonoma.InProgress, Progress: 65, Steps: []autonoma.Step{
		{ID: "planning", Agent: "planner-ai", Status: autonoma.StepCompleted, Progress: 100, Execution: "exec_0a1b2c3d4e5f"},
		{ID: "implementation", Agent: "coder-ai", Status: autonoma.StepRunning, Phase: autonoma.Generate, Progress: 25, Execution: exampleID, Needs: []string{"planning"}},
	}}
	return api.Coordination{
		Timestamp: noon, ActiveTasks: []api.ActiveTask{api.ActiveTaskOf(run)},
		Queue:   api.Queue{Queued: 2, ByPriority: map[autonoma.Priority]int{autonoma.Low: 0, autonoma.Normal: 2, autonoma.High: 0}, OldestSeconds: new(int64(4))},
		Workers: []api.Worker{{ID: "wrk_5e4d3c2b1a09", Host: "build-1", Slots: 8, Busy: 1, LastSeenAt: noon}},
	}
}

func exampleExecution() any {
	e := autonoma.Execution{
		Mode: autonoma.Assisted,
		ID:   exampleID, Agent: "coder-ai", Step: "work", Status: autonoma.StepRunning, Phase: autonoma.Generate,
		Phases: []autonoma.PhaseTime{
			{Phase: autonoma.Research, StartedAt: noon, CompletedAt: noon.Add(4 * time.Second)},
			{Phase: autonoma.Inspect, StartedAt: noon.Add(4 * time.Second), CompletedAt: noon.Add(5 * time.Second)},
			{Phase: autonoma.Generate, StartedAt: noon.Add(5 * time.Second)},
		},
		Usage:     autonoma.Usage{InputTokens: 8200, OutputTokens: 940, CachedTokens: 31000, CostUSD: 0.021, ModelCalls: 6, ToolCalls: 9},
		CreatedAt: noon, StartedAt: noon,
	}
	run := autonoma.Run{ID: exampleID, Kind: autonoma.KindRigor, Mode: autonoma.Assisted, Status: autonoma.InProgress, Steps: []autonoma.Step{
		{ID: "work", Agent: "coder-ai", Pace: autonoma.Pace{autonoma.Research: 1, autonoma.Inspect: 1, autonoma.Generate: 6, autonoma.OptimizePhase: 1, autonoma.Review: 1}},
	}}
	return api.ExecutionOf(e, run, nil, nil, noon.Add(20*time.Second))
}

func exampleRigorHealth() any {
	model := api.RigorModel{Status: api.Healthy, Model: new("anthropic/claude-sonnet-4-5"), Fallbacks: []string{}}
	return api.RigorHealth{
		Status: api.Healthy, Phases: autonoma.Phases, ActiveExecutions: 1, QueuedExecutions: 2, Agents: 25, Version: "1.0.0",
		Models:  map[autonoma.Intelligence]api.RigorModel{autonoma.Core: model, autonoma.Pro: model, autonoma.Ultra: model},
		Sandbox: api.RigorSandbox{Level: new("namespaces"), ProvenBy: []string{"no network", "no other processes"}, NotProven: []string{"landlock"}},
	}
}
