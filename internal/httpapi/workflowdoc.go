package httpapi

import (
	"github.com/danielgtaylor/huma/v2"

	"autonoma"
	"autonoma/api"
)

// describeWorkflows adds examples, and what the operations on workflows write by
// themselves.
func (s *server) describeWorkflows(doc *huma.OpenAPI) {
	asks(doc.Paths[templatesPath].Post, exampleWorkflow())
	asks(doc.Paths[templatesPath+"/validate"].Post, exampleWorkflow())
	asks(doc.Paths[templatesPath+"/{name}"].Put, exampleWorkflow())
	run := doc.Paths[runsPath].Post
	asks(run, exampleRun())
	run.Responses["202"].Content["application/json"].Example = exampleRunAnswer()

	const one = runsPath + "/{id}"
	s.describeEvents(doc.Paths[one+"/events"].Get)
	doc.Paths[one+"/diff"].Get.Responses["200"].Content = diffContent()
	doc.Paths[one+"/artifacts/{artifactId}"].Get.Responses["200"].Content = anyContent()
}

// refineWorkflows does what refine does, for the schemas of workflows. It reports
// whether the schema is of something that is sent.
func refineWorkflows(name string, schema *huma.Schema) (sent bool) {
	p := schema.Properties
	switch name {
	case "Workflow":
		bound(p["name"], 1, autonoma.MaxWorkflowName)
		enumWithDefault(p["pattern"], autonoma.Patterns, autonoma.Sequential)
		p["input"] = freeObject(p["input"])
		p["steps"].MinItems, p["steps"].MaxItems = new(1), new(autonoma.MaxWorkflowSteps)
	case "WorkflowStep":
		bound(p["id"], 1, autonoma.MaxWorkflowName)
		bound(p["task"], 1, autonoma.MaxTask)
		bound(p["when"], 0, autonoma.MaxCondition)
		enum(p["intelligence"], autonoma.Intelligences)
		enum(p["scope"], autonoma.Scopes)
		between(p["retries"], 0, autonoma.MaxWorkflowRetries)
		nullable(p, "back")
	case "Back":
		between(p["rounds"], 1, autonoma.MaxWorkflowRounds)
	case "RunWorkflow":
		refineRun(p)
	case "WorkflowTemplate":
		enum(p["pattern"], autonoma.Patterns)
	case "CreatedWorkflow":
		enum(p["status"], autonoma.Statuses)
	case "WorkflowStatus", "WorkflowRun":
		enum(p["status"], autonoma.Statuses)
		enumOrNull(p["phase"], autonoma.Phases)
		between(p["progress"], 0, 100)
	case "WorkflowRunStep":
		enum(p["status"], autonoma.StepStatuses)
		enumOrNull(p["phase"], autonoma.Phases)
		between(p["progress"], 0, 100)
		nullable(p, "output", "error")
	case "StepOutput":
		enumOrNull(p["verdict"], []autonoma.Verdict{autonoma.Approve, autonoma.Changes})
		enumOrNull(p["verification"], []autonoma.VerificationStatus{autonoma.Verified, autonoma.NotVerified, autonoma.NotApplicable})
	}
	if name == "WorkflowRun" {
		enum(p["intelligence"], autonoma.Intelligences)
		enum(p["scope"], autonoma.Scopes)
		enum(p["priority"], autonoma.Priorities)
		enum(p["delivery"], autonoma.Deliveries)
		p["input"] = freeObject(p["input"])
		nullable(p, "budget", "approval", "result", "error")
	}
	return name == "Workflow" || name == "WorkflowStep" || name == "Back" || name == "RunWorkflow"
}

func refineRun(p map[string]*huma.Schema) {
	p["workflow"] = &huma.Schema{
		Description: p["workflow"].Description,
		AnyOf:       []*huma.Schema{{Type: huma.TypeString}, {Ref: "#/components/schemas/Workflow"}, {Type: "null"}},
	}
	p["input"] = freeObject(p["input"])
	p["input"].Nullable = true
	enumWithDefault(p["pattern"], autonoma.Patterns, autonoma.Sequential)
	enumWithDefault(p["intelligence"], autonoma.Intelligences, autonoma.Core)
	enumWithDefault(p["scope"], autonoma.Scopes, autonoma.MVP)
	enumWithDefault(p["priority"], autonoma.Priorities, autonoma.Normal)
	enumWithDefault(p["delivery"], autonoma.Deliveries, autonoma.DeliverBranch)
	for _, name := range []string{"setup", "verify"} {
		p[name].MaxItems = new(autonoma.MaxCommands)
		bound(p[name].Items, 1, autonoma.MaxCommand)
	}
	p["steps"].MaxItems = new(autonoma.MaxWorkflowSteps)
	p["metadata"].MaxProperties = new(autonoma.MaxMetadata)
	for _, property := range p {
		if property.Ref == "" && len(property.AnyOf) == 0 {
			property.Nullable = true
			if len(property.Enum) > 0 {
				property.Enum = append(property.Enum, nil)
			}
		}
	}
	nullable(p, "budget")
}

// freeObject is the schema of an object of which nothing more is said here.
func freeObject(was *huma.Schema) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Description: was.Description}
}

// exampleWorkflow is the definition that the guide begins with.
func exampleWorkflow() any {
	return map[string]any{
		"name": "fix-and-check", "description": "Mends a fault of a service and has the mend judged.", "pattern": "sequential",
		"input": map[string]any{
			"type": "object", "required": []string{"fault"}, "additionalProperties": false,
			"properties": map[string]any{
				"fault":  map[string]any{"type": "string", "minLength": 1},
				"tested": map[string]any{"type": "boolean", "default": true},
			},
		},
		"steps": []any{
			map[string]any{"id": "fix", "agent": "coder-ai", "task": "Mend this fault with the smallest change: {{ input.fault }}"},
			map[string]any{"id": "prove", "agent": "tester-ai", "when": "input.tested && steps.fix.changed", "task": "Prove the mend with a test: {{ steps.fix.summary }}"},
			map[string]any{"id": "judge", "agent": "review-ai", "task": "Judge the change.", "back": map[string]any{"to": "fix", "rounds": 1}},
		},
	}
}

// exampleRun asks for a run of it.
func exampleRun() any {
	return map[string]any{
		"workflow": "fix-and-check", "input": map[string]any{"fault": "The greeting is spelt wrong."},
		"source": "/path/to/your/project", "priority": "normal", "intelligence": "core", "scope": "mvp",
	}
}

// exampleRunAnswer is the answer to it.
func exampleRunAnswer() any {
	step := func(id, agent string) any {
		return api.StepOf(autonoma.Run{}, autonoma.Step{ID: id, Agent: autonoma.AgentID(agent), Status: autonoma.StepPending})
	}
	return map[string]any{
		"workflowId": "wf_a1b2c3d4e5f6", "status": "queued", "statusUrl": "/v1/customer/workflow/wf_a1b2c3d4e5f6/status",
		"steps": []any{step("fix", "coder-ai"), step("prove", "tester-ai"), step("judge", "review-ai")},
	}
}
