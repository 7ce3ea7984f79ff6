package script_test

import (
	"encoding/json"
	"strings"
	"testing"

	"autonoma/internal/model/modeltest"
)

// TestWholeAnswers asks each protocol for an answer that is not streamed.
func TestWholeAnswers(t *testing.T) {
	s := modeltest.NewServer(t, `
conversations:
- match: {contains: no}
  turns: [{text: x, fail: [{refuse: true, forever: true, message: "I will not."}]}]
- turns: [{thinking: hm, text: hi, calls: [{name: bash, args: {command: ls}}], usage: {input: 5, output: 6}}]`)
	for _, tt := range []struct {
		name, path, body string
		want             []string
	}{
		{"messages", "/v1/messages", `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}]}`,
			[]string{`"content":[{"signature":"sig-`, `{"text":"hi","type":"text"}`, `"input":{"command":"ls"},"name":"bash"`, `"stop_reason":"tool_use"`, `"input_tokens":5,"output_tokens":6`}},
		{"messages, refused", "/v1/messages", `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"no"}]}`, []string{`"stop_reason":"refusal"`}},
		{"chat", "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"x"}]}`,
			[]string{`"content":"hi"`, `"reasoning_content":"hm"`, `"arguments":"{\"command\":\"ls\"}","name":"bash"`, `"finish_reason":"tool_calls"`, `"total_tokens":11`}},
		{"chat, refused", "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"no"}]}`, []string{`"refusal":"I will not."`, `"content":null`}},
		{"responses", "/v1/responses", `{"model":"m","input":"x","include":["reasoning.encrypted_content"]}`,
			[]string{`"encrypted_content":"sig-`, `"text":"hi"`, `"call_id":"call_1_0_0"`, `"status":"completed"`, `"total_tokens":11`}},
		{"responses, refused", "/v1/responses", `{"model":"m","input":"no"}`, []string{`"refusal":"I will not."`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, body := post(t, s.URL+tt.path, "k", tt.body)
			if status != 200 || !json.Valid(body) {
				t.Fatalf("%d %s", status, body)
			}
			for _, want := range tt.want {
				if !strings.Contains(string(body), want) {
					t.Errorf("%s is missing in\n%s", want, body)
				}
			}
		})
	}
}
