package injectiontest

import (
	"context"
	"iter"
	"regexp"
	"slices"
	"strings"
	"sync"

	"autonoma/internal/model"
)

// A recorder keeps all that a model is asked.
type recorder struct {
	model.Model
	mu    sync.Mutex
	asked []model.Request
}

func (r *recorder) Turn(ctx context.Context, q model.Request) iter.Seq2[model.Delta, error] {
	kept := q
	kept.Messages, kept.Tools = slices.Clone(q.Messages), slices.Clone(q.Tools)
	r.mu.Lock()
	r.asked = append(r.asked, kept)
	r.mu.Unlock()
	return r.Model.Turn(ctx, q)
}

// requests returns what was asked so far.
func (r *recorder) requests() []model.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.asked)
}

// block is a block of data as a reader sees it who takes the first end for the end.
var block = regexp.MustCompile(`(?s)<data from="[^"\n]*">.*?</data>`)

// instructions returns the parts of a request that an agent obeys: its system text, the
// names and descriptions of its tools, and what stands outside of data in the messages of
// the user.
func instructions(r model.Request) []string {
	parts := []string{r.System}
	for _, t := range r.Tools {
		parts = append(parts, t.Name+"\n"+t.Description+"\n"+string(t.Schema))
	}
	for _, m := range r.Messages {
		if m.Role == model.User {
			parts = append(parts, block.ReplaceAllString(m.Text, ""))
		}
	}
	return parts
}

// told returns the texts of a request that others than the model wrote.
func told(r model.Request) string {
	var b strings.Builder
	b.WriteString(r.System)
	for _, m := range r.Messages {
		if m.Role != model.Assistant {
			b.WriteString("\n" + m.Text)
		}
	}
	return b.String()
}
