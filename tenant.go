package autonoma

import (
	"slices"
	"time"
)

// A Tenant owns runs and keys.
type Tenant struct {
	ID        TenantID
	Name      string
	Plan      PlanName
	Month     MonthBudget // its own; what is nil is as for all tenants of the installation
	MinLevel  string      // how strongly its commands have to be confined at least; empty: as for all tenants
	Operator  bool        // it runs the installation: its admins see all tenants
	CreatedAt time.Time
}

// A KeyScope is what the holder of a key may do.
type KeyScope string

// The scopes of keys.
const (
	ScopeRead  KeyScope = "read"
	ScopeWrite KeyScope = "write"
	ScopeAdmin KeyScope = "admin"
)

// KeyScopes are all scopes of keys.
var KeyScopes = []KeyScope{ScopeRead, ScopeWrite, ScopeAdmin}

// A Key is how somebody proves to act for a tenant. The secret itself is never
// kept, only a digest of it.
type Key struct {
	ID        KeyID
	Tenant    TenantID
	Name      string
	Scopes    []KeyScope
	Digest    []byte
	CreatedAt time.Time
	ExpiresAt time.Time // zero: never
	RevokedAt time.Time // zero: it is good
	UsedAt    time.Time // when it was last used, to the minute; zero: never

	// OldDigest is that of the secret before the last rotation, which is good
	// until OldUntil.
	OldDigest []byte
	OldUntil  time.Time
}

// An Actor is who asks for something. Whatever acts on somebody's behalf takes
// one as a parameter, so no code path can forget to ask.
type Actor struct {
	Tenant   TenantID
	Plan     PlanName
	Key      KeyID
	Scopes   []KeyScope
	Operator bool // of the tenant that runs the installation
}

// May reports whether a may do what needs the scope. An admin may do all.
func (a Actor) May(s KeyScope) bool {
	return slices.Contains(a.Scopes, s) || slices.Contains(a.Scopes, ScopeAdmin)
}
