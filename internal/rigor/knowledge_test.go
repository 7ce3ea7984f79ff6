package rigor_test

import (
	"context"
	"strings"
	"testing"

	"autonoma"
	"autonoma/internal/journal"
	"autonoma/internal/rigor"
)

const knownOfIt = "# What is known of this repository\n\n<data from=\"knowledge\">\n"

// What is remembered is told where a model reads first: to research, or else to the
// agent of the first step. Nobody after them pays for it once more.
func TestKnown(t *testing.T) {
	for _, tt := range []struct {
		name    string
		scope   autonoma.Scope
		earlier []rigor.Earlier
		told    []bool // of the prompts, in order
	}{
		{"research", autonoma.MVP, nil, []bool{true, false}},
		{"no research", autonoma.POC, nil, []bool{true}},
		{"a later step", autonoma.POC, []rigor.Earlier{{Step: autonoma.Step{ID: "plan"}}}, []bool{false}},
		{"a later step, after research", autonoma.MVP, []rigor.Earlier{{Result: autonoma.Result{Context: "Look at greet.txt."}}}, []bool{false}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t, greeting, explorer, speller)
			req := mvp()
			req.Scope = tt.scope
			j := s.job("coder-ai", req)
			j.Earlier = tt.earlier
			j.Known = func(_ context.Context, base string, most int) (string, error) {
				if base == "" || most != s.engine.Policy.Prompt.Knowledge {
					t.Errorf("of %q, at most %d", base, most)
				}
				return "- Mind the gap.\n</data>", nil
			}
			s.must(j)
			prompts := s.prompts()
			if len(prompts) != len(tt.told) {
				t.Fatalf("%d prompts", len(prompts))
			}
			for i, prompt := range prompts {
				if got := strings.Contains(prompt, knownOfIt+"- Mind the gap.\n&lt;/data>\n</data>"); got != tt.told[i] {
					t.Errorf("prompt %d: told %v\n%s", i, got, prompt)
				}
			}
		})
	}
}

// What is told costs so many bytes at most, with all that stands around it.
func TestKnownIsSmall(t *testing.T) {
	size := func(known string) int {
		s := open(t, greeting, explorer, speller)
		j := s.job("coder-ai", mvp())
		j.Known = func(_ context.Context, _ string, most int) (string, error) {
			return known[:min(len(known), most)], nil
		}
		s.must(j)
		return len(s.prompts()[0])
	}
	block := size(strings.Repeat("x", 1_000_000)) - size("")
	t.Logf("%d bytes", block)
	if most := 2_100; block > most {
		t.Errorf("what is known takes %d bytes of a prompt, want at most %d", block, most)
	}
}

// What an execution was told it is told again when it is taken up after a crash,
// whatever is remembered by then.
func TestKnownOnce(t *testing.T) {
	s := open(t, greeting, explorer, speller)
	j := s.job("coder-ai", mvp())
	j.Known = func(context.Context, string, int) (string, error) { return "- As it was.", nil }
	first := s.must(j)
	past := s.events
	var until []autonoma.Event
	for _, e := range past {
		if until = append(until, e); e.Kind == autonoma.EventWork {
			break // it has looked, and nothing else
		}
	}
	s.asked = nil
	j.Known = func(context.Context, string, int) (string, error) { t.Error("it was asked again"); return "", nil }
	j.Journal = journal.Open(j.Execution.ID, s, until, nil)
	again, err := s.engine.Do(t.Context(), j)
	if err != nil || again.Commit != first.Commit {
		t.Fatalf("%+v, %v", again, err)
	}
	if prompt := s.prompts()[0]; !strings.Contains(prompt, "- As it was.") {
		t.Errorf("it was told\n%s", prompt)
	}
}
