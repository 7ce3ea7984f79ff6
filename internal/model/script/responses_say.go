package script

import (
	"fmt"

	"autonoma/internal/model"
)

func (responses) problem(status int, kind model.Kind, message string) any {
	return openaiProblem(kind, message)
}

func (responses) errorEvent(problem any) event {
	fields := map[string]any{"type": "error", "sequence_number": 0, "param": nil}
	if p, ok := problem.(map[string]any)["error"].(map[string]any); ok {
		fields["code"], fields["message"] = p["type"], p["message"]
	}
	return event{"error", fields}
}

func (responses) usage(u model.Usage) map[string]any {
	in := u.InputTokens + u.CacheReadTokens + u.CacheWriteTokens
	return map[string]any{
		"input_tokens": in, "output_tokens": u.OutputTokens, "total_tokens": in + u.OutputTokens,
		"input_tokens_details":  map[string]any{"cached_tokens": u.CacheReadTokens, "cache_write_tokens": u.CacheWriteTokens},
		"output_tokens_details": map[string]any{"reasoning_tokens": 0},
	}
}

func (d responses) response(a answer, status string, output []any) map[string]any {
	r := map[string]any{
		"id": a.id, "object": "response", "created_at": created, "model": a.asked.model, "status": status,
		"output": output, "error": nil, "incomplete_details": nil, "usage": nil,
		"parallel_tool_calls": true, "tool_choice": "auto", "tools": []any{}, "metadata": map[string]any{},
	}
	if status == "incomplete" {
		r["incomplete_details"] = map[string]any{"reason": "max_output_tokens"}
	}
	if status != "in_progress" {
		r["usage"] = d.usage(a.usage)
	}
	return r
}

func (responses) status(a answer) string {
	if a.stop() == model.StopLength {
		return "incomplete"
	}
	return "completed"
}

func (d responses) whole(a answer) any {
	var output []any
	for _, it := range d.items(a) {
		output = append(output, it.done)
	}
	return d.response(a, d.status(a), output)
}

// outputItem is one item of an answer and the events between its beginning and
// its end.
type outputItem struct {
	begun, done map[string]any
	deltas      []event
}

func (d responses) items(a answer) []outputItem {
	var items []outputItem
	if t := a.thinking(); t != "" {
		items = append(items, reasoningItem(a, t))
	}
	if a.message.Text != "" || a.refused != "" {
		items = append(items, messageItem(a, len(items)))
	}
	for _, c := range a.message.Calls {
		items = append(items, callItem(a, c, len(items)))
	}
	return items
}

func reasoningItem(a answer, thought string) outputItem {
	id := "rs_" + a.id
	done := map[string]any{
		"id": id, "type": "reasoning",
		"summary": []any{map[string]any{"type": "summary_text", "text": thought}},
	}
	if a.signs {
		done["encrypted_content"] = a.signature()
	}
	it := outputItem{begun: map[string]any{"id": id, "type": "reasoning", "summary": []any{}}, done: done}
	for piece := range pieces(thought) {
		it.deltas = append(it.deltas, event{"response.reasoning_summary_text.delta", map[string]any{
			"item_id": id, "output_index": 0, "summary_index": 0, "delta": piece,
		}})
	}
	return it
}

func messageItem(a answer, index int) outputItem {
	id, text := "msg_"+a.id, a.message.Text
	name, part := "response.output_text.delta", map[string]any{"type": "output_text", "text": text, "annotations": []any{}}
	if a.refused != "" {
		text = a.refused
		name, part = "response.refusal.delta", map[string]any{"type": "refusal", "refusal": text}
	}
	it := outputItem{
		begun: map[string]any{"id": id, "type": "message", "role": "assistant", "status": "in_progress", "content": []any{}},
		done:  map[string]any{"id": id, "type": "message", "role": "assistant", "status": "completed", "content": []any{part}},
	}
	for piece := range pieces(text) {
		it.deltas = append(it.deltas, event{name, map[string]any{
			"item_id": id, "output_index": index, "content_index": 0, "delta": piece, "logprobs": []any{},
		}})
	}
	return it
}

func callItem(a answer, c model.Call, index int) outputItem {
	id := fmt.Sprintf("fc_%d_%s", index, a.id)
	item := func(status, args string) map[string]any {
		return map[string]any{"id": id, "type": "function_call", "status": status, "call_id": c.ID, "name": c.Name, "arguments": args}
	}
	it := outputItem{begun: item("in_progress", ""), done: item("completed", c.Args)}
	for piece := range pieces(c.Args) {
		it.deltas = append(it.deltas, event{"response.function_call_arguments.delta", map[string]any{
			"item_id": id, "output_index": index, "delta": piece,
		}})
	}
	return it
}

func (d responses) events(a answer) []event {
	var all []event
	add := func(name string, fields map[string]any) {
		fields["type"], fields["sequence_number"] = name, len(all)
		all = append(all, event{name, fields})
	}
	add("response.created", map[string]any{"response": d.response(a, "in_progress", []any{})})
	output := []any{}
	for i, it := range d.items(a) {
		add("response.output_item.added", map[string]any{"output_index": i, "item": it.begun})
		for _, delta := range it.deltas {
			add(delta.name, delta.data.(map[string]any))
		}
		add("response.output_item.done", map[string]any{"output_index": i, "item": it.done})
		output = append(output, it.done)
	}
	status := d.status(a)
	add("response."+status, map[string]any{"response": d.response(a, status, output)})
	return all
}
