package model_test

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"testing"

	"autonoma/internal/model"
	"autonoma/internal/redact"
)

// A parrot says what it is told, and keeps it.
type parrot struct{ heard model.Request }

func (p *parrot) Info() model.Info { return model.Info{Name: "parrot"} }

func (p *parrot) Turn(_ context.Context, r model.Request) iter.Seq2[model.Delta, error] {
	p.heard = r
	return func(yield func(model.Delta, error) bool) {
		last := r.Messages[len(r.Messages)-1]
		if yield(model.Delta{Text: last.Text[:len(last.Text)/2]}, nil) {
			yield(model.Delta{Done: &model.Answer{Message: last}}, nil)
		}
	}
}

// Neither what a model is told nor what it answers has a secret in it; who asks keeps
// the request as it was.
func TestClean(t *testing.T) {
	const key = "sk-ant-api03-Vq8xZ_T1"
	r := redact.New()
	if err := r.Add("KEY", key); err != nil {
		t.Fatal(err)
	}
	ask := model.Request{
		System:   "Your key is " + key,
		Tools:    []model.ToolSpec{{Name: "read", Description: key, Schema: json.RawMessage(`{"description":"` + key + `"}`)}},
		Messages: []model.Message{{Role: model.Assistant, Text: key, Calls: []model.Call{{ID: "1", Name: "bash", Args: `{"command":"echo ` + key + `"}`}, {ID: "2", Name: "bash", Args: "broken " + key}}, Opaque: json.RawMessage(`["` + key + `"]`)}},
	}
	before, _ := json.Marshal(ask)
	p := &parrot{}
	m := model.Clean(p, r)
	var pieces []string
	answer, err := model.Collect(m.Turn(t.Context(), ask), func(d model.Delta) { pieces = append(pieces, d.Text) })
	if err != nil || m.Info().Name != "parrot" {
		t.Fatal(err)
	}
	heard, _ := json.Marshal(p.heard)
	said, _ := json.Marshal(answer)
	for what, text := range map[string]string{"heard": string(heard), "said": string(said), "said in pieces": strings.Join(pieces, "")} {
		if strings.Contains(text, key) || strings.Contains(text, key[:10]) {
			t.Errorf("%s: %s", what, text)
		}
	}
	calls := []model.Call{{ID: "1", Name: "bash", Args: `{"command":"echo [redacted: KEY]"}`}, {ID: "2", Name: "bash", Args: "broken [redacted: KEY]"}}
	if !slices.Equal(answer.Message.Calls, calls) || string(p.heard.Tools[0].Schema) != `{"description":"[redacted: KEY]"}` {
		t.Errorf("%s", said)
	}
	if after, _ := json.Marshal(ask); string(after) != string(before) {
		t.Errorf("the request became %s", after)
	}
}
