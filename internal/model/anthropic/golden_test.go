package anthropic_test

import (
	"encoding/json"
	"strings"
	"testing"

	"autonoma/internal/model"
	"autonoma/internal/model/anthropic"
	"autonoma/internal/model/modeltest"
	"autonoma/internal/model/wire"
)

var update = modeltest.UpdateFlag()

func config(effort, thinking string) wire.Config {
	return wire.Config{
		Info:     model.Info{Provider: "anthropic", Name: "claude-x", Effort: effort, MaxOutputTokens: 64000},
		Key:      "secret",
		Thinking: thinking,
	}
}

func TestRequests(t *testing.T) {
	thought := modeltest.Long()
	opaque, err := wire.Seal("anthropic", model.Info{Provider: "anthropic"}, []wire.Place{
		{Block: json.RawMessage(`{"type":"thinking","thinking":"hm","signature":"s1"}`)}, {Text: 12}, {Call: true},
		{Block: json.RawMessage(`{"type":"redacted_thinking","data":"d"}`)}, {Call: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	thought.Messages[1].Opaque = opaque
	foreign := modeltest.Long()
	foreign.Messages = foreign.Messages[:4] // in the middle of a row of calls that another model made
	for _, tt := range []struct {
		name string
		c    wire.Config
		r    model.Request
	}{
		{"plain", config("", ""), modeltest.Long()},
		{"thoughts", config("high", "adaptive"), thought},
		{"budget", config("low", "budget"), modeltest.Ask("x")},
		{"budget_after_fallback", config("low", "budget"), foreign},
	} {
		t.Run(tt.name, func(t *testing.T) {
			modeltest.Golden(t, update, tt.name, anthropic.New, tt.c, tt.r)
		})
	}
}

const (
	start = `data: {"type":"message_start","message":{"id":"msg_1","model":"claude-x-1","usage":{"input_tokens":5,"cache_read_input_tokens":7,"output_tokens":1}}}` + "\n\n"
	stop  = `data: {"type":"message_stop"}` + "\n\n"
)

func ended(reason string) string {
	return `data: {"type":"message_delta","delta":{"stop_reason":"` + reason + `","stop_details":{"type":"refusal","explanation":"no"}},"usage":{"output_tokens":9}}` + "\n\n" + stop
}

func block(index, start string, deltas ...string) string {
	s := `data: {"type":"content_block_start","index":` + index + `,"content_block":` + start + "}\n\n"
	for _, d := range deltas {
		s += `data: {"type":"content_block_delta","index":` + index + `,"delta":` + d + "}\n\n"
	}
	return s + `data: {"type":"content_block_stop","index":` + index + "}\n\n"
}

func TestStreams(t *testing.T) {
	text := block("0", `{"type":"text","text":""}`, `{"type":"text_delta","text":"hi"}`)
	for _, tt := range []struct {
		name, stream string
		want         model.Answer
		kind         model.Kind
	}{
		{"thoughts between calls", start +
			block("0", `{"type":"thinking","thinking":"","signature":""}`, `{"type":"thinking_delta","thinking":"hm"}`, `{"type":"signature_delta","signature":"s"}`) +
			block("1", `{"type":"tool_use","id":"a","name":"bash","input":{}}`, `{"type":"input_json_delta","partial_json":"{\"a\":"}`, `{"type":"input_json_delta","partial_json":"1}"}`) +
			block("2", `{"type":"redacted_thinking","data":"d"}`) +
			block("3", `{"type":"tool_use","id":"b","name":"bash","input":{"x":1}}`) + ended("tool_use"),
			model.Answer{Stop: model.StopCalls, Message: model.Message{
				Calls:  []model.Call{{ID: "a", Name: "bash", Args: `{"a":1}`}, {ID: "b", Name: "bash", Args: `{"x":1}`}},
				Opaque: json.RawMessage(`{"wire":"anthropic","provider":"tested","data":[{"block":{"signature":"s","thinking":"hm","type":"thinking"}},{"call":true},{"block":{"data":"d","type":"redacted_thinking"}},{"call":true}]}`),
			}}, ""},
		{"paused", start + text + ended("pause_turn"), model.Answer{Stop: model.StopPause, Message: model.Message{Text: "hi"}}, ""},
		{"a stop sequence", start + text + ended("stop_sequence"), model.Answer{Stop: model.StopEnd, Message: model.Message{Text: "hi"}}, ""},
		{"events yet to be invented", start + "event: new\ndata: {\"type\":\"new\"}\n\n" + block("1", `{"type":"new"}`, `{"type":"new_delta"}`) + text + ended("end_turn"),
			model.Answer{Stop: model.StopEnd, Message: model.Message{Text: "hi"}}, ""},
		{"refused in the middle", start + text + ended("refusal"), model.Answer{}, model.Refused},
		{"window full", start + text + ended("model_context_window_exceeded"), model.Answer{}, model.TooLong},
		{"no reason", start + text + stop, model.Answer{}, model.Cut},
		{"no stop", start + text, model.Answer{}, model.Cut},
		{"unknown reason", start + text + ended("lunch"), model.Answer{}, model.Malformed},
		{"not JSON", start + "data: {\n\n", model.Answer{}, model.Malformed},
		{"a piece of nothing", start + `data: {"type":"content_block_delta","index":3,"delta":{}}` + "\n\n", model.Answer{}, model.Malformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := modeltest.Hear(t, anthropic.New, tt.stream, modeltest.Ask("x"))
			if model.KindOf(err) != tt.kind {
				t.Fatalf("got %v, want kind %q", err, tt.kind)
			}
			if tt.kind != "" {
				return
			}
			tt.want.ID, tt.want.Model, tt.want.Message.Role = "msg_1", "claude-x-1", model.Assistant
			tt.want.Usage = model.Usage{InputTokens: 5, OutputTokens: 9, CacheReadTokens: 7}
			if g, w := asJSON(t, got), asJSON(t, tt.want); g != w {
				t.Errorf("got  %s\nwant %s", g, w)
			}
		})
	}
}

func asJSON(t *testing.T, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestPrefixStaysTheSame checks that what a turn adds to a request comes after
// all that was there, marks for the cache aside.
func TestPrefixStaysTheSame(t *testing.T) {
	long := modeltest.Long()
	var before string
	for n := 1; n <= len(long.Messages); n++ {
		r := long
		r.Messages = r.Messages[:n]
		rec := requestOf(t, r)
		if last := strings.LastIndex(before, "]}]}"); last > 0 && !strings.HasPrefix(rec, before[:last]) {
			t.Errorf("with %d messages the beginning changes:\n%s\n%s", n, before, rec)
		}
		before = rec
	}
}

func requestOf(t *testing.T, r model.Request) string {
	rec := &modeltest.Recorder{}
	c := config("", "")
	c.HTTP = rec.Client()
	for range anthropic.New(c).Turn(t.Context(), r) {
		break
	}
	return strings.ReplaceAll(string(rec.Bodies[0]), `,"cache_control":{"type":"ephemeral"}`, "")
}

// FuzzMessages checks that no stream makes the reader fall over, and that what it
// takes for an answer can be given back.
func FuzzMessages(f *testing.F) {
	f.Add(strings.Replace(start, "5", "-5", 1) + block("0", `{"type":"text","text":"hi"}`) + ended("end_turn"))
	f.Add(start + block("0", `{"type":"thinking","thinking":"","signature":""}`, `{"type":"thinking_delta","thinking":"hm"}`) +
		block("1", `{"type":"tool_use","id":"a","name":"bash","input":{}}`, `{"type":"input_json_delta","partial_json":"{}"}`) + ended("tool_use"))
	f.Fuzz(func(t *testing.T, stream string) {
		modeltest.HearAny(t, anthropic.New, stream)
	})
}
