package autonoma_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"autonoma"
)

func TestNormalize(t *testing.T) {
	pairs := map[string]string{}
	for i := range autonoma.MaxMetadata + 1 {
		pairs[strings.Repeat("k", i+1)] = "v"
	}
	for _, tt := range []struct {
		name   string
		change func(*autonoma.Request)
		faults []string // fields, in order
	}{
		{name: "the vendor's example", change: func(*autonoma.Request) {}},
		{name: "as long as may be", change: func(r *autonoma.Request) { r.Task = " " + strings.Repeat("ä", autonoma.MaxTask) + "\n" }},
		{name: "all capabilities", change: func(r *autonoma.Request) { r.Capabilities = autonoma.Capabilities }},
		{name: "empty task", change: func(r *autonoma.Request) { r.Task = " \n" }, faults: []string{"task"}},
		{name: "a character too long", change: func(r *autonoma.Request) { r.Task = strings.Repeat("ä", autonoma.MaxTask+1) }, faults: []string{"task"}},
		{name: "not text", change: func(r *autonoma.Request) { r.Task = "a\x00b" }, faults: []string{"task"}},
		{name: "not UTF-8", change: func(r *autonoma.Request) { r.Task = "a\xff" }, faults: []string{"task"}},
		{name: "no capability", change: func(r *autonoma.Request) { r.Capabilities = nil }, faults: []string{"capabilities"}},
		{name: "unknown capability", change: func(r *autonoma.Request) { r.Capabilities = []autonoma.Capability{"BUILD", "build"} }, faults: []string{"capabilities[1]"}},
		{name: "repeated capability", change: func(r *autonoma.Request) { r.Capabilities = []autonoma.Capability{"BUILD", "BUILD"} }, faults: []string{"capabilities[1]"}},
		{name: "unknown words", change: func(r *autonoma.Request) {
			r.Intelligence, r.Scope, r.Priority, r.Delivery = "x", "x", "x", "x"
		}, faults: []string{"intelligence", "scope", "priority", "delivery"}},
		{name: "empty command", change: func(r *autonoma.Request) { r.Verify = []string{"make", " "} }, faults: []string{"verify[1]"}},
		{name: "too many commands", change: func(r *autonoma.Request) { r.Setup = slices.Repeat([]string{"a"}, autonoma.MaxCommands+1) }, faults: []string{"setup"}},
		{name: "too much metadata", change: func(r *autonoma.Request) { r.Metadata = maps.Clone(pairs) }, faults: []string{"metadata"}},
		{name: "negative budget", change: func(r *autonoma.Request) {
			r.Budget = autonoma.Budget{MaxCostUSD: -1, MaxTokens: -1, MaxDurationSeconds: -1}
		}, faults: []string{"budget.maxCostUsd", "budget.maxTokens", "budget.maxDurationSeconds"}},
		{name: "everything at once", change: func(r *autonoma.Request) { *r = autonoma.Request{Scope: "x"} }, faults: []string{"task", "capabilities", "scope"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := autonoma.Request{Task: "Add user authentication to React app", Capabilities: []autonoma.Capability{"BUILD"}}
			tt.change(&r)
			err := r.Normalize()
			if len(tt.faults) == 0 {
				if err != nil {
					t.Fatal(err)
				}
				if r.Task != strings.TrimSpace(r.Task) || r.Intelligence != autonoma.Core || r.Scope != autonoma.MVP || r.Priority != autonoma.Normal || r.Delivery != autonoma.DeliverBranch {
					t.Errorf("defaults: %+v", r)
				}
				return
			}
			faults, ok := errors.AsType[autonoma.FieldErrors](err)
			if !ok || !errors.Is(err, autonoma.ErrInvalid) {
				t.Fatalf("err = %v", err)
			}
			var fields []string
			for _, f := range faults {
				fields = append(fields, f.Field)
			}
			if !slices.Equal(fields, tt.faults) {
				t.Errorf("faults in %v, want %v: %v", fields, tt.faults, err)
			}
		})
	}
}
