package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/service"
)

// evidenceRoutes are the operations on evidence, and on the keys that sign it.
func (s *server) evidenceRoutes() {
	const keys = "/v1/evidence/keys"
	handle(s, huma.Operation{OperationID: "getTaskEvidence", Method: http.MethodGet, Path: "/v1/agents/tasks/{taskId}/evidence", Tags: []string{"tasks"},
		Summary: "Get the signed evidence of what a task delivers",
		Errors:  []int{403, 404}}, s.taskEvidence)
	handle(s, huma.Operation{OperationID: "getWorkflowEvidence", Method: http.MethodGet, Path: runsPath + "/{id}/evidence", Tags: []string{"workflows"},
		Summary: "Get the signed evidence of what a run delivers",
		Errors:  []int{403, 404}}, s.workflowEvidence)
	handle(s, huma.Operation{OperationID: "listSigningKeys", Method: http.MethodGet, Path: keys, Tags: []string{"evidence"},
		Summary: "List the keys that sign evidence, newest first, with those that did before",
		Errors:  []int{403}}, s.signingKeys)
	creates(s, huma.Operation{OperationID: "rotateSigningKey", Method: http.MethodPost, Path: keys + "/rotate", Tags: []string{"evidence"},
		Summary: "Make a new key that signs evidence; what earlier ones signed stays good"}, s.rotateSigningKey, rotatedSigningKey)
}

func (s *server) taskEvidence(ctx context.Context, by autonoma.Actor, in *runIn) (*bodyOut, error) {
	id, err := runID(in.TaskID)
	if err != nil {
		return nil, err
	}
	return s.evidence(ctx, by, id)
}

func (s *server) workflowEvidence(ctx context.Context, by autonoma.Actor, in *workflowRunIn) (*bodyOut, error) {
	id, err := workflowID(in.ID)
	if err != nil {
		return nil, err
	}
	return s.evidence(ctx, by, id)
}

// staleHeader says whether the branch has moved on since: what is signed cannot.
const staleHeader = "Evidence-Stale"

// evidence answers with the envelope as it was made.
func (s *server) evidence(ctx context.Context, by autonoma.Actor, id autonoma.RunID) (*bodyOut, error) {
	run, err := s.Tasks.Get(ctx, by, id)
	if err != nil {
		return nil, err
	}
	a, f, err := s.Tasks.Evidence(ctx, by, id)
	if err != nil {
		return nil, err
	}
	out, err := serveFile(f, a.MediaType, a.Path)
	if err != nil {
		return nil, err
	}
	stale := "unknown"
	if is := s.Tasks.Stale(run); is != nil {
		stale = strconv.FormatBool(*is)
	}
	file := out.Body
	out.Body = func(hc huma.Context) {
		hc.SetHeader(staleHeader, stale)
		file(hc)
	}
	return out, nil
}

// describeEvidence says of an answer what it holds.
func describeEvidence(answer *huma.Response) {
	answer.Content = map[string]*huma.MediaType{evidenceType: {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true,
		Description: "A DSSE envelope with an in-toto statement."}}}
	answer.Headers = map[string]*huma.Param{staleHeader: {
		Description: "Whether the delivered branch has moved on from the commit that the evidence is about; unknown if that cannot be seen from the server.",
		Schema:      &huma.Schema{Type: huma.TypeString, Enum: []any{"true", "false", "unknown"}},
	}}
}

const evidenceType = "application/vnd.dsse.envelope.v1+json"

type signingKeysOut struct {
	Body api.SigningKeys
}

func (s *server) signingKeys(ctx context.Context, by autonoma.Actor, _ *struct{}) (*signingKeysOut, error) {
	all, err := s.SigningKeys.List(ctx, by)
	return &signingKeysOut{api.SigningKeys{Keys: each(all, api.SigningKeyOf)}}, err
}

func (s *server) rotateSigningKey(ctx context.Context, by autonoma.Actor, _ *Named, also service.Also[autonoma.SigningKey]) (autonoma.SigningKey, error) {
	return s.SigningKeys.Rotate(ctx, by, also)
}

func rotatedSigningKey(k autonoma.SigningKey) (string, api.SigningKey) {
	return "/v1/evidence/keys", api.SigningKeyOf(k)
}
