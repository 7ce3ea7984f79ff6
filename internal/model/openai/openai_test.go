package openai_test

import (
	"testing"

	"autonoma/internal/model/modeltest"
	"autonoma/internal/model/openai"
)

func TestChat(t *testing.T) {
	modeltest.Wire{New: openai.NewChat, Base: "/v1", Thinks: true}.Run(t)
}

func TestResponses(t *testing.T) {
	modeltest.Wire{New: openai.NewResponses, Base: "/v1", Thinks: true}.Run(t)
}
