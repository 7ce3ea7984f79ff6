package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"

	"autonoma"
	"autonoma/api"
)

const hooksPath = "/v1/webhooks"

func hookPath(id autonoma.HookID) string { return hooksPath + "/" + url.PathEscape(string(id)) }

// CreateWebhook has a URL told of what happens. The answer holds the secret, which is
// not shown again.
func (c *Client) CreateWebhook(ctx context.Context, in api.CreateHook) (api.Hook, error) {
	return do[api.Hook](ctx, c, http.MethodPost, hooksPath, in)
}

// Webhook returns a webhook.
func (c *Client) Webhook(ctx context.Context, id autonoma.HookID) (api.Hook, error) {
	return do[api.Hook](ctx, c, http.MethodGet, hookPath(id), nil)
}

// Webhooks yields the webhooks, newest first. After an error it yields nothing more.
func (c *Client) Webhooks(ctx context.Context) iter.Seq2[api.Hook, error] {
	return pages(ctx, c, hooksPath, "", func(p api.Hooks) ([]api.Hook, *string) { return p.Webhooks, p.NextCursor })
}

// ChangeWebhook changes a webhook. What is nil stays as it is.
func (c *Client) ChangeWebhook(ctx context.Context, id autonoma.HookID, in api.ChangeHook) (api.Hook, error) {
	return do[api.Hook](ctx, c, http.MethodPatch, hookPath(id), in)
}

// DeleteWebhook removes a webhook.
func (c *Client) DeleteWebhook(ctx context.Context, id autonoma.HookID) error {
	return c.remove(ctx, hookPath(id))
}

// PingWebhook has a webhook told webhook.ping. What came of it stands in its
// deliveries.
func (c *Client) PingWebhook(ctx context.Context, id autonoma.HookID) (api.HookDelivery, error) {
	return do[api.HookDelivery](ctx, c, http.MethodPost, hookPath(id)+"/ping", nil)
}

// Deliveries yields what a webhook was told and is to be told, newest first; with
// [api.CallbacksID], that of the callbacks of tasks. An empty status means all.
func (c *Client) Deliveries(ctx context.Context, id autonoma.HookID, status autonoma.DeliveryStatus) iter.Seq2[api.HookDelivery, error] {
	return pages(ctx, c, hookPath(id)+"/deliveries", string(status),
		func(p api.HookDeliveries) ([]api.HookDelivery, *string) { return p.Deliveries, p.NextCursor })
}

// Redeliver has a delivery made again.
func (c *Client) Redeliver(ctx context.Context, id autonoma.HookID, delivery autonoma.DeliveryID) (api.HookDelivery, error) {
	return do[api.HookDelivery](ctx, c, http.MethodPost, hookPath(id)+"/deliveries/"+url.PathEscape(string(delivery))+"/redeliver", nil)
}

// RotateWebhookSecret gives a webhook another secret. The one before it signs as well
// for a day.
func (c *Client) RotateWebhookSecret(ctx context.Context, id autonoma.HookID) (api.HookSecret, error) {
	return do[api.HookSecret](ctx, c, http.MethodPost, hookPath(id)+"/secret/rotate", nil)
}

// CallbackSecret returns what signs callbacks.
func (c *Client) CallbackSecret(ctx context.Context) (api.HookSecret, error) {
	return do[api.HookSecret](ctx, c, http.MethodGet, hooksPath+"/secret", nil)
}

// RotateCallbackSecret has callbacks signed with another secret.
func (c *Client) RotateCallbackSecret(ctx context.Context) (api.HookSecret, error) {
	return do[api.HookSecret](ctx, c, http.MethodPost, hooksPath+"/secret/rotate", nil)
}
