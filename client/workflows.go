package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"autonoma"
	"autonoma/api"
)

const workflowsPath = "/v1/customer/workflows"

func workflowPath(name string) string { return workflowsPath + "/" + url.PathEscape(name) }

// Workflows yields the workflows: the own ones, newest first, and then those that are
// built in. It asks for a page at a time. After an error it yields nothing more.
func (c *Client) Workflows(ctx context.Context) iter.Seq2[api.WorkflowTemplate, error] {
	return func(yield func(api.WorkflowTemplate, error) bool) {
		query := url.Values{"limit": {strconv.Itoa(api.MaxPage)}}
		for {
			page, err := do[api.Workflows](ctx, c, http.MethodGet, workflowsPath+"?"+query.Encode(), nil)
			if err != nil {
				yield(api.WorkflowTemplate{}, err)
				return
			}
			for _, w := range page.Workflows {
				if !yield(w, nil) {
					return
				}
			}
			if page.NextCursor == nil {
				return
			}
			query.Set("cursor", *page.NextCursor)
		}
	}
}

// Workflow returns a workflow.
func (c *Client) Workflow(ctx context.Context, name string) (api.WorkflowTemplate, error) {
	return do[api.WorkflowTemplate](ctx, c, http.MethodGet, workflowPath(name), nil)
}

// CreateWorkflow keeps a workflow under its name.
func (c *Client) CreateWorkflow(ctx context.Context, w api.Workflow) (api.WorkflowTemplate, error) {
	return do[api.WorkflowTemplate](ctx, c, http.MethodPost, workflowsPath, w)
}

// ChangeWorkflow keeps another definition under the name of a workflow.
func (c *Client) ChangeWorkflow(ctx context.Context, w api.Workflow) (api.WorkflowTemplate, error) {
	return do[api.WorkflowTemplate](ctx, c, http.MethodPut, workflowPath(w.Name), w)
}

// DeleteWorkflow removes a workflow. Runs of it go on.
func (c *Client) DeleteWorkflow(ctx context.Context, name string) error {
	return c.remove(ctx, workflowPath(name))
}

// ValidateWorkflow returns a definition with its defaults filled in, or all that is
// wrong with it as [autonoma.FieldErrors].
func (c *Client) ValidateWorkflow(ctx context.Context, w api.Workflow) (api.CheckedWorkflow, error) {
	return do[api.CheckedWorkflow](ctx, c, http.MethodPost, workflowsPath+"/validate", w)
}

// RunWorkflow begins a run of a workflow. When it returns without an error the run is
// on the server's disk. [Client.Events], [Client.Diff] and [Client.Artifact] take its
// identifier too.
func (c *Client) RunWorkflow(ctx context.Context, in api.RunWorkflow) (api.CreatedWorkflow, error) {
	return do[api.CreatedWorkflow](ctx, c, http.MethodPost, "/v1/customer/workflow", in)
}

// WorkflowRun returns a run, with all that its steps came to.
func (c *Client) WorkflowRun(ctx context.Context, id autonoma.RunID) (api.WorkflowRun, error) {
	return do[api.WorkflowRun](ctx, c, http.MethodGet, runPath(id), nil)
}

// WorkflowStatus returns where a run stands.
func (c *Client) WorkflowStatus(ctx context.Context, id autonoma.RunID) (api.WorkflowStatus, error) {
	return do[api.WorkflowStatus](ctx, c, http.MethodGet, runPath(id)+"/status", nil)
}

// CancelWorkflow calls a run off. One that is over is an [autonoma.ErrConflict].
func (c *Client) CancelWorkflow(ctx context.Context, id autonoma.RunID) (api.WorkflowRun, error) {
	return do[api.WorkflowRun](ctx, c, http.MethodPost, runPath(id)+"/cancel", nil)
}

// ResumeWorkflow begins a new run that takes over what the completed steps of one came
// to that failed or was cancelled.
func (c *Client) ResumeWorkflow(ctx context.Context, id autonoma.RunID) (api.CreatedWorkflow, error) {
	return do[api.CreatedWorkflow](ctx, c, http.MethodPost, runPath(id)+"/resume", nil)
}

func runPath(id autonoma.RunID) string {
	return "/v1/customer/workflow/" + url.PathEscape(string(id))
}
