// Package openai speaks the two protocols of OpenAI: Chat Completions, which
// nearly every other server imitates, and Responses.
//
// [NewChat] is for OpenAI, Gemini's compatible endpoint, OpenRouter, vLLM,
// llama.cpp, Ollama, LM Studio and their like. It asks for little and forgives
// much: usage that is missing is estimated, ids that are missing or used twice
// are replaced, and thoughts and signatures that a server sends beside its calls
// are given back to that server alone. What it does not forgive is an answer
// without its end.
//
// [NewResponses] is for OpenAI's own models. Nothing is stored with the
// provider: reasoning comes encrypted and is given back with the conversation.
package openai

import (
	"context"
	"iter"
	"net/http"

	"autonoma/internal/model"
	"autonoma/internal/model/wire"
)

// DefaultBaseURL is where OpenAI listens. Base URLs of these protocols include
// the version.
const DefaultBaseURL = "https://api.openai.com/v1"

// NewChat returns the model that c describes, asked by Chat Completions.
func NewChat(c wire.Config) model.Model {
	return &chat{c.Client(DefaultBaseURL, "/chat/completions", authorization(c.Key))}
}

// NewResponses returns the model that c describes, asked by Responses.
func NewResponses(c wire.Config) model.Model {
	return &responses{c.Client(DefaultBaseURL, "/responses", authorization(c.Key))}
}

func authorization(k wire.Key) http.Header {
	if k == "" {
		return nil
	}
	return http.Header{"Authorization": {"Bearer " + string(k)}}
}

type chat struct{ client *wire.Client }

func (m *chat) Info() model.Info { return m.client.Info }

func (m *chat) Turn(ctx context.Context, r model.Request) iter.Seq2[model.Delta, error] {
	return m.client.Turn(ctx, m.request(r), func() wire.Reader {
		return &chatReader{info: m.client.Info, asked: r}
	})
}

type responses struct{ client *wire.Client }

func (m *responses) Info() model.Info { return m.client.Info }

func (m *responses) Turn(ctx context.Context, r model.Request) iter.Seq2[model.Delta, error] {
	return m.client.Turn(ctx, m.request(r), func() wire.Reader {
		return &responsesReader{info: m.client.Info, earlier: r.Messages}
	})
}

// atMost is the bound of an answer that is sent: 0 leaves it to the server.
func atMost(wanted int, info model.Info) int {
	if wanted > 0 && info.MaxOutputTokens > 0 {
		return min(wanted, info.MaxOutputTokens)
	}
	return max(wanted, 0)
}
