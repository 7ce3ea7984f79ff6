package service

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"autonoma"
	"autonoma/internal/flow"
	"autonoma/internal/store"
)

// Workflows is what users may do with workflows: keep templates, and start runs.
// What they may do with such a run is as for any other ([Tasks]).
type Workflows struct {
	*Tasks
	builtIn []flow.BuiltIn
}

// NewWorkflows returns the workflows of the database, and those in files (*.yaml),
// which everybody has.
func NewWorkflows(tasks *Tasks, files fs.FS) (*Workflows, error) {
	builtIn, err := flow.BuiltIns(tasks.Catalog, files)
	if err != nil {
		return nil, fmt.Errorf("built-in workflows: %w", err)
	}
	return &Workflows{tasks, builtIn}, nil
}

// Templates returns the templates of the asker, newest first, and after them those
// that are built in.
func (s *Workflows) Templates(ctx context.Context, by autonoma.Actor) ([]autonoma.WorkflowTemplate, error) {
	if err := may(by, autonoma.ScopeRead); err != nil {
		return nil, err
	}
	all, err := s.DB.Workflows(ctx, by.Tenant)
	for _, b := range s.builtIn {
		all = append(all, autonoma.WorkflowTemplate{Workflow: b.Workflow, BuiltIn: true, Revision: 1})
	}
	return all, err
}

// Template returns one template.
func (s *Workflows) Template(ctx context.Context, by autonoma.Actor, name string) (autonoma.WorkflowTemplate, error) {
	if err := may(by, autonoma.ScopeRead); err != nil {
		return autonoma.WorkflowTemplate{}, err
	}
	if b := s.named(name); b != nil {
		return autonoma.WorkflowTemplate{Workflow: b.Workflow, BuiltIn: true, Revision: 1}, nil
	}
	return s.DB.Workflow(ctx, by.Tenant, name)
}

// named returns the built-in workflow of the name, or nil.
func (s *Workflows) named(name string) *flow.BuiltIn {
	i := slices.IndexFunc(s.builtIn, func(b flow.BuiltIn) bool { return b.Workflow.Name == name })
	if i < 0 {
		return nil
	}
	return &s.builtIn[i]
}

// Check returns a definition with its defaults filled in and the steps of a run of it,
// or all that is wrong with it.
func (s *Workflows) Check(by autonoma.Actor, w autonoma.Workflow) (autonoma.Workflow, []autonoma.Step, error) {
	if err := may(by, autonoma.ScopeRead); err != nil {
		return w, nil, err
	}
	f, err := flow.Compile(s.Catalog, w)
	if err != nil {
		return w, nil, err
	}
	return f.Workflow, f.Steps(), nil
}

// Create keeps a definition as a template.
func (s *Workflows) Create(ctx context.Context, by autonoma.Actor, w autonoma.Workflow, also ...Also[autonoma.WorkflowTemplate]) (autonoma.WorkflowTemplate, error) {
	t, err := s.mine(by, w)
	if err != nil {
		return t, err
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := tx.InsertWorkflow(t); err != nil {
			return err
		}
		return all(tx, t, also)
	})
	return t, err
}

// Change keeps another definition in place of that of a template. Runs under way
// keep the one they began with.
func (s *Workflows) Change(ctx context.Context, by autonoma.Actor, w autonoma.Workflow) (autonoma.WorkflowTemplate, error) {
	t, err := s.mine(by, w)
	if err != nil {
		return t, err
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		t, err = tx.ReplaceWorkflow(t)
		return err
	})
	return t, err
}

// Delete removes a template.
func (s *Workflows) Delete(ctx context.Context, by autonoma.Actor, name string) error {
	if err := errors.Join(may(by, autonoma.ScopeWrite), s.free(name)); err != nil {
		return err
	}
	return s.DB.Update(ctx, func(tx *store.Tx) error { return tx.DeleteWorkflow(by.Tenant, name) })
}

// mine checks a definition that the asker wants to keep.
func (s *Workflows) mine(by autonoma.Actor, w autonoma.Workflow) (autonoma.WorkflowTemplate, error) {
	if err := may(by, autonoma.ScopeWrite); err != nil {
		return autonoma.WorkflowTemplate{}, err
	}
	if err := s.free(w.Name); err != nil {
		return autonoma.WorkflowTemplate{}, err
	}
	f, err := flow.Compile(s.Catalog, w)
	if err != nil {
		return autonoma.WorkflowTemplate{}, err
	}
	now := s.now()
	return autonoma.WorkflowTemplate{Workflow: f.Workflow, Tenant: by.Tenant, Revision: 1, CreatedAt: now, UpdatedAt: now}, nil
}

func (s *Workflows) free(name string) error {
	if s.named(name) != nil {
		return fmt.Errorf("the workflow %s is built in and cannot be changed; keep yours under another name: %w", name, autonoma.ErrConflict)
	}
	return nil
}

// A WorkflowWish asks for a run of a workflow.
type WorkflowWish struct {
	Name       string             // of a template; or
	Definition *autonoma.Workflow // the workflow itself
	At         string             // what comes before the names of its fields, for telling faults
	Infer      bool               // the definition has no schema: whatever is given fits
	Input      json.RawMessage
	Request    autonoma.Request // all the rest
}

// Begin accepts a run of a workflow. When it returns, the run and the jobs to begin
// it are on disk.
func (s *Workflows) Begin(ctx context.Context, by autonoma.Actor, wish WorkflowWish, also ...Also[autonoma.Run]) (autonoma.Run, error) {
	req, steps, err := s.Prepare(ctx, by, wish)
	if err != nil {
		return autonoma.Run{}, err
	}
	if steps, err = s.paced(ctx, steps); err != nil {
		return autonoma.Run{}, err
	}
	return s.Start(ctx, by, autonoma.KindWorkflow, req, steps, also...)
}

// Prepare returns the request and the steps of the run that is asked for, or all that
// is wrong with it. It accepts nothing yet.
func (s *Workflows) Prepare(ctx context.Context, by autonoma.Actor, wish WorkflowWish) (autonoma.Request, []autonoma.Step, error) {
	req := wish.Request
	if err := may(by, autonoma.ScopeWrite); err != nil {
		return req, nil, err
	}
	// What there is to say of the workflow is said once it is known.
	req.Task, req.Capabilities = "Carry out a workflow.", autonoma.Capabilities[:1]
	var faults autonoma.FieldErrors
	if err := req.Normalize(); err != nil && !errors.As(err, &faults) {
		return req, nil, err
	}
	w, err := s.wanted(ctx, by, wish, req.Scope)
	var f *flow.Flow
	if err == nil {
		f, err = s.fitted(w, wish, &req)
	}
	if theirs, ok := errors.AsType[autonoma.FieldErrors](err); ok {
		faults = append(faults, theirs...)
	} else if err != nil {
		return req, nil, err
	}
	if len(faults) > 0 {
		return req, nil, faults
	}
	return req, f.Steps(), nil
}

// wanted returns the definition that is asked for.
func (s *Workflows) wanted(ctx context.Context, by autonoma.Actor, wish WorkflowWish, scope autonoma.Scope) (autonoma.Workflow, error) {
	if wish.Definition != nil {
		return *wish.Definition, nil
	}
	if b := s.named(wish.Name); b != nil {
		if !slices.Contains(autonoma.Scopes, scope) { // which is told of already
			scope = autonoma.MVP
		}
		return b.At(scope), nil
	}
	t, err := s.DB.Workflow(ctx, by.Tenant, wish.Name)
	if errors.Is(err, autonoma.ErrNotFound) {
		return t.Workflow, autonoma.FieldErrors{{Field: "workflow", Reason: "there is no such workflow; GET /v1/customer/workflows names them"}}
	}
	return t.Workflow, err
}

// fitted compiles the workflow and puts it, with what it is given, into the request.
func (s *Workflows) fitted(w autonoma.Workflow, wish WorkflowWish, req *autonoma.Request) (*flow.Flow, error) {
	if wish.Infer {
		w.Input = flow.Infer(wish.Input)
	}
	f, err := flow.Compile(s.Catalog, w)
	if faults, ok := errors.AsType[autonoma.FieldErrors](err); ok {
		for _, fault := range faults {
			if wish.Definition == nil { // it was right when it was kept
				fault.Field, fault.Reason = "workflow", "this server cannot carry it out any more: "+fault.Error()
				continue
			}
			fault.Field = wish.At + fault.Field
		}
	}
	if err != nil {
		return nil, err
	}
	given, err := f.Admit(wish.Input)
	if err != nil {
		return nil, err
	}
	req.Workflow = &autonoma.WorkflowUse{Workflow: f.Workflow, Given: given}
	req.Task = cmp.Or(f.Workflow.Description, "Do your part of the workflow "+f.Workflow.Name+".")
	req.Capabilities = nil
	for _, step := range f.Steps() {
		a, err := s.Catalog.Agent(step.Agent)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(req.Capabilities, a.Capability) {
			req.Capabilities = append(req.Capabilities, a.Capability)
		}
	}
	return f, nil
}

// Executions returns what was done in a run, oldest first.
func (s *Workflows) Executions(ctx context.Context, by autonoma.Actor, id autonoma.RunID) ([]autonoma.Execution, error) {
	if _, err := s.Get(ctx, by, id); err != nil {
		return nil, err
	}
	return s.DB.Executions(ctx, id)
}

// ResolveWorkflow is the [Resolve] of workflows: it decides by the condition of a step,
// and fills in the blanks of what it asks. Steps of other runs take part as written.
func ResolveWorkflow(run autonoma.Run, step autonoma.Step, done []Outcome) (Decision, error) {
	use := run.Request.Workflow
	if use == nil {
		return Decision{}, nil
	}
	came := map[string]flow.Came{}
	for _, o := range done {
		came[o.Step] = flow.Came{Status: o.Status, Result: o.Result}
	}
	skip, asks, err := flow.Decide(*use, step, came)
	return Decision{Skip: skip, Asks: asks}, err
}
