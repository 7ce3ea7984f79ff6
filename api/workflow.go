package api

import (
	"time"

	"autonoma"
)

// A Workflow is the definition of a workflow: the body of POST
// /v1/customer/workflows. Keys that would say nothing are left out.
type Workflow struct {
	Name        string           `json:"name" doc:"Names the workflow: lower-case letters, digits and single hyphens."`
	Description string           `json:"description,omitempty" doc:"What it is for. The agents read it as their task."`
	Pattern     autonoma.Pattern `json:"pattern,omitempty" doc:"When a step begins that names none it depends on: after the one before it (sequential), or at once (parallel, graph)."`
	Input       any              `json:"input,omitempty" doc:"JSON Schema of what a run is given, an object. Without one, a run is given nothing."`
	Steps       []WorkflowStep   `json:"steps" doc:"What is asked of which agents."`
}

// A WorkflowStep asks something of an agent.
type WorkflowStep struct {
	ID             string                `json:"id" doc:"Names the step within the workflow: lower-case letters, digits, single underscores or hyphens."`
	Agent          autonoma.AgentID      `json:"agent" doc:"Who is asked, as in coder-ai."`
	Task           string                `json:"task" doc:"What is asked. {{ input.NAME }} stands for what the run was given, {{ steps.ID.output }} for what an earlier step came to."`
	DependsOn      []string              `json:"dependsOn,omitempty" doc:"The steps that have to be done before."`
	When           string                `json:"when,omitempty" doc:"A condition in CEL over input and steps. If it is false, the step is skipped."`
	Approval       bool                  `json:"approval,omitempty" doc:"Whether a human has to agree before it begins."`
	Intelligence   autonoma.Intelligence `json:"intelligence,omitempty" doc:"How hard to think, instead of the run's."`
	Scope          autonoma.Scope        `json:"scope,omitempty" doc:"How much has to be proven, instead of the run's."`
	TimeoutSeconds int64                 `json:"timeoutSeconds,omitempty" doc:"How long it may take; 0 for no limit."`
	Retries        int64                 `json:"retries,omitempty" doc:"How often it is tried again after it failed."`
	Back           *Back                 `json:"back,omitempty" doc:"Where the work goes when a judging agent asks for changes."`
}

// Back says where a step sends the work that asks for changes.
type Back struct {
	To     string `json:"to" doc:"A step that came before."`
	Rounds int64  `json:"rounds" doc:"How often at most."`
}

// A WorkflowTemplate is a workflow that is kept under its name.
type WorkflowTemplate struct {
	Name        string           `json:"name" doc:"Names the workflow."`
	Description *string          `json:"description" doc:"What it is for."`
	Pattern     autonoma.Pattern `json:"pattern" doc:"When a step begins that names none it depends on."`
	StepCount   int              `json:"stepCount" doc:"How many steps it has."`
	BuiltIn     bool             `json:"builtin" doc:"Whether it comes with the server. Such a one cannot be changed."`
	Revision    int64            `json:"revision" doc:"One more with each change."`
	CreatedAt   *time.Time       `json:"createdAt" doc:"When it was first kept; null if it is built in."`
	UpdatedAt   *time.Time       `json:"updatedAt" doc:"When it was last changed; null if it is built in."`
	Definition  Workflow         `json:"definition" doc:"The workflow itself. That of a capability is shown with all its steps; runs of a lower scope leave some out."`
}

// Workflows is a page of templates: the own ones, newest first, and after them those
// that are built in.
type Workflows struct {
	Workflows  []WorkflowTemplate `json:"workflows" doc:"The templates."`
	NextCursor *string            `json:"nextCursor" doc:"Give it as cursor to get the next page; null on the last."`
}

// CheckedWorkflow is the answer to a definition in which nothing is wrong.
type CheckedWorkflow struct {
	Valid      bool           `json:"valid" doc:"True: what is wrong with a definition is told as a problem."`
	Definition Workflow       `json:"definition" doc:"The definition with its defaults filled in."`
	Steps      []WorkflowNode `json:"steps" doc:"The steps as a run would have them, in an order in which what a step needs comes before it."`
}

// A WorkflowNode is a step and what it waits for.
type WorkflowNode struct {
	ID        string           `json:"id" doc:"Names the step."`
	Agent     autonoma.AgentID `json:"agent" doc:"Who is asked; an alias is resolved."`
	DependsOn []string         `json:"dependsOn" doc:"The steps that have to be done before."`
}

// RunWorkflow is the body of POST /v1/customer/workflow: a workflow, by its name or
// as a definition, or else the steps themselves. Fields that are missing or null take
// their defaults.
type RunWorkflow struct {
	Workflow     any                   `json:"workflow,omitempty" doc:"The name of a workflow, or a definition."`
	Name         string                `json:"name,omitempty" doc:"With steps: what the workflow is called."`
	Description  string                `json:"description,omitempty" doc:"With steps: what it is for."`
	Pattern      autonoma.Pattern      `json:"pattern,omitempty" doc:"With steps: when one begins that names none it depends on."`
	Steps        []WorkflowStep        `json:"steps,omitempty" doc:"The steps themselves, instead of workflow. Their input needs no schema."`
	Input        any                   `json:"input,omitempty" doc:"What the run is given: an object that fits the schema of the workflow."`
	Intelligence autonoma.Intelligence `json:"intelligence,omitempty" doc:"How hard to think."`
	Scope        autonoma.Scope        `json:"scope,omitempty" doc:"How much has to be proven before the run counts as completed."`
	Priority     autonoma.Priority     `json:"priority,omitempty" doc:"Which run goes first when several wait."`
	Source       string                `json:"source,omitempty" doc:"Path below an allowed root, or URL, of the repository. Without one a new repository is made."`
	BaseRef      string                `json:"baseRef,omitempty" doc:"Branch, tag or commit to begin at. Without one, the HEAD of the source."`
	Delivery     autonoma.Delivery     `json:"delivery,omitempty" doc:"How the result is handed over."`
	Setup        []string              `json:"setup,omitempty" doc:"Commands that install what the project needs, instead of the detected ones; at most 4,000 bytes each."`
	Verify       []string              `json:"verify,omitempty" doc:"Commands that prove the result, instead of the detected ones; at most 4,000 bytes each."`
	Budget       *Budget               `json:"budget,omitempty" doc:"What the run may use."`
	Metadata     map[string]string     `json:"metadata,omitempty" doc:"Your own words for the run, given back with it."`
	CallbackURL  string                `json:"callbackUrl,omitempty" doc:"URL to POST the end of the run to, signed with your callbacks' secret (GET /v1/webhooks/secret). It must lead to a public address."`
}

// CreatedWorkflow is the answer to a run that was accepted. By then it is on disk.
type CreatedWorkflow struct {
	WorkflowID autonoma.RunID  `json:"workflowId" doc:"Names the run."`
	Status     autonoma.Status `json:"status" doc:"Where the run is in its life."`
	Steps      []Step          `json:"steps" doc:"What the agents are asked for, in an order in which what a step needs comes before it."`
	StatusURL  string          `json:"statusUrl" doc:"Path of its status."`
}

// WorkflowStatus is where a run of a workflow stands.
type WorkflowStatus struct {
	WorkflowID     autonoma.RunID     `json:"workflowId" doc:"Names the run."`
	Status         autonoma.Status    `json:"status" doc:"Where the run is in its life."`
	StatusDetail   *string            `json:"statusDetail" doc:"Why it is there, if there is more to say."`
	Phase          *autonoma.Phase    `json:"phase" doc:"The RIGOR phase of the first step that is worked on; null if there is none."`
	Progress       int                `json:"progress" doc:"Hundredths that are done. Never goes back."`
	CurrentAgents  []autonoma.AgentID `json:"currentAgents" doc:"The agents that work on it now."`
	CompletedSteps []string           `json:"completedSteps" doc:"The steps that are done, in order."`
	SkippedSteps   []string           `json:"skippedSteps" doc:"The steps that take no part, because their condition was false."`
	FailedStep     *string            `json:"failedStep" doc:"The step that failed, if one did."`
	CreatedAt      time.Time          `json:"createdAt" doc:"When it was accepted."`
	StartedAt      *time.Time         `json:"startedAt" doc:"When the work began."`
	CompletedAt    *time.Time         `json:"completedAt" doc:"When it was over, however it ended."`
}

// A WorkflowRun is a run of a workflow, with all that its steps came to.
type WorkflowRun struct {
	WorkflowStatus
	Name                string                `json:"name" doc:"Names the workflow."`
	Definition          Workflow              `json:"definition" doc:"The workflow as it was when the run was accepted."`
	Input               any                   `json:"input" doc:"What the run was given, defaults filled in."`
	QueuePosition       *int                  `json:"queuePosition" doc:"Place in the queue, of all who share it: 1 is next. Null unless queued."`
	EstimatedCompletion time.Time             `json:"estimatedCompletion" doc:"When it will likely be done; once it is over, when that was."`
	Steps               []WorkflowRunStep     `json:"steps" doc:"What the agents were asked for, and what came of it."`
	Intelligence        autonoma.Intelligence `json:"intelligence" doc:"How hard to think."`
	Scope               autonoma.Scope        `json:"scope" doc:"How much has to be proven."`
	Priority            autonoma.Priority     `json:"priority" doc:"Which run goes first when several wait."`
	Source              *string               `json:"source" doc:"The repository; null if a new one was made."`
	BaseRef             *string               `json:"baseRef" doc:"Where the work begins; null for the HEAD of the source."`
	Delivery            autonoma.Delivery     `json:"delivery" doc:"How the result is handed over."`
	Usage               Usage                 `json:"usage" doc:"What was used so far."`
	Budget              *Budget               `json:"budget" doc:"What may be used; null for no limit."`
	Metadata            map[string]string     `json:"metadata" doc:"Your own words for the run."`
	Approval            *Approval             `json:"approval" doc:"The question that waits for a human; the first, if there are several."`
	Result              *Output               `json:"result" doc:"What was delivered, once completed. A run that failed shows here what it had made by then, if anything."`
	Error               *TaskError            `json:"error" doc:"Why it failed, once it has."`
	Links               Links                 `json:"links" doc:"Paths of what belongs to the run."`
}

// A WorkflowRunStep is a step of a run and what it came to.
type WorkflowRunStep struct {
	Step
	DependsOn   []string             `json:"dependsOn" doc:"The steps that had to be done before."`
	Round       int                  `json:"round" doc:"From 1; more when the work was sent back."`
	Asked       *string              `json:"asked" doc:"What the agent was asked, with the blanks filled in; null before it began."`
	ApprovalID  *autonoma.ApprovalID `json:"approvalId" doc:"The question that a human was asked before it began."`
	Output      *StepOutput          `json:"output" doc:"What it came to, once completed."`
	Error       *TaskError           `json:"error" doc:"Why it failed, once it has."`
	StartedAt   *time.Time           `json:"startedAt" doc:"When the work on it began."`
	CompletedAt *time.Time           `json:"completedAt" doc:"When it was over."`
}

// A StepOutput is what a step came to.
type StepOutput struct {
	Summary      string                       `json:"summary" doc:"What was done, in the agent's words."`
	Document     *string                      `json:"document" doc:"What it wrote, if it writes."`
	Verdict      *autonoma.Verdict            `json:"verdict" doc:"What it decided, if it judges: approve or changes."`
	Confidence   float64                      `json:"confidence" doc:"The agent's own estimate, from 0 to 1."`
	Decisions    []string                     `json:"decisions" doc:"What it took upon itself to decide."`
	Changed      bool                         `json:"changed" doc:"Whether it changed the repository."`
	Commit       *string                      `json:"commit" doc:"The state of the repository afterwards."`
	Verification *autonoma.VerificationStatus `json:"verification" doc:"Whether that passes its checks."`
}
