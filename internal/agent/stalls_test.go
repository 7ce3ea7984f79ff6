package agent_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"autonoma"
	"autonoma/internal/agent"
)

// An agent that should change files and does not, or does and undoes the same, is
// told, and then stopped.
func TestStalls(t *testing.T) {
	const (
		look   = `    - {repeat: 10, calls: [{name: read, args: {path: "{{turn}}.txt"}}]}` + "\n"
		change = `    - calls: [{name: bash, args: {command: "append {{turn}}"}}]` + "\n"
		same   = `    - calls: [{name: write, args: {path: c.txt, content: "{{turn}}"}}, {name: write, args: {path: c.txt, content: here}}]` + "\n"
		here   = `    - calls: [{name: write, args: {path: c.txt, content: here}}]` + "\n"
		there  = `    - calls: [{name: write, args: {path: c.txt, content: there}}]` + "\n"
	)
	for _, tt := range []struct {
		name     string
		yields   autonoma.Yield
		turns    string
		patience agent.Patience
		code     autonoma.FailureCode
		calls    int    // until the end
		told     []int  // after which calls, from 1
		says     string // the failure
	}{
		{
			name: "no change", turns: look + look + finish, patience: agent.Patience{Unchanged: 5},
			code: autonoma.FailStall, calls: 10, told: []int{5}, says: "changed no file for 10 turns",
		},
		{
			name: "a change in time", turns: look + change + look + finish, patience: agent.Patience{Unchanged: 6},
			calls: 22, told: []int{6, 17},
		},
		{name: "no change is wanted", yields: autonoma.Document, turns: look + `
    - calls: [{name: finish, args: {summary: Done., confidence: 1, document: d}}]
`, patience: agent.Patience{Unchanged: 2}, calls: 11},
		{name: "it may always finish", turns: look[:len(look)-1] + finish, patience: agent.Patience{Unchanged: 11}, calls: 11},
		{
			name:  "no change and no call",
			turns: `    - {repeat: 20, text: On and on, stop: max_tokens}` + "\n", patience: agent.Patience{Unchanged: 3},
			code: autonoma.FailStall, says: "for 6 turns",
		},
		{
			name: "back and forth", turns: strings.Repeat(here+there, 8) + finish, patience: agent.Patience{Back: 3},
			code: autonoma.FailSwing, calls: 8, told: []int{5}, says: "6 times in a row",
		},
		{
			name: "back and forth a while", turns: strings.Repeat(here+there, 3) + finish, patience: agent.Patience{Back: 3},
			calls: 7, told: []int{5},
		},
		{name: "tried and taken back", turns: here + strings.Repeat(same, 10) + finish, patience: agent.Patience{Back: 2}, calls: 22},
		{name: "with all patience", turns: look + look + strings.Repeat(here+there, 8) + finish, calls: 37},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newTalk(t, tt.turns)
			c.turns, c.patience = 100, tt.patience
			if tt.yields != "" {
				c.yields = tt.yields
			}
			_, err := c.work(t)
			f, failed := errors.AsType[*autonoma.Failure](err)
			switch {
			case tt.code == "" && err != nil:
				t.Fatal(err)
			case tt.code != "" && (!failed || f.Code != tt.code || !strings.Contains(f.Message, tt.says)):
				t.Errorf("ends with %v", err)
			}
			var told []int
			for i, call := range c.calls() {
				if strings.Contains(call.Output, "or call finish and say") {
					told = append(told, i+1)
				}
			}
			if len(c.calls()) != tt.calls || !slices.Equal(told, tt.told) {
				t.Errorf("%d calls, told at %v; want %d and %v", len(c.calls()), told, tt.calls, tt.told)
			}
		})
	}
}

// Work that began with more patience goes on after a restart with less, from where
// it was.
func TestPatienceAfterRestart(t *testing.T) {
	turns := `
    - {repeat: 10, calls: [{name: read, args: {path: "{{turn}}.txt"}}]}
    - calls: [{name: bash, args: {command: append three}}]
` + finish
	c := newTalk(t, turns)
	if _, err := c.work(t); err != nil {
		t.Fatal(err)
	}
	again := newTalk(t, turns)
	again.log = c.log[: len(c.log)-2 : len(c.log)-2] // before it finished
	again.patience = agent.Patience{Unchanged: 2, Back: 1}
	if _, err := again.work(t); err != nil || len(again.asked) != 1 {
		t.Errorf("asked %d times more: %v", len(again.asked), err)
	}
	// Where nothing says that it went on, it does not.
	over := newTalk(t, turns)
	over.log = c.log[:20:20]
	over.patience = again.patience
	_, err := over.work(t)
	if f, ok := errors.AsType[*autonoma.Failure](err); !ok || f.Code != autonoma.FailStall || len(over.asked) > 0 {
		t.Errorf("asked %d times more: %v", len(over.asked), err)
	}
}
