package anthropic_test

import (
	"testing"

	"autonoma/internal/model"
	"autonoma/internal/model/anthropic"
	"autonoma/internal/model/modeltest"
	"autonoma/internal/model/script"
	"autonoma/internal/model/wire"
)

const endless = `conversations: [{turns: [{text: "On I go.", calls: [{name: bash, args: {command: "true"}}], repeat: 1000}]}]`

// BenchmarkTurn measures one turn with a model that needs no time, early and
// late in a conversation, in this process and through the protocol.
func BenchmarkTurn(b *testing.B) {
	sc := modeltest.Script(b, endless)
	srv := modeltest.Start(b, sc)
	models := map[string]model.Model{
		"script": script.New(sc),
		"wire":   anthropic.New(wire.Config{Info: model.Info{Provider: "p", Name: "m"}, BaseURL: srv.URL, Key: "k"}),
	}
	for name, m := range models {
		for turns, label := range map[int]string{5: "turn5", 200: "turn200"} {
			r := modeltest.Ask("x")
			for range turns {
				a, err := model.Collect(m.Turn(b.Context(), r), nil)
				if err != nil {
					b.Fatal(err)
				}
				r.Messages = append(r.Messages, a.Message, model.Message{Role: model.Tool, Answer: a.Message.Calls[0].ID, Text: "ok"})
			}
			b.Run(name+"/"+label, func(b *testing.B) {
				for b.Loop() {
					if _, err := model.Collect(m.Turn(b.Context(), r), nil); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
