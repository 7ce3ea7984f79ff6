// Package anthropic speaks the Messages API of Anthropic.
//
// It is the protocol as published on platform.claude.com (version 2023-06-01):
// always streamed, with the tools, the system prompt and the latest messages
// marked for the provider's cache. Thoughts come signed and are given back as
// they came, in their place; they travel in model.Message.Opaque.
//
// The provider's own tools, images and documents are not used.
package anthropic

import (
	"context"
	"iter"
	"net/http"
	"strings"

	"autonoma/internal/model"
	"autonoma/internal/model/wire"
)

// DefaultBaseURL is where Anthropic listens. Base URLs of this protocol do not
// include the version; one that does is understood.
const DefaultBaseURL = "https://api.anthropic.com"

const version = "2023-06-01"

// New returns the model that c describes.
func New(c wire.Config) model.Model {
	header := http.Header{"Anthropic-Version": {version}}
	if c.Key != "" {
		header["X-Api-Key"] = []string{string(c.Key)}
	}
	c.BaseURL = strings.TrimSuffix(strings.TrimRight(c.BaseURL, "/"), "/v1")
	return &messages{c.Client(DefaultBaseURL, "/v1/messages", header)}
}

type messages struct{ client *wire.Client }

func (m *messages) Info() model.Info { return m.client.Info }

func (m *messages) Turn(ctx context.Context, r model.Request) iter.Seq2[model.Delta, error] {
	return m.client.Turn(ctx, m.request(r), func() wire.Reader {
		return &reader{info: m.client.Info, earlier: r.Messages}
	})
}
