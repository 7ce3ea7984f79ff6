package httpapi

import (
	"context"
	"maps"
	"net/http"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/service"
)

const hooks, hook = "/v1/webhooks", "/v1/webhooks/{webhookId}"

// hookRoutes are the operations on webhooks.
func (s *server) hookRoutes() {
	on := []string{"webhooks"}
	creates(s, huma.Operation{OperationID: "createWebhook", Method: http.MethodPost, Path: hooks, Tags: on, DefaultStatus: http.StatusCreated,
		Summary: "Have a URL told of what happens to your tasks"}, s.createHook, createdHook)
	handle(s, huma.Operation{OperationID: "listWebhooks", Method: http.MethodGet, Path: hooks, Tags: on,
		Summary: "List the webhooks, newest first",
		Errors:  []int{403, 422}}, s.listHooks)
	handle(s, huma.Operation{OperationID: "getWebhook", Method: http.MethodGet, Path: hook, Tags: on,
		Summary: "Get a webhook and how it does",
		Errors:  []int{403, 404}}, s.getHook)
	handle(s, huma.Operation{OperationID: "changeWebhook", Method: http.MethodPatch, Path: hook, Tags: on,
		Summary: "Change, disable or enable a webhook",
		Errors:  []int{400, 403, 404, 408, 413, 415, 422}}, s.changeHook)
	handle(s, huma.Operation{OperationID: "deleteWebhook", Method: http.MethodDelete, Path: hook, Tags: on, DefaultStatus: http.StatusNoContent,
		Summary: "Remove a webhook, with what it was still to be told",
		Errors:  []int{403, 404}}, s.deleteHook)
	creates(s, huma.Operation{OperationID: "pingWebhook", Method: http.MethodPost, Path: hook + "/ping", Tags: on, DefaultStatus: http.StatusAccepted,
		Summary: "Try a webhook out: it is told webhook.ping, once",
		Errors:  []int{404}}, s.pingHook, pinged)
	creates(s, huma.Operation{OperationID: "rotateWebhookSecret", Method: http.MethodPost, Path: hook + "/secret/rotate", Tags: on, DefaultStatus: http.StatusOK,
		Summary: "Give a webhook another secret; the one before it signs as well for a day",
		Errors:  []int{404}}, s.rotateHookSecret, shownSecret)
	handle(s, huma.Operation{OperationID: "listWebhookDeliveries", Method: http.MethodGet, Path: hook + "/deliveries", Tags: on,
		Summary: "List what a webhook was told and is to be told, newest first",
		Errors:  []int{403, 404, 422}}, s.listDeliveries)
	handle(s, huma.Operation{OperationID: "redeliver", Method: http.MethodPost, Path: hook + "/deliveries/{deliveryId}/redeliver", Tags: on, DefaultStatus: http.StatusAccepted,
		Summary: "Make a delivery again",
		Errors:  []int{403, 404}}, s.redeliver)
	handle(s, huma.Operation{OperationID: "getCallbackSecret", Method: http.MethodGet, Path: hooks + "/secret", Tags: on,
		Summary: "Get the secret that signs what is sent to the callbackUrl of tasks; it takes the scope write",
		Errors:  []int{403}}, s.getSecret)
	creates(s, huma.Operation{OperationID: "rotateCallbackSecret", Method: http.MethodPost, Path: hooks + "/secret/rotate", Tags: on, DefaultStatus: http.StatusOK,
		Summary: "Have callbacks signed with another secret; the one before it signs as well for a day"}, s.rotateSecret, shownSecret)
}

// HookIn names a webhook in the path of a request.
type HookIn struct {
	WebhookID autonoma.HookID `path:"webhookId" doc:"Names the webhook."`
}

type hookOut struct {
	Body api.Hook
}

func (s *server) createHook(ctx context.Context, by autonoma.Actor, in *Creation[api.CreateHook], also service.Also[service.IssuedHook]) (service.IssuedHook, error) {
	wish, faults, err := in.Sent.get()
	if err != nil {
		return service.IssuedHook{}, err
	}
	h := autonoma.Hook{URL: wish.URL, Events: wish.Events, Description: wish.Description, Disabled: disabled(wish.Disabled)}
	if len(faults) > 0 {
		return service.IssuedHook{}, withNouns(faults, judged(h.Normalize()))
	}
	return s.Hooks.Create(ctx, by, h, autonoma.HookSecret(wish.Secret), also)
}

func createdHook(h service.IssuedHook) (string, api.Hook) {
	return hooks + "/" + string(h.ID), api.HookOf(h.Hook, h.Secret)
}

func disabled(is bool) string {
	if is {
		return autonoma.DisabledByOwner
	}
	return ""
}

type hooksOut struct {
	Body api.Hooks
}

func (s *server) listHooks(ctx context.Context, by autonoma.Actor, in *PageIn) (*hooksOut, error) {
	from, err := parseCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	all, next, err := s.Hooks.List(ctx, by, from, in.Limit)
	shown := each(all, func(h autonoma.Hook) api.Hook { return api.HookOf(h, "") })
	return &hooksOut{api.Hooks{Webhooks: shown, NextCursor: nextCursor(next)}}, err
}

func (s *server) getHook(ctx context.Context, by autonoma.Actor, in *HookIn) (*hookOut, error) {
	h, err := s.Hooks.Get(ctx, by, in.WebhookID)
	return &hookOut{api.HookOf(h, "")}, err
}

type changeHookIn struct {
	HookIn
	Sent sent[api.ChangeHook]
}

func (s *server) changeHook(ctx context.Context, by autonoma.Actor, in *changeHookIn) (*hookOut, error) {
	wish, faults, err := in.Sent.get()
	if err != nil {
		return nil, err
	}
	if len(faults) > 0 {
		return nil, faults
	}
	h, err := s.Hooks.Change(ctx, by, in.WebhookID, func(h *autonoma.Hook) {
		set(&h.URL, wish.URL)
		set(&h.Events, wish.Events)
		set(&h.Description, wish.Description)
		if wish.Disabled != nil && *wish.Disabled != (h.Disabled != "") {
			h.Disabled = disabled(*wish.Disabled)
		}
	})
	return &hookOut{api.HookOf(h, "")}, err
}

// set changes a value if there is a wish to.
func set[T any](v, wish *T) {
	if wish != nil {
		*v = *wish
	}
}

func (s *server) deleteHook(ctx context.Context, by autonoma.Actor, in *HookIn) (*struct{}, error) {
	return nil, s.Hooks.Delete(ctx, by, in.WebhookID)
}

type deliveryOut struct {
	Body api.HookDelivery
}

type hookActIn struct {
	HookIn
	Named
}

func (s *server) pingHook(ctx context.Context, by autonoma.Actor, in *hookActIn, also service.Also[autonoma.HookDelivery]) (autonoma.HookDelivery, error) {
	return s.Hooks.Ping(ctx, by, in.WebhookID, also)
}

func pinged(d autonoma.HookDelivery) (string, api.HookDelivery) {
	return hooks + "/" + string(d.Hook) + "/deliveries", api.DeliveryOf(d)
}

type listDeliveriesIn struct {
	PageIn
	WebhookID autonoma.HookID `path:"webhookId" doc:"Names the webhook; callbacks stands for the callbackUrls of tasks."`
	Status    string          `query:"status" enum:"pending,delivered,dead" doc:"Only deliveries with this status."`
}

type listDeliveriesOut struct {
	Body api.HookDeliveries
}

func (s *server) listDeliveries(ctx context.Context, by autonoma.Actor, in *listDeliveriesIn) (*listDeliveriesOut, error) {
	from, err := parseCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	all, next, err := s.Hooks.Deliveries(ctx, by, orCallbacks(in.WebhookID), autonoma.DeliveryStatus(in.Status), from, in.Limit)
	return &listDeliveriesOut{api.HookDeliveries{Deliveries: each(all, api.DeliveryOf), NextCursor: nextCursor(next)}}, err
}

type redeliverIn struct {
	WebhookID  autonoma.HookID     `path:"webhookId" doc:"Names the webhook; callbacks stands for the callbackUrls of tasks."`
	DeliveryID autonoma.DeliveryID `path:"deliveryId" doc:"Names the delivery."`
}

// orCallbacks is the hook of that identifier, or none where callbacks are meant.
func orCallbacks(id autonoma.HookID) autonoma.HookID {
	if id == api.CallbacksID {
		return ""
	}
	return id
}

func (s *server) redeliver(ctx context.Context, by autonoma.Actor, in *redeliverIn) (*deliveryOut, error) {
	d, err := s.Hooks.Redeliver(ctx, by, orCallbacks(in.WebhookID), in.DeliveryID)
	return &deliveryOut{api.DeliveryOf(d)}, err
}

type secretOut struct {
	Body api.HookSecret
}

func (s *server) getSecret(ctx context.Context, by autonoma.Actor, _ *struct{}) (*secretOut, error) {
	l, err := s.Hooks.Secret(ctx, by)
	return &secretOut{secretOf(l)}, err
}

func secretOf(l service.Secrets) api.HookSecret {
	out := api.HookSecret{Secret: string(l.Newest)}
	if l.Previous != "" {
		out.PreviousUntil = new(api.Seconds(l.Until))
	}
	return out
}

// shownSecret is the answer to a rotation. What it makes has no path of its own.
func shownSecret(l service.Secrets) (string, api.HookSecret) { return "", secretOf(l) }

func (s *server) rotateSecret(ctx context.Context, by autonoma.Actor, _ *Named, also service.Also[service.Secrets]) (service.Secrets, error) {
	return s.Hooks.Rotate(ctx, by, "", also)
}

func (s *server) rotateHookSecret(ctx context.Context, by autonoma.Actor, in *hookActIn, also service.Also[service.Secrets]) (service.Secrets, error) {
	return s.Hooks.Rotate(ctx, by, in.WebhookID, also)
}

// describeHooks adds examples, and what is sent to webhooks.
func (s *server) describeHooks(doc *huma.OpenAPI) {
	asks(doc.Paths[hooks].Post, map[string]any{
		"url": "https://your-domain.com/webhook", "events": []string{"task.completed", "task.failed"},
	})
	asks(doc.Paths[hook].Patch, map[string]any{"disabled": true})
	body := func(schema *huma.Schema) *huma.RequestBody {
		return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
	}
	nobody := []map[string][]string{{}} // no key of ours is sent
	doc.Webhooks = map[string]*huma.PathItem{
		"event": {Post: &huma.Operation{
			OperationID: "receiveEvent", Summary: "What happens to a task", Tags: []string{"webhooks"},
			Description: "Sent to webhooks that want to be told of it, and at the end of a task to its callbackUrl: at least once, in order for each task.",
			Parameters:  signed(), RequestBody: body(sends(s, schemaOf[api.Task](s), autonoma.HookTypes()...)), Responses: taken(), Security: nobody,
		}},
		"ping": {Post: &huma.Operation{
			OperationID: "receivePing", Summary: "A webhook is tried out", Tags: []string{"webhooks"},
			Parameters: signed(), RequestBody: body(sends(s, schemaOf[api.Ping](s), autonoma.PingHookType)), Responses: taken(), Security: nobody,
		}},
	}
}

// sends is the body of what is sent to webhooks, with what its data is.
func sends(s *server, data *huma.Schema, types ...autonoma.HookType) *huma.Schema {
	whole := *s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[api.Webhook](), false, "")
	whole.AdditionalProperties = nil // those to come
	whole.Properties = maps.Clone(whole.Properties)
	typ := *whole.Properties["type"]
	enum(&typ, types)
	whole.Properties["type"], whole.Properties["data"] = &typ, data
	return &whole
}

// signed are the headers by which a receiver knows who sends.
func signed() []*huma.Param {
	header := func(name, what string) *huma.Param {
		return &huma.Param{Name: name, In: "header", Required: true, Description: what, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	return []*huma.Param{
		header(api.HeaderWebhookID, "Names the delivery: the same in each attempt."),
		header(api.HeaderWebhookTimestamp, "When the attempt is made, in seconds since 1970."),
		header(api.HeaderWebhookSignature, "Signatures as Standard Webhooks has them, one for each secret that is good."),
		header(api.HeaderSignature, "sha256=, and the HMAC-SHA256 of the body in hex."),
	}
}

// taken is what a receiver answers.
func taken() map[string]*huma.Response {
	return map[string]*huma.Response{
		"2XX":     {Description: "Taken, and not sent again"},
		"default": {Description: "Tried again, for a day"},
	}
}

// refineHook adds to what is asked of webhooks what the nouns say.
func refineHook(schema *huma.Schema) {
	p := schema.Properties
	bound(p["url"], 1, autonoma.MaxHookURL)
	enum(p["events"].Items, append([]autonoma.HookType{autonoma.AllHookTypes}, autonoma.HookTypes()...))
	p["events"].MinItems, p["events"].UniqueItems = new(1), true
	for field, property := range p {
		if !slices.Contains(schema.Required, field) {
			property.Nullable = true
		}
	}
}
