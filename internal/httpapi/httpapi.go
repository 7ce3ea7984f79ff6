// Package httpapi serves package service over HTTP, in the terms of package api.
//
// A door translates and decides nothing: what may be asked for is said by the
// nouns, who may ask by the service, and what is told about an error by the one
// table in package api. What all endpoints do alike (keys, bodies, problems, the
// log, the document) is written once, so a new endpoint is a line in the routes
// and a function from what is asked to what is answered.
//
// The package keeps no state beside that of a request.
package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/service"
)

// Config is what the API needs.
type Config struct {
	Tasks     *service.Tasks
	Agents    *service.Agents
	Hooks     *service.Hooks
	Knowledge *service.Knowledge
	Tenants   *service.Tenants
	Keys      *service.Keys
	Receipts  *service.Receipts // nil: requests that are sent again are done again
	Approvals *service.Approvals
	Feedback  *service.Feedback
	Workflows *service.Workflows

	SigningKeys *service.SigningKeys

	// Who returns the holder of an API key, or [autonoma.ErrUnauthenticated].
	Who func(ctx context.Context, key string) (autonoma.Actor, error)

	// Admit counts a request of somebody, returns what they may still do, and
	// an [autonoma.LimitError] if they may not do this. Nil means no limits.
	Admit func(ctx context.Context, by autonoma.Actor) (autonoma.Allowance, error)

	// Health returns how the things are that the server needs, under the names
	// database, queue, models and sandbox. It is asked at most once a request
	// and should answer within a second.
	Health func(ctx context.Context) map[string]api.Service

	// Rigor returns what is known of the models and the sandbox of executions: it
	// fills in status, message, models and sandbox.
	Rigor func(ctx context.Context) api.RigorHealth

	// Ready returns an error while requests should go elsewhere: before all is
	// up, and from when the server drains. Nil means always ready.
	Ready func(ctx context.Context) error

	Version  string   // of the server, for /v1/health and /v1/info
	Features []string // what the server can do beyond the endpoints, for /v1/info
	Log      *slog.Logger
}

type server struct {
	Config
	api      huma.API
	document func() []byte   // openapi.yaml
	pages    func() []byte   // the same for people
	listing  []api.Endpoint  // for /v1/info
	open     context.Context // done when streams should end
	close    func()
	now      func() time.Time // for estimates
}

// New returns the API as a handler. [NewServer] puts it into a server with
// sensible limits.
func New(cfg Config) http.Handler {
	_, h := build(cfg)
	return h
}

// Document returns the OpenAPI document of the API, as YAML.
func Document() []byte {
	s, _ := build(Config{})
	return s.document()
}

func build(cfg Config) (*server, http.Handler) {
	s := &server{Config: cfg, now: time.Now}
	s.open, s.close = context.WithCancel(context.Background())
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	mux := chi.NewMux()
	mux.Use(routed, middleware.GetHead)
	mux.NotFound(s.notFound)
	mux.MethodNotAllowed(s.notAllowed(mux))
	s.api = humachi.New(mux, s.describe())
	s.routes()
	s.finish()

	mux.Get("/livez", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") })
	mux.Get("/readyz", s.readyz)
	mux.Get("/openapi.yaml", s.openapi)
	mux.Get("/docs", s.reference)
	return s, s.noted(s.recovered(s.authenticated(mux)))
}

// routes are all operations of the API.
func (s *server) routes() {
	s.taskRoutes()
	s.agentRoutes()
	s.rigorRoutes()
	s.hookRoutes()
	s.adminRoutes()
	s.approvalRoutes()
	s.feedbackRoutes()
	s.knowledgeRoutes()
	s.workflowRoutes()
	s.evidenceRoutes()
	s.utilityRoutes()
}

// taskRoutes are the operations on tasks.
func (s *server) taskRoutes() {
	const tasks, task = "/v1/agents/tasks", "/v1/agents/tasks/{taskId}"
	on := []string{"tasks"}
	creates(s, huma.Operation{OperationID: "createTask", Method: http.MethodPost, Path: tasks, Tags: on, DefaultStatus: http.StatusAccepted,
		Summary: "Submit a development task to AI agents",
		Errors:  []int{503}}, s.createTask, s.createdTask)
	handle(s, huma.Operation{OperationID: "listTasks", Method: http.MethodGet, Path: tasks, Tags: on,
		Summary: "List the tasks, newest first",
		Errors:  []int{403, 422}}, s.listTasks)
	handle(s, huma.Operation{OperationID: "getTask", Method: http.MethodGet, Path: task, Tags: on,
		Summary: "Check the status and progress of a submitted task",
		Errors:  []int{403, 404}}, s.getTask)
	handle(s, huma.Operation{OperationID: "cancelTask", Method: http.MethodPost, Path: task + "/cancel", Tags: on, DefaultStatus: http.StatusAccepted,
		Summary: "Call a task off",
		Errors:  []int{403, 404, 409}}, s.cancelTask)
	handle(s, huma.Operation{OperationID: "getTaskEvents", Method: http.MethodGet, Path: task + "/events", Tags: on,
		Summary: "Follow what happens to a task, as server-sent events or page by page",
		Errors:  []int{403, 404, 422}}, s.taskEvents)
	handle(s, huma.Operation{OperationID: "getTaskDiff", Method: http.MethodGet, Path: task + "/diff", Tags: on,
		Summary: "Get the diff that a task delivers",
		Errors:  []int{403, 404}}, s.taskDiff)
	handle(s, huma.Operation{OperationID: "getTaskArtifact", Method: http.MethodGet, Path: task + "/artifacts/{artifactId}", Tags: on,
		Summary: "Get the content of an artifact",
		Errors:  []int{403, 404}}, s.taskArtifact)
	creates(s, huma.Operation{OperationID: "retryTask", Method: http.MethodPost, Path: task + "/retry", Tags: on, DefaultStatus: http.StatusAccepted,
		Summary: "Submit the request of a task that is over once more",
		Errors:  []int{404, 503}}, s.retryTask, s.createdTask)
}

// agentRoutes are the operations on agents.
func (s *server) agentRoutes() {
	agents := []string{"agents"}
	handle(s, huma.Operation{OperationID: "listAgents", Method: http.MethodGet, Path: "/v1/agents/list", Tags: agents,
		Summary: "List all available AI agents and their current status",
		Errors:  []int{403}}, s.listAgents)
	handle(s, huma.Operation{OperationID: "getAgentStatus", Method: http.MethodGet, Path: "/v1/agents/{id}/status", Tags: agents,
		Summary: "Get the health and status of a specific agent",
		Errors:  []int{403, 404}}, s.agentStatus)
	handle(s, huma.Operation{OperationID: "getCoordination", Method: http.MethodGet, Path: "/v1/agents/orchestrator/coordination", Tags: agents,
		Summary: "See which agents work on what, what waits, and who does the work",
		Errors:  []int{403}}, s.coordination)
}

// rigorRoutes are the operations on single executions.
func (s *server) rigorRoutes() {
	rigor := []string{"rigor"}
	creates(s, huma.Operation{OperationID: "invokeAgent", Method: http.MethodPost, Path: "/v1/admin/rigor/invoke/{personality}", Tags: rigor, DefaultStatus: http.StatusAccepted,
		Summary: "Invoke the RIGOR framework on a specific agent",
		Errors:  []int{404, 503}}, s.invoke, invoked)
	handle(s, huma.Operation{OperationID: "getExecution", Method: http.MethodGet, Path: "/v1/admin/rigor/status/{executionId}", Tags: rigor,
		Summary: "Get the status and result of an execution, of whatever kind of run",
		Errors:  []int{403, 404}}, s.execution)
	handle(s, huma.Operation{OperationID: "getRigorHealth", Method: http.MethodGet, Path: "/v1/admin/rigor/health", Tags: rigor,
		Summary: "Check whether executions can be carried out",
		Errors:  []int{403}}, s.rigorHealth)
}

// adminRoutes are the operations on tenants and keys.
func (s *server) adminRoutes() {
	const tenants, keys = "/v1/admin/tenants", "/v1/admin/keys"
	admin := []string{"admin"}
	creates(s, huma.Operation{OperationID: "createTenant", Method: http.MethodPost, Path: tenants, Tags: admin, DefaultStatus: http.StatusCreated,
		Summary: "Make a tenant"}, s.createTenant, createdTenant)
	handle(s, huma.Operation{OperationID: "listTenants", Method: http.MethodGet, Path: tenants, Tags: admin,
		Summary: "List the tenants, newest first", Errors: []int{403}}, s.listTenants)
	handle(s, huma.Operation{OperationID: "getTenant", Method: http.MethodGet, Path: tenants + "/{tenantId}", Tags: admin,
		Summary: "Get a tenant", Errors: []int{403, 404}}, s.getTenant)
	handle(s, huma.Operation{OperationID: "changeTenant", Method: http.MethodPatch, Path: tenants + "/{tenantId}", Tags: admin,
		Summary: "Put a tenant on another plan, give it another budget, or have it demand another level of the sandbox", Errors: []int{400, 403, 404, 408, 413, 415}}, s.changeTenant)
	creates(s, huma.Operation{OperationID: "createKey", Method: http.MethodPost, Path: keys, Tags: admin, DefaultStatus: http.StatusCreated,
		Summary: "Make an API key", Errors: []int{404}}, s.createKey, issuedKey)
	handle(s, huma.Operation{OperationID: "listKeys", Method: http.MethodGet, Path: keys, Tags: admin,
		Summary: "List the API keys of a tenant, newest first", Errors: []int{403, 404}}, s.listKeys)
	handle(s, huma.Operation{OperationID: "getKey", Method: http.MethodGet, Path: keys + "/{keyId}", Tags: admin,
		Summary: "Get an API key, without its secret", Errors: []int{403, 404}}, s.getKey)
	handle(s, huma.Operation{OperationID: "revokeKey", Method: http.MethodPost, Path: keys + "/{keyId}/revoke", Tags: admin,
		Summary: "Make an API key good for nothing, at once", Errors: []int{403, 404, 409}}, s.revokeKey)
	creates(s, huma.Operation{OperationID: "rotateKey", Method: http.MethodPost, Path: keys + "/{keyId}/rotate", Tags: admin,
		Summary: "Give an API key a new secret", Errors: []int{404}}, s.rotateKey, issuedKey)
}

// approvalRoutes are the operations on questions to humans.
func (s *server) approvalRoutes() {
	const approvals, approval = "/v1/approvals", "/v1/approvals/{approvalId}"
	of := []string{"approvals"}
	handle(s, huma.Operation{OperationID: "listApprovals", Method: http.MethodGet, Path: approvals, Tags: of,
		Summary: "List the questions to humans, newest first",
		Errors:  []int{403, 422}}, s.listApprovals)
	handle(s, huma.Operation{OperationID: "getApproval", Method: http.MethodGet, Path: approval, Tags: of,
		Summary: "Get a question, and what one should know to answer it",
		Errors:  []int{403, 404}}, s.getApproval)
	handle(s, huma.Operation{OperationID: "decideApproval", Method: http.MethodPost, Path: approval + "/decision", Tags: of,
		Summary: "Answer a question: the step begins, or the task ends",
		Errors:  []int{400, 403, 404, 408, 409, 413, 415, 422}}, s.decideApproval)
}

// utilityRoutes tell of the server and its use.
func (s *server) utilityRoutes() {
	utility := []string{"utility"}
	handle(s, huma.Operation{OperationID: "getUsage", Method: http.MethodGet, Path: "/v1/usage", Tags: utility,
		Summary: "Get what was used, by day, agent and model", Errors: []int{403}}, s.usage)
	handle(s, huma.Operation{OperationID: "getHealth", Method: http.MethodGet, Path: "/v1/health", Tags: utility,
		Summary: "Verify connectivity and service status"}, s.health)
	handle(s, huma.Operation{OperationID: "getInfo", Method: http.MethodGet, Path: "/v1/info", Tags: utility,
		Summary: "Get the version, the endpoints and the limits"}, s.info)
}
