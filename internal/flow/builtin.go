package flow

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"

	"autonoma"
	"autonoma/internal/catalog"
)

// A BuiltIn is a workflow that comes with the program.
type BuiltIn struct {
	Workflow autonoma.Workflow // as it is at the scope at which most of it takes part

	// At returns it as it is at a scope.
	At func(autonoma.Scope) autonoma.Workflow
}

// BuiltIns reads the workflows in files (*.yaml) and makes one of the flow of each
// capability. It reports all that is wrong at once.
func BuiltIns(known *catalog.Catalog, files fs.FS) ([]BuiltIn, error) {
	names, err := fs.Glob(files, "*.yaml") // sorted
	if err != nil {
		return nil, err
	}
	var all []BuiltIn
	var faults []error
	for _, name := range names {
		w, err := read(files, name)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
			continue
		}
		all = append(all, BuiltIn{w, func(autonoma.Scope) autonoma.Workflow { return w }})
	}
	for _, c := range autonoma.Capabilities {
		at := func(s autonoma.Scope) autonoma.Workflow { return ofCapability(known, c, s) }
		all = append(all, BuiltIn{at(autonoma.Production), at})
	}
	for i, b := range all {
		f, err := Compile(known, b.Workflow)
		if err != nil {
			faults = append(faults, fmt.Errorf("workflow %s: %w", b.Workflow.Name, err))
			continue
		}
		all[i].Workflow = f.Workflow
	}
	return all, errors.Join(faults...)
}

// read reads a workflow from YAML, in which it looks as it does in JSON.
func read(files fs.FS, name string) (autonoma.Workflow, error) {
	var w autonoma.Workflow
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return w, err
	}
	var v map[string]any
	if err := yaml.Unmarshal(text, &v); err != nil {
		return w, err
	}
	v["name"] = strings.TrimSuffix(name, path.Ext(name))
	text, err = json.Marshal(v)
	if err != nil {
		return w, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	return w, dec.Decode(&w)
}

// ofCapability makes a workflow of the flow of a capability: the steps that take
// part at the scope, each of which is told the task.
func ofCapability(known *catalog.Catalog, c autonoma.Capability, scope autonoma.Scope) autonoma.Workflow {
	w := autonoma.Workflow{
		Name: strings.ToLower(string(c)), Description: known.Flow(c).Description, Pattern: autonoma.Graph,
		Input: json.RawMessage(`{"type": "object", "properties": {"task": {"type": "string", "minLength": 1, "maxLength": 10000,
			"description": "What is to be done, in plain words."}}, "required": ["task"], "additionalProperties": false}`),
	}
	for _, s := range known.Plan(autonoma.Request{Capabilities: []autonoma.Capability{c}, Scope: scope}) {
		w.Steps = append(w.Steps, autonoma.WorkflowStep{
			ID: s.ID, Agent: s.Agent, Task: s.Asks + "\n\nThe task: {{ input.task }}", DependsOn: s.Needs, Back: s.Back,
		})
	}
	return w
}
