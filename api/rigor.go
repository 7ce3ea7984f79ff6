package api

import (
	"time"

	"autonoma"
)

// Invoke is the body of POST /v1/admin/rigor/invoke/{personality}. Fields that are
// missing or null take their defaults.
type Invoke struct {
	Prompt       string                `json:"prompt" doc:"What the agent is asked for, in plain words: 1 to 10,000 characters after trimming."`
	Priority     autonoma.Priority     `json:"priority,omitempty" doc:"Which run goes first when several wait."`
	ACMFMode     autonoma.Mode         `json:"acmfMode,omitempty" doc:"How far the agent may go by itself, at most: the lower of this and its own mode holds. With OBSERVE the result is only kept as artifacts."`
	Source       string                `json:"source,omitempty" doc:"Path below an allowed root, or URL, of the repository. Without one a new repository is made."`
	Intelligence autonoma.Intelligence `json:"intelligence,omitempty" doc:"How hard to think."`
	Scope        autonoma.Scope        `json:"scope,omitempty" doc:"How much has to be proven before the work counts as completed."`
	Budget       *Budget               `json:"budget,omitempty" doc:"What the work may use."`
	CallbackURL  string                `json:"callbackUrl,omitempty" doc:"URL to POST the end of the work to, signed with your callbacks' secret (GET /v1/webhooks/secret). It must lead to a public address."`
}

// Invoked is the answer to an invocation that was accepted. By then it is on disk.
type Invoked struct {
	ExecutionID autonoma.ExecutionID `json:"executionId" doc:"Names the execution, and the run it is the only one of."`
	Personality autonoma.AgentID     `json:"personality" doc:"The agent that was invoked."`
	Status      autonoma.Status      `json:"status" doc:"Where the execution is in its life."`
	ACMFMode    autonoma.Mode        `json:"acmfMode" doc:"How far the agent may go by itself."`
	StatusURL   string               `json:"statusUrl" doc:"Path of the execution's status."`
}

// An Execution is one agent's work on one step of a run.
type Execution struct {
	ExecutionID autonoma.ExecutionID `json:"executionId" doc:"Names the execution."`
	Personality autonoma.AgentID     `json:"personality" doc:"Whose work it is."`
	RunID       autonoma.RunID       `json:"runId" doc:"The task, workflow or invocation it is part of."`
	Status      autonoma.Status      `json:"status" doc:"Where it is in its life. That of an agent invoked by name includes the delivery of its result."`
	Phase       *autonoma.Phase      `json:"phase" doc:"The RIGOR phase it is in, or ended in; null before."`
	Progress    int                  `json:"progress" doc:"Hundredths that are done, by what the phases took before."`
	Phases      []Phase              `json:"phases" doc:"The five phases, in order."`
	Gates       []Gate               `json:"gates" doc:"What was measured of it, once it is done."`
	Confidence  *float64             `json:"confidence" doc:"The agent's own estimate, from 0 to 1, once it is done."`
	ACMFMode    autonoma.Mode        `json:"acmfMode" doc:"How far the agent may go by itself in it: as far as it had earned when it was begun, and the run allows."`
	Approval    *Approval            `json:"approval" doc:"The question to a human that the execution waits for; null if for none."`
	Output      *ExecutionOutput     `json:"output" doc:"What it came to, once it is done."`
	Artifacts   []Artifact           `json:"artifacts" doc:"The named outputs of the execution; of an invocation, those of its delivery too."`
	Decisions   []string             `json:"decisions" doc:"What the agent decided, and why."`
	Usage       Usage                `json:"usage" doc:"What it used so far."`
	Error       *TaskError           `json:"error" doc:"Why it failed, once it has."`
	CreatedAt   time.Time            `json:"createdAt" doc:"When it was put into the queue."`
	StartedAt   *time.Time           `json:"startedAt" doc:"When the work began."`
	CompletedAt *time.Time           `json:"completedAt" doc:"When it was over, however it ended."`
	Sandbox     *RigorSandbox        `json:"sandbox" doc:"How its commands are confined: the weakest level that it was taken up at, if the server was started again in between; null before."`
	Links       Links                `json:"links" doc:"Paths of what belongs to the run."`
}

// A Phase is one of the five parts of an execution.
type Phase struct {
	Name        autonoma.Phase      `json:"name" doc:"Which it is."`
	Status      autonoma.StepStatus `json:"status" doc:"Where it is."`
	Progress    int                 `json:"progress" doc:"100 once it is completed, else 0: how far a phase has come is not known."`
	Duration    *int64              `json:"duration" doc:"How long it took so far, in milliseconds; null before it begins."`
	StartedAt   *time.Time          `json:"startedAt" doc:"When it began."`
	CompletedAt *time.Time          `json:"completedAt" doc:"When it was completed."`
}

// A Gate is something that was measured, and held against a threshold.
type Gate struct {
	ID         autonoma.GateID     `json:"id" doc:"Names the gate: see its page in docs/gates."`
	Name       string              `json:"name" doc:"What it is called."`
	Status     autonoma.GateStatus `json:"status" doc:"What came of it. A warning was missed and does not block; what is skipped was not measured."`
	Score      *float64            `json:"score" doc:"What was measured; the page says in which unit. Null if nothing was."`
	Threshold  *float64            `json:"threshold" doc:"What the score is held against at the scope; null if there is none."`
	Blocking   bool                `json:"blocking" doc:"Whether the run fails if it does not pass."`
	Message    string              `json:"message" doc:"What there is to say about it."`
	DurationMS int64               `json:"durationMs" doc:"How long it took, in milliseconds."`
}

// An ExecutionOutput is what an execution came to.
type ExecutionOutput struct {
	Summary      string            `json:"summary" doc:"What was done, in the agent's words."`
	Document     *string           `json:"document" doc:"What it wrote, as Markdown, if that is its work."`
	Verdict      *autonoma.Verdict `json:"verdict" doc:"What it decided, if it is one that judges: approve or changes."`
	Changed      bool              `json:"changed" doc:"Whether it changed the repository."`
	BaseCommit   string            `json:"baseCommit" doc:"The commit that the run began at."`
	HeadCommit   string            `json:"headCommit" doc:"The commit afterwards."`
	Branch       *string           `json:"branch" doc:"Branch in the source that holds the result of the run, once it was delivered there."`
	Verification *Verification     `json:"verification" doc:"What the platform found out by itself about headCommit; null if it did not look."`
	Findings     []Finding         `json:"findings" doc:"What it found that is wrong."`
	Measurements []Measurement     `json:"measurements" doc:"What its change gained: measured by the platform."`
}

// RigorHealth tells whether executions can be carried out.
type RigorHealth struct {
	Status           HealthStatus                         `json:"status" doc:"Unhealthy when no execution could run."`
	Message          *string                              `json:"message" doc:"What is not as it should be, and what to do about it."`
	Phases           []autonoma.Phase                     `json:"phases" doc:"The phases of an execution, in order."`
	ActiveExecutions int                                  `json:"activeExecutions" doc:"Your executions that are under way."`
	QueuedExecutions int                                  `json:"queuedExecutions" doc:"Your executions that nobody has taken yet."`
	Models           map[autonoma.Intelligence]RigorModel `json:"models" doc:"The models that think, by tier."`
	Sandbox          RigorSandbox                         `json:"sandbox" doc:"How commands of agents are confined."`
	Agents           int                                  `json:"agents" doc:"How many agents can be invoked."`
	Version          string                               `json:"version" doc:"Version of the server."`
}

// A RigorModel is what thinks at one tier.
type RigorModel struct {
	Status    HealthStatus `json:"status" doc:"Unhealthy if there is none. Whether its provider answers is found out when it is asked."`
	Model     *string      `json:"model" doc:"Provider and name of the model that is asked first."`
	Fallbacks []string     `json:"fallbacks" doc:"Those that are asked when it cannot be used, in order."`
}

// A RigorSandbox is how commands of agents are confined.
type RigorSandbox struct {
	Level     *string  `json:"level" doc:"The level that holds; null if there is none."`
	ProvenBy  []string `json:"provenBy" doc:"What was tried when the server started, and held."`
	NotProven []string `json:"notProven" doc:"What was tried and did not hold: the level does not promise it."`
}

// SandboxOf returns an isolation as it is shown.
func SandboxOf(how autonoma.Isolation) RigorSandbox {
	return RigorSandbox{
		Level: orNull(how.Level), ProvenBy: append([]string{}, how.ProvenBy...), NotProven: append([]string{}, how.NotProven...),
	}
}
