package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"autonoma"
	"autonoma/api"
	"autonoma/client"
	"autonoma/internal/model/modeltest"
)

// demand has the tenant of the first key demand a level of the sandbox.
func demand(t *testing.T, c *client.Client, level string) {
	t.Helper()
	ask := func(method, path, body string, out any) {
		req, err := http.NewRequestWithContext(t.Context(), method, c.BaseURL+"/v1/admin/tenants"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+c.Key)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if err := json.NewDecoder(resp.Body).Decode(out); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %s, %v", method, path, resp.Status, err)
		}
	}
	var all api.Tenants
	ask(http.MethodGet, "", "", &all)
	var changed api.Tenant
	if ask(http.MethodPatch, "/"+string(all.Tenants[0].ID), `{"minLevel": "`+level+`"}`, &changed); *changed.MinLevel != level {
		t.Fatalf("it demands %s", *changed.MinLevel)
	}
}

// TestMinLevel gives tasks to a server whose commands are not confined: it says so, and
// refuses what demands more.
func TestMinLevel(t *testing.T) {
	t.Parallel()
	s, c := serve(t, modeltest.NewServer(t, coder(mend)), "--sandbox", "none")
	h, err := c.Health(t.Context())
	if box := h.Services["sandbox"]; err != nil || box.Status != api.Degraded || box.Message != "level none: commands are not confined, by the operator's word" {
		t.Errorf("%+v, %v", h, err)
	}
	if h, err := c.RigorHealth(t.Context()); err != nil || h.Status != api.Degraded || *h.Sandbox.Level != "none" {
		t.Errorf("%+v, %v", h, err)
	}
	task := api.CreateTask{Task: "Spell it right.", Capabilities: []autonoma.Capability{autonoma.Build}, Scope: autonoma.Demo}
	done := completed(t, c, submit(t, c, task))
	if done.Steps[0].Isolation == nil || *done.Steps[0].Isolation != "none" {
		t.Errorf("the step says %v", done.Steps[0].Isolation)
	}
	e, err := c.Execution(t.Context(), *done.Steps[0].ExecutionID)
	if err != nil || e.Sandbox == nil || *e.Sandbox.Level != "none" || !slices.Contains(e.Sandbox.ProvenBy, "commands run") || slices.Contains(e.Sandbox.ProvenBy, "host files are hidden") {
		t.Errorf("the execution says %+v, %v", e.Sandbox, err)
	}

	demand(t, c, "bubblewrap")
	const says = "commands would run at the level none, and the minLevel of this tenant demands bubblewrap at least; to have it: install bubblewrap"
	if _, err := c.CreateTask(t.Context(), task); !errors.Is(err, autonoma.ErrUnavailable) || !strings.HasPrefix(err.Error(), says) {
		t.Errorf("what demands more: %v", err)
	}
	if _, err := c.RetryTask(t.Context(), done.TaskID); !errors.Is(err, autonoma.ErrUnavailable) {
		t.Errorf("once more: %v", err)
	}
	demand(t, c, "none")
	completed(t, c, submit(t, c, task))

	s.kill()
	s.args = append(s.args, "--min-level", "landlock")
	s.start()
	s.ready()
	if _, err := c.CreateTask(t.Context(), task); !errors.Is(err, autonoma.ErrUnavailable) || !strings.Contains(err.Error(), "the setting minLevel of this server demands landlock at least") {
		t.Errorf("a server that demands more than it has: %v", err)
	}
	h, err = c.Health(t.Context())
	if box := h.Services["sandbox"]; err != nil || box.Status != api.Unhealthy || !strings.Contains(box.Message, "landlock at least") {
		t.Errorf("%+v, %v", h, err)
	}
	if h, err := c.RigorHealth(t.Context()); err != nil || h.Status != api.Unhealthy || *h.Sandbox.Level != "none" {
		t.Errorf("%+v, %v", h, err)
	}
}
