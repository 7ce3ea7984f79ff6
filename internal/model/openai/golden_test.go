package openai_test

import (
	"encoding/json"
	"testing"

	"autonoma/internal/model"
	"autonoma/internal/model/modeltest"
	"autonoma/internal/model/openai"
	"autonoma/internal/model/wire"
)

var update = modeltest.UpdateFlag()

func seal(t *testing.T, name string, data any) json.RawMessage {
	t.Helper()
	b, err := wire.Seal(name, model.Info{Provider: "openai"}, data)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRequests(t *testing.T) {
	plain := wire.Config{Info: model.Info{Provider: "openai", Name: "gpt-x"}, Key: "secret"}
	hard := wire.Config{Info: model.Info{Provider: "openai", Name: "gpt-x", Effort: "high", MaxOutputTokens: 1000}, BaseURL: "http://127.0.0.1:8000/v1/"}
	remembered := modeltest.Long()
	remembered.Messages[1].Opaque = seal(t, "chat", map[string]any{
		"reasoning_content": "hm", "extra": []any{map[string]any{"google": map[string]any{"thought_signature": "s"}}, nil},
	})
	thought := modeltest.Long()
	thought.Messages[1].Opaque = seal(t, "responses", []wire.Place{
		{Block: json.RawMessage(`{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"e"}`)},
		{Text: 12, Note: "commentary"}, {Call: true}, {Call: true},
	})
	for _, tt := range []struct {
		name string
		open func(wire.Config) model.Model
		c    wire.Config
		r    model.Request
	}{
		{"chat", openai.NewChat, plain, modeltest.Long()},
		{"chat_elsewhere", openai.NewChat, hard, remembered},
		{"responses", openai.NewResponses, plain, modeltest.Long()},
		{"responses_thoughts", openai.NewResponses, hard, thought},
	} {
		t.Run(tt.name, func(t *testing.T) { modeltest.Golden(t, update, tt.name, tt.open, tt.c, tt.r) })
	}
}

const done = "data: [DONE]\n\n"

func delta(d string) string { return `data: {"id":"c1","choices":[{"delta":` + d + "}]}\n\n" }

func finish(reason string) string {
	return `data: {"id":"c1","choices":[{"delta":{},"finish_reason":"` + reason + `"}]}` + "\n\n"
}

func usage(u string) string { return `data: {"choices":[],"usage":` + u + "}\n\n" }

// TestQuirks plays what servers of many kinds send.
func TestQuirks(t *testing.T) {
	call := func(id, name, args string) model.Call { return model.Call{ID: id, Name: name, Args: args} }
	for _, tt := range []struct {
		name, stream string
		text         string
		calls        []model.Call // an id "*" stands for any
		stop         model.StopReason
		usage        *model.Usage
		kind         model.Kind
	}{
		{name: "no DONE", stream: delta(`{"content":"hi"}`) + finish("stop"), text: "hi", stop: model.StopEnd},
		{name: "no finish_reason", stream: delta(`{"content":"hi"}`) + done, kind: model.Cut},
		{name: "nothing", stream: "", kind: model.Cut},
		{name: "stop with calls", stream: delta(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"bash","arguments":"{}"}}]}`) + finish("stop") + done,
			calls: []model.Call{call("a", "bash", "{}")}, stop: model.StopCalls},
		{name: "no index, whole calls", stream: delta(`{"tool_calls":[{"id":"a","function":{"name":"bash","arguments":"{}"}}]}`) +
			delta(`{"tool_calls":[{"id":"b","function":{"name":"read","arguments":"{\"x\":1}"}}]}`) + finish("tool_calls") + done,
			calls: []model.Call{call("a", "bash", "{}"), call("b", "read", `{"x":1}`)}, stop: model.StopCalls},
		{name: "one index for all", stream: delta(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"bash","arguments":"{}"}},{"index":0,"id":"b","function":{"name":"read","arguments":"{}"}}]}`) + finish("tool_calls") + done,
			calls: []model.Call{call("a", "bash", "{}"), call("b", "read", "{}")}, stop: model.StopCalls},
		{name: "no ids", stream: delta(`{"tool_calls":[{"function":{"name":"bash","arguments":"{}"}},{"function":{"name":"read","arguments":"{}"}}]}`) + finish("tool_calls") + done,
			calls: []model.Call{call("*", "bash", "{}"), call("*", "read", "{}")}, stop: model.StopCalls},
		{name: "an id that was used before", stream: delta(`{"tool_calls":[{"index":0,"id":"call_1","function":{"name":"bash","arguments":"{}"}}]}`) + finish("tool_calls") + done,
			calls: []model.Call{call("*", "bash", "{}")}, stop: model.StopCalls},
		{name: "arguments as an object", stream: delta(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"bash","arguments":{"x":1}}}]}`) + finish("tool_calls") + done,
			calls: []model.Call{call("a", "bash", `{"x":1}`)}, stop: model.StopCalls},
		{name: "the name in each piece", stream: delta(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"bash","arguments":"{"}}]}`) +
			delta(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"bash","arguments":"}"}}]}`) + finish("tool_calls") + done,
			calls: []model.Call{call("a", "bash", "{}")}, stop: model.StopCalls},
		{name: "no arguments", stream: delta(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"bash"}}]}`) + finish("tool_calls") + done,
			calls: []model.Call{call("a", "bash", "{}")}, stop: model.StopCalls},
		{name: "content in parts", stream: delta(`{"content":[{"type":"text","text":"hi"}]}`) + finish("stop") + done, text: "hi", stop: model.StopEnd},
		{name: "content is null", stream: delta(`{"content":null,"reasoning":"hm"}`) + delta(`{"content":"hi"}`) + finish("stop") + done, text: "hi", stop: model.StopEnd},
		{name: "thoughts outside of the output", stream: delta(`{"content":"hi"}`) + finish("stop") + usage(`{"prompt_tokens":10,"completion_tokens":2,"total_tokens":50}`) + done,
			text: "hi", stop: model.StopEnd, usage: &model.Usage{InputTokens: 10, OutputTokens: 40}},
		{name: "cached", stream: delta(`{"content":"hi"}`) + finish("stop") + usage(`{"prompt_tokens":10,"completion_tokens":2,"prompt_cache_hit_tokens":6}`) + done,
			text: "hi", stop: model.StopEnd, usage: &model.Usage{InputTokens: 4, OutputTokens: 2, CacheReadTokens: 6}},
		{name: "usage that cannot be", stream: delta(`{"content":"hi"}`) + finish("stop") + usage(`{"prompt_tokens":-5,"completion_tokens":-2,"total_tokens":1,"prompt_tokens_details":{"cached_tokens":99}}`) + done,
			text: "hi", stop: model.StopEnd, usage: &model.Usage{OutputTokens: 6}},
		{name: "refusal", stream: delta(`{"refusal":"no"}`) + finish("stop") + done, kind: model.Refused},
		{name: "filter", stream: delta(`{"content":"hi"}`) + finish("content_filter") + done, kind: model.Refused},
		{name: "error as a text", stream: delta(`{"content":"hi"}`) + "data: {\"error\":\"out of memory\"}\n\n", kind: model.Overloaded},
		{name: "error event", stream: "event: error\ndata: {\"message\":\"maximum context length is 5\",\"code\":400}\n\n", kind: model.TooLong},
		{name: "error with a number", stream: delta(`{"content":"hi"}`) + "data: {\"error\":{\"code\":401,\"message\":\"x\"}}\n\n", kind: model.Unauthorized},
		{name: "unknown reason", stream: delta(`{"content":"hi"}`) + finish("lunch") + done, kind: model.Malformed},
		{name: "HTML", stream: "<html></html>", kind: model.Cut},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := modeltest.Hear(t, openai.NewChat, tt.stream, modeltest.Long())
			if model.KindOf(err) != tt.kind {
				t.Fatalf("got %v, want kind %q", err, tt.kind)
			}
			if a.Message.Text != tt.text || a.Stop != tt.stop || len(a.Message.Calls) != len(tt.calls) {
				t.Fatalf("got %+v", a)
			}
			for i, c := range a.Message.Calls {
				if tt.calls[i].ID == "*" && c.ID != "" && c.ID != "call_1" {
					c.ID = "*"
				}
				if c != tt.calls[i] {
					t.Errorf("call %d is %+v, want %+v", i, c, tt.calls[i])
				}
			}
			if tt.usage != nil && a.Usage != *tt.usage {
				t.Errorf("usage %+v, want %+v", a.Usage, *tt.usage)
			}
			if err == nil && a.Usage.Total() == 0 {
				t.Error("it used nothing")
			}
		})
	}
}

// TestGiveBack checks that what a server sends beside its calls goes back to
// it, and to no other.
func TestGiveBack(t *testing.T) {
	stream := delta(`{"reasoning_content":"hm","tool_calls":[{"index":0,"id":"a","extra_content":{"google":{"thought_signature":"s"}},"function":{"name":"bash","arguments":"{}"}}]}`) + finish("tool_calls") + done
	a, err := modeltest.Hear(t, openai.NewChat, stream, modeltest.Ask("x"))
	if err != nil {
		t.Fatal(err)
	}
	r := modeltest.Ask("x")
	r.Messages = append(r.Messages, a.Message, model.Message{Role: model.Tool, Answer: "a", Text: "ok"})
	for provider, want := range map[string]bool{"tested": true, "another": false} {
		rec := &modeltest.Recorder{}
		m := openai.NewChat(wire.Config{Info: model.Info{Provider: provider, Name: "m"}, HTTP: rec.Client()})
		for range m.Turn(t.Context(), r) {
			break
		}
		var body struct {
			Messages []struct {
				ReasoningContent string `json:"reasoning_content"`
				ToolCalls        []struct {
					ExtraContent json.RawMessage `json:"extra_content"`
				} `json:"tool_calls"`
			}
		}
		if err := json.Unmarshal(rec.Bodies[0], &body); err != nil {
			t.Fatal(err)
		}
		said := body.Messages[2]
		if (said.ReasoningContent == "hm") != want || (len(said.ToolCalls[0].ExtraContent) > 0) != want {
			t.Errorf("%s is given %s", provider, rec.Bodies[0])
		}
	}
}

func TestResponsesStreams(t *testing.T) {
	item := `data: {"type":"response.output_item.done","output_index":0,"item":{"type":"message","phase":"final_answer","content":[{"type":"output_text","text":"hi"}]}}` + "\n\n"
	end := func(event, rest string) string {
		return `data: {"type":"response.` + event + `","response":{"id":"r1","model":"g"` + rest + "}}\n\n"
	}
	for _, tt := range []struct {
		name, stream, text string
		kind               model.Kind
	}{
		{"items on the way only", item + end("completed", `,"output":[]`), "hi", ""},
		{"items at the end only", end("completed", `,"output":[{"type":"message","content":[{"type":"output_text","text":"hi"}]}]`), "hi", ""},
		{"items of other kinds", `data: {"type":"response.web_search_call.searching","item":7}` + "\n\n" + item + end("completed", ""), "hi", ""},
		{"cut by the limit", item + end("incomplete", `,"incomplete_details":{"reason":"max_output_tokens"}`), "hi", ""},
		{"filter", item + end("incomplete", `,"incomplete_details":{"reason":"content_filter"}`), "", model.Refused},
		{"unknown reason", item + end("incomplete", `,"incomplete_details":{"reason":"lunch"}`), "", model.Malformed},
		{"failed", item + end("failed", `,"error":{"code":"rate_limit_exceeded","message":"slow"}`), "", model.RateLimited},
		{"failed without a word", item + end("failed", ""), "", model.Overloaded},
		{"error", item + `data: {"type":"error","code":"context_length_exceeded","message":"long"}` + "\n\n", "", model.TooLong},
		{"no end", item, "", model.Cut},
		{"DONE is no end", item + done, "", model.Cut},
		{"refusal", end("completed", `,"output":[{"type":"message","content":[{"type":"refusal","refusal":"no"}]}]`), "", model.Refused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := modeltest.Hear(t, openai.NewResponses, tt.stream, modeltest.Ask("x"))
			if model.KindOf(err) != tt.kind || a.Message.Text != tt.text {
				t.Errorf("got %+v, %v", a, err)
			}
		})
	}
}

// FuzzChat checks that no stream makes the reader fall over, and that what it
// takes for an answer can be given back.
func FuzzChat(f *testing.F) {
	f.Add(delta(`{"content":"hi","tool_calls":[{"index":0,"id":"a","function":{"name":"bash","arguments":"{}"}}]}`) + finish("stop") + usage(`{"prompt_tokens":1}`) + done)
	f.Fuzz(func(t *testing.T, stream string) {
		modeltest.HearAny(t, openai.NewChat, stream)
	})
}

// FuzzResponses checks that no stream makes the reader fall over, and that what it
// takes for an answer can be given back.
func FuzzResponses(f *testing.F) {
	f.Add(`data: {"type":"response.completed","response":{"output":[{"type":"reasoning","encrypted_content":"e"},{"type":"function_call","call_id":"a"},{"type":"message","content":[{"text":"x"}]}]}}` + "\n\n")
	f.Fuzz(func(t *testing.T, stream string) {
		modeltest.HearAny(t, openai.NewResponses, stream)
	})
}
