package httpapi

import (
	"maps"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/service"
)

// refine adds to a schema what is said by the nouns rather than by its type:
// which values there are, how long they may be, and what may be null. It changes
// the document only; the nouns themselves judge what is sent.
func refine(name string, schema *huma.Schema) {
	notNull(schema)
	p := schema.Properties
	switch name {
	case "CreateTask":
		refineTask(schema)
	case "Invoke":
		bound(p["prompt"], 1, autonoma.MaxTask)
		refineRequest(schema)
	case "CreatedTask":
		enum(p["status"], autonoma.Statuses)
	case "Task":
		enum(p["status"], autonoma.Statuses)
		enum(p["kind"], autonoma.Kinds)
		enum(p["capabilities"].Items, autonoma.Capabilities)
		enum(p["intelligence"], autonoma.Intelligences)
		enum(p["scope"], autonoma.Scopes)
		enum(p["priority"], autonoma.Priorities)
		enum(p["delivery"], autonoma.Deliveries)
		between(p["progress"], 0, 100)
		enum(p["acmfMode"], autonoma.Modes)
		nullable(p, "approval", "budget", "output", "error")
	case "Step":
		enum(p["status"], autonoma.StepStatuses)
		enum(p["phase"], autonoma.Phases)
		p["phase"].Enum = append(p["phase"].Enum, nil)
		between(p["progress"], 0, 100)
	case "Approval":
		enum(p["status"], autonoma.ApprovalStatuses)
		enum(p["default"], autonoma.ApprovalStatuses)
		enum(p["kind"], autonoma.QuestionKinds)
		enum(p["risk"], autonoma.Risks)
		p["evidence"] = &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Description: p["evidence"].Description}
		nullable(p, "decision")
	case "Finding":
		enum(p["severity"], autonoma.Risks)
	case "Decide":
		enum(p["decision"], []string{api.Approve, api.Reject})
	case "TaskError":
		enum(p["phase"], autonoma.Phases)
		p["phase"].Enum = append(p["phase"].Enum, nil)
	case "Command":
		nullable(p, "tests")
	case "Verification":
		enum(p["status"], []autonoma.VerificationStatus{autonoma.Verified, autonoma.NotVerified, autonoma.NotApplicable})
	case "Event":
		p["data"] = &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Description: p["data"].Description}
	case "Health", "Service":
		enum(p["status"], api.HealthStatuses)
	case "Tenant":
		enum(p["plan"], autonoma.Plans)
	case "ChangeTenant":
		enum(p["plan"], autonoma.Plans)
		p["plan"].Enum = append(p["plan"].Enum, nil)
		p["minLevel"].Nullable = true
		nullable(p, "budget")
	case "CreateTenant":
		bound(p["name"], 1, 100)
		enumWithDefault(p["plan"], autonoma.Plans, autonoma.Startup)
		nullable(p, "budget")
	case "Key", "KeyWithSecret":
		enum(p["scopes"].Items, autonoma.KeyScopes)
	case "CreateKey":
		bound(p["name"], 1, 100)
		enum(p["scopes"].Items, autonoma.KeyScopes)
		p["scopes"].MinItems = new(1)
	case "RotateKey":
		between(p["overlapSeconds"], 0, service.MaxOverlap.Seconds())
	case "CreateHook", "ChangeHook":
		refineHook(schema)
	case "HookDelivery":
		enum(p["status"], autonoma.DeliveryStatuses)
		nullable(p, "lastAttempt")
	case "Info":
		enum(p["plan"], autonoma.Plans)
	case "Problem":
		enum(p["code"], api.Codes())
	}
	refineAgents(name, p)
	refineKnowledge(name, schema)
	if !refineWorkflows(name, schema) && !slices.Contains(requests, name) {
		schema.AdditionalProperties = nil // clients must expect more to be added to answers
	}
}

// requests are what is sent to us: unknown fields are refused.
var requests = []string{"CreateTask", "Budget", "MonthBudget", "Invoke", "CreateTenant", "ChangeTenant", "CreateKey", "RotateKey", "CreateHook", "ChangeHook", "Decide", "GiveFeedback", "CreateNote", "ChangeKnowledge"}

func refineTask(schema *huma.Schema) {
	p := schema.Properties
	bound(p["task"], 1, autonoma.MaxTask)
	enum(p["capabilities"].Items, autonoma.Capabilities)
	p["capabilities"].MinItems, p["capabilities"].MaxItems = new(1), new(len(autonoma.Capabilities))
	p["capabilities"].UniqueItems = true
	enumWithDefault(p["delivery"], autonoma.Deliveries, autonoma.DeliverBranch)
	for _, name := range []string{"setup", "verify"} {
		p[name].MaxItems = new(autonoma.MaxCommands)
		bound(p[name].Items, 1, autonoma.MaxCommand)
	}
	p["metadata"].MaxProperties = new(autonoma.MaxMetadata)
	refineRequest(schema)
}

// refineRequest refines what all requests have in common.
func refineRequest(schema *huma.Schema) {
	p := schema.Properties
	enumWithDefault(p["intelligence"], autonoma.Intelligences, autonoma.Core)
	enumWithDefault(p["scope"], autonoma.Scopes, autonoma.MVP)
	enumWithDefault(p["priority"], autonoma.Priorities, autonoma.Normal)
	enum(p["acmfMode"], autonoma.Modes)
	for name, property := range p {
		if !slices.Contains(schema.Required, name) && property.Ref == "" {
			property.Nullable = true
			if len(property.Enum) > 0 {
				property.Enum = append(property.Enum, nil)
			}
		}
	}
	nullable(p, "budget")
}

// notNull undoes what huma assumes of lists: ours are empty, never null.
func notNull(schema *huma.Schema) {
	for _, p := range schema.Properties {
		if p.Type == huma.TypeArray {
			p.Nullable = false
		}
	}
}

// nullable lets properties be null that are objects.
func nullable(properties map[string]*huma.Schema, names ...string) {
	for _, name := range names {
		object := properties[name]
		properties[name] = &huma.Schema{
			Description: object.Description,
			AnyOf:       []*huma.Schema{{Ref: object.Ref}, {Type: "null"}},
		}
	}
}

func enum[T ~string](schema *huma.Schema, values []T) { schema.Enum = anyOf(values) }

func enumWithDefault[T ~string](schema *huma.Schema, values []T, def T) {
	enum(schema, values)
	schema.Default = string(def)
}

func anyOf[T ~string](values []T) []any {
	all := make([]any, len(values))
	for i, v := range values {
		all[i] = string(v)
	}
	return all
}

func bound(schema *huma.Schema, least, most int) { schema.MinLength, schema.MaxLength = &least, &most }

func between(schema *huma.Schema, least, most float64) {
	schema.Minimum, schema.Maximum = &least, &most
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// exampleTask is the request that the API's first page shows.
func exampleTask() any {
	return map[string]any{
		"task": "Add user authentication to React app", "capabilities": []string{"BUILD"},
		"intelligence": "core", "priority": "normal", "source": "/path/to/your/project",
	}
}

// exampleAnswer is the answer to it.
func exampleAnswer() any {
	return map[string]any{
		"taskId": "task_a1b2c3d4e5f6", "status": "queued", "estimatedCompletion": "2026-02-23T15:30:00Z",
		"agentsAssigned": []string{"req-ai", "planner-ai", "architect-ai"}, "statusUrl": "/v1/agents/tasks/task_a1b2c3d4e5f6",
	}
}
