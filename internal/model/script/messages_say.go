package script

import (
	"encoding/json"

	"autonoma/internal/model"
)

func (messages) problem(_ int, kind model.Kind, message string) any {
	names := map[model.Kind]string{
		model.Overloaded:   "overloaded_error",
		model.RateLimited:  "rate_limit_error",
		model.Unauthorized: "authentication_error",
		model.Forbidden:    "permission_error",
		model.NotFound:     "not_found_error",
		model.Quota:        "billing_error",
	}
	name := names[kind]
	if name == "" {
		name = "invalid_request_error"
	}
	return map[string]any{"type": "error", "error": map[string]any{"type": name, "message": message}}
}

func (messages) errorEvent(problem any) event { return event{"error", problem} }

func (messages) stopReason(a answer) string {
	switch {
	case a.refused != "":
		return "refusal"
	case a.stop() == model.StopLength:
		return "max_tokens"
	case len(a.message.Calls) > 0:
		return "tool_use"
	}
	return "end_turn"
}

func (messages) usage(u model.Usage) map[string]any {
	return map[string]any{
		"input_tokens":                u.InputTokens,
		"output_tokens":               u.OutputTokens,
		"cache_read_input_tokens":     u.CacheReadTokens,
		"cache_creation_input_tokens": u.CacheWriteTokens,
	}
}

func (d messages) head(a answer) map[string]any {
	return map[string]any{
		"id": a.id, "type": "message", "role": "assistant", "model": a.asked.model,
		"content": []any{}, "stop_reason": nil, "stop_sequence": nil, "usage": d.usage(a.usage),
	}
}

func (d messages) whole(a answer) any {
	msg := d.head(a)
	content := []any{}
	if t := a.thinking(); t != "" {
		content = append(content, map[string]any{"type": "thinking", "thinking": t, "signature": a.signature()})
	}
	if a.message.Text != "" {
		content = append(content, map[string]any{"type": "text", "text": a.message.Text})
	}
	for _, c := range a.message.Calls {
		input := json.RawMessage(c.Args)
		if !json.Valid(input) {
			input = json.RawMessage("{}")
		}
		content = append(content, map[string]any{"type": "tool_use", "id": c.ID, "name": c.Name, "input": input})
	}
	msg["content"], msg["stop_reason"] = content, d.stopReason(a)
	return msg
}

func (d messages) events(a answer) []event {
	var all []event
	add := func(name string, fields map[string]any) {
		fields["type"] = name
		all = append(all, event{name, fields})
	}
	index := -1
	block := func(start map[string]any, deltas ...map[string]any) {
		index++
		add("content_block_start", map[string]any{"index": index, "content_block": start})
		for _, delta := range deltas {
			add("content_block_delta", map[string]any{"index": index, "delta": delta})
		}
		add("content_block_stop", map[string]any{"index": index})
	}
	add("message_start", map[string]any{"message": d.head(a)})
	add("ping", map[string]any{})
	if t := a.thinking(); t != "" {
		deltas := deltasOf("thinking_delta", "thinking", t)
		deltas = append(deltas, map[string]any{"type": "signature_delta", "signature": a.signature()})
		block(map[string]any{"type": "thinking", "thinking": "", "signature": ""}, deltas...)
	}
	if a.message.Text != "" {
		block(map[string]any{"type": "text", "text": ""}, deltasOf("text_delta", "text", a.message.Text)...)
	}
	for _, c := range a.message.Calls {
		block(map[string]any{"type": "tool_use", "id": c.ID, "name": c.Name, "input": map[string]any{}},
			deltasOf("input_json_delta", "partial_json", c.Args)...)
	}
	add("message_delta", map[string]any{
		"delta": map[string]any{"stop_reason": d.stopReason(a), "stop_sequence": nil, "stop_details": d.details(a)},
		"usage": d.usage(a.usage),
	})
	add("message_stop", map[string]any{})
	return all
}

func (messages) details(a answer) any {
	if a.refused == "" {
		return nil
	}
	return map[string]any{"type": "refusal", "category": nil, "explanation": a.refused}
}

func deltasOf(kind, field, text string) []map[string]any {
	var all []map[string]any
	for piece := range pieces(text) {
		all = append(all, map[string]any{"type": kind, field: piece})
	}
	return all
}
