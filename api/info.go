package api

import (
	"time"

	"autonoma"
)

// Health tells how the server and what it needs are.
type Health struct {
	Status    HealthStatus       `json:"status" doc:"The worst of the services'."`
	Version   string             `json:"version" doc:"Version of the server."`
	Timestamp time.Time          `json:"timestamp" doc:"When this was found out."`
	Services  map[string]Service `json:"services" doc:"The services by name: database, queue, models, sandbox."`
}

// A Service is something the server needs, and how it is.
type Service struct {
	Status  HealthStatus `json:"status" doc:"How it is."`
	Message string       `json:"message" doc:"What there is to say about it, and what to do if it is not healthy."`
}

// A HealthStatus is how something is.
type HealthStatus string

// The ways something can be, best first.
const (
	Healthy   HealthStatus = "healthy"
	Degraded  HealthStatus = "degraded"  // it works, but not as it should
	Unhealthy HealthStatus = "unhealthy" // it does not work
)

// HealthStatuses are all ways something can be, best first.
var HealthStatuses = []HealthStatus{Healthy, Degraded, Unhealthy}

// Info tells what the server is and what it offers.
type Info struct {
	Name          string              `json:"name" doc:"Name of the program."`
	Version       string              `json:"version" doc:"Version of the server."`
	APIVersion    string              `json:"apiVersion" doc:"Version of this contract."`
	Endpoints     []Endpoint          `json:"endpoints" doc:"What can be called."`
	Documentation string              `json:"documentation" doc:"Path of the reference; the OpenAPI document is at /openapi.yaml."`
	Limits        Limits              `json:"limits" doc:"How much a request may hold."`
	Plan          autonoma.PlanName   `json:"plan" doc:"The plan of whoever asks."`
	WebhookEvents []autonoma.HookType `json:"webhookEvents" doc:"What webhooks can be told of."`
	Features      []string            `json:"features" doc:"What this server can do beyond the endpoints, by name."`
}

// An Endpoint is something that can be called.
type Endpoint struct {
	Method      string `json:"method" doc:"HTTP method."`
	Path        string `json:"path" doc:"Path, with parameters in braces."`
	Description string `json:"description" doc:"What it does."`
}

// Limits are how much a request may hold.
type Limits struct {
	BodyBytes      int `json:"bodyBytes" doc:"Bytes of a request's body."`
	TaskCharacters int `json:"taskCharacters" doc:"Characters of a task."`
	Commands       int `json:"commands" doc:"Commands in setup, and in verify."`
	CommandBytes   int `json:"commandBytes" doc:"Bytes of a command."`
	MetadataPairs  int `json:"metadataPairs" doc:"Pairs of metadata."`
	MetadataBytes  int `json:"metadataBytes" doc:"Bytes of a key or a value of metadata."`
	PageSize       int `json:"pageSize" doc:"Entries on a page of a list."`
}

// What a request may hold, beyond the limits of package autonoma.
const (
	MaxBody       = 1 << 20 // bytes of a request's body
	MaxPage       = 100     // entries on a page of a list
	DefaultPage   = 20      // entries on a page, unless asked otherwise
	MaxEventsPage = 1000    // events on a page, when they are not streamed
)
