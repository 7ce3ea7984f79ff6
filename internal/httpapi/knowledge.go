package httpapi

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/service"
)

const knowledges, knowledge = "/v1/knowledge", "/v1/knowledge/{knowledgeId}"

// knowledgeRoutes are the operations on what is remembered of repositories.
func (s *server) knowledgeRoutes() {
	on := []string{"knowledge"}
	creates(s, huma.Operation{OperationID: "createNote", Method: http.MethodPost, Path: knowledges, Tags: on, DefaultStatus: http.StatusCreated,
		Summary: "Write down what agents should know of a repository"}, s.createNote, s.createdNote)
	handle(s, huma.Operation{OperationID: "listKnowledge", Method: http.MethodGet, Path: knowledges, Tags: on,
		Summary: "List what is remembered of repositories, newest first",
		Errors:  []int{403, 422}}, s.listKnowledge)
	handle(s, huma.Operation{OperationID: "getKnowledge", Method: http.MethodGet, Path: knowledge, Tags: on,
		Summary: "Get something that is remembered, and how often it was of use",
		Errors:  []int{403, 404}}, s.getKnowledge)
	handle(s, huma.Operation{OperationID: "changeKnowledge", Method: http.MethodPatch, Path: knowledge, Tags: on,
		Summary: "Correct what is remembered: from then on it has your words",
		Errors:  []int{400, 403, 404, 408, 413, 415, 422}}, s.changeKnowledge)
	handle(s, huma.Operation{OperationID: "deleteKnowledge", Method: http.MethodDelete, Path: knowledge, Tags: on, DefaultStatus: http.StatusNoContent,
		Summary: "Forget something: it does not come back by itself",
		Errors:  []int{403, 404}}, s.deleteKnowledge)
}

// KnowledgeIn names something that is remembered in the path of a request.
type KnowledgeIn struct {
	KnowledgeID autonoma.KnowledgeID `path:"knowledgeId" doc:"Names what is remembered."`
}

type knowledgeOut struct {
	Body api.Knowledge
}

// shown is something that is remembered, as it is shown.
func (s *server) shown(k autonoma.Knowledge) api.Knowledge { return api.KnowledgeOf(k, s.now()) }

func (s *server) createNote(ctx context.Context, by autonoma.Actor, in *Creation[api.CreateNote], also service.Also[autonoma.Knowledge]) (autonoma.Knowledge, error) {
	wish, faults, err := in.Sent.get()
	if err != nil {
		return autonoma.Knowledge{}, err
	}
	k := autonoma.Knowledge{Source: wish.Source, Text: wish.Text, Paths: wish.Paths, Type: wish.Type, Confidence: 1}
	set(&k.Confidence, wish.Confidence)
	if len(faults) > 0 {
		return autonoma.Knowledge{}, withNouns(faults, judged(k.Normalize()))
	}
	return s.Knowledge.Add(ctx, by, k, also)
}

func (s *server) createdNote(k autonoma.Knowledge) (string, api.Knowledge) {
	return knowledges + "/" + string(k.ID), s.shown(k)
}

type listKnowledgeIn struct {
	PageIn
	Source string `query:"source" doc:"Only what is remembered of this repository, as the tasks name it."`
	Kind   string `query:"kind" doc:"Only this kind."`
}

type listKnowledgeOut struct {
	Body api.KnowledgePage
}

func (s *server) listKnowledge(ctx context.Context, by autonoma.Actor, in *listKnowledgeIn) (*listKnowledgeOut, error) {
	from, err := parseCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	all, next, err := s.Knowledge.List(ctx, by, in.Source, autonoma.KnowledgeKind(in.Kind), from, in.Limit)
	return &listKnowledgeOut{api.KnowledgePage{Knowledge: each(all, s.shown), NextCursor: nextCursor(next)}}, err
}

func (s *server) getKnowledge(ctx context.Context, by autonoma.Actor, in *KnowledgeIn) (*knowledgeOut, error) {
	k, err := s.Knowledge.Get(ctx, by, in.KnowledgeID)
	return &knowledgeOut{s.shown(k)}, err
}

type changeKnowledgeIn struct {
	KnowledgeIn
	Sent sent[api.ChangeKnowledge]
}

func (s *server) changeKnowledge(ctx context.Context, by autonoma.Actor, in *changeKnowledgeIn) (*knowledgeOut, error) {
	wish, faults, err := in.Sent.get()
	if err != nil {
		return nil, err
	}
	if len(faults) > 0 {
		return nil, faults
	}
	k, err := s.Knowledge.Change(ctx, by, in.KnowledgeID, func(k *autonoma.Knowledge) {
		set(&k.Text, wish.Text)
		set(&k.Confidence, wish.Confidence)
	})
	return &knowledgeOut{s.shown(k)}, err
}

func (s *server) deleteKnowledge(ctx context.Context, by autonoma.Actor, in *KnowledgeIn) (*struct{}, error) {
	return nil, s.Knowledge.Delete(ctx, by, in.KnowledgeID)
}

// describeKnowledge adds examples.
func (s *server) describeKnowledge(doc *huma.OpenAPI) {
	asks(doc.Paths[knowledges].Post, map[string]any{
		"source": "/path/to/your/project", "text": "The files below api/gen are generated: change api/schema.yaml and run make generate.",
		"paths": []string{"api/schema.yaml"},
	})
	asks(doc.Paths[knowledge].Patch, map[string]any{"confidence": 0.5})
	k := autonoma.Knowledge{
		ID: "know_0a1b2c3d4e5f", Source: "/path/to/your/project", Kind: autonoma.Coupling, Type: autonoma.ObservedPattern,
		Text:  "api/schema.yaml and api/gen/types.go changed together in 78 % of the commits that changed either.",
		Paths: []string{"api/gen/types.go", "api/schema.yaml"}, Confidence: 0.78, Successes: 3, Failures: 1, Uses: 4,
		CreatedAt: noon.AddDate(0, -1, 0), UpdatedAt: noon.AddDate(0, -1, 0), UsedAt: noon,
	}
	doc.Paths[knowledge].Get.Responses["200"].Content["application/json"].Example = api.KnowledgeOf(k, noon)
	doc.Paths[knowledges].Get.Responses["200"].Content["application/json"].Example = api.KnowledgePage{Knowledge: []api.Knowledge{api.KnowledgeOf(k, noon)}}
}

// refineKnowledge adds to the schemas of knowledge what the nouns say.
func refineKnowledge(name string, schema *huma.Schema) {
	p := schema.Properties
	switch name {
	case "Knowledge":
		enum(p["kind"], autonoma.KnowledgeKinds)
		enum(p["type"], autonoma.ObservationTypes)
		between(p["confidence"], 0, 1)
		between(p["relevance"], 0, 1)
	case "CreateNote", "ChangeKnowledge":
		bound(p["text"], 1, autonoma.MaxKnowledge)
		between(p["confidence"], 0, 1)
		if name == "CreateNote" {
			bound(p["source"], 1, autonoma.MaxSource)
			enumWithDefault(p["type"], autonoma.ObservationTypes, autonoma.ObservedPattern)
			p["paths"].MaxItems = new(autonoma.MaxKnowledgePaths)
			bound(p["paths"].Items, 1, autonoma.MaxKnowledgePath)
		}
		for field, property := range p {
			if !slices.Contains(schema.Required, field) {
				property.Nullable = true
				if len(property.Enum) > 0 {
					property.Enum = append(property.Enum, nil)
				}
			}
		}
	}
}
