package service

import (
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
}

// NewKeys returns the keys in the database.
func NewKeys(db *store.DB) *Keys { return &Keys{db, time.Now} }

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
	kept, plan, err := k.db.Key(ctx, autonoma.KeyID("key_"+part[1]))
	switch {
	case errors.Is(err, autonoma.ErrNotFound):
		return autonoma.Actor{}, unknown
	case err != nil:
		return autonoma.Actor{}, err
	case subtle.ConstantTimeCompare(kept.Digest, digest(part[2])) != 1:
		return autonoma.Actor{}, unknown
	case !kept.RevokedAt.IsZero():
		return autonoma.Actor{}, fmt.Errorf("the API key was revoked: %w", autonoma.ErrUnauthenticated)
	}
	return autonoma.Actor{Tenant: kept.Tenant, Plan: plan, Key: kept.ID, Scopes: kept.Scopes}, nil
}

// Create makes a key for the tenant of the given name, which it makes too if
// need be, and returns it. It cannot be shown again.
func (k *Keys) Create(ctx context.Context, tenant string, plan autonoma.PlanName, scopes []autonoma.KeyScope) (string, error) {
	tenant = strings.TrimSpace(tenant)
	if err := checkKey(tenant, plan, scopes); err != nil {
		return "", err
	}
	id := strings.TrimPrefix(string(autonoma.NewTenantID()), "ten_")
	secret := randomText(30)
	owner, err := k.db.Tenant(ctx, tenant)
	missing := errors.Is(err, autonoma.ErrNotFound)
	if err != nil && !missing {
		return "", err
	}
	if missing {
		owner = autonoma.Tenant{ID: autonoma.NewTenantID(), Name: tenant, Plan: plan, CreatedAt: k.now()}
	} else if owner.Plan != plan {
		return "", fmt.Errorf("the tenant %s is on the plan %s: %w", tenant, owner.Plan, autonoma.ErrConflict)
	}
	err = k.db.Update(ctx, func(tx *store.Tx) error {
		if missing {
			if err := tx.InsertTenant(owner); err != nil {
				return err
			}
		}
		return tx.InsertKey(autonoma.Key{
			ID: autonoma.KeyID("key_" + id), Tenant: owner.ID, Name: tenant, Scopes: scopes,
			Digest: digest(secret), CreatedAt: k.now(),
		})
	})
	if err != nil {
		return "", fmt.Errorf("create key: %w", err)
	}
	return "aut_" + id + "_" + secret + checksum(secret), nil
}

// None reports whether there is no key yet.
func (k *Keys) None(ctx context.Context) (bool, error) {
	n, err := k.db.Keys(ctx)
	return n == 0, err
}

func checkKey(tenant string, plan autonoma.PlanName, scopes []autonoma.KeyScope) error {
	if tenant == "" || len(tenant) > 100 || !utf8.ValidString(tenant) || strings.ContainsFunc(tenant, unicode.IsControl) {
		return &autonoma.FieldError{Field: "name", Reason: "must have 1 to 100 bytes of text without control characters"}
	}
	if !slices.Contains(autonoma.Plans, plan) {
		return &autonoma.FieldError{Field: "plan", Reason: fmt.Sprintf("must be one of %v", autonoma.Plans)}
	}
	for _, s := range scopes {
		if !slices.Contains(autonoma.KeyScopes, s) {
			return &autonoma.FieldError{Field: "scope", Reason: fmt.Sprintf("must be one of %v", autonoma.KeyScopes)}
		}
	}
	if len(scopes) == 0 {
		return &autonoma.FieldError{Field: "scope", Reason: "must name at least one scope"}
	}
	return nil
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
