package benchtest

import (
	"testing"

	"autonoma"
	"autonoma/internal/model"
	"autonoma/internal/rigor"
	"autonoma/internal/sandbox"
	"autonoma/internal/systemtest"
)

// A system is the whole of the server in this process, so that it can be profiled,
// without the doors.
type system struct{ *systemtest.System }

// assemble puts a system together that works with the model, on sources below
// root, and lets an agent take that many turns.
func assemble(b *testing.B, m model.Model, root string, turns int) system {
	b.Helper()
	box, _, err := sandbox.Open(b.Context(), sandbox.Auto)
	if err != nil {
		lacking(b, "%v", err)
	}
	return system{systemtest.Open(b, systemtest.Config{Box: box, Model: m, Root: root, Slots: 1, Adjust: func(p *rigor.Policy) {
		for _, of := range p.Turns {
			of[autonoma.Change] = turns
		}
		p.Patience.Unchanged = 0 // the commands of the scripts do nothing
	}})}
}

// must returns what has to be there.
func must[T any](v T, err error) func(*testing.B) T {
	return func(b *testing.B) T {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
		return v
	}
}

// work has a task done.
func (s system) work(b *testing.B, source string) {
	b.Helper()
	run := s.Do(b, autonoma.Request{
		Task: "Write a note.", Capabilities: []autonoma.Capability{autonoma.Build}, Scope: autonoma.Demo, Source: source,
	})
	if run.Status != autonoma.Completed {
		b.Fatalf("the run is %s: %+v", run.Status, run.Error)
	}
}
