package service

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"hash/crc32"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"autonoma"
	"autonoma/internal/store"
)

// Keys is how people prove who they are.
//
// A key is aut_, twelve hex digits that are public and name it, _, and thirty
// letters and digits that are secret followed by six that are their checksum
// (CRC-32, base 62): enough to tell a mistyped key without asking the database,
// and a leaked one by its looks. Only the SHA-256 of the secret is kept; it holds
// 178 random bits, so nothing slower is needed.
type Keys struct {
	db  *store.DB
	now func() time.Time

	// Learn is told of each key that is good, so that it can be kept out of other
	// places; it is set before the first use.
	Learn func(name, key string)

	mu   sync.Mutex
	used map[autonoma.KeyID]time.Time // when its use was last noted
}

// NewKeys returns the keys in the database.
func NewKeys(db *store.DB) *Keys {
	return &Keys{db: db, now: time.Now, Learn: func(string, string) {}, used: map[autonoma.KeyID]time.Time{}}
}

var keyForm = regexp.MustCompile(`^aut_([0-9a-f]{12})_([0-9A-Za-z]{30})([0-9A-Za-z]{6})$`)

// Who returns the holder of a key.
func (k *Keys) Who(ctx context.Context, key string) (autonoma.Actor, error) {
	if key == "" {
		return autonoma.Actor{}, fmt.Errorf("send your API key as Authorization: Bearer YOUR_KEY: %w", autonoma.ErrUnauthenticated)
	}
	unknown := fmt.Errorf("the API key is not known here: %w", autonoma.ErrUnauthenticated)
	part := keyForm.FindStringSubmatch(key)
	if part == nil || part[3] != checksum(part[2]) {
		return autonoma.Actor{}, fmt.Errorf("the API key is mistyped or cut off: %w", autonoma.ErrUnauthenticated)
	}
	kept, owner, err := k.db.Holder(ctx, autonoma.KeyID("key_"+part[1]))
	now := k.now()
	switch {
	case errors.Is(err, autonoma.ErrNotFound):
		return autonoma.Actor{}, unknown
	case err != nil:
		return autonoma.Actor{}, err
	case !opens(kept, part[2], now):
		return autonoma.Actor{}, unknown
	case !kept.RevokedAt.IsZero():
		return autonoma.Actor{}, fmt.Errorf("the API key was revoked: %w", autonoma.ErrUnauthenticated)
	case !kept.ExpiresAt.IsZero() && !now.Before(kept.ExpiresAt):
		return autonoma.Actor{}, fmt.Errorf("the API key expired: %w", autonoma.ErrUnauthenticated)
	}
	if err := k.note(ctx, kept, now); err != nil {
		return autonoma.Actor{}, err
	}
	k.Learn("API key "+string(kept.ID), key)
	return autonoma.Actor{Tenant: kept.Tenant, Plan: owner.Plan, Key: kept.ID, Scopes: kept.Scopes, Operator: owner.Operator}, nil
}

// opens reports whether the secret is that of the key, or was until lately.
func opens(k autonoma.Key, secret string, now time.Time) bool {
	sum := digest(secret)
	return subtle.ConstantTimeCompare(k.Digest, sum) == 1 ||
		now.Before(k.OldUntil) && subtle.ConstantTimeCompare(k.OldDigest, sum) == 1
}

// note keeps when a key was used, to the minute: more would be a write for each
// request.
func (k *Keys) note(ctx context.Context, kept autonoma.Key, now time.Time) error {
	k.mu.Lock()
	last := k.used[kept.ID]
	due := now.Sub(last) >= time.Minute && now.Sub(kept.UsedAt) >= time.Minute
	if due {
		k.used[kept.ID] = now
	}
	k.mu.Unlock()
	if !due {
		return nil
	}
	return k.db.KeyUsed(ctx, kept.ID, now)
}

// A NewKey is what a key is to be.
type NewKey struct {
	Name      string
	Scopes    []autonoma.KeyScope
	ExpiresAt time.Time // zero: never
}

// Found makes the tenant that runs the installation, unless it is there, and an
// admin's key for it, which it returns.
func (k *Keys) Found(ctx context.Context, name string) (string, error) {
	owner := autonoma.Tenant{Name: name, Plan: autonoma.Enterprise, Operator: true}
	return k.provision(ctx, owner, NewKey{Name: name, Scopes: []autonoma.KeyScope{autonoma.ScopeAdmin}})
}

// Create makes a key for the tenant of the given name, which it makes too if
// need be, and returns it. It cannot be shown again. This is for whoever holds the
// data directory; over the API, see [Keys.Issue].
func (k *Keys) Create(ctx context.Context, tenant string, plan autonoma.PlanName, scopes []autonoma.KeyScope) (string, error) {
	return k.CreateFor(ctx, autonoma.Tenant{Name: tenant, Plan: plan}, scopes)
}

// CreateFor is [Keys.Create] for a tenant of which more is said. What it says of a
// tenant that is there already must be so.
func (k *Keys) CreateFor(ctx context.Context, owner autonoma.Tenant, scopes []autonoma.KeyScope) (string, error) {
	owner.Name = strings.TrimSpace(owner.Name)
	wish := NewKey{Name: owner.Name, Scopes: scopes}
	faults := checkTenant(owner.Name, cmp.Or(owner.Plan, autonoma.Startup))
	if len(faults) == 0 || faults[0].Field != "name" {
		faults = append(faults, k.check(wish)...)
	}
	if len(faults) > 0 {
		return "", faults
	}
	return k.provision(ctx, owner, wish)
}

// provision makes a key for an owner, and the owner if need be.
func (k *Keys) provision(ctx context.Context, owner autonoma.Tenant, wish NewKey) (made string, err error) {
	err = k.db.Update(ctx, func(tx *store.Tx) error {
		there, err := tx.TenantNamed(owner.Name)
		switch {
		case errors.Is(err, autonoma.ErrNotFound):
			owner.ID, owner.CreatedAt, owner.Plan = autonoma.NewTenantID(), k.now(), cmp.Or(owner.Plan, autonoma.Startup)
			err = tx.InsertTenant(owner)
		case err == nil && owner.Plan != "" && there.Plan != owner.Plan:
			err = fmt.Errorf("the tenant %s is on the plan %s; name no other here, but change it by PATCH of the tenant: %w", owner.Name, there.Plan, autonoma.ErrConflict)
		case err == nil && owner.MinLevel != "" && there.MinLevel != owner.MinLevel:
			err = fmt.Errorf("the tenant %s demands %s; name no other level here, but change it by PATCH of the tenant: %w",
				owner.Name, cmp.Or(there.MinLevel, "no level"), autonoma.ErrConflict)
		default:
			owner = there
		}
		if err != nil {
			return err
		}
		issued, err := k.insert(tx, owner.ID, wish)
		made = issued.Secret
		return err
	})
	if err != nil {
		return "", fmt.Errorf("create key: %w", err)
	}
	return made, nil
}

// An IssuedKey is a key and what its holder has to send, which is known this once.
type IssuedKey struct {
	autonoma.Key
	Secret string
}

// Issue makes a key for a tenant: that of the asker, or any if the asker is the
// operator.
func (k *Keys) Issue(ctx context.Context, by autonoma.Actor, tenant autonoma.TenantID, wish NewKey, also ...Also[IssuedKey]) (IssuedKey, error) {
	if err := may(by, autonoma.ScopeAdmin); err != nil {
		return IssuedKey{}, err
	}
	wish.Name = strings.TrimSpace(wish.Name)
	if faults := k.check(wish); len(faults) > 0 {
		return IssuedKey{}, faults
	}
	owner, err := k.tenant(ctx, by, tenant)
	if err != nil {
		return IssuedKey{}, err
	}
	var made IssuedKey
	err = k.db.Update(ctx, func(tx *store.Tx) (err error) {
		if made, err = k.insert(tx, owner, wish); err != nil {
			return err
		}
		return all(tx, made, also)
	})
	return made, err
}

// tenant returns whose keys are meant: the asker's own, if none is named.
func (k *Keys) tenant(ctx context.Context, by autonoma.Actor, named autonoma.TenantID) (autonoma.TenantID, error) {
	if named == "" || named == by.Tenant {
		return by.Tenant, nil
	}
	if !by.Operator {
		return "", fmt.Errorf("%s: %w", named, autonoma.ErrNotFound)
	}
	_, err := k.db.Tenant(ctx, named)
	return named, err
}

// insert makes a key.
func (k *Keys) insert(tx *store.Tx, owner autonoma.TenantID, wish NewKey) (IssuedKey, error) {
	secret := randomText(30)
	made := autonoma.Key{
		ID: autonoma.NewKeyID(), Tenant: owner, Name: wish.Name, Scopes: wish.Scopes,
		Digest: digest(secret), CreatedAt: k.now(), ExpiresAt: wish.ExpiresAt,
	}
	issued := IssuedKey{made, whole(made.ID, secret)}
	k.Learn("API key "+string(made.ID), issued.Secret)
	return issued, tx.InsertKey(made)
}

// whole is a key as its holder sends it.
func whole(id autonoma.KeyID, secret string) string {
	return "aut_" + strings.TrimPrefix(string(id), "key_") + "_" + secret + checksum(secret)
}

// List returns up to limit keys of a tenant, newest first, and the cursor of the
// next page.
func (k *Keys) List(ctx context.Context, by autonoma.Actor, tenant autonoma.TenantID, from Cursor, limit int) ([]autonoma.Key, Cursor, error) {
	if err := may(by, autonoma.ScopeAdmin); err != nil {
		return nil, Cursor{}, err
	}
	owner, err := k.tenant(ctx, by, tenant)
	if err != nil {
		return nil, Cursor{}, err
	}
	keys, err := k.db.Keys(ctx, owner, from, limit+1)
	keys, next := cut(keys, limit, func(key autonoma.Key) Cursor { return Cursor{At: key.CreatedAt, ID: string(key.ID)} })
	return keys, next, err
}

// cut cuts what was read beyond a page, and returns the cursor of the next one,
// which is zero if there is none.
func cut[T any](all []T, limit int, at func(T) Cursor) ([]T, Cursor) {
	if len(all) <= limit {
		return all, Cursor{}
	}
	return all[:limit], at(all[limit-1])
}

// Revoke makes a key good for nothing, at once and for ever. The key that asks
// cannot revoke itself: nobody locks themselves out by mistake.
func (k *Keys) Revoke(ctx context.Context, by autonoma.Actor, id autonoma.KeyID) (autonoma.Key, error) {
	if id == by.Key {
		return autonoma.Key{}, fmt.Errorf("a key cannot revoke itself; use another one: %w", autonoma.ErrConflict)
	}
	return k.change(ctx, by, id, func(_ *store.Tx, key *autonoma.Key) error {
		if key.RevokedAt.IsZero() {
			key.RevokedAt = k.now()
		}
		return nil
	})
}

// MaxOverlap is how long the old secret of a key may be good beside the new one.
const MaxOverlap = 7 * 24 * time.Hour

// Rotate gives a key a new secret. The old one stays good for the overlap.
func (k *Keys) Rotate(ctx context.Context, by autonoma.Actor, id autonoma.KeyID, overlap time.Duration, also ...Also[IssuedKey]) (IssuedKey, error) {
	if overlap < 0 || overlap > MaxOverlap {
		return IssuedKey{}, &autonoma.FieldError{Field: "overlapSeconds", Reason: fmt.Sprintf("must be between 0 and %d", int(MaxOverlap.Seconds()))}
	}
	secret := randomText(30)
	key, err := k.change(ctx, by, id, func(tx *store.Tx, key *autonoma.Key) error {
		if !key.RevokedAt.IsZero() {
			return fmt.Errorf("the key was revoked; create another one: %w", autonoma.ErrConflict)
		}
		key.OldDigest, key.OldUntil = key.Digest, k.now().Add(overlap)
		key.Digest = digest(secret)
		return all(tx, IssuedKey{*key, whole(id, secret)}, also)
	})
	return IssuedKey{key, whole(id, secret)}, err
}

// Get returns a key.
func (k *Keys) Get(ctx context.Context, by autonoma.Actor, id autonoma.KeyID) (autonoma.Key, error) {
	if err := may(by, autonoma.ScopeAdmin); err != nil {
		return autonoma.Key{}, err
	}
	key, _, err := k.db.Holder(ctx, id)
	if err == nil && !administers(by, key) {
		err = fmt.Errorf("%s: %w", id, autonoma.ErrNotFound)
	}
	return key, err
}

// administers reports whether by may see and change a key.
func administers(by autonoma.Actor, key autonoma.Key) bool {
	return key.Tenant == by.Tenant || by.Operator
}

// change changes a key that by may administer.
func (k *Keys) change(ctx context.Context, by autonoma.Actor, id autonoma.KeyID, how func(*store.Tx, *autonoma.Key) error) (key autonoma.Key, err error) {
	if err := may(by, autonoma.ScopeAdmin); err != nil {
		return autonoma.Key{}, err
	}
	err = k.db.Update(ctx, func(tx *store.Tx) error {
		if key, err = tx.Key(id); err != nil {
			return err
		}
		if !administers(by, key) {
			return fmt.Errorf("%s: %w", id, autonoma.ErrNotFound)
		}
		if err := how(tx, &key); err != nil {
			return err
		}
		return tx.SaveKey(key)
	})
	return key, err
}

// None reports whether there is no key yet.
func (k *Keys) None(ctx context.Context) (bool, error) {
	has, err := k.db.HasKeys(ctx)
	return !has, err
}

// check returns what is wrong with a key that is wished for.
func (k *Keys) check(wish NewKey) autonoma.FieldErrors {
	var faults autonoma.FieldErrors
	if !isName(wish.Name) {
		faults = append(faults, &autonoma.FieldError{Field: "name", Reason: nameRule})
	}
	if len(wish.Scopes) == 0 {
		faults = append(faults, &autonoma.FieldError{Field: "scopes", Reason: "must name at least one scope"})
	}
	for i, s := range wish.Scopes {
		if !slices.Contains(autonoma.KeyScopes, s) {
			faults = append(faults, &autonoma.FieldError{Field: fmt.Sprintf("scopes[%d]", i), Reason: fmt.Sprintf("must be one of %v", autonoma.KeyScopes)})
		}
	}
	if !wish.ExpiresAt.IsZero() && !wish.ExpiresAt.After(k.now()) {
		faults = append(faults, &autonoma.FieldError{Field: "expiresAt", Reason: "must lie in the future"})
	}
	return faults
}

const nameRule = "must have 1 to 100 bytes of text without control characters"

func isName(name string) bool {
	return name != "" && len(name) <= 100 && utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl)
}

func digest(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// randomText returns n random letters and digits.
func randomText(n int) string {
	b := make([]byte, n)
	for i := range b {
		d, _ := rand.Int(rand.Reader, big.NewInt(int64(len(base62)))) // never fails
		b[i] = base62[d.Int64()]
	}
	return string(b)
}

// checksum returns the CRC-32 of a secret as six letters and digits.
func checksum(secret string) string {
	n := crc32.ChecksumIEEE([]byte(secret))
	b := []byte("000000")
	for i := len(b) - 1; n > 0; i-- {
		b[i] = base62[n%62]
		n /= 62
	}
	return string(b)
}
