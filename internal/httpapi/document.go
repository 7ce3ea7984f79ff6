package httpapi

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"autonoma"
	"autonoma/api"
)

// describe is the head of the document, and how huma is to behave.
func (s *server) describe() huma.Config {
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	json := huma.DefaultJSONFormat
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:       "Autonoma API",
				Version:     api.Version,
				Description: "Submit development tasks to AI agents, follow them, and collect branches whose claims are proven.",
				License:     &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Servers: []*huma.Server{{URL: "http://127.0.0.1:7420", Description: "The default of autonoma serve"}},
			Components: &huma.Components{
				Schemas:   registry,
				Responses: map[string]*huma.Response{},
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"key": {Type: "http", Scheme: "bearer", Description: "An API key, as printed by autonoma keys create."},
				},
			},
			Security: []map[string][]string{{"key": {}}},
			Tags: []*huma.Tag{
				{Name: "tasks", Description: "Development tasks for AI agents."},
				{Name: "agents", Description: "The agents, and who works on what."},
				{Name: "rigor", Description: "Single agents, invoked by name, and all executions. Needs a key with the scope admin."},
				{Name: "workflows", Description: "Custom workflows that chain agents together, and runs of them."},
				{Name: "approvals", Description: "Questions to humans, on whose answers tasks wait."},
				{Name: "evidence", Description: "The keys that sign what was found out about results."},
				{Name: "feedback", Description: "What people say of work that is over."},
				{Name: "knowledge", Description: "What is remembered of repositories, and told to the agents that work on them."},
				{Name: "webhooks", Description: "Who is told of what happens to tasks."},
				{Name: "admin", Description: "Tenants and keys."},
				{Name: "utility", Description: "About the server."},
			},
		},
		Formats:                      map[string]huma.Format{"application/json": json, "json": json},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{s.translate},
	}
}

// problems are the responses for the given statuses, and for those that every
// operation under /v1 may give.
func (s *server) problems(statuses []int) map[string]*huma.Response {
	shared := s.api.OpenAPI().Components.Responses
	all := map[string]*huma.Response{}
	for _, status := range append([]int{401, 422, 429, 500}, statuses...) {
		name := strings.ReplaceAll(http.StatusText(status), " ", "")
		shared[name] = &huma.Response{
			Description: http.StatusText(status),
			Content:     map[string]*huma.MediaType{problemType: {Schema: schemaOf[api.Problem](s)}},
		}
		all[strconv.Itoa(status)] = &huma.Response{Ref: "#/components/responses/" + name}
	}
	return all
}

// schemaOf returns a reference to the schema of T.
func schemaOf[T any](s *server) *huma.Schema {
	return s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[T](), true, "")
}

// describeLimits adds the headers that every answer to somebody known has.
func (s *server) describeLimits(doc *huma.OpenAPI) {
	count := func(text string) *huma.Header {
		return &huma.Header{Description: text, Schema: &huma.Schema{Type: huma.TypeInteger}}
	}
	doc.Components.Headers = map[string]*huma.Header{
		"X-RateLimit-Limit":     count("How many requests your plan allows in a clock hour."),
		"X-RateLimit-Remaining": count("How many of them are left."),
		"X-RateLimit-Reset":     count("When the next hour begins, in seconds since 1970."),
		"X-Request-Id":          {Description: "Names the request in the server's log; yours, if you sent one.", Schema: &huma.Schema{Type: huma.TypeString}},
		"Retry-After":           count("After how many seconds to come again."),
	}
	describe := func(r *huma.Response, names ...string) {
		if r.Ref != "" {
			return
		}
		if r.Headers == nil {
			r.Headers = map[string]*huma.Param{}
		}
		for _, name := range names {
			r.Headers[name] = &huma.Header{Ref: "#/components/headers/" + name}
		}
	}
	limits := []string{"X-Request-Id", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}
	for name, r := range doc.Components.Responses {
		switch name {
		case "Unauthorized": // whoever is not known has no plan
			describe(r, "X-Request-Id")
		case "TooManyRequests":
			describe(r, append([]string{"Retry-After"}, limits...)...)
		default:
			describe(r, limits...)
		}
	}
	for _, item := range doc.Paths {
		for _, op := range operations(item) {
			for _, r := range op.Responses {
				describe(r, limits...)
			}
		}
	}
}

// operations are the operations of a path.
func operations(item *huma.PathItem) []*huma.Operation {
	var all []*huma.Operation
	for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
		if op != nil {
			all = append(all, op)
		}
	}
	return all
}

// finish completes the document with what types cannot say. It is written when somebody
// asks for it first: most servers, and nearly all of those in tests, are never asked.
func (s *server) finish() {
	doc := s.api.OpenAPI()
	s.describeBodies(doc)
	s.describeLimits(doc)
	for name, schema := range doc.Components.Schemas.Map() {
		refine(name, schema)
	}
	kind := parameterOf(doc.Paths[knowledges].Get, "kind")
	kind.Schema.Enum = anyOf(autonoma.KnowledgeKinds)
	kind.Schema.PrecomputeMessages()
	for path, statuses := range map[string][]any{
		"/v1/agents/tasks": anyOf(autonoma.Statuses), "/v1/approvals": anyOf(autonoma.ApprovalStatuses),
	} {
		if status := parameterOf(doc.Paths[path].Get, "status"); status != nil {
			status.Schema.Enum = statuses
			status.Schema.PrecomputeMessages()
		}
	}
	s.list(doc)
	s.pages = sync.OnceValue(func() []byte { return referenceOf(doc) })
	s.document = sync.OnceValue(func() []byte {
		text, err := doc.YAML()
		if err != nil {
			panic("httpapi: document: " + err.Error())
		}
		return text
	})
}

// asks adds an example to the body of a request, which handle has described.
func asks(op *huma.Operation, example any) {
	op.RequestBody.Content["application/json"].Example = example
}

// describeBodies adds examples, and the bodies that the operations write by
// themselves.
func (s *server) describeBodies(doc *huma.OpenAPI) {
	task := "/v1/agents/tasks/{taskId}"
	create := doc.Paths["/v1/agents/tasks"].Post
	asks(create, exampleTask())
	create.Responses["202"].Content["application/json"].Example = exampleAnswer()

	invoke := doc.Paths["/v1/admin/rigor/invoke/{personality}"].Post
	asks(invoke, exampleInvoke())
	for op, example := range map[*huma.Operation]any{
		invoke: exampleInvoked(), doc.Paths[task+"/retry"].Post: exampleAnswer(),
	} {
		op.Responses["202"].Content["application/json"].Example = example
	}
	for path, example := range map[string]any{
		"/v1/agents/list": exampleAgents(), "/v1/agents/{id}/status": exampleAgentStatus(),
		"/v1/agents/orchestrator/coordination": exampleCoordination(),
		"/v1/admin/rigor/status/{executionId}": exampleExecution(), "/v1/admin/rigor/health": exampleRigorHealth(),
	} {
		doc.Paths[path].Get.Responses["200"].Content["application/json"].Example = example
	}
	s.describeHooks(doc)
	s.describeKnowledge(doc)
	s.describeEvents(doc.Paths[task+"/events"].Get)
	doc.Paths[task+"/diff"].Get.Responses["200"].Content = diffContent()
	doc.Paths[task+"/artifacts/{artifactId}"].Get.Responses["200"].Content = anyContent()
	s.describeWorkflows(doc)
	for _, path := range []string{task, runsPath + "/{id}"} {
		describeEvidence(doc.Paths[path+"/evidence"].Get.Responses["200"])
	}
	doc.Paths["/v1/health"].Get.Responses["503"] = &huma.Response{
		Description: "The server does not work",
		Content:     map[string]*huma.MediaType{"application/json": {Schema: schemaOf[api.Health](s)}},
	}
	doc.Paths["/v1/admin/rigor/health"].Get.Responses["503"] = &huma.Response{
		Description: "No execution could run",
		Content:     map[string]*huma.MediaType{"application/json": {Schema: schemaOf[api.RigorHealth](s)}},
	}
}

func (s *server) describeEvents(events *huma.Operation) {
	events.Description = "By default a stream of server-sent events: id is the event's number, event its kind, data an Event. " +
		"It begins after Last-Event-ID or after, shows a comment every 15 seconds when nothing happens, and ends after the event " +
		"that ends the run; a client that comes again then gets 204. With Accept: application/json, a page of events."
	events.Responses["200"].Content = map[string]*huma.MediaType{
		"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}},
		"application/json":  {Schema: schemaOf[api.Events](s)},
	}
	events.Responses["204"] = &huma.Response{Description: "All is over and all events were seen"}
}

func diffContent() map[string]*huma.MediaType {
	return map[string]*huma.MediaType{"text/x-diff": {Schema: &huma.Schema{Type: huma.TypeString}}}
}

func anyContent() map[string]*huma.MediaType {
	return map[string]*huma.MediaType{"*/*": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}
}

// list lists the operations for /v1/info, in the order of the document.
func (s *server) list(doc *huma.OpenAPI) {
	for _, path := range sortedKeys(doc.Paths) {
		for _, op := range operations(doc.Paths[path]) {
			s.listing = append(s.listing, api.Endpoint{Method: op.Method, Path: path, Description: op.Summary})
		}
	}
}

func parameterOf(op *huma.Operation, name string) *huma.Param {
	for _, p := range op.Parameters {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// parameter is the name of the parameter at a place that huma names, as in
// query.limit.
func parameter(location string) string {
	for _, in := range []string{"query.", "path.", "header."} {
		if name, ok := strings.CutPrefix(location, in); ok {
			return legible(name)
		}
	}
	return legible(location)
}
