package api

import (
	"time"

	"autonoma"
)

// CreateTask is the body of POST /v1/agents/tasks. Fields that are missing or
// null take their defaults.
type CreateTask struct {
	Task         string                `json:"task" doc:"What is to be done, in plain words: 1 to 10,000 characters after trimming."`
	Capabilities []autonoma.Capability `json:"capabilities" doc:"The kinds of work, each at most once. They choose the agents."`
	Intelligence autonoma.Intelligence `json:"intelligence,omitempty" doc:"How hard to think."`
	Scope        autonoma.Scope        `json:"scope,omitempty" doc:"How much has to be proven before the task counts as completed."`
	Priority     autonoma.Priority     `json:"priority,omitempty" doc:"Which task goes first when several wait."`
	Source       string                `json:"source,omitempty" doc:"Path below an allowed root, or URL, of the repository. Without one a new repository is made."`
	BaseRef      string                `json:"baseRef,omitempty" doc:"Branch, tag or commit to begin at. Without one, the HEAD of the source."`
	Delivery     autonoma.Delivery     `json:"delivery,omitempty" doc:"How the result is handed over: as branch autonoma/<task id> in the source; as pull request on the forge of the source, from that branch into the one the work began at; or only as the artifacts, which are made in any case."`
	Setup        []string              `json:"setup,omitempty" doc:"Commands that install what the project needs, instead of the detected ones; at most 4,000 bytes each."`
	Verify       []string              `json:"verify,omitempty" doc:"Commands that prove the result, instead of the detected ones; at most 4,000 bytes each."`
	Budget       *Budget               `json:"budget,omitempty" doc:"What the task may use."`
	Metadata     map[string]string     `json:"metadata,omitempty" doc:"Your own words for the task, given back with it."`
	CallbackURL  string                `json:"callbackUrl,omitempty" doc:"URL to POST the end of the task to, signed with your callbacks' secret (GET /v1/webhooks/secret). It must lead to a public address."`
	ACMFMode     autonoma.Mode         `json:"acmfMode,omitempty" doc:"How far the agents may go by themselves, at most: the lower of this and their own mode holds. With OBSERVE the result is only kept as artifacts."`
}

// A Budget is what a task may use. Null means no limit.
type Budget struct {
	MaxCostUSD         *float64 `json:"maxCostUsd" required:"false" doc:"US dollars paid to providers of models."`
	MaxTokens          *int64   `json:"maxTokens" required:"false" doc:"Tokens in and out, cached ones included."`
	MaxTurns           *int64   `json:"maxTurns" required:"false" doc:"How often models are asked, by all agents together."`
	MaxDurationSeconds *int64   `json:"maxDurationSeconds" required:"false" doc:"Seconds from the start of the work, waiting included."`
}

// CreatedTask is the answer to a task that was accepted. By then it is on disk.
type CreatedTask struct {
	TaskID              autonoma.RunID     `json:"taskId" doc:"Names the task."`
	Status              autonoma.Status    `json:"status" doc:"Where the task is in its life."`
	EstimatedCompletion time.Time          `json:"estimatedCompletion" doc:"When the task will likely be done, as similar tasks went."`
	AgentsAssigned      []autonoma.AgentID `json:"agentsAssigned" doc:"The agents that will work on it, in order."`
	StatusURL           string             `json:"statusUrl" doc:"Path of the task."`
}

// A Task is a development task and where it stands.
type Task struct {
	TaskID              autonoma.RunID        `json:"taskId" doc:"Names the task."`
	Kind                autonoma.Kind         `json:"kind" doc:"Through which door it came in."`
	Status              autonoma.Status       `json:"status" doc:"Where the task is in its life."`
	StatusDetail        *string               `json:"statusDetail" doc:"Why it is there, if there is more to say."`
	Progress            int                   `json:"progress" doc:"Hundredths that are done. Never goes back."`
	CurrentAgent        *autonoma.AgentID     `json:"currentAgent" doc:"The agent that works on it now."`
	CompletedPhases     []string              `json:"completedPhases" doc:"The delivery phases that are done, in order."`
	QueuePosition       *int                  `json:"queuePosition" doc:"Place in the queue, of all who share it: 1 is next. Null unless queued."`
	EstimatedCompletion time.Time             `json:"estimatedCompletion" doc:"When it will likely be done; once it is over, when that was."`
	Task                string                `json:"task" doc:"What is to be done."`
	Capabilities        []autonoma.Capability `json:"capabilities" doc:"The kinds of work."`
	Intelligence        autonoma.Intelligence `json:"intelligence" doc:"How hard to think."`
	Scope               autonoma.Scope        `json:"scope" doc:"How much has to be proven."`
	Priority            autonoma.Priority     `json:"priority" doc:"Which task goes first when several wait."`
	Source              *string               `json:"source" doc:"The repository; null if a new one was made."`
	BaseRef             *string               `json:"baseRef" doc:"Where the work begins; null for the HEAD of the source."`
	Delivery            autonoma.Delivery     `json:"delivery" doc:"How the result is handed over."`
	ACMFMode            autonoma.Mode         `json:"acmfMode" doc:"How far its agents may go by themselves, at most: what was asked for, or the most that one of them had earned by then if that is less. How far each of them may go is told of its execution."`
	RetryOf             *autonoma.RunID       `json:"retryOf" doc:"The task whose request it repeats, if it does."`
	Steps               []Step                `json:"steps" doc:"What the agents are asked for, in order."`
	Approval            *Approval             `json:"approval" doc:"The question that waits for a human; the oldest, if there are several."`
	Usage               Usage                 `json:"usage" doc:"What was used so far."`
	Budget              *Budget               `json:"budget" doc:"What may be used; null for no limit."`
	Metadata            map[string]string     `json:"metadata" doc:"Your own words for the task."`
	Output              *Output               `json:"output" doc:"What was delivered, once completed. A task that failed shows here what it had made by then, if anything."`
	Error               *TaskError            `json:"error" doc:"Why it failed, once it has."`
	CreatedAt           time.Time             `json:"createdAt" doc:"When it was accepted."`
	StartedAt           *time.Time            `json:"startedAt" doc:"When the work began."`
	CompletedAt         *time.Time            `json:"completedAt" doc:"When it was over, however it ended."`
	Links               Links                 `json:"links" doc:"Paths of what belongs to the task."`
}

// A Step is what one agent is asked for.
type Step struct {
	ID          string                `json:"id" doc:"Names the step within the task."`
	Agent       autonoma.AgentID      `json:"agent" doc:"Who is asked."`
	ExecutionID *autonoma.ExecutionID `json:"executionId" doc:"The work on the step, once there is some."`
	Status      autonoma.StepStatus   `json:"status" doc:"Where the step is."`
	Phase       *autonoma.Phase       `json:"phase" doc:"The RIGOR phase it is in; null before and after."`
	Progress    int                   `json:"progress" doc:"Hundredths that are done."`
	Isolation   *string               `json:"isolation" doc:"The sandbox level of the work on it; null before that began. What has proven it is told of the execution."`
	CandidateOf *string               `json:"candidateOf" doc:"The step that chooses among this and other candidates, all of which were asked the same; null for other steps. At intelligence ultra the step that begins a change has candidates."`
	Chosen      *bool                 `json:"chosen" doc:"Whether this candidate was chosen; null until that is decided, and for other steps. What was not chosen is no part of the result."`
	Usage       Usage                 `json:"usage" doc:"What all work on the step that is over used: for a candidate that was not chosen, what it cost to have had it."`
}

// Usage is what a task has used.
type Usage struct {
	InputTokens  int64   `json:"inputTokens" doc:"Tokens that models read for the first time."`
	OutputTokens int64   `json:"outputTokens" doc:"Tokens that models wrote."`
	CachedTokens int64   `json:"cachedTokens" doc:"Tokens that models read from their cache, beside inputTokens."`
	CostUSD      float64 `json:"costUsd" doc:"What that cost, in US dollars, at the prices known here."`
	ModelCalls   int64   `json:"modelCalls" doc:"How often a model was asked."`
	ToolCalls    int64   `json:"toolCalls" doc:"How many tool calls it asked for."`
}

// An Output is what a task delivers.
type Output struct {
	Summary        string        `json:"summary" doc:"What was done: what the platform knows of it, and after the words The agents say: theirs."`
	Branch         *string       `json:"branch" doc:"Branch in the source that holds the result; null when nothing was changed or only a patch was asked for."`
	BaseCommit     string        `json:"baseCommit" doc:"The commit it is based on."`
	HeadCommit     string        `json:"headCommit" doc:"The delivered commit."`
	PullRequestURL *string       `json:"pullRequestUrl" doc:"The pull request, if one was asked for and opened: only for a result that the task is completed with."`
	FilesChanged   int           `json:"filesChanged" doc:"Files that differ from the base."`
	Insertions     int           `json:"insertions" doc:"Lines added."`
	Deletions      int           `json:"deletions" doc:"Lines removed."`
	Confidence     float64       `json:"confidence" doc:"The agents' own estimate, from 0 to 1. What is proven stands in verification."`
	Verification   Verification  `json:"verification" doc:"What the platform found out by itself about the delivered commit."`
	Gates          []Gate        `json:"gates" doc:"What was measured of the work of all steps; of each gate what it came to last."`
	Findings       []Finding     `json:"findings" doc:"What agents found that is wrong, worst first."`
	Measurements   []Measurement `json:"measurements" doc:"What the change gained, where that was asked for: measured by the platform."`
	Artifacts      []Artifact    `json:"artifacts" doc:"The named outputs."`
}

// A Verification is what the platform itself found out about a commit.
type Verification struct {
	Status      autonoma.VerificationStatus `json:"status" doc:"Verified means that every command passes on the delivered commit, in a clean checkout."`
	Commit      *string                     `json:"commit" doc:"The commit that was checked."`
	Isolation   *string                     `json:"isolation" doc:"The sandbox level at which the commands ran."`
	ProvenBy    []string                    `json:"provenBy" doc:"What was tried before the level was used, and held."`
	NotProven   []string                    `json:"notProven" doc:"What was tried and did not hold: the level does not promise it."`
	Commands    []Command                   `json:"commands" doc:"What was run."`
	EvidenceURL *string                     `json:"evidenceUrl" doc:"Path of the signed evidence, if there is one."`
	Stale       *bool                       `json:"stale" doc:"Whether the delivered branch has moved on from the commit; null where it is not looked at, as in lists, or cannot be seen from the server."`
}

// A Command is one that was run on the delivered commit and on its base.
type Command struct {
	Command    string  `json:"command" doc:"As given to the shell."`
	ExitCode   int     `json:"exitCode" doc:"On the delivered commit."`
	DurationMS int64   `json:"durationMs" doc:"On the delivered commit, in milliseconds."`
	Before     *string `json:"before" doc:"What came of it on the base: passed or failed; null if it was not run there."`
	After      *string `json:"after" doc:"What came of it on the delivered commit: passed or failed; null if it was not run there."`
	Ended      *string `json:"ended" doc:"What ended it, if it did not end by itself."`
	Isolation  *string `json:"isolation" doc:"The sandbox level at which it ran on the delivered commit."`
	Output     *string `json:"output" doc:"What it printed, if it failed, with its middle left out."`
	Digest     *string `json:"digest" doc:"SHA-256, in hex, of all that it printed on the delivered commit."`
	Tests      *Tests  `json:"tests" doc:"Its tests on the delivered commit; null if its runner did not tell."`
}

// An Artifact is a named output of a task.
type Artifact struct {
	ID   autonoma.ArtifactID `json:"id" doc:"Names the artifact."`
	Name string              `json:"name" doc:"Its name, unique within the task."`
	Type string              `json:"type" doc:"What it is: document, patch, bundle or evidence."`
	Path string              `json:"path" doc:"Suggested file name."`
	Size int64               `json:"size" doc:"Bytes."`
	URL  string              `json:"url" doc:"Path of the content."`
}

// A TaskError is why a task failed.
type TaskError struct {
	Code      autonoma.FailureCode `json:"code" doc:"Stable name of the kind of failure."`
	Message   string               `json:"message" doc:"What happened and what to do about it."`
	Agent     *autonoma.AgentID    `json:"agent" doc:"Whose work failed."`
	Phase     *autonoma.Phase      `json:"phase" doc:"The phase in which it failed."`
	Retryable bool                 `json:"retryable" doc:"Whether the same task may well succeed later."`
}

// Links are the paths of what belongs to a task or another run.
type Links struct {
	Self   string `json:"self" doc:"The task, or the status of the agent that was invoked."`
	Events string `json:"events" doc:"Its events."`
	Diff   string `json:"diff" doc:"Its diff."`
	Cancel string `json:"cancel" doc:"POST here to call it off."`
}

// Tasks is a page of tasks, newest first.
type Tasks struct {
	Tasks      []Task  `json:"tasks" doc:"The tasks, newest first."`
	NextCursor *string `json:"nextCursor" doc:"Give it as cursor to get the next page; null on the last."`
}
