package api

import (
	"time"

	"autonoma"
)

// An Agent is a specialist and how it is. What is told of its work is told of the
// work for whoever asks.
type Agent struct {
	ID          autonoma.AgentID    `json:"id" doc:"Names the agent."`
	Name        string              `json:"name" doc:"What it is called."`
	Description string              `json:"description" doc:"What it does."`
	Capability  autonoma.Capability `json:"capability" doc:"The kind of work it belongs to."`
	Status      Activity            `json:"status" doc:"Busy when it works on one of your runs, which does not keep it from working on another; offline when there is no worker alive that could carry out its work."`
	Health      HealthStatus        `json:"health" doc:"Unhealthy when it is offline; degraded when work of yours waits because the provider of its model refuses."`
	ACMFMode    autonoma.Mode       `json:"acmfMode" doc:"How far it may go by itself, in work for you. It begins where the operator lets agents begin, ASSISTED unless told otherwise, and gains and loses modes by what it does."`
	ActiveTasks int                 `json:"activeTasks" doc:"Your runs that it works on, those that wait for a provider or a person included."`
}

// An Activity is what an agent does.
type Activity string

// What an agent does.
const (
	Available Activity = "available"
	Busy      Activity = "busy"
	Offline   Activity = "offline"
)

// Activities are all that an agent may do.
var Activities = []Activity{Available, Busy, Offline}

// Agents are all agents that can be asked for, in their order.
type Agents struct {
	Agents []Agent `json:"agents" doc:"The agents, in their order. Those that work for the platform itself are not among them."`
	Total  int     `json:"total" doc:"How many there are."`
}

// An AgentStatus is an agent, what it has to do and what it has done.
type AgentStatus struct {
	Agent
	QueuedTasks       int        `json:"queuedTasks" doc:"Your runs that wait for it to begin."`
	CompletedTasks    int        `json:"completedTasks" doc:"How often it completed its work for you."`
	FailedTasks       int        `json:"failedTasks" doc:"How often it failed. What was cancelled counts neither way."`
	SuccessRate       *float64   `json:"successRate" doc:"The part that was completed, from 0 to 1; null before there is any."`
	AverageDurationMS *int64     `json:"averageDurationMs" doc:"How long it took to complete its work, in milliseconds; null before there is any."`
	LastActiveAt      *time.Time `json:"lastActiveAt" doc:"When it last began or ended work for you."`
	ACMF              ACMF       `json:"acmf" doc:"What its maturity is judged by."`
}

// ACMF is what the maturity of an agent is judged by: what it did for you since it
// gained or lost its mode.
type ACMF struct {
	Mode                 autonoma.Mode  `json:"mode" doc:"How far it may go by itself."`
	Since                *time.Time     `json:"since" doc:"When it gained or lost its mode, from when on all that follows is counted; null if it started in it."`
	Tasks                int            `json:"tasks" doc:"How many of its executions tell something of it: those that came to a result, and those that failed by what it did."`
	SuccessRate          *float64       `json:"successRate" doc:"The part of them whose result holds, from 0 to 1; null before there is any."`
	ConsecutiveSuccesses int            `json:"consecutiveSuccesses" doc:"Successes since the last failure, or since a person last decided otherwise."`
	ConsecutiveFailures  int            `json:"consecutiveFailures" doc:"Failures since the last success. The fifth costs it its mode."`
	OverrideRate         *float64       `json:"overrideRate" doc:"The part in which a person decided otherwise, from 0 to 1; null before there is any."`
	AverageConfidence    *float64       `json:"averageConfidence" doc:"Its own estimate of its successes, from 0 to 1; null before there is any."`
	Credits              float64        `json:"credits" doc:"Training credits for the commits of your sources. They stand for that part of the tasks that its next mode takes, but for half of them at most."`
	NextMode             *autonoma.Mode `json:"nextMode" doc:"The mode it may gain next; null if there is none."`
	Remaining            *Remaining     `json:"remaining" doc:"What it lacks for that; null if there is none."`
	Changes              []ModeChange   `json:"changes" doc:"The modes it gained and lost, newest first, at most 20."`
}

// Remaining is what an agent lacks for its next mode. It gains that when it lacks
// nothing of the five.
type Remaining struct {
	Tasks                int     `json:"tasks" doc:"How many more have to be counted."`
	SuccessRate          float64 `json:"successRate" doc:"By how much the rate is too low."`
	ConsecutiveSuccesses int     `json:"consecutiveSuccesses" doc:"How many more successes in a row it takes."`
	OverrideRate         float64 `json:"overrideRate" doc:"By how much the rate is too high."`
	AverageConfidence    float64 `json:"averageConfidence" doc:"By how much it is too low."`
}

// A ModeChange is a mode that an agent gained or lost.
type ModeChange struct {
	From   autonoma.Mode `json:"from" doc:"The mode before."`
	To     autonoma.Mode `json:"to" doc:"The mode from then on."`
	At     time.Time     `json:"at" doc:"When."`
	Reason string        `json:"reason" doc:"What led to it."`
}

// A Coordination is who works on what for you.
type Coordination struct {
	Timestamp   time.Time    `json:"timestamp" doc:"When this was so."`
	ActiveTasks []ActiveTask `json:"activeTasks" doc:"Your runs that have begun and are not over, newest first, at most 100: tasks, workflows and agents invoked by name."`
	Queue       Queue        `json:"queue" doc:"Your runs that have not begun."`
	Workers     []Worker     `json:"workers" doc:"The processes that carry out executions and are alive."`
}

// A Teamwork is how the agents of a run work together.
type Teamwork string

// How agents work together.
const (
	Single     Teamwork = "single"     // there is one step
	Sequential Teamwork = "sequential" // the steps are in a line
	Graph      Teamwork = "graph"      // some may be under way at the same time
)

// Teamworks are all ways in which agents work together.
var Teamworks = []Teamwork{Single, Sequential, Graph}

// An ActiveTask is a run that has begun and is not over.
type ActiveTask struct {
	TaskID       autonoma.RunID    `json:"taskId" doc:"Names the run."`
	Kind         autonoma.Kind     `json:"kind" doc:"Through which door it came in."`
	Status       autonoma.Status   `json:"status" doc:"Where it is in its life."`
	Progress     int               `json:"progress" doc:"Hundredths that are done."`
	Pattern      Teamwork          `json:"pattern" doc:"How its agents work together: single, there is one step; sequential, each on what the one before left; graph, some may work at the same time."`
	CurrentAgent *autonoma.AgentID `json:"currentAgent" doc:"The agent that works on it now."`
	Agents       []ActiveAgent     `json:"agents" doc:"All its steps, in order, and who does them."`
}

// An ActiveAgent is an agent's part in a run.
type ActiveAgent struct {
	ID          autonoma.AgentID      `json:"id" doc:"Names the agent."`
	ExecutionID *autonoma.ExecutionID `json:"executionId" doc:"Its work, once there is some."`
	StepID      string                `json:"stepId" doc:"The step it does."`
	Status      autonoma.StepStatus   `json:"status" doc:"Where the step is."`
	Phase       *autonoma.Phase       `json:"phase" doc:"The RIGOR phase it is in; null before and after."`
	Progress    int                   `json:"progress" doc:"Hundredths that are done."`
	DependsOn   []string              `json:"dependsOn" doc:"The steps that have to be completed first."`
}

// A Queue is the runs that have not begun.
type Queue struct {
	Queued        int                       `json:"queued" doc:"How many there are."`
	ByPriority    map[autonoma.Priority]int `json:"byPriority" doc:"How many there are of each priority."`
	OldestSeconds *int64                    `json:"oldestSeconds" doc:"How long the oldest has waited; null if there is none."`
}

// A Worker is a process that carries out executions.
type Worker struct {
	ID         autonoma.WorkerID `json:"id" doc:"Names the process; a new one at each start."`
	Host       string            `json:"host" doc:"Where it runs."`
	Slots      int               `json:"slots" doc:"How many executions it carries out at once, whoever they are for."`
	Busy       int               `json:"busy" doc:"How many of yours it carries out now. Of those for others nothing is told."`
	LastSeenAt time.Time         `json:"lastSeenAt" doc:"When it last said that it is alive."`
}
