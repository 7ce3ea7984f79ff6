package script

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"autonoma/internal/model"
)

// chat is the Chat Completions protocol of OpenAI.
type chat struct{}

type chatRequest struct {
	Model         string     `json:"model"`
	Messages      []chatTurn `json:"messages"`
	Tools         []chatTool `json:"tools"`
	Stream        bool       `json:"stream"`
	StreamOptions *struct {
		IncludeUsage       bool `json:"include_usage"`
		IncludeObfuscation bool `json:"include_obfuscation"`
	} `json:"stream_options"`
	MaxTokens           *int   `json:"max_tokens"`
	MaxCompletionTokens *int   `json:"max_completion_tokens"`
	ReasoningEffort     string `json:"reasoning_effort"`
}

// alsoInChat are fields that exist and change nothing here.
var alsoInChat = []string{
	"frequency_penalty", "logit_bias", "logprobs", "metadata", "modalities", "n", "parallel_tool_calls",
	"prediction", "presence_penalty", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention",
	"response_format", "safety_identifier", "seed", "service_tier", "stop", "store", "temperature",
	"tool_choice", "top_logprobs", "top_p", "user", "verbosity", "web_search_options",
}

type chatTool struct {
	Type     string `json:"type"`
	Function struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Parameters  json.RawMessage `json:"parameters"`
		Strict      *bool           `json:"strict"`
	} `json:"function"`
}

type chatTurn struct {
	Role             string      `json:"role"`
	Content          chatContent `json:"content"`
	Name             string      `json:"name"`
	Refusal          *string     `json:"refusal"`
	ReasoningContent string      `json:"reasoning_content"`
	ToolCallID       string      `json:"tool_call_id"`
	ToolCalls        []struct {
		ID       string `json:"id"`
		Type     string `json:"type"`
		Function struct {
			Name      string `json:"name"`
			Arguments string `json:"arguments"`
		} `json:"function"`
	} `json:"tool_calls"`
}

// chatContent is a text, which may come in parts.
type chatContent string

func (c *chatContent) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*c = chatContent(text)
		return nil
	}
	var parts []struct {
		Type        string            `json:"type"`
		Text        string            `json:"text"`
		Refusal     string            `json:"refusal"`
		Annotations []json.RawMessage `json:"annotations"`
		Logprobs    []json.RawMessage `json:"logprobs"`
	}
	if err := strict(b, &parts); err != nil {
		return err
	}
	for _, p := range parts {
		*c += chatContent(p.Text)
	}
	return nil
}

func (chat) idPrefix() string { return "chatcmpl-" }

func (chat) parse(body []byte) (asked, error) {
	var r chatRequest
	if err := strictExcept(body, &r, alsoInChat); err != nil {
		return asked{}, err
	}
	q := asked{model: r.Model, stream: r.Stream}
	switch {
	case r.Model == "":
		return q, errors.New("you must provide a model parameter")
	case r.StreamOptions != nil && !r.Stream:
		return q, errors.New("stream_options: only allowed when stream is enabled")
	case r.MaxTokens != nil && r.MaxCompletionTokens != nil:
		return q, errors.New("max_tokens and max_completion_tokens cannot both be set")
	}
	for i, t := range r.Tools {
		if t.Type != "function" {
			return q, fmt.Errorf("tools.%d.type: %q does not exist", i, t.Type)
		}
		q.Tools = append(q.Tools, model.ToolSpec{Name: t.Function.Name, Description: t.Function.Description, Schema: t.Function.Parameters})
	}
	for i, t := range r.Messages {
		if t.Role == "system" || t.Role == "developer" {
			if len(q.Messages) > 0 {
				return q, fmt.Errorf("messages.%d: the system prompt comes first", i)
			}
			q.System = strings.TrimPrefix(q.System+"\n"+string(t.Content), "\n")
			continue
		}
		m, err := t.said()
		if err != nil {
			return q, fmt.Errorf("messages.%d: %w", i, err)
		}
		q.Messages = append(q.Messages, m)
	}
	return q, nil
}

func (t chatTurn) said() (model.Message, error) {
	m := model.Message{Role: model.Role(t.Role), Text: string(t.Content), Answer: t.ToolCallID}
	if t.Role == "tool" && t.ToolCallID == "" {
		return m, errors.New("tool_call_id is missing")
	}
	if t.Role != "tool" && t.ToolCallID != "" || t.Role != "assistant" && len(t.ToolCalls) > 0 {
		return m, fmt.Errorf("role %q cannot have tool_call_id or tool_calls", t.Role)
	}
	for i, c := range t.ToolCalls {
		if c.Type != "function" {
			return m, fmt.Errorf("tool_calls.%d.type: %q does not exist", i, c.Type)
		}
		m.Calls = append(m.Calls, model.Call{ID: c.ID, Name: c.Function.Name, Args: c.Function.Arguments})
	}
	return m, nil
}

func (chat) problem(status int, kind model.Kind, message string) any {
	return openaiProblem(kind, message)
}

// openaiProblem is the shape of OpenAI's refusals, in all its protocols.
func openaiProblem(kind model.Kind, message string) map[string]any {
	name, code := "invalid_request_error", any(nil)
	switch kind {
	case model.Overloaded:
		name = "server_error"
	case model.RateLimited:
		name, code = "requests", "rate_limit_exceeded"
	case model.Unauthorized:
		code = "invalid_api_key"
	case model.NotFound:
		code = "model_not_found"
	case model.Quota:
		name, code = "insufficient_quota", "insufficient_quota"
	case model.TooLong:
		code = "context_length_exceeded"
	default:
	}
	return map[string]any{"error": map[string]any{"message": message, "type": name, "code": code, "param": nil}}
}

func (chat) errorEvent(problem any) event { return event{"", problem} }

func (chat) finish(a answer) string {
	switch {
	case a.stop() == model.StopLength:
		return "length"
	case len(a.message.Calls) > 0:
		return "tool_calls"
	}
	return "stop"
}

func (chat) usage(u model.Usage) map[string]any {
	in := u.InputTokens + u.CacheReadTokens + u.CacheWriteTokens
	return map[string]any{
		"prompt_tokens": in, "completion_tokens": u.OutputTokens, "total_tokens": in + u.OutputTokens,
		"prompt_tokens_details": map[string]any{"cached_tokens": u.CacheReadTokens, "cache_write_tokens": u.CacheWriteTokens},
	}
}

func (d chat) whole(a answer) any {
	msg := map[string]any{"role": "assistant", "content": a.message.Text, "refusal": nil}
	if a.refused != "" {
		msg["content"], msg["refusal"] = nil, a.refused
	}
	if t := a.thinking(); t != "" {
		msg["reasoning_content"] = t
	}
	var calls []any
	for _, c := range a.message.Calls {
		calls = append(calls, map[string]any{"id": c.ID, "type": "function", "function": map[string]any{"name": c.Name, "arguments": c.Args}})
	}
	if calls != nil {
		msg["tool_calls"] = calls
	}
	return map[string]any{
		"id": a.id, "object": "chat.completion", "created": created, "model": a.asked.model, "usage": d.usage(a.usage),
		"choices": []any{map[string]any{"index": 0, "message": msg, "finish_reason": d.finish(a)}},
	}
}

func (d chat) events(a answer) []event {
	var all []event
	add := func(choices []any, usage any) {
		all = append(all, event{"", map[string]any{
			"id": a.id, "object": "chat.completion.chunk", "created": created, "model": a.asked.model,
			"choices": choices, "usage": usage,
		}})
	}
	say := func(delta map[string]any, finish any) {
		add([]any{map[string]any{"index": 0, "delta": delta, "finish_reason": finish}}, nil)
	}
	say(map[string]any{"role": "assistant", "content": ""}, nil)
	for piece := range pieces(a.thinking()) {
		say(map[string]any{"reasoning_content": piece}, nil)
	}
	for piece := range pieces(a.message.Text) {
		say(map[string]any{"content": piece}, nil)
	}
	for piece := range pieces(a.refused) {
		say(map[string]any{"refusal": piece}, nil)
	}
	for i, c := range a.message.Calls {
		say(map[string]any{"tool_calls": []any{map[string]any{
			"index": i, "id": c.ID, "type": "function", "function": map[string]any{"name": c.Name, "arguments": ""},
		}}}, nil)
		for piece := range pieces(c.Args) {
			say(map[string]any{"tool_calls": []any{map[string]any{"index": i, "function": map[string]any{"arguments": piece}}}}, nil)
		}
	}
	say(map[string]any{}, d.finish(a))
	add([]any{}, d.usage(a.usage))
	return append(all, event{"", raw("[DONE]")})
}
