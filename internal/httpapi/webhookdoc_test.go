package httpapi_test

import (
	"encoding/json"
	"testing"
	"time"

	"autonoma"
	"autonoma/internal/store"
	"autonoma/internal/webhook"
)

// What is sent to webhooks is as the document says.
func TestWebhooksAreDescribed(t *testing.T) {
	k := newKit(t)
	id := k.submit()
	k.become(id, autonoma.InProgress, "", nil)
	run := must(k.db.Run(t.Context(), id))(t)
	sent := autonoma.HookDelivery{ID: autonoma.NewDeliveryID(), Run: id, Type: "task.started", At: time.Now()}
	tried := autonoma.HookDelivery{ID: autonoma.NewDeliveryID(), Hook: autonoma.NewHookID(), Type: autonoma.PingHookType, At: time.Now()}
	for name, d := range map[string]autonoma.HookDelivery{"event": sent, "ping": tried} {
		body := must(webhook.Body(d, store.Snapshot{Run: run}))(t)
		described := k.doc.Webhooks[name].Post.RequestBody.Value.Content["application/json"].Schema.Value
		var v any
		if err := json.Unmarshal(body, &v); err != nil {
			t.Fatal(err)
		}
		if err := described.VisitJSON(v); err != nil {
			t.Errorf("%s: %v\n%s", name, err, body)
		}
		v.(map[string]any)["type"] = "else"
		if described.VisitJSON(v) == nil {
			t.Errorf("%s: any type would do", name)
		}
	}
}
