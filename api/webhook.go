package api

import (
	"time"

	"autonoma"
)

// A Webhook is the body of what is sent to webhooks and callbacks.
type Webhook struct {
	Type      autonoma.HookType `json:"type" doc:"What happened."`
	Timestamp time.Time         `json:"timestamp" doc:"When it happened."`
	Data      any               `json:"data" doc:"The task as it was then, in the form in which it is shown; a Ping for webhook.ping."`
}

// A Ping is the data of a webhook that says nothing but that it is there.
type Ping struct {
	WebhookID autonoma.HookID `json:"webhookId" doc:"The webhook that is tried out."`
}

// CreateHook is the body of POST /v1/webhooks.
type CreateHook struct {
	URL         string              `json:"url" doc:"Where to POST what happens: an https:// or http:// URL with a public address."`
	Events      []autonoma.HookType `json:"events" doc:"What to be told of: types that /v1/info lists, or * for all."`
	Secret      string              `json:"secret,omitempty" doc:"What signs: 16 to 256 printable characters, or whsec_ and at least 16 bytes in base64. Without one, one is made."`
	Description string              `json:"description,omitempty" doc:"Your own words for it, at most 500 bytes."`
	Disabled    bool                `json:"disabled,omitempty" doc:"Whether to be told nothing for now."`
}

// ChangeHook is the body of PATCH /v1/webhooks/{webhookId}. What is missing or null
// stays as it is.
type ChangeHook struct {
	URL         *string              `json:"url,omitempty" doc:"Where to POST what happens."`
	Events      *[]autonoma.HookType `json:"events,omitempty" doc:"What to be told of."`
	Description *string              `json:"description,omitempty" doc:"Your own words for it."`
	Disabled    *bool                `json:"disabled,omitempty" doc:"Whether to be told nothing. To enable a webhook forgives it its failures."`
}

// A Hook is a webhook: who wants to be told of what happens.
type Hook struct {
	ID             autonoma.HookID     `json:"id" doc:"Names the webhook."`
	URL            string              `json:"url" doc:"Where to POST what happens."`
	Events         []autonoma.HookType `json:"events" doc:"What it is told of."`
	Description    *string             `json:"description" doc:"Your own words for it."`
	Disabled       bool                `json:"disabled" doc:"Whether it is told nothing."`
	DisabledReason *string             `json:"disabledReason" doc:"Why, if so."`
	Failures       int                 `json:"failures" doc:"How often it has failed since its last success."`
	FailingSince   *time.Time          `json:"failingSince" doc:"Since when it has failed, without a success."`
	CreatedAt      time.Time           `json:"createdAt" doc:"When it was made."`
	UpdatedAt      time.Time           `json:"updatedAt" doc:"When it was changed, by you or by how it does."`
	Secret         *string             `json:"secret" doc:"What signs. Shown only by the request that set it; null otherwise."`
}

// Hooks is a page of webhooks, newest first.
type Hooks struct {
	Webhooks   []Hook  `json:"webhooks" doc:"The webhooks, newest first."`
	NextCursor *string `json:"nextCursor" doc:"Give it as cursor to get the next page; null on the last."`
}

// A HookDelivery tells one webhook of one event.
type HookDelivery struct {
	ID            autonoma.DeliveryID     `json:"id" doc:"Names the delivery; it is the webhook-id of every attempt."`
	WebhookID     *autonoma.HookID        `json:"webhookId" doc:"Whom it tells; null for the callbackUrl of a task."`
	Type          autonoma.HookType       `json:"type" doc:"What happened."`
	RunID         *autonoma.RunID         `json:"runId" doc:"The task it happened to; null for a ping."`
	Timestamp     time.Time               `json:"timestamp" doc:"When it happened."`
	Status        autonoma.DeliveryStatus `json:"status" doc:"Pending, delivered, or dead: given up, until you ask for it again."`
	Attempts      int                     `json:"attempts" doc:"How often it was tried, since it was asked for the last time."`
	NextAttemptAt *time.Time              `json:"nextAttemptAt" doc:"When it is tried next; null if it is over, or if an earlier delivery about the same task comes first."`
	LastAttempt   *Attempt                `json:"lastAttempt" doc:"The last attempt; null if there was none."`
}

// An Attempt is one try to deliver.
type Attempt struct {
	At         time.Time `json:"at" doc:"When it began."`
	DurationMS int64     `json:"durationMs" doc:"How long it took, in milliseconds."`
	StatusCode *int      `json:"statusCode" doc:"HTTP status of the answer; null if there was none."`
	Response   *string   `json:"response" doc:"How the body of the answer begins: 2,048 bytes at most."`
	Error      *string   `json:"error" doc:"Why it did not count; null if it did."`
}

// HookDeliveries is a page of deliveries, newest first.
type HookDeliveries struct {
	Deliveries []HookDelivery `json:"deliveries" doc:"The deliveries, newest first."`
	NextCursor *string        `json:"nextCursor" doc:"Give it as cursor to get the next page; null on the last."`
}

// A HookSecret is what signs.
type HookSecret struct {
	Secret        string     `json:"secret" doc:"What signs."`
	PreviousUntil *time.Time `json:"previousUntil" doc:"How long the secret before it signs as well; null if there is none that does."`
}

// CallbacksID stands in for the identifier of a webhook where the deliveries to the
// callbacks of tasks are meant.
const CallbacksID autonoma.HookID = "callbacks"

// HookOf returns a hook as it is shown; with its secret, if that is given.
func HookOf(h autonoma.Hook, secret autonoma.HookSecret) Hook {
	return Hook{
		ID: h.ID, URL: h.URL, Events: h.Events, Description: orNull(h.Description),
		Disabled: h.Disabled != "", DisabledReason: orNull(h.Disabled),
		Failures: h.Failures, FailingSince: secondsOrNull(h.FailingSince),
		CreatedAt: Seconds(h.CreatedAt), UpdatedAt: Seconds(h.UpdatedAt), Secret: orNull(string(secret)),
	}
}

// DeliveryOf returns a delivery as it is shown.
func DeliveryOf(d autonoma.HookDelivery) HookDelivery {
	out := HookDelivery{
		ID: d.ID, WebhookID: orNull(d.Hook), Type: d.Type, RunID: orNull(d.Run), Timestamp: d.At.UTC(),
		Status: d.Status, Attempts: d.Attempts, NextAttemptAt: orNull(d.NextAt.UTC()),
	}
	if d.Last != (autonoma.Attempt{}) {
		out.LastAttempt = &Attempt{
			At: d.Last.At.UTC(), DurationMS: d.Last.Took.Milliseconds(), StatusCode: orNull(d.Last.Status),
			Response: orNull(d.Last.Answer), Error: orNull(d.Last.Problem),
		}
	}
	return out
}
