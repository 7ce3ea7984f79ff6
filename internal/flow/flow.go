// Package flow makes the steps of a run of a workflow that a customer wrote.
//
// A definition is data, and so is everything in it. It is checked as a whole before
// it is kept or carried out, and all that is wrong is told at once: agents that are
// not there, steps that wait for each other, blanks and conditions that mention what
// is not known by then. What passes cannot fail later for how it was written.
//
// Three languages occur in a definition, and none can do anything: JSON Schema says
// what a run is given ([Flow.Admit]), blanks in double braces stand for values in
// what agents are asked, and CEL decides whether a step takes part ([Decide]). None
// reads files or reaches a network, and each is bounded in size and time. Values
// come from strangers and models: in what agents are asked they are marked as data.
//
// The package keeps nothing and begins nothing.
package flow

import (
	"errors"
	"fmt"
	"slices"

	"autonoma"
	"autonoma/internal/catalog"
)

// A Flow is a workflow in which nothing is wrong.
type Flow struct {
	Workflow autonoma.Workflow // with its defaults filled in
	schema   *schema
	steps    []autonoma.Step
}

// Compile checks a workflow. What is wrong with it is told as
// [autonoma.FieldErrors], which name the steps they are about.
func Compile(known *catalog.Catalog, w autonoma.Workflow) (*Flow, error) {
	w.Steps = slices.Clone(w.Steps)
	c := checker{known: known, w: &w}
	if err := w.Normalize(); err != nil {
		if !errors.As(err, &c.faults) {
			return nil, err
		}
		for _, f := range c.faults {
			f.Reason = c.named(f.Field) + f.Reason
		}
	}
	if len(w.Steps) > autonoma.MaxWorkflowSteps {
		return nil, c.faults // whoever sent this gets no more work out of us
	}
	var err error
	if c.schema, err = readSchema(w.Input); err != nil {
		c.fault("input", "%v", err)
	}
	f := &Flow{Workflow: w, schema: c.schema}
	for _, at := range c.order() {
		f.steps = append(f.steps, c.step(at))
	}
	if len(c.faults) > 0 {
		return nil, c.faults
	}
	return f, nil
}

// Steps returns the steps of a run, in an order in which what a step needs comes
// before it.
func (f *Flow) Steps() []autonoma.Step { return slices.Clone(f.steps) }

// A checker finds out what is wrong with a workflow.
type checker struct {
	known  *catalog.Catalog
	w      *autonoma.Workflow
	schema *schema // nil if it is wrong itself: then nothing is said about mentions of input
	faults autonoma.FieldErrors
}

// fault notes a fault of a field.
func (c *checker) fault(field, format string, args ...any) {
	c.faults = append(c.faults, &autonoma.FieldError{Field: field, Reason: c.named(field) + fmt.Sprintf(format, args...)})
}

// named says which step a field belongs to, for people do not count.
func (c *checker) named(field string) string {
	var at int
	if n, _ := fmt.Sscanf(field, "steps[%d]", &at); n == 0 || at >= len(c.w.Steps) || c.w.Steps[at].ID == "" {
		return ""
	}
	return "step " + brief(c.w.Steps[at].ID) + ": "
}

// step checks a step and returns it as a run has it.
func (c *checker) step(at int) autonoma.Step {
	s, field := c.w.Steps[at], fmt.Sprintf("steps[%d]", at)
	before := c.before(at)
	n := names{input: c.schema, steps: before}
	if catalog.Taken(s.ID) {
		c.fault(field+".id", "no step may be called %s: an artifact of every run is", s.ID)
	}
	a, err := c.known.Agent(s.Agent)
	if s.Agent != "" && (err != nil || a.Internal) {
		c.fault(field+".agent", "there is no such agent; GET /v1/agents/list names them")
	}
	if err := checkTemplate(s.Task, n); err != nil {
		c.fault(field+".task", "%v", err)
	}
	if len(s.When) <= autonoma.MaxCondition {
		if _, err := compileCondition(s.When, n); err != nil {
			c.fault(field+".when", "%v", err)
		}
	}
	if b := s.Back; b != nil {
		if !slices.Contains(before, b.To) {
			c.fault(field+".back.to", "must name a step that comes before")
		}
		if err == nil && a.Yields != autonoma.Judgment {
			c.fault(field+".back", "only agents that judge can send work back, and %s does not", a.ID)
		}
	}
	return autonoma.Step{
		ID: s.ID, Agent: a.ID, Asks: s.Task, Needs: slices.Clone(c.w.Needs(at)), Back: s.Back,
		Rules: autonoma.Rules{
			When: s.When, Approval: s.Approval, Intelligence: s.Intelligence, Scope: s.Scope,
			TimeoutSeconds: s.TimeoutSeconds, Retries: int(s.Retries),
		},
		Pace: catalog.Pace(a.Yields), Status: autonoma.StepPending, Round: 1,
	}
}

// place returns where a step of the given name is, or -1.
func (c *checker) place(id string) int {
	return slices.IndexFunc(c.w.Steps, func(s autonoma.WorkflowStep) bool { return s.ID == id })
}

// before returns all steps that are done before the one at the given place begins, in
// the order in which they are written.
func (c *checker) before(at int) []string {
	seen := map[int]bool{}
	var visit func(int)
	visit = func(at int) {
		for _, id := range c.w.Needs(at) {
			if need := c.place(id); need >= 0 && !seen[need] {
				seen[need] = true
				visit(need)
			}
		}
	}
	visit(at)
	var ids []string
	for i, s := range c.w.Steps {
		if seen[i] && i != at {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// order returns the places of the steps so that what a step needs comes before it and
// what is written first comes first otherwise. Steps that wait for each other are a
// fault, and come last.
func (c *checker) order() []int {
	var order, stuck []int
	done := map[int]bool{}
	for at := range c.w.Steps {
		stuck = append(stuck, at)
	}
	for len(stuck) > 0 {
		i := slices.IndexFunc(stuck, func(at int) bool {
			return !slices.ContainsFunc(c.w.Needs(at), func(id string) bool { p := c.place(id); return p >= 0 && !done[p] })
		})
		if i < 0 {
			c.circle(stuck)
			return append(order, stuck...)
		}
		order, done[stuck[i]] = append(order, stuck[i]), true
		stuck = slices.Delete(stuck, i, i+1)
	}
	return order
}

// circle notes a circle among steps of which each waits for another of them.
func (c *checker) circle(stuck []int) {
	way := []int{stuck[0]}
	for {
		last := way[len(way)-1]
		next := slices.IndexFunc(c.w.Needs(last), func(id string) bool { return slices.Contains(stuck, c.place(id)) })
		at := c.place(c.w.Needs(last)[next])
		if i := slices.Index(way, at); i >= 0 {
			text := ""
			for _, w := range way[i:] {
				text += c.w.Steps[w].ID + " waits for "
			}
			if len(way[i:]) > 1 { // one that waits for itself is told of already
				c.fault(fmt.Sprintf("steps[%d].dependsOn", at), "none of these can begin: %s", text+c.w.Steps[at].ID)
			}
			return
		}
		way = append(way, at)
	}
}
