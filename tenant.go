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
	CreatedAt time.Time
}

// A PlanName names what a tenant may use.
type PlanName string

// The plans.
const (
	Startup    PlanName = "startup"
	Growth     PlanName = "growth"
	Scale      PlanName = "scale"
	Enterprise PlanName = "enterprise"
)

// Plans are the names of all plans.
var Plans = []PlanName{Startup, Growth, Scale, Enterprise}

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
	RevokedAt time.Time // zero: it is good
}

// An Actor is who asks for something. Whatever acts on somebody's behalf takes
// one as a parameter, so no code path can forget to ask.
type Actor struct {
	Tenant TenantID
	Plan   PlanName
	Key    KeyID
	Scopes []KeyScope
}

// May reports whether a may do what needs the scope. An admin may do all.
func (a Actor) May(s KeyScope) bool {
	return slices.Contains(a.Scopes, s) || slices.Contains(a.Scopes, ScopeAdmin)
}
