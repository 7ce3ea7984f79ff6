package modeltest

import (
	"encoding/json"
	"fmt"
	"testing"

	"autonoma/internal/model"
)

// Tools are two tools for conversations.
func Tools() []model.ToolSpec {
	return []model.ToolSpec{
		{
			Name:        "bash",
			Description: "Runs a command & returns its output.",
			Schema:      json.RawMessage(`{"type":"object","properties":{"command":{"type":"string"}},"required":["command"],"additionalProperties":false}`),
		},
		{
			Name:        "read",
			Description: "Reads a file.",
			Schema:      json.RawMessage(`{"type":"object","properties":{"path":{"type":"string"}},"required":["path"],"additionalProperties":false}`),
		},
	}
}

// Ask is the beginning of a conversation.
func Ask(text string) model.Request {
	return model.Request{
		System:    "You are coder-ai, who repairs programs.\nPhase: generate\n",
		Messages:  []model.Message{{Role: model.User, Text: text}},
		Tools:     Tools(),
		MaxTokens: 4096,
	}
}

// Talk asks m until it makes no more calls, and answers each call with its
// arguments. Between turns the messages go through JSON, as they do when a run
// is resumed from its journal. It returns the request with all that was said.
func Talk(t testing.TB, m model.Model, r model.Request) (model.Request, []model.Answer, error) {
	t.Helper()
	const limit = 100
	var answers []model.Answer
	for range limit {
		Check(t, r)
		a, err := model.Collect(m.Turn(t.Context(), r), nil)
		if err != nil {
			return r, answers, err
		}
		answers = append(answers, a)
		if a.Message.Text == "" && len(a.Message.Calls) == 0 {
			return r, answers, nil // there is nothing to append
		}
		r.Messages = append(r.Messages, a.Message)
		for _, c := range a.Message.Calls {
			r.Messages = append(r.Messages, model.Message{Role: model.Tool, Answer: c.ID, Text: c.Name + " " + c.Args})
		}
		r.Messages = Journaled(t, r.Messages)
		if a.Stop != model.StopCalls {
			return r, answers, nil
		}
	}
	return r, answers, fmt.Errorf("no end after %d turns", limit)
}

// Journaled returns messages as they come back from a journal.
func Journaled(t testing.TB, messages []model.Message) []model.Message {
	t.Helper()
	b, err := json.Marshal(messages)
	if err != nil {
		t.Fatal(err)
	}
	var back []model.Message
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	return back
}
