package autonoma

import (
	"crypto/rand"
	"encoding/hex"
	"regexp"
	"strings"
)

// Identifiers are types of their own, so the compiler keeps one from being
// passed where another is wanted. Each is a prefix that says what it names,
// so a stray one in a log explains itself, and 12 lower-case hex digits.
type (
	// A RunID names a run: task_…, wf_… for a workflow, or, for an agent that was
	// invoked by name, the exec_… of its only step.
	RunID string
	// An ExecutionID names one agent's work on one step: exec_….
	ExecutionID string
	// A TenantID names whoever owns runs and keys: ten_….
	TenantID string
	// A KeyID is the public part of an API key: key_….
	KeyID string
	// An ArtifactID names a named output of a run: art_….
	ArtifactID string
	// A WorkerID names a process that carries out executions: wrk_….
	WorkerID string
	// A HookID names who wants to be told: hook_….
	HookID string
	// A DeliveryID names what one hook is told of one event, however often: dlv_….
	DeliveryID string
	// An ApprovalID names a question to a human: appr_….
	ApprovalID string
	// A FeedbackID names what a person said of work: fbk_….
	FeedbackID string
	// A KnowledgeID names something that is remembered of a repository: know_….
	KnowledgeID string
	// An AgentID names a specialist, as in coder-ai. It is given by its file.
	AgentID string
)

// NewRunID returns an identifier for a run of the given kind.
func NewRunID(kind Kind) RunID {
	return RunID(newID(prefixes[kind]))
}

// prefixes of the identifiers of runs, by their kinds.
var prefixes = map[Kind]string{KindTask: "task_", KindRigor: "exec_", KindWorkflow: "wf_"}

// NewExecutionID returns an identifier for an execution.
func NewExecutionID() ExecutionID { return ExecutionID(newID("exec_")) }

// NewTenantID returns an identifier for a tenant.
func NewTenantID() TenantID { return TenantID(newID("ten_")) }

// NewKeyID returns an identifier for a key.
func NewKeyID() KeyID { return KeyID(newID("key_")) }

// NewArtifactID returns an identifier for an artifact.
func NewArtifactID() ArtifactID { return ArtifactID(newID("art_")) }

// NewWorkerID returns an identifier for a process that carries out executions.
func NewWorkerID() WorkerID { return WorkerID(newID("wrk_")) }

// NewHookID returns an identifier for a hook.
func NewHookID() HookID { return HookID(newID("hook_")) }

// NewDeliveryID returns an identifier for a delivery to a hook.
func NewDeliveryID() DeliveryID { return DeliveryID(newID("dlv_")) }

// NewApprovalID returns an identifier for an approval.
func NewApprovalID() ApprovalID { return ApprovalID(newID("appr_")) }

// NewFeedbackID returns an identifier for a feedback.
func NewFeedbackID() FeedbackID { return FeedbackID(newID("fbk_")) }

// NewKnowledgeID returns an identifier for something that is remembered.
func NewKnowledgeID() KnowledgeID { return KnowledgeID(newID("know_")) }

// NewRequestID returns an identifier for an HTTP request that brought none.
func NewRequestID() string { return newID("req_") }

func newID(prefix string) string {
	var b [6]byte
	rand.Read(b[:]) // never fails
	return prefix + hex.EncodeToString(b[:])
}

var idForm = regexp.MustCompile(`^[a-z]{2,5}_[0-9a-f]{12}$`)

// Valid reports whether id has the form of an identifier of a run. What has
// not cannot exist, and needs no look into the database.
func (id RunID) Valid() bool { return idForm.MatchString(string(id)) }

// Valid reports whether id has the form of an identifier of an execution.
func (id ExecutionID) Valid() bool {
	return strings.HasPrefix(string(id), "exec_") && idForm.MatchString(string(id))
}

// Of reports whether id has the form of an identifier of a run of the given kind.
func (id RunID) Of(kind Kind) bool {
	return id.Valid() && strings.HasPrefix(string(id), prefixes[kind])
}

// Valid reports whether id has the form of an identifier of an approval.
func (id ApprovalID) Valid() bool { return idForm.MatchString(string(id)) }

// Valid reports whether id has the form of an identifier of a feedback.
func (id FeedbackID) Valid() bool { return idForm.MatchString(string(id)) }
