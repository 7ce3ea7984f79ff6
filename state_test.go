package autonoma_test

import (
	"errors"
	"flag"
	"os"
	"slices"
	"testing"
	"time"

	"autonoma"
)

var update = flag.Bool("update", false, "rewrite generated files")

// TestStateDiagram keeps the picture in the docs true to the code.
func TestStateDiagram(t *testing.T) {
	got := "# The life of a run\n\nDrawn from the code by a test. Nothing follows a final status.\n\n```mermaid\n" + autonoma.StateDiagram() + "```\n"
	const file = "docs/run-states.md"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is out of date; run make golden\n%s", file, got)
	}
}

var noon = time.Date(2026, 2, 23, 12, 0, 0, 0, time.UTC)

// Every pair of statuses is either a transition, which changes the run and tells
// of it, or a conflict, which changes nothing.
func TestBecome(t *testing.T) {
	for _, from := range autonoma.Statuses {
		for _, to := range autonoma.Statuses {
			r := autonoma.Run{Status: from, Progress: 40}
			e, err := r.Become(to, "why", nil, noon)
			if !from.CanBecome(to) {
				if !errors.Is(err, autonoma.ErrConflict) || r.Status != from {
					t.Errorf("%s → %s: %v, and now it is %s", from, to, err, r.Status)
				}
				continue
			}
			if err != nil || r.Status != to || e.Kind != autonoma.EventStatus {
				t.Errorf("%s → %s: %v, %+v", from, to, err, e)
			}
			if to.Final() == r.CompletedAt.IsZero() {
				t.Errorf("%s → %s: completed at %v", from, to, r.CompletedAt)
			}
		}
	}
}

func TestFinal(t *testing.T) {
	want := []autonoma.Status{autonoma.Completed, autonoma.Failed, autonoma.Cancelled}
	var got []autonoma.Status
	for _, s := range autonoma.Statuses {
		if s.Final() {
			got = append(got, s)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("final are %v, want %v", got, want)
	}
}
