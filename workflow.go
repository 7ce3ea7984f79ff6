package autonoma

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// A Workflow is a flow that a customer wrote: data, which is checked before it is
// kept or carried out. What can be said of it without knowing agents, schemas and
// expressions is said by [Workflow.Normalize]; package flow says the rest.
type Workflow struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"` // what it is for; the agents read it as their task
	Pattern     Pattern         `json:"pattern"`
	Input       json.RawMessage `json:"input,omitempty"` // JSON Schema of what a run is given; empty: nothing
	Steps       []WorkflowStep  `json:"steps"`
}

// A WorkflowStep asks something of an agent.
type WorkflowStep struct {
	ID             string       `json:"id"`
	Agent          AgentID      `json:"agent"`
	Task           string       `json:"task"` // what is asked, with blanks for input and for what earlier steps came to
	DependsOn      []string     `json:"dependsOn,omitempty"`
	When           string       `json:"when,omitempty"`     // a CEL expression; false: the step is skipped
	Approval       bool         `json:"approval,omitempty"` // a human must agree before it begins
	Intelligence   Intelligence `json:"intelligence,omitempty"`
	Scope          Scope        `json:"scope,omitempty"`
	TimeoutSeconds int64        `json:"timeoutSeconds,omitempty"`
	Retries        int64        `json:"retries,omitempty"`
	Back           *Back        `json:"back,omitempty"` // where a verdict of "changes" sends the work
}

// A Pattern says when a step begins that names none it depends on.
type Pattern string

// The patterns.
const (
	Sequential Pattern = "sequential" // after the step before it
	Parallel   Pattern = "parallel"   // at once
	Graph      Pattern = "graph"      // at once: another word for it where most steps name what they need
)

// Patterns are all patterns.
var Patterns = []Pattern{Sequential, Parallel, Graph}

// foreseen are patterns that others speak of and that are not here yet.
var foreseen = []Pattern{"group_chat", "hierarchical", "debate"}

// Limits of workflows.
const (
	MaxWorkflowName    = 60        // bytes of the name of a workflow or a step
	MaxWorkflowSteps   = 50        // steps of a workflow
	MaxWorkflowBytes   = 128 << 10 // of a whole definition, as JSON
	MaxWorkflowSchema  = 32 << 10  // bytes of the schema of its input
	MaxWorkflowInput   = 64 << 10  // bytes of the input of a run, as JSON
	MaxWorkflowRetries = 10        // of a step
	MaxWorkflowRounds  = 5         // for which a step may send the work back
	MaxWorkflows       = 100       // templates of a tenant
	MaxCondition       = 2_000     // bytes of a condition
)

// A WorkflowTemplate is a workflow that is kept under its name.
type WorkflowTemplate struct {
	Workflow
	Tenant    TenantID
	BuiltIn   bool  // it comes with the program: all tenants have it, and nobody changes it
	Revision  int64 // from 1; one more with each change
	CreatedAt time.Time
	UpdatedAt time.Time
}

// A WorkflowUse is the workflow of a run as it was when the run was accepted, and
// what the run was given. Later changes of the template change nothing of it.
type WorkflowUse struct {
	Workflow
	Given json.RawMessage `json:"given"` // an object that fits the schema, defaults filled in
}

// A name of a workflow fits into a path, and an id of a step into the name of a file.
// Conditions cannot mention one with hyphens, which are minuses there.
var (
	workflowName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	stepID       = regexp.MustCompile(`^[a-z][a-z0-9]*([_-][a-z0-9]+)*$`)
)

// Normalize fills in the defaults, trims, and reports everything that is wrong with
// w at once, as [FieldErrors].
func (w *Workflow) Normalize() error {
	var faults FieldErrors
	w.Description = strings.TrimSpace(w.Description)
	if w.Name == "" || len(w.Name) > MaxWorkflowName || !workflowName.MatchString(w.Name) {
		faults.add("name", "must be 1 to %d lower-case letters, digits and single hyphens, as in fix-and-ship", MaxWorkflowName)
	}
	checkText(&faults, "description", w.Description)
	if slices.Contains(foreseen, w.Pattern) {
		faults.add("pattern", "%s is not in this version; there are %s", w.Pattern, list(Patterns))
	} else {
		orDefault(&faults, "pattern", &w.Pattern, Sequential, Patterns)
	}
	if len(w.Input) > MaxWorkflowSchema {
		faults.add("input", "has %d bytes; at most %d are allowed", len(w.Input), MaxWorkflowSchema)
	}
	if n := len(w.Steps); n == 0 || n > MaxWorkflowSteps {
		faults.add("steps", "must be 1 to %d; there are %d", MaxWorkflowSteps, n)
	}
	for i := range w.Steps {
		w.Steps[i].normalize(&faults, fmt.Sprintf("steps[%d]", i), w.Steps, i)
	}
	if whole, err := json.Marshal(w); err == nil && len(whole) > MaxWorkflowBytes {
		faults.add("", "the definition has %d bytes; at most %d are allowed", len(whole), MaxWorkflowBytes)
	}
	return faults.orNil()
}

func (s *WorkflowStep) normalize(faults *FieldErrors, field string, all []WorkflowStep, at int) {
	s.Task, s.When = strings.TrimSpace(s.Task), strings.TrimSpace(s.When)
	known := func(id string) bool { return slices.ContainsFunc(all, func(o WorkflowStep) bool { return o.ID == id }) }
	switch {
	case len(s.ID) > MaxWorkflowName || !stepID.MatchString(s.ID):
		faults.add(field+".id", "must be 1 to %d lower-case letters, digits and single underscores or hyphens, as in write_tests", MaxWorkflowName)
	case slices.ContainsFunc(all[:at], func(o WorkflowStep) bool { return o.ID == s.ID }):
		faults.add(field+".id", "repeats %s; each step needs an id of its own", s.ID)
	}
	if s.Agent == "" {
		faults.add(field+".agent", "must name an agent")
	}
	if s.Task == "" {
		faults.add(field+".task", "must not be empty; say what is asked of the agent")
	}
	checkText(faults, field+".task", s.Task)
	for i, id := range s.DependsOn {
		switch at := fmt.Sprintf("%s.dependsOn[%d]", field, i); {
		case !known(id):
			faults.add(at, "there is no such step")
		case id == s.ID:
			faults.add(at, "a step cannot wait for itself")
		case slices.Contains(s.DependsOn[:i], id):
			faults.add(at, "repeats %s", id)
		}
	}
	if len(s.When) > MaxCondition {
		faults.add(field+".when", "has %d bytes; at most %d are allowed", len(s.When), MaxCondition)
	}
	if s.Intelligence != "" {
		oneOf(faults, field+".intelligence", s.Intelligence, Intelligences)
	}
	if s.Scope != "" {
		oneOf(faults, field+".scope", s.Scope, Scopes)
	}
	if most := int64(30 * 24 * time.Hour / time.Second); s.TimeoutSeconds < 0 || s.TimeoutSeconds > most {
		faults.add(field+".timeoutSeconds", "must be between 0 (no limit) and %d (30 days)", most)
	}
	if s.Retries < 0 || s.Retries > MaxWorkflowRetries {
		faults.add(field+".retries", "must be between 0 and %d", MaxWorkflowRetries)
	}
	if s.Back != nil && (s.Back.Rounds < 1 || s.Back.Rounds > MaxWorkflowRounds) {
		faults.add(field+".back.rounds", "must be between 1 and %d", MaxWorkflowRounds)
	}
}

// Needs returns the steps that the step at the given place waits for.
func (w *Workflow) Needs(at int) []string {
	switch {
	case len(w.Steps[at].DependsOn) > 0:
		return w.Steps[at].DependsOn
	case w.Pattern == Sequential && at > 0:
		return []string{w.Steps[at-1].ID}
	}
	return nil
}

func checkText(faults *FieldErrors, field, text string) {
	switch n := utf8.RuneCountInString(text); {
	case n > MaxTask:
		faults.add(field, "has %d characters; at most %d are allowed", n, MaxTask)
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		faults.add(field, "must be UTF-8 text without NUL")
	}
}
