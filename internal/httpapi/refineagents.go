package httpapi

import (
	"github.com/danielgtaylor/huma/v2"

	"autonoma"
	"autonoma/api"
)

// refineAgents does for agents and executions what [refine] does for the rest.
func refineAgents(name string, p map[string]*huma.Schema) {
	switch name {
	case "Agent", "AgentStatus":
		enum(p["capability"], autonoma.Capabilities)
		enum(p["status"], api.Activities)
		enum(p["health"], api.HealthStatuses)
		enum(p["acmfMode"], autonoma.Modes)
	case "ACMF":
		enum(p["mode"], autonoma.Modes)
		enumOrNull(p["nextMode"], autonoma.Modes)
		nullable(p, "remaining")
	case "ModeChange":
		enum(p["from"], autonoma.Modes)
		enum(p["to"], autonoma.Modes)
	case "GiveFeedback", "Feedback":
		enum(p["signal"], autonoma.Signals)
	case "ActiveTask":
		enum(p["kind"], autonoma.Kinds)
		enum(p["status"], autonoma.Statuses)
		enum(p["pattern"], api.Teamworks)
		between(p["progress"], 0, 100)
	case "ActiveAgent":
		enum(p["status"], autonoma.StepStatuses)
		enumOrNull(p["phase"], autonoma.Phases)
		between(p["progress"], 0, 100)
	case "Invoked":
		enum(p["status"], autonoma.Statuses)
		enum(p["acmfMode"], autonoma.Modes)
	case "Execution":
		enum(p["status"], autonoma.Statuses)
		enumOrNull(p["phase"], autonoma.Phases)
		between(p["progress"], 0, 100)
		enum(p["acmfMode"], autonoma.Modes)
		p["phases"].MinItems, p["phases"].MaxItems = new(len(autonoma.Phases)), new(len(autonoma.Phases))
		nullable(p, "approval", "output", "error", "sandbox")
	case "ExecutionOutput":
		enumOrNull(p["verdict"], []autonoma.Verdict{autonoma.Approve, autonoma.Changes})
		nullable(p, "verification")
	case "Gate":
		enum(p["status"], autonoma.GateStatuses)
	case "Phase":
		enum(p["name"], autonoma.Phases)
		enum(p["status"], autonoma.StepStatuses)
		between(p["progress"], 0, 100)
	case "RigorHealth":
		enum(p["status"], api.HealthStatuses)
		enum(p["phases"].Items, autonoma.Phases)
	case "RigorModel":
		enum(p["status"], api.HealthStatuses)
	}
}

func enumOrNull[T ~string](schema *huma.Schema, values []T) {
	enum(schema, values)
	schema.Enum = append(schema.Enum, nil)
}
