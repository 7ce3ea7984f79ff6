package httpapi

import (
	"context"
	"encoding/json"
	"fmt"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/service"
)

// createdWorkflow is the answer to a request for a run.
func createdWorkflow(run autonoma.Run) (string, api.CreatedWorkflow) {
	return api.PathOf(run.ID), api.CreatedWorkflowOf(run)
}

func (s *server) runWorkflow(ctx context.Context, by autonoma.Actor, in *Creation[api.RunWorkflow], also service.Also[autonoma.Run]) (autonoma.Run, error) {
	body, faults, err := in.Sent.get()
	if err != nil {
		return autonoma.Run{}, err
	}
	wish, more := wishOf(body)
	faults = append(faults, more...)
	if len(faults) > 0 {
		_, _, said := s.Workflows.Prepare(ctx, by, wish)
		return autonoma.Run{}, withNouns(faults, judged(said))
	}
	return s.Workflows.Begin(ctx, by, wish, also)
}

// wishOf is what was asked for, in our words, and what is wrong with how it was said.
func wishOf(in api.RunWorkflow) (service.WorkflowWish, autonoma.FieldErrors) {
	wish := service.WorkflowWish{Request: requestOf(api.CreateTask{
		Intelligence: in.Intelligence, Scope: in.Scope, Priority: in.Priority, Source: in.Source, BaseRef: in.BaseRef,
		Delivery: in.Delivery, Setup: in.Setup, Verify: in.Verify, Budget: in.Budget, Metadata: in.Metadata, CallbackURL: in.CallbackURL,
	})}
	wish.Input, _ = in.Input.(json.RawMessage)
	text, _ := in.Workflow.(json.RawMessage)
	var faults autonoma.FieldErrors
	refuse := func(field, reason string) {
		faults = append(faults, &autonoma.FieldError{Field: field, Reason: reason})
	}
	switch {
	case len(text) > 0 && text[0] == '"':
		faults = decodeAt(text, &wish.Name, "workflow")
	case len(text) > 0 && text[0] == '{':
		var w api.Workflow
		faults = decodeAt(text, &w, "workflow")
		definition := definitionOf(w)
		wish.Definition, wish.At = &definition, "workflow."
	case len(text) > 0:
		refuse("workflow", "must be the name of a workflow, or a definition")
	case len(in.Steps) > 0:
		definition := definitionOf(api.Workflow{Name: in.Name, Description: in.Description, Pattern: in.Pattern, Steps: in.Steps})
		wish.Definition, wish.Infer = &definition, true
		return wish, nil
	default:
		refuse("workflow", "must be the name of a workflow, or a definition; or else send steps")
	}
	for _, f := range []struct {
		name  string
		given bool
	}{{"name", in.Name != ""}, {"description", in.Description != ""}, {"pattern", in.Pattern != ""}, {"steps", len(in.Steps) > 0}} {
		if f.given {
			refuse(f.name, "goes into the definition: it is for requests that have steps and no workflow")
		}
	}
	return wish, faults
}

// workflowRunIn names a run in the path of a request.
type workflowRunIn struct {
	ID string `path:"id" doc:"Names the run."`
}

// workflowID returns the identifier, or an error if there can be no such run.
func workflowID(text string) (autonoma.RunID, error) {
	id := autonoma.RunID(text)
	if !id.Of(autonoma.KindWorkflow) {
		return "", fmt.Errorf("there is no such run of a workflow: %w", autonoma.ErrNotFound)
	}
	return id, nil
}

type workflowRunOut struct {
	Body api.WorkflowRun
}

func (s *server) getWorkflowRun(ctx context.Context, by autonoma.Actor, in *workflowRunIn) (*workflowRunOut, error) {
	id, err := workflowID(in.ID)
	if err != nil {
		return nil, err
	}
	run, err := s.Tasks.Get(ctx, by, id)
	if err != nil {
		return nil, err
	}
	out, err := s.workflowRun(ctx, by, run)
	if err == nil && out.Body.Result != nil {
		out.Body.Result.Verification.Stale = s.Tasks.Stale(run)
	}
	return out, err
}

// workflowRun is a run as it is shown.
func (s *server) workflowRun(ctx context.Context, by autonoma.Actor, run autonoma.Run) (*workflowRunOut, error) {
	done, err := s.Workflows.Executions(ctx, by, run.ID)
	if err != nil {
		return nil, err
	}
	body := api.WorkflowRunOf(run, done, s.now())
	a, err := s.around(ctx, by, run)
	body.QueuePosition, body.Approval, body.Result = a.place, a.question, a.output
	return &workflowRunOut{body}, err
}

type workflowStatusOut struct {
	Body api.WorkflowStatus
}

func (s *server) getWorkflowStatus(ctx context.Context, by autonoma.Actor, in *workflowRunIn) (*workflowStatusOut, error) {
	id, err := workflowID(in.ID)
	if err != nil {
		return nil, err
	}
	run, err := s.Tasks.Get(ctx, by, id)
	if err != nil {
		return nil, err
	}
	return &workflowStatusOut{api.WorkflowStatusOf(run)}, nil
}

func (s *server) cancelWorkflow(ctx context.Context, by autonoma.Actor, in *workflowRunIn) (*workflowRunOut, error) {
	id, err := workflowID(in.ID)
	if err != nil {
		return nil, err
	}
	run, err := s.Tasks.Cancel(ctx, by, id)
	if err != nil {
		return nil, err
	}
	return s.workflowRun(ctx, by, run)
}

type resumeWorkflowIn struct {
	ID string `path:"id" doc:"Names the run."`
	Named
}

func (s *server) resumeWorkflow(ctx context.Context, by autonoma.Actor, in *resumeWorkflowIn, also service.Also[autonoma.Run]) (autonoma.Run, error) {
	id, err := workflowID(in.ID)
	if err != nil {
		return autonoma.Run{}, err
	}
	return s.Tasks.Resume(ctx, by, id, also)
}

type workflowEventsIn struct {
	ID string `path:"id" doc:"Names the run."`
	EventQuery
}

func (s *server) workflowEvents(ctx context.Context, by autonoma.Actor, in *workflowEventsIn) (*bodyOut, error) {
	id, err := workflowID(in.ID)
	if err != nil {
		return nil, err
	}
	return s.events(ctx, by, id, in.EventQuery)
}

func (s *server) workflowDiff(ctx context.Context, by autonoma.Actor, in *workflowRunIn) (*bodyOut, error) {
	id, err := workflowID(in.ID)
	if err != nil {
		return nil, err
	}
	return s.diff(ctx, by, id)
}

type workflowArtifactIn struct {
	ID         string `path:"id" doc:"Names the run."`
	ArtifactID string `path:"artifactId" doc:"Names the artifact."`
}

func (s *server) workflowArtifact(ctx context.Context, by autonoma.Actor, in *workflowArtifactIn) (*bodyOut, error) {
	id, err := workflowID(in.ID)
	if err != nil {
		return nil, err
	}
	return s.artifact(ctx, by, id, autonoma.ArtifactID(in.ArtifactID))
}
