package journal_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"autonoma"
	"autonoma/internal/journal"
)

// A saying is an outcome in words.
type saying struct{ Name, Value string }

// Key implements [journal.Entry].
func (s saying) Key() string { return s.Name }

// What must not be kept is neither in the log nor in what the work goes on with, so
// that it goes on in the same way after a crash.
func TestClean(t *testing.T) {
	clean := func(doc []byte) []byte { return bytes.ReplaceAll(doc, []byte("s3cret"), []byte("[redacted]")) }
	m := &memory{room: -1}
	do := func(j *journal.Journal) (saying, error) {
		return journal.Do(t.Context(), j, autonoma.EventWork, "read s3cret", func(context.Context) (saying, autonoma.Usage, error) {
			return saying{Name: "read s3cret", Value: "it says s3cret"}, autonoma.Usage{}, nil
		})
	}
	first, err := do(journal.Open("exec_1", m, nil, nil).Clean(clean))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.events) != 1 || bytes.Contains(m.events[0].Data, []byte("s3cret")) {
		t.Errorf("%+v", m.events)
	}
	again, err := do(journal.Open("exec_1", m, slices.Clone(m.events), nil).Clean(clean))
	if err != nil || again != first || first != (saying{Name: "read [redacted]", Value: "it says [redacted]"}) {
		t.Errorf("first %+v, then %+v, %v", first, again, err)
	}
}
