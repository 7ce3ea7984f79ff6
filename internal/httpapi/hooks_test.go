package httpapi_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/store"
)

// hook makes a webhook of ann's.
func (k *kit) hook(types ...autonoma.HookType) api.Hook {
	k.t.Helper()
	return must(k.client(k.ann).CreateWebhook(k.t.Context(), api.CreateHook{URL: "https://a.example/hook", Events: types}))(k.t)
}

// attempt says of all pending deliveries how they went, as the sender would.
func (k *kit) attempt(a autonoma.Attempt) {
	k.t.Helper()
	due := must(k.db.Due(k.t.Context(), time.Now(), nil, nil, 100))(k.t)
	for _, d := range due {
		d.Attempted(a, 0.5)
		if err := k.db.Update(k.t.Context(), func(tx *store.Tx) error { return tx.SaveDelivery(d) }); err != nil {
			k.t.Fatal(err)
		}
	}
}

// put changes a hook, as the sender would.
func (k *kit) put(id autonoma.HookID, how func(*autonoma.Hook)) {
	k.t.Helper()
	if err := k.db.Update(k.t.Context(), func(tx *store.Tx) error {
		h, err := tx.Hook(id)
		if err != nil {
			return err
		}
		how(&h)
		return tx.PutHook(h)
	}); err != nil {
		k.t.Fatal(err)
	}
}

// The life of a webhook, from its making to its removal. Its secret is shown once.
func TestWebhook(t *testing.T) {
	k, ctx := newKit(t), t.Context()
	r := k.do(k.ann, "POST", "/v1/webhooks", `{"url": "https://a.example/hook", "events": ["task.completed", "*"], "description": "ours", "secret": "of-my-own-choosing"}`)
	var made api.Hook
	if err := json.Unmarshal(r.body, &made); err != nil || r.StatusCode != http.StatusCreated || r.Header.Get("Location") != "/v1/webhooks/"+string(made.ID) {
		t.Fatalf("%d %s: %v", r.StatusCode, r.body, err)
	}
	if made.Secret == nil || *made.Secret != "of-my-own-choosing" {
		t.Errorf("%s", r.body)
	}
	c := k.client(k.ann)
	got := must(c.Webhook(ctx, made.ID))(t)
	made.Secret = nil
	if diff := cmp.Diff(made, got); diff != "" {
		t.Errorf("(-made +got):\n%s", diff)
	}
	if other := k.hook("*"); other.Secret == nil || !strings.HasPrefix(*other.Secret, "whsec_") {
		t.Errorf("its secret is %v", other.Secret)
	}
	var listed []autonoma.HookID
	for h, err := range c.Webhooks(ctx) {
		if err != nil || h.Secret != nil {
			t.Fatal(h, err)
		}
		listed = append(listed, h.ID)
	}
	if len(listed) != 2 || listed[1] != made.ID {
		t.Errorf("%v", listed)
	}
	if page := k.do(k.reader, "GET", "/v1/webhooks?limit=1", ""); !strings.Contains(string(page.body), `"nextCursor":"`) {
		t.Errorf("%s", page.body)
	}

	changed := must(c.ChangeWebhook(ctx, made.ID, api.ChangeHook{URL: ptr("https://b.example"), Disabled: ptr(true)}))(t)
	if changed.URL != "https://b.example" || !changed.Disabled || *changed.DisabledReason != autonoma.DisabledByOwner || len(changed.Events) != 2 {
		t.Errorf("%+v", changed)
	}
	k.put(made.ID, func(h *autonoma.Hook) { h.Disabled, h.Failures, h.FailingSince = "it failed", 7, h.CreatedAt })
	if got := must(c.Webhook(ctx, made.ID))(t); *got.DisabledReason != "it failed" || got.Failures != 7 || !got.FailingSince.Equal(made.CreatedAt) {
		t.Errorf("%+v", got)
	}
	if same := must(c.ChangeWebhook(ctx, made.ID, api.ChangeHook{Disabled: ptr(true)}))(t); *same.DisabledReason != "it failed" {
		t.Errorf("%+v", same)
	}
	if changed = must(c.ChangeWebhook(ctx, made.ID, api.ChangeHook{Disabled: ptr(false)}))(t); changed.Disabled || changed.DisabledReason != nil || changed.Failures != 0 || changed.FailingSince != nil {
		t.Errorf("%+v", changed)
	}
	rotated := must(c.RotateWebhookSecret(ctx, made.ID))(t)
	if rotated.Secret == "of-my-own-choosing" || rotated.PreviousUntil == nil {
		t.Errorf("%+v", rotated)
	}
	if err := c.DeleteWebhook(ctx, made.ID); err != nil {
		t.Fatal(err)
	}
	if r := k.do(k.ann, "GET", "/v1/webhooks/"+string(made.ID), ""); r.StatusCode != 404 {
		t.Errorf("%d", r.StatusCode)
	}
	if _, err := k.db.Secret(ctx, string(made.ID)); !errors.Is(err, autonoma.ErrNotFound) {
		t.Errorf("its secret is left: %v", err)
	}
}

// A request that is sent again under the same name makes nothing new: neither a webhook
// nor a secret.
func TestWebhookOnce(t *testing.T) {
	k := newKit(t)
	path := "/v1/webhooks/" + string(k.hook("*").ID)
	for _, tt := range []struct{ path, body string }{
		{"/v1/webhooks", `{"url": "https://a.example", "events": ["*"]}`},
		{path + "/ping", ""}, {path + "/secret/rotate", ""}, {"/v1/webhooks/secret/rotate", ""},
	} {
		first := k.do(k.ann, "POST", tt.path, tt.body, "Idempotency-Key", "once"+tt.path)
		again := k.do(k.ann, "POST", tt.path, tt.body, "Idempotency-Key", "once"+tt.path)
		if first.StatusCode >= 300 || string(first.body) != string(again.body) || again.Header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("%s: %d %s\nagain: %d %s", tt.path, first.StatusCode, first.body, again.StatusCode, again.body)
		}
		if other := k.do(k.ann, "POST", tt.path, tt.body); string(other.body) == string(first.body) {
			t.Errorf("%s: another request is answered alike", tt.path)
		}
		if values, there := first.Header["Location"]; there && values[0] == "" {
			t.Errorf("%s: an empty Location", tt.path)
		}
	}
}

func TestBadWebhooks(t *testing.T) {
	k := newKit(t)
	path := "/v1/webhooks/" + string(k.hook("*").ID)
	for _, tt := range []struct {
		name, method, path, body string
		want                     []api.Field
	}{
		{"nothing said", "POST", "/v1/webhooks", `{}`, []api.Field{
			{Field: "url", Message: "must not be empty"},
			{Field: "events", Message: `must name at least one type of event, or "*" for all; /v1/info lists them`},
		}},
		{"all wrong at once", "POST", "/v1/webhooks", `{"url": "http://inside.example", "events": ["task.danced"], "secret": "short"}`, []api.Field{
			{Field: "events[0]", Message: `is not a type of event; /v1/info lists them, and "*" stands for all`},
			{Field: "secret", Message: "must stand for 16 bytes at least, and have 256 characters at most"},
			{Field: "url", Message: "leads inside"},
		}},
		{"wrong types", "POST", "/v1/webhooks", `{"url": "", "events": "*", "disabled": "no", "x": 1}`, []api.Field{
			{Field: "events", Message: "must be a list"}, {Field: "disabled", Message: "must be true or false"},
			{Field: "x", Message: "is not a known field"}, {Field: "url", Message: "must not be empty"},
		}},
		{"a change to the bad", "PATCH", path, `{"url": "http://inside.example"}`, []api.Field{{Field: "url", Message: "leads inside"}}},
		{"a change to nothing", "PATCH", path, `{"events": []}`, []api.Field{
			{Field: "events", Message: `must name at least one type of event, or "*" for all; /v1/info lists them`},
		}},
		{"a change of what cannot be", "PATCH", path, `{"id": "hook_1"}`, []api.Field{{Field: "id", Message: "is not a known field"}}},
		{"no such status", "GET", path + "/deliveries?status=lost", "", []api.Field{{Field: "status", Message: `expected value to be one of "pending, delivered, dead"`}}},
		{"no such cursor", "GET", path + "/deliveries?cursor=x", "", []api.Field{{Field: "cursor", Message: "must be the nextCursor of an earlier page"}}},
	} {
		r := k.do(k.ann, tt.method, tt.path, tt.body)
		if diff := cmp.Diff(tt.want, r.problem(t).Errors); r.StatusCode != 422 || diff != "" {
			t.Errorf("%s: %d (-want +got):\n%s", tt.name, r.StatusCode, diff)
		}
	}
	for range autonoma.MaxHooks - 1 {
		k.hook("*")
	}
	if r := k.do(k.ann, "POST", "/v1/webhooks", `{"url": "https://a.example", "events": ["*"]}`); r.problem(t).Code != api.Conflict {
		t.Errorf("%s", r.body)
	}
}

// What another tenant owns is not there; and a key does what its scopes say.
func TestWhoseWebhooks(t *testing.T) {
	k := newKit(t)
	h := k.hook("*")
	must(k.client(k.ann).PingWebhook(t.Context(), h.ID))(t)
	delivery := must(k.db.Due(t.Context(), time.Now(), nil, nil, 1))(t)[0].ID
	path := "/v1/webhooks/" + string(h.ID)
	for _, tt := range []struct {
		method, path, body string
		writes             bool
	}{
		{"GET", path, "", false},
		{"GET", path + "/deliveries", "", false},
		{"PATCH", path, `{"disabled": true}`, true},
		{"POST", path + "/ping", "", true},
		{"POST", path + "/secret/rotate", "", true},
		{"POST", path + "/deliveries/" + string(delivery) + "/redeliver", "", true},
		{"DELETE", path, "", true},
	} {
		if r := k.do(k.bob, tt.method, tt.path, tt.body); r.StatusCode != 404 {
			t.Errorf("%s %s by a stranger: %d", tt.method, tt.path, r.StatusCode)
		}
		if r := k.do(k.reader, tt.method, tt.path, tt.body); (r.StatusCode == 403) != tt.writes {
			t.Errorf("%s %s by a reader: %d", tt.method, tt.path, r.StatusCode)
		}
	}
	other := must(k.client(k.ann).CreateWebhook(t.Context(), api.CreateHook{URL: "https://a.example", Events: []autonoma.HookType{"*"}}))(t)
	for _, path := range []string{"/v1/webhooks/" + string(other.ID), "/v1/webhooks/callbacks"} {
		if r := k.do(k.ann, "POST", path+"/deliveries/"+string(delivery)+"/redeliver", ""); r.StatusCode != 404 {
			t.Errorf("redelivered to another: %d", r.StatusCode)
		}
	}
	for _, method := range []string{"GET", "POST"} {
		path := map[string]string{"GET": "/v1/webhooks/secret", "POST": "/v1/webhooks/secret/rotate"}[method]
		if r := k.do(k.reader, method, path, ""); r.StatusCode != 403 {
			t.Errorf("%s %s by a reader: %d", method, path, r.StatusCode)
		}
	}
}

// What a webhook was told can be looked at, and told once more.
func TestDeliveries(t *testing.T) {
	k, ctx := newKit(t), t.Context()
	c, h := k.client(k.ann), k.hook("task.queued", "task.cancelled")
	id := k.submit()
	must(c.CancelTask(ctx, id))(t)
	at := time.Now().UTC().Truncate(time.Microsecond)
	k.attempt(autonoma.Attempt{At: at, Took: 1500 * time.Millisecond, Status: 500, Answer: "oh dear", Problem: "it answered 500"})
	list := func(hook autonoma.HookID, status autonoma.DeliveryStatus) (all []api.HookDelivery) {
		t.Helper()
		for d, err := range c.Deliveries(ctx, hook, status) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, d)
		}
		return all
	}
	all := list(h.ID, "")
	if len(all) != 2 || all[0].Type != "task.cancelled" || all[0].NextAttemptAt != nil || all[0].LastAttempt != nil || *all[0].RunID != id {
		t.Fatalf("%+v", all)
	}
	failed := all[1]
	if diff := cmp.Diff(&api.Attempt{At: at, DurationMS: 1500, StatusCode: ptr(500), Response: ptr("oh dear"), Error: ptr("it answered 500")}, failed.LastAttempt); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if failed.Attempts != 1 || failed.NextAttemptAt == nil || failed.Status != autonoma.DeliveryPending {
		t.Errorf("%+v", failed)
	}
	if again := must(c.Redeliver(ctx, h.ID, failed.ID))(t); again.Attempts != 0 || again.NextAttemptAt.After(time.Now()) {
		t.Errorf("%+v", again)
	}
	if waits := must(c.Redeliver(ctx, h.ID, all[0].ID))(t); waits.NextAttemptAt != nil {
		t.Errorf("it does not wait for the one before it: %+v", waits)
	}
	k.attempt(autonoma.Attempt{At: at, Status: 200})
	if got := list(h.ID, autonoma.Delivered); len(got) != 1 || got[0].ID != failed.ID {
		t.Errorf("%+v", got)
	}
	// A webhook that is disabled is told nothing more, and can still be tried out.
	must(c.ChangeWebhook(ctx, h.ID, api.ChangeHook{Disabled: ptr(true)}))(t)
	if got := list(h.ID, autonoma.DeliveryDead); len(got) != 1 || got[0].ID != all[0].ID {
		t.Errorf("%+v", got)
	}
	k.submit()
	ping := must(c.PingWebhook(ctx, h.ID))(t)
	if got := list(h.ID, autonoma.DeliveryPending); len(got) != 1 || got[0].ID != ping.ID || got[0].Type != autonoma.PingHookType {
		t.Errorf("%+v", got)
	}
}

// The callbacks of tasks have a secret and a list of their own.
func TestCallbacks(t *testing.T) {
	k, ctx := newKit(t), t.Context()
	c := k.client(k.ann)
	made := must(c.CreateTask(ctx, api.CreateTask{Task: "x", Capabilities: []autonoma.Capability{autonoma.Build}, CallbackURL: "https://a.example"}))(t)
	must(c.CancelTask(ctx, made.TaskID))(t)
	k.attempt(autonoma.Attempt{At: time.Now(), Status: 410, Problem: "it answered 410"})
	var dead []api.HookDelivery
	for d, err := range c.Deliveries(ctx, api.CallbacksID, autonoma.DeliveryDead) {
		if err != nil {
			t.Fatal(err)
		}
		dead = append(dead, d)
	}
	if len(dead) != 1 || dead[0].WebhookID != nil || *dead[0].RunID != made.TaskID || dead[0].Type != "task.cancelled" {
		t.Fatalf("%+v", dead)
	}
	if again := must(c.Redeliver(ctx, api.CallbacksID, dead[0].ID))(t); again.Status != autonoma.DeliveryPending {
		t.Errorf("%+v", again)
	}
	if r := k.do(k.bob, "POST", "/v1/webhooks/callbacks/deliveries/"+string(dead[0].ID)+"/redeliver", ""); r.StatusCode != 404 {
		t.Errorf("by a stranger: %d", r.StatusCode)
	}
	first := must(c.CallbackSecret(ctx))(t)
	if again := must(c.CallbackSecret(ctx))(t); again != first || first.PreviousUntil != nil {
		t.Errorf("%+v, %+v", first, again)
	}
	second := must(c.RotateCallbackSecret(ctx))(t)
	if second.Secret == first.Secret || time.Until(*second.PreviousUntil) < 23*time.Hour {
		t.Errorf("%+v", second)
	}
	if bobs := must(k.client(k.bob).CallbackSecret(ctx))(t); bobs.Secret == second.Secret {
		t.Error("two tenants have one secret")
	}
}

// /v1/info lists what webhooks can be told of, and each of them can be asked for.
func TestWebhookEvents(t *testing.T) {
	k := newKit(t)
	info := must(k.client(k.ann).Info(t.Context()))(t)
	if !slices.Equal(info.WebhookEvents, autonoma.HookTypes()) {
		t.Errorf("%v", info.WebhookEvents)
	}
	if h := k.hook(info.WebhookEvents...); fmt.Sprint(h.Events) != fmt.Sprint(info.WebhookEvents) {
		t.Errorf("%v", h.Events)
	}
}
