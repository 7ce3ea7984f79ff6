package httpapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/service"
)

const (
	templatesPath = "/v1/customer/workflows"
	runsPath      = "/v1/customer/workflow"
)

// workflowRoutes are the operations on workflows: on templates, and on runs.
func (s *server) workflowRoutes() {
	on := []string{"workflows"}
	const one, run = templatesPath + "/{name}", runsPath + "/{id}"
	handle(s, huma.Operation{OperationID: "listWorkflows", Method: http.MethodGet, Path: templatesPath, Tags: on,
		Summary: "List the workflows: your own, newest first, then those that are built in",
		Errors:  []int{403, 422}}, s.listWorkflows)
	creates(s, huma.Operation{OperationID: "createWorkflow", Method: http.MethodPost, Path: templatesPath, Tags: on, DefaultStatus: http.StatusCreated,
		Summary: "Keep a workflow under its name"}, s.createWorkflow, createdTemplate)
	handle(s, huma.Operation{OperationID: "validateWorkflow", Method: http.MethodPost, Path: templatesPath + "/validate", Tags: on,
		Summary: "Say what is wrong with a workflow, without keeping it",
		Errors:  []int{400, 403, 408, 413, 415, 422}}, s.validateWorkflow)
	handle(s, huma.Operation{OperationID: "getWorkflow", Method: http.MethodGet, Path: one, Tags: on,
		Summary: "Get a workflow",
		Errors:  []int{403, 404}}, s.getWorkflow)
	handle(s, huma.Operation{OperationID: "changeWorkflow", Method: http.MethodPut, Path: one, Tags: on,
		Summary: "Keep another definition under the name of a workflow",
		Errors:  []int{400, 403, 404, 408, 409, 413, 415, 422}}, s.changeWorkflow)
	handle(s, huma.Operation{OperationID: "deleteWorkflow", Method: http.MethodDelete, Path: one, Tags: on, DefaultStatus: http.StatusNoContent,
		Summary: "Remove a workflow; runs of it go on",
		Errors:  []int{403, 404, 409}}, s.deleteWorkflow)

	creates(s, huma.Operation{OperationID: "runWorkflow", Method: http.MethodPost, Path: runsPath, Tags: on, DefaultStatus: http.StatusAccepted,
		Summary: "Execute a custom workflow that chains multiple agents together",
		Errors:  []int{503}}, s.runWorkflow, createdWorkflow)
	handle(s, huma.Operation{OperationID: "getWorkflowRun", Method: http.MethodGet, Path: run, Tags: on,
		Summary: "Get workflow details and results",
		Errors:  []int{403, 404}}, s.getWorkflowRun)
	handle(s, huma.Operation{OperationID: "getWorkflowStatus", Method: http.MethodGet, Path: run + "/status", Tags: on,
		Summary: "Check the execution status of a workflow",
		Errors:  []int{403, 404}}, s.getWorkflowStatus)
	handle(s, huma.Operation{OperationID: "cancelWorkflow", Method: http.MethodPost, Path: run + "/cancel", Tags: on, DefaultStatus: http.StatusAccepted,
		Summary: "Call a run off",
		Errors:  []int{403, 404, 409}}, s.cancelWorkflow)
	creates(s, huma.Operation{OperationID: "resumeWorkflow", Method: http.MethodPost, Path: run + "/resume", Tags: on, DefaultStatus: http.StatusAccepted,
		Summary: "Begin a new run that takes over what the completed steps of one came to that failed or was cancelled",
		Errors:  []int{404, 503}}, s.resumeWorkflow, createdWorkflow)
	handle(s, huma.Operation{OperationID: "getWorkflowEvents", Method: http.MethodGet, Path: run + "/events", Tags: on,
		Summary: "Follow what happens to a run, as server-sent events or page by page",
		Errors:  []int{403, 404, 422}}, s.workflowEvents)
	handle(s, huma.Operation{OperationID: "getWorkflowDiff", Method: http.MethodGet, Path: run + "/diff", Tags: on,
		Summary: "Get the diff that a run delivers",
		Errors:  []int{403, 404}}, s.workflowDiff)
	handle(s, huma.Operation{OperationID: "getWorkflowArtifact", Method: http.MethodGet, Path: run + "/artifacts/{artifactId}", Tags: on,
		Summary: "Get the content of an artifact",
		Errors:  []int{403, 404}}, s.workflowArtifact)
}

type listWorkflowsIn struct {
	Cursor string `query:"cursor" doc:"The nextCursor of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"How many workflows a page holds at most."`
}

type listWorkflowsOut struct {
	Body api.Workflows
}

func (s *server) listWorkflows(ctx context.Context, by autonoma.Actor, in *listWorkflowsIn) (*listWorkflowsOut, error) {
	all, err := s.Workflows.Templates(ctx, by)
	if err != nil {
		return nil, err
	}
	if in.Cursor != "" {
		name, _ := base64.RawURLEncoding.DecodeString(in.Cursor) // what is none names no workflow
		last := slices.IndexFunc(all, func(t autonoma.WorkflowTemplate) bool { return t.Name == string(name) })
		if last < 0 {
			return nil, &autonoma.FieldError{Field: "cursor", Reason: "must be the nextCursor of an earlier page; if that workflow was deleted since, begin anew"}
		}
		all = all[last+1:]
	}
	page := api.Workflows{Workflows: []api.WorkflowTemplate{}}
	for _, t := range all[:min(in.Limit, len(all))] {
		page.Workflows = append(page.Workflows, api.TemplateOf(t))
	}
	if len(all) > in.Limit {
		next := base64.RawURLEncoding.EncodeToString([]byte(all[in.Limit-1].Name))
		page.NextCursor = &next
	}
	return &listWorkflowsOut{page}, nil
}

type workflowIn struct {
	Name string `path:"name" doc:"Names the workflow."`
}

type templateOut struct {
	Location string `header:"Location" doc:"Path of the workflow."`
	Body     api.WorkflowTemplate
}

func templateOf(t autonoma.WorkflowTemplate, err error) (*templateOut, error) {
	if err != nil {
		return nil, err
	}
	return &templateOut{templatesPath + "/" + t.Name, api.TemplateOf(t)}, nil
}

type checkWorkflowIn struct {
	Sent sent[api.Workflow]
}

// sentWorkflow returns the definition that was sent, or all that is wrong with it.
func (s *server) sentWorkflow(by autonoma.Actor, body sent[api.Workflow]) (autonoma.Workflow, error) {
	in, faults, err := body.get()
	if err != nil {
		return autonoma.Workflow{}, err
	}
	w := definitionOf(in)
	if len(faults) > 0 {
		_, _, said := s.Workflows.Check(by, w)
		return w, withNouns(faults, judged(said))
	}
	return w, nil
}

func (s *server) createWorkflow(ctx context.Context, by autonoma.Actor, in *Creation[api.Workflow], also service.Also[autonoma.WorkflowTemplate]) (autonoma.WorkflowTemplate, error) {
	w, err := s.sentWorkflow(by, in.Sent)
	if err != nil {
		return autonoma.WorkflowTemplate{}, err
	}
	return s.Workflows.Create(ctx, by, w, also)
}

func createdTemplate(t autonoma.WorkflowTemplate) (string, api.WorkflowTemplate) {
	return templatesPath + "/" + t.Name, api.TemplateOf(t)
}

type checkedOut struct {
	Body api.CheckedWorkflow
}

func (s *server) validateWorkflow(_ context.Context, by autonoma.Actor, in *checkWorkflowIn) (*checkedOut, error) {
	w, err := s.sentWorkflow(by, in.Sent)
	if err != nil {
		return nil, err
	}
	w, steps, err := s.Workflows.Check(by, w)
	if err != nil {
		return nil, err
	}
	return &checkedOut{api.CheckedWorkflow{Valid: true, Definition: api.WorkflowOf(w), Steps: api.NodesOf(steps)}}, nil
}

func (s *server) getWorkflow(ctx context.Context, by autonoma.Actor, in *workflowIn) (*templateOut, error) {
	return templateOf(s.Workflows.Template(ctx, by, in.Name))
}

type changeWorkflowIn struct {
	Name string `path:"name" doc:"Names the workflow."`
	Sent sent[api.Workflow]
}

func (s *server) changeWorkflow(ctx context.Context, by autonoma.Actor, in *changeWorkflowIn) (*templateOut, error) {
	if in.Sent.Value.Name == "" {
		in.Sent.Value.Name = in.Name
	}
	w, err := s.sentWorkflow(by, in.Sent)
	if err != nil {
		return nil, err
	}
	if w.Name != in.Name {
		return nil, &autonoma.FieldError{Field: "name", Reason: "must be that of the path, or left out: a workflow keeps its name"}
	}
	return templateOf(s.Workflows.Change(ctx, by, w))
}

func (s *server) deleteWorkflow(ctx context.Context, by autonoma.Actor, in *workflowIn) (*struct{}, error) {
	return nil, s.Workflows.Delete(ctx, by, in.Name)
}

// definitionOf is a definition as it was sent, in our words.
func definitionOf(in api.Workflow) autonoma.Workflow {
	schema, _ := in.Input.(json.RawMessage)
	w := autonoma.Workflow{Name: in.Name, Description: in.Description, Pattern: in.Pattern, Input: schema}
	for _, s := range in.Steps {
		step := autonoma.WorkflowStep{
			ID: s.ID, Agent: s.Agent, Task: s.Task, DependsOn: s.DependsOn, When: s.When, Approval: s.Approval,
			Intelligence: s.Intelligence, Scope: s.Scope, TimeoutSeconds: s.TimeoutSeconds, Retries: s.Retries,
		}
		if s.Back != nil {
			step.Back = &autonoma.Back{To: s.Back.To, Rounds: int(s.Back.Rounds)}
		}
		w.Steps = append(w.Steps, step)
	}
	return w
}
