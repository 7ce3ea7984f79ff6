package autonoma_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"autonoma"
)

func TestHookFaults(t *testing.T) {
	for _, tt := range []struct {
		name  string
		hook  autonoma.Hook
		fault string
	}{
		{"sound", autonoma.Hook{URL: " https://a.example/x?y ", Events: []autonoma.HookType{"task.completed", "approval.pending"}}, ""},
		{"all types", autonoma.Hook{URL: "http://a.example", Events: []autonoma.HookType{"*"}}, ""},
		{"no URL", autonoma.Hook{Events: []autonoma.HookType{"*"}}, "url"},
		{"another scheme", autonoma.Hook{URL: "ftp://a.example", Events: []autonoma.HookType{"*"}}, "url"},
		{"no host", autonoma.Hook{URL: "https:///x", Events: []autonoma.HookType{"*"}}, "url"},
		{"a long URL", autonoma.Hook{URL: "https://a.example/" + strings.Repeat("x", autonoma.MaxHookURL), Events: []autonoma.HookType{"*"}}, "url"},
		{"no types", autonoma.Hook{URL: "https://a.example"}, "events"},
		{"an unknown type", autonoma.Hook{URL: "https://a.example", Events: []autonoma.HookType{"task.failed", "task.danced"}}, "events[1]"},
		{"a type twice", autonoma.Hook{URL: "https://a.example", Events: []autonoma.HookType{"task.failed", "task.failed"}}, "events[1]"},
		{"the ping", autonoma.Hook{URL: "https://a.example", Events: []autonoma.HookType{autonoma.PingHookType}}, "events[0]"},
		{"a line break", autonoma.Hook{URL: "https://a.example", Events: []autonoma.HookType{"*"}, Description: "a\nb"}, "description"},
	} {
		err := tt.hook.Normalize()
		faults, _ := errors.AsType[autonoma.FieldErrors](err)
		if (err == nil) != (tt.fault == "") || err != nil && (len(faults) != 1 || faults[0].Field != tt.fault) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// Hooks can be told of every status of every kind of run, under a name of its own.
func TestHookTypes(t *testing.T) {
	all := autonoma.HookTypes()
	for i, typ := range all {
		if slices.Contains(all[:i], typ) {
			t.Errorf("%s is there twice", typ)
		}
	}
	at := time.Now()
	for _, kind := range autonoma.Kinds {
		for _, status := range autonoma.Statuses {
			run := autonoma.Run{Kind: kind, Status: status, StartedAt: at}
			e := autonoma.NewEvent(autonoma.EventStatus, "", at, autonoma.StatusChanged{Status: status})
			want := autonoma.HookType(string(kind) + "." + strings.Replace(string(status), "in_progress", "started", 1))
			if got := autonoma.HookTypesOf(run, e); !slices.Equal(got, []autonoma.HookType{want}) {
				t.Errorf("%s %s: %v", kind, status, got)
			}
		}
	}
	for _, status := range []string{"pending", "approved", "rejected", "expired", "else"} {
		e := autonoma.NewEvent("approval", "", at, map[string]string{"status": status})
		if got := autonoma.HookTypesOf(autonoma.Run{}, e); (len(got) == 1) == (status == "else") {
			t.Errorf("approval %s: %v", status, got)
		}
	}
}

// The guide speaks of everything that hooks can be told of.
func TestHookTypesAreDocumented(t *testing.T) {
	guide, err := os.ReadFile("docs/guide/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range append(autonoma.HookTypes(), autonoma.PingHookType) {
		name := string(typ)
		for _, like := range []string{"rigor.", "workflow."} {
			name = strings.Replace(name, like, "task.", 1)
		}
		if !strings.Contains(string(guide), "`"+name+"`") {
			t.Errorf("the guide does not speak of %s", typ)
		}
	}
}

// What fails is tried again for a day, less and less often, and then no more.
func TestRetries(t *testing.T) {
	for _, chance := range []float64{0, 0.5, 1} {
		begin := time.Now()
		d := autonoma.HookDelivery{Status: autonoma.DeliveryPending, NextAt: begin, Until: begin.Add(autonoma.HookPatience)}
		var last time.Duration
		var at time.Time
		for d.Status == autonoma.DeliveryPending {
			if wait := d.NextAt.Sub(at); d.Attempts > 1 && wait < last || wait > 5*time.Hour && d.Attempts > 0 {
				t.Errorf("waits for %v after %v", wait, last)
			} else if d.Attempts > 0 {
				last = wait
			}
			at = d.NextAt
			d.Attempted(autonoma.Attempt{At: at, Status: 500, Problem: "answered 500"}, chance)
		}
		if tried := at.Sub(begin); d.Status != autonoma.DeliveryDead || !d.NextAt.IsZero() || tried < 18*time.Hour || tried > autonoma.HookPatience || d.Attempts < 12 || d.Attempts > 20 {
			t.Errorf("%s after %d attempts in %v", d.Status, d.Attempts, tried)
		}
		d.Again(at)
		d.Attempted(autonoma.Attempt{At: at, Status: 200}, chance)
		if d.Status != autonoma.Delivered || d.Attempts != 1 {
			t.Errorf("made again, it is %+v", d)
		}
	}
}

// A hook that fails for days is disabled and says why; one that fails now and then
// is not.
func TestHookIsDisabled(t *testing.T) {
	failed := func(at time.Time) autonoma.Attempt {
		return autonoma.Attempt{At: at, Status: 503, Problem: "answered 503"}
	}
	begin := time.Date(2026, 2, 23, 12, 0, 0, 0, time.UTC)
	var steady, recovering, rare, gone autonoma.Hook
	for h := range 10 * 24 {
		at := begin.Add(time.Duration(h) * time.Hour)
		steady.Attempted(failed(at))
		recovering.Attempted(failed(at))
		if h%100 == 0 {
			recovering.Attempted(autonoma.Attempt{At: at, Status: 200})
		}
		if h%(3*24) == 0 {
			rare.Attempted(failed(at))
		}
		if want := h >= 5*24; (steady.Disabled != "") != want {
			t.Fatalf("after %d hours: %q", h, steady.Disabled)
		}
	}
	if want := "it failed 121 times in a row since 2026-02-23T12:00:00Z; the last time: answered 503"; steady.Disabled != want {
		t.Errorf("%q", steady.Disabled)
	}
	if recovering.Disabled != "" || rare.Disabled != "" {
		t.Errorf("%q, %q", recovering.Disabled, rare.Disabled)
	}
	gone.Attempted(autonoma.Attempt{At: begin, Status: 410, Problem: "answered 410"})
	if gone.Disabled == "" {
		t.Error("who answers 410 is told more")
	}
}

// A secret that was chosen badly is refused; one that is printed by mistake is stars.
func TestHookSecret(t *testing.T) {
	for secret, ok := range map[autonoma.HookSecret]bool{
		"0123456789abcdef": true, "whsec_MDEyMzQ1Njc4OWFiY2RlZg==": true,
		"": false, "short": false, "whsec_": false, "whsec_!": false, "whsec_MDEy": false,
		"0123456789 abcdef": false, "0123456789ab\ncdef": false, "0123456789abcdäf": false, autonoma.HookSecret(strings.Repeat("x", 257)): false,
	} {
		if err := secret.Check(); (err == nil) != ok {
			t.Errorf("%q: %v", string(secret), err)
		}
	}
	made := autonoma.NewHookSecret()
	if err := made.Check(); err != nil || made == autonoma.NewHookSecret() {
		t.Errorf("%q: %v", string(made), err)
	}
	encoded, err := json.Marshal(made)
	if err != nil {
		t.Fatal(err)
	}
	var logged strings.Builder
	slog.New(slog.NewTextHandler(&logged, nil)).Info("made", "secret", made)
	printed := fmt.Sprintf("%v %+v %#v %s %q %x", made, struct{ S autonoma.HookSecret }{made}, made, made, made, made)
	if text := printed + string(encoded) + logged.String(); strings.Contains(text, string(made[:12])) || strings.Count(text, "******") != 8 {
		t.Errorf("it comes out: %s", text)
	}
}
