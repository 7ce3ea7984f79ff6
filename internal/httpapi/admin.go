package httpapi

import (
	"context"
	"math"
	"time"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/service"
)

// PageIn chooses a page of a list.
type PageIn struct {
	Cursor string `query:"cursor" doc:"The nextCursor of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"How many entries a page holds at most."`
}

// TenantIn names a tenant in the path of a request.
type TenantIn struct {
	TenantID string `path:"tenantId" doc:"Names the tenant."`
}

type tenantOut struct {
	Body api.Tenant
}

func (s *server) createTenant(ctx context.Context, by autonoma.Actor, in *Creation[api.CreateTenant], also service.Also[autonoma.Tenant]) (autonoma.Tenant, error) {
	wish, faults, err := in.Sent.get()
	if err != nil {
		return autonoma.Tenant{}, err
	}
	if len(faults) > 0 {
		return autonoma.Tenant{}, faults
	}
	if wish.Plan == "" {
		wish.Plan = autonoma.Startup
	}
	return s.Tenants.Create(ctx, by, autonoma.Tenant{
		Name: wish.Name, Plan: wish.Plan, Month: monthOf(wish.Budget), MinLevel: wish.MinLevel,
	}, also)
}

func createdTenant(t autonoma.Tenant) (string, api.Tenant) {
	return "/v1/admin/tenants/" + string(t.ID), api.TenantOf(t)
}

func (s *server) getTenant(ctx context.Context, by autonoma.Actor, in *TenantIn) (*tenantOut, error) {
	t, err := s.Tenants.Get(ctx, by, autonoma.TenantID(in.TenantID))
	return &tenantOut{api.TenantOf(t)}, err
}

type changeTenantIn struct {
	TenantIn
	Sent sent[api.ChangeTenant]
}

func (s *server) changeTenant(ctx context.Context, by autonoma.Actor, in *changeTenantIn) (*tenantOut, error) {
	wish, faults, err := in.Sent.get()
	if err != nil {
		return nil, err
	}
	if len(faults) > 0 {
		return nil, faults
	}
	to := service.TenantChange{Plan: wish.Plan, MinLevel: wish.MinLevel}
	if wish.Budget != nil {
		to.Month = new(monthOf(wish.Budget))
	}
	t, err := s.Tenants.Change(ctx, by, autonoma.TenantID(in.TenantID), to)
	return &tenantOut{api.TenantOf(t)}, err
}

func monthOf(b *api.MonthBudget) autonoma.MonthBudget {
	if b == nil {
		return autonoma.MonthBudget{}
	}
	return autonoma.MonthBudget{USD: b.MonthUSD, Tokens: b.MonthTokens}
}

type tenantsOut struct {
	Body api.Tenants
}

func (s *server) listTenants(ctx context.Context, by autonoma.Actor, in *PageIn) (*tenantsOut, error) {
	from, err := parseCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	all, next, err := s.Tenants.List(ctx, by, from, in.Limit)
	return &tenantsOut{api.Tenants{Tenants: each(all, api.TenantOf), NextCursor: nextCursor(next)}}, err
}

// each returns what f makes of each of all.
func each[T, U any](all []T, f func(T) U) []U {
	made := make([]U, len(all))
	for i, v := range all {
		made[i] = f(v)
	}
	return made
}

func (s *server) createKey(ctx context.Context, by autonoma.Actor, in *Creation[api.CreateKey], also service.Also[service.IssuedKey]) (service.IssuedKey, error) {
	wish, faults, err := in.Sent.get()
	if err != nil {
		return service.IssuedKey{}, err
	}
	if len(faults) > 0 {
		return service.IssuedKey{}, faults
	}
	if wish.Scopes == nil {
		wish.Scopes = []autonoma.KeyScope{autonoma.ScopeRead, autonoma.ScopeWrite}
	}
	k := service.NewKey{Name: wish.Name, Scopes: wish.Scopes, ExpiresAt: orZero(wish.ExpiresAt)}
	return s.Keys.Issue(ctx, by, wish.TenantID, k, also)
}

func issuedKey(k service.IssuedKey) (string, api.KeyWithSecret) {
	return "/v1/admin/keys/" + string(k.ID), api.KeyWithSecret{Key: api.KeyOf(k.Key), Secret: k.Secret}
}

// KeyIn names a key in the path of a request.
type KeyIn struct {
	KeyID string `path:"keyId" doc:"Names the key."`
}

type keyOut struct {
	Body api.Key
}

func (s *server) getKey(ctx context.Context, by autonoma.Actor, in *KeyIn) (*keyOut, error) {
	k, err := s.Keys.Get(ctx, by, autonoma.KeyID(in.KeyID))
	return &keyOut{api.KeyOf(k)}, err
}

func (s *server) revokeKey(ctx context.Context, by autonoma.Actor, in *KeyIn) (*keyOut, error) {
	k, err := s.Keys.Revoke(ctx, by, autonoma.KeyID(in.KeyID))
	return &keyOut{api.KeyOf(k)}, err
}

type rotateKeyIn struct {
	KeyIn
	Creation[api.RotateKey]
}

// overlap is how long the old secret of a key is good if nobody says otherwise.
const overlap = 24 * time.Hour

func (s *server) rotateKey(ctx context.Context, by autonoma.Actor, in *rotateKeyIn, also service.Also[service.IssuedKey]) (service.IssuedKey, error) {
	wish, faults, err := in.Sent.get()
	if err != nil {
		return service.IssuedKey{}, err
	}
	if len(faults) > 0 {
		return service.IssuedKey{}, faults
	}
	both := overlap
	if n := wish.OverlapSeconds; n != nil {
		both = seconds(*n)
	}
	return s.Keys.Rotate(ctx, by, autonoma.KeyID(in.KeyID), both, also)
}

// seconds is as many seconds as a duration can be: more must not come out as few.
func seconds(n int64) time.Duration {
	const most = int64(math.MaxInt64 / time.Second)
	return time.Duration(min(max(n, -most), most)) * time.Second
}

type listKeysIn struct {
	PageIn
	TenantID string `query:"tenantId" doc:"Whose keys: your own tenant's by default, or, if you run the installation, any tenant's."`
}

type keysOut struct {
	Body api.Keys
}

func (s *server) listKeys(ctx context.Context, by autonoma.Actor, in *listKeysIn) (*keysOut, error) {
	from, err := parseCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	all, next, err := s.Keys.List(ctx, by, autonoma.TenantID(in.TenantID), from, in.Limit)
	return &keysOut{api.Keys{Keys: each(all, api.KeyOf), NextCursor: nextCursor(next)}}, err
}
