package openai

import (
	"encoding/json"

	"autonoma/internal/model"
	"autonoma/internal/model/wire"
)

type responsesRequest struct {
	Model           string          `json:"model"`
	Stream          bool            `json:"stream"`
	Store           bool            `json:"store"`
	Include         []string        `json:"include,omitempty"`
	Reasoning       *reasoning      `json:"reasoning,omitempty"`
	MaxOutputTokens int             `json:"max_output_tokens,omitempty"`
	Instructions    string          `json:"instructions,omitempty"`
	Tools           []responsesTool `json:"tools,omitempty"`
	Input           []any           `json:"input"`
}

type reasoning struct {
	Effort string `json:"effort"`
}

type responsesTool struct {
	Type        string          `json:"type"`
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Parameters  json.RawMessage `json:"parameters"`
	Strict      bool            `json:"strict"`
}

type inputMessage struct {
	Type    string       `json:"type"`
	Role    string       `json:"role"`
	Phase   string       `json:"phase,omitempty"`
	Content []outputText `json:"content"`
}

type userMessage struct {
	Type    string `json:"type"`
	Role    string `json:"role"`
	Content string `json:"content"`
}

type outputText struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

type functionCall struct {
	Type      string `json:"type"`
	CallID    string `json:"call_id"`
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

type functionCallOutput struct {
	Type   string `json:"type"`
	CallID string `json:"call_id"`
	Output string `json:"output"`
}

// responsesName marks what the Responses wire has put into
// model.Message.Opaque: a list of wire.Place, whose notes are the phases of
// messages.
const responsesName = "responses"

func (m *responses) request(r model.Request) responsesRequest {
	info := m.client.Info
	req := responsesRequest{
		Model:           info.Name,
		Stream:          true,
		Instructions:    r.System,
		MaxOutputTokens: atMost(r.MaxTokens, info),
		Input:           []any{},
	}
	if info.Effort != "" {
		req.Reasoning = &reasoning{Effort: info.Effort}
	}
	if info.Effort != "" || m.client.Thinking != "" { // models that do not reason refuse it
		req.Include = []string{"reasoning.encrypted_content"}
	}
	for _, t := range r.Tools {
		req.Tools = append(req.Tools, responsesTool{Type: "function", Name: t.Name, Description: t.Description, Parameters: t.Schema})
	}
	for _, s := range r.Messages {
		switch s.Role {
		case model.Assistant:
			req.Input = append(req.Input, m.spoken(s)...)
		case model.Tool:
			req.Input = append(req.Input, functionCallOutput{"function_call_output", s.Answer, s.Text})
		default:
			req.Input = append(req.Input, userMessage{"message", "user", s.Text})
		}
	}
	return req
}

func (m *responses) spoken(s model.Message) []any {
	var layout []wire.Place
	wire.Open(responsesName, m.client.Info, s.Opaque, &layout)
	var items []any
	for _, p := range wire.Pieces(s, layout) {
		switch {
		case p.Block != nil:
			items = append(items, p.Block)
		case p.Call != nil:
			items = append(items, functionCall{"function_call", p.Call.ID, p.Call.Name, string(wire.ArgsObject(p.Call.Args))})
		case p.Text != "":
			items = append(items, inputMessage{"message", "assistant", p.Note, []outputText{{"output_text", p.Text}}})
		}
	}
	return items
}
