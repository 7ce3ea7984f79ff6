package anthropic_test

import (
	"testing"

	"autonoma/internal/model/anthropic"
	"autonoma/internal/model/modeltest"
)

func TestWire(t *testing.T) {
	modeltest.Wire{New: anthropic.New, Thinks: true}.Run(t)
}
