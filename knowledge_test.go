package autonoma_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"autonoma"
)

// The formula, with a half-life of 90 days.
func TestRelevance(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name                      string
		days                      float64
		confidence                float64
		successes, failures, uses int
		want                      float64
	}{
		{"new", 0, 1, 0, 0, 0, 0.5},
		{"half of a half-life", 45, 1, 0, 0, 0, 0.353553},
		{"a half-life", 90, 1, 0, 0, 0, 0.25},
		{"two", 180, 1, 0, 0, 0, 0.125},
		{"four", 360, 1, 0, 0, 0, 0.03125},
		{"of the future", -30, 1, 0, 0, 0, 0.5},
		{"half sure", 90, 0.5, 0, 0, 0, 0.125},
		{"not sure", 0, 0, 0, 0, 0, 0},
		{"it always helped", 90, 1, 4, 0, 0, 0.55},
		{"it helped three times of four", 90, 1, 3, 1, 0, 0.475},
		{"it never helped", 90, 1, 0, 5, 0, 0.25},
		{"used", 90, 1, 0, 0, 50, 0.35},
		{"used a lot", 90, 1, 0, 0, 100, 0.45},
		{"used more than counts", 90, 1, 0, 0, 100_000, 0.45},
		{"all there can be", 0, 1, 100, 0, 100, 1},
	} {
		k := autonoma.Knowledge{
			Confidence: tt.confidence, Successes: tt.successes, Failures: tt.failures, Uses: tt.uses, CreatedAt: at,
		}
		now := at.Add(time.Duration(tt.days * 24 * float64(time.Hour)))
		if got := k.Relevance(now); math.Abs(got-tt.want) > 1e-6 {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestKnowledgeFaults(t *testing.T) {
	good := autonoma.Knowledge{Source: " /repo ", Text: " Mind the gap. ", Confidence: 1, Paths: []string{"a/b.go"}}
	if err := good.Normalize(); err != nil || good.Text != "Mind the gap." || good.Source != "/repo" || good.Type != autonoma.ObservedPattern {
		t.Errorf("%+v, %v", good, err)
	}
	bad := autonoma.Knowledge{
		Text: "two\nlines", Type: "hunch", Confidence: math.NaN(),
		Paths: []string{"/etc/passwd", "../x", "a//b", "", strings.Repeat("x", 501)},
	}
	faults, _ := errors.AsType[autonoma.FieldErrors](bad.Normalize())
	var fields []string
	for _, f := range faults {
		fields = append(fields, f.Field)
	}
	want := []string{"source", "text", "type", "confidence", "paths[0]", "paths[1]", "paths[2]", "paths[3]", "paths[4]"}
	if !slices.Equal(fields, want) {
		t.Errorf("at fault are %v, want %v", fields, want)
	}
	secret := autonoma.Knowledge{Source: "https://x:token@example.com/a.git", Text: "x"}
	if err := secret.Normalize(); !errors.Is(err, autonoma.ErrInvalid) || strings.Contains(err.Error(), "token") {
		t.Errorf("a source with a password: %v", err)
	}
	many := autonoma.Knowledge{Source: "/repo", Text: "x", Paths: slices.Repeat([]string{"a"}, autonoma.MaxKnowledgePaths+1)}
	if err := many.Normalize(); !errors.Is(err, autonoma.ErrInvalid) {
		t.Errorf("too many paths: %v", err)
	}
}
