package api

import (
	"time"

	"autonoma"
)

// CreateTenant is the body of POST /v1/admin/tenants.
type CreateTenant struct {
	Name   string            `json:"name" doc:"A name of its own: 1 to 100 bytes."`
	Plan   autonoma.PlanName `json:"plan,omitempty" doc:"How many requests it may make."`
	Budget *MonthBudget      `json:"budget,omitempty" doc:"What its tasks may use in a month."`

	MinLevel string `json:"minLevel,omitempty" doc:"How strongly the commands of its agents have to be confined at least: gvisor, namespaces, bubblewrap, container, landlock or none, strongest first. What the installation demands of all holds in any case."`
}

// ChangeTenant is the body of PATCH /v1/admin/tenants/{tenantId}.
type ChangeTenant struct {
	Plan   *autonoma.PlanName `json:"plan,omitempty" doc:"How many requests it may make, from its next request on; as it is, if left out."`
	Budget *MonthBudget       `json:"budget,omitempty" doc:"What its tasks may use in a month, from their next turn on, in place of the budget before; as it is, if left out."`

	MinLevel *string `json:"minLevel,omitempty" doc:"How strongly the commands of its agents have to be confined at least, from its next execution on: gvisor, namespaces, bubblewrap, container, landlock or none, strongest first. Empty for no more than the installation demands of all; as it is, if left out."`
}

// A MonthBudget is what the tasks of a tenant may use in a calendar month, in UTC. Null
// means what the configuration says of all tenants, which may be no limit.
type MonthBudget struct {
	MonthUSD    *float64 `json:"monthUsd" required:"false" doc:"US dollars paid to providers of models. 0 means none."`
	MonthTokens *int64   `json:"monthTokens" required:"false" doc:"Tokens in and out, cached ones included. 0 means none."`
}

// A Tenant owns tasks and keys.
type Tenant struct {
	ID        autonoma.TenantID `json:"id" doc:"Names the tenant."`
	Name      string            `json:"name" doc:"Its name."`
	Plan      autonoma.PlanName `json:"plan" doc:"How many requests it may make."`
	Budget    MonthBudget       `json:"budget" doc:"What its tasks may use in a month."`
	MinLevel  *string           `json:"minLevel" doc:"How strongly the commands of its agents have to be confined at least; null for no more than the installation demands of all. What would be confined less is refused."`
	Operator  bool              `json:"operator" doc:"Whether it runs this installation and sees all tenants."`
	CreatedAt time.Time         `json:"createdAt" doc:"When it was made."`
}

// Tenants is a page of tenants, newest first.
type Tenants struct {
	Tenants    []Tenant `json:"tenants" doc:"The tenants, newest first."`
	NextCursor *string  `json:"nextCursor" doc:"Give it as cursor to get the next page; null on the last."`
}

// TenantOf returns a tenant as it is shown.
func TenantOf(t autonoma.Tenant) Tenant {
	return Tenant{ID: t.ID, Name: t.Name, Plan: t.Plan, Budget: MonthBudget{t.Month.USD, t.Month.Tokens}, MinLevel: orNull(t.MinLevel), Operator: t.Operator, CreatedAt: Seconds(t.CreatedAt)}
}

// CreateKey is the body of POST /v1/admin/keys.
type CreateKey struct {
	Name      string              `json:"name" doc:"What it is for: 1 to 100 bytes."`
	Scopes    []autonoma.KeyScope `json:"scopes,omitempty" doc:"What its holder may do. By default read and write."`
	TenantID  autonoma.TenantID   `json:"tenantId,omitempty" doc:"Whose key it is: your own tenant's, or, if you run the installation, any."`
	ExpiresAt *time.Time          `json:"expiresAt,omitempty" doc:"When it ends by itself; null for never."`
}

// RotateKey is the body of POST /v1/admin/keys/{keyId}/rotate.
type RotateKey struct {
	OverlapSeconds *int64 `json:"overlapSeconds,omitempty" doc:"How long the old secret stays good, at most 7 days. By default one day."`
}

// A Key is how somebody proves to act for a tenant.
type Key struct {
	ID         autonoma.KeyID      `json:"id" doc:"Names the key, and is its public part."`
	TenantID   autonoma.TenantID   `json:"tenantId" doc:"Whose key it is."`
	Name       string              `json:"name" doc:"What it is for."`
	Scopes     []autonoma.KeyScope `json:"scopes" doc:"What its holder may do."`
	CreatedAt  time.Time           `json:"createdAt" doc:"When it was made."`
	ExpiresAt  *time.Time          `json:"expiresAt" doc:"When it ends by itself; null for never."`
	RevokedAt  *time.Time          `json:"revokedAt" doc:"When it was revoked; null if it was not."`
	LastUsedAt *time.Time          `json:"lastUsedAt" doc:"When it was last used, to the minute; null for never."`
	OldUntil   *time.Time          `json:"oldUntil" doc:"Until when the secret before the last rotation is good; null if there is none."`
}

// KeyWithSecret is a key, and what its holder sends.
type KeyWithSecret struct {
	Key
	Secret string `json:"key" doc:"What to send as Authorization: Bearer. It is shown this once."`
}

// Keys is a page of keys, newest first.
type Keys struct {
	Keys       []Key   `json:"keys" doc:"The keys, newest first."`
	NextCursor *string `json:"nextCursor" doc:"Give it as cursor to get the next page; null on the last."`
}

// KeyOf returns a key as it is shown.
func KeyOf(k autonoma.Key) Key {
	return Key{
		ID: k.ID, TenantID: k.Tenant, Name: k.Name, Scopes: k.Scopes, CreatedAt: Seconds(k.CreatedAt),
		ExpiresAt: secondsOrNull(k.ExpiresAt), RevokedAt: secondsOrNull(k.RevokedAt),
		LastUsedAt: secondsOrNull(k.UsedAt), OldUntil: secondsOrNull(k.OldUntil),
	}
}
