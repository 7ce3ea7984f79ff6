package openai

import (
	"encoding/json"

	"autonoma/internal/model"
	"autonoma/internal/model/wire"
)

type chatRequest struct {
	Model               string        `json:"model"`
	Stream              bool          `json:"stream"`
	StreamOptions       streamOptions `json:"stream_options"`
	MaxCompletionTokens int           `json:"max_completion_tokens,omitempty"`
	MaxTokens           int           `json:"max_tokens,omitempty"`
	ReasoningEffort     string        `json:"reasoning_effort,omitempty"`
	Tools               []chatTool    `json:"tools,omitempty"`
	Messages            []chatMessage `json:"messages"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

type chatTool struct {
	Type     string       `json:"type"`
	Function chatFunction `json:"function"`
}

type chatFunction struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Parameters  json.RawMessage `json:"parameters"`
}

type chatMessage struct {
	Role       string     `json:"role"`
	Content    *string    `json:"content,omitempty"`
	ToolCalls  []chatCall `json:"tool_calls,omitempty"`
	ToolCallID string     `json:"tool_call_id,omitempty"`

	// The two names under which servers send thoughts and want them back.
	ReasoningContent string `json:"reasoning_content,omitempty"`
	Reasoning        string `json:"reasoning,omitempty"`
}

type chatCall struct {
	ID       string           `json:"id"`
	Type     string           `json:"type"`
	Function chatCallFunction `json:"function"`
	// ExtraContent is where Gemini's endpoint puts the signature of a thought.
	ExtraContent json.RawMessage `json:"extra_content,omitempty"`
}

type chatCallFunction struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

// chatName marks what the Chat wire has put into model.Message.Opaque.
const chatName = "chat"

// chatMemory is what a server wants to be given back with calls.
type chatMemory struct {
	ReasoningContent string            `json:"reasoning_content,omitempty"`
	Reasoning        string            `json:"reasoning,omitempty"`
	Extra            []json.RawMessage `json:"extra,omitempty"` // one for each call, or none at all
}

func (m *chat) request(r model.Request) chatRequest {
	req := chatRequest{
		Model:           m.client.Info.Name,
		Stream:          true,
		StreamOptions:   streamOptions{IncludeUsage: true},
		ReasoningEffort: m.client.Info.Effort,
	}
	if limit := atMost(r.MaxTokens, m.client.Info); m.client.BaseURL == "" || m.client.BaseURL == DefaultBaseURL {
		req.MaxCompletionTokens = limit // the newer models of OpenAI refuse the old name
	} else {
		req.MaxTokens = limit // which is the one that all others know
	}
	for _, t := range r.Tools {
		req.Tools = append(req.Tools, chatTool{Type: "function", Function: chatFunction{t.Name, t.Description, t.Schema}})
	}
	if r.System != "" {
		req.Messages = append(req.Messages, chatMessage{Role: "system", Content: &r.System})
	}
	for _, s := range r.Messages {
		switch s.Role {
		case model.Assistant:
			if s.Text != "" || len(s.Calls) > 0 { // an empty one is refused
				req.Messages = append(req.Messages, m.spoken(s))
			}
		case model.Tool:
			req.Messages = append(req.Messages, chatMessage{Role: "tool", ToolCallID: s.Answer, Content: &s.Text})
		default:
			req.Messages = append(req.Messages, chatMessage{Role: "user", Content: &s.Text})
		}
	}
	return req
}

func (m *chat) spoken(s model.Message) chatMessage {
	msg := chatMessage{Role: "assistant"}
	if s.Text != "" {
		msg.Content = &s.Text
	}
	var memory chatMemory
	if len(s.Calls) > 0 && wire.Open(chatName, m.client.Info, s.Opaque, &memory) {
		msg.ReasoningContent, msg.Reasoning = memory.ReasoningContent, memory.Reasoning
	}
	for i, c := range s.Calls {
		call := chatCall{ID: c.ID, Type: "function", Function: chatCallFunction{c.Name, string(wire.ArgsObject(c.Args))}}
		if len(memory.Extra) == len(s.Calls) && string(memory.Extra[i]) != "null" {
			call.ExtraContent = memory.Extra[i]
		}
		msg.ToolCalls = append(msg.ToolCalls, call)
	}
	return msg
}
