package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"autonoma"
)

const tenantColumns = `id, name, plan, operator, created_at, month_usd, month_tokens, min_level`

// Tenant returns a tenant.
func (d *DB) Tenant(ctx context.Context, id autonoma.TenantID) (autonoma.Tenant, error) {
	t, err := scanTenant(d.read.QueryRowContext(ctx, `SELECT `+tenantColumns+` FROM tenants WHERE id = ?`, id))
	return found(string(id), t, err)
}

// TenantNamed returns the tenant of the given name.
func (t *Tx) TenantNamed(name string) (autonoma.Tenant, error) {
	tenant, err := scanTenant(t.tx.QueryRowContext(t.ctx, `SELECT `+tenantColumns+` FROM tenants WHERE name = ?`, name))
	return found("tenant "+name, tenant, err)
}

// Tenants returns up to limit tenants, newest first, from the cursor on.
func (d *DB) Tenants(ctx context.Context, from Cursor, limit int) ([]autonoma.Tenant, error) {
	query, args := page(`SELECT `+tenantColumns+` FROM tenants WHERE true`, nil, from, limit)
	rows, err := d.read.QueryContext(ctx, query, args...)
	return collect(rows, err, scanTenant)
}

// InsertTenant stores a new tenant. A name that is taken is an
// [autonoma.ErrConflict].
func (t *Tx) InsertTenant(tenant autonoma.Tenant) error {
	switch _, err := t.TenantNamed(tenant.Name); {
	case err == nil:
		return fmt.Errorf("there is a tenant %s: %w", tenant.Name, autonoma.ErrConflict)
	case !errors.Is(err, autonoma.ErrNotFound):
		return err
	}
	_, err := t.tx.ExecContext(t.ctx, `INSERT INTO tenants (`+tenantColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		tenant.ID, tenant.Name, tenant.Plan, tenant.Operator, micros(tenant.CreatedAt), tenant.Month.USD, tenant.Month.Tokens, tenant.MinLevel)
	if err != nil {
		return fmt.Errorf("insert tenant: %w", err)
	}
	return nil
}

func scanTenant(row scanner) (t autonoma.Tenant, err error) {
	return t, row.Scan(&t.ID, &t.Name, &t.Plan, &t.Operator, toTime(&t.CreatedAt), &t.Month.USD, &t.Month.Tokens, &t.MinLevel)
}

const keyColumns = `id, tenant, name, scopes, digest, created_at, expires_at, revoked_at, last_used_at, old_digest, old_until`

// Holder returns a key and the tenant that holds it.
func (d *DB) Holder(ctx context.Context, id autonoma.KeyID) (k autonoma.Key, t autonoma.Tenant, err error) {
	err = d.read.QueryRowContext(ctx, `
		SELECT keys.id, tenant, keys.name, scopes, digest, keys.created_at, expires_at, revoked_at, last_used_at, old_digest, old_until,
			tenants.id, tenants.name, plan, operator, tenants.created_at
		FROM keys JOIN tenants ON tenants.id = tenant WHERE keys.id = ?`, id).
		Scan(append(keyFields(&k), &t.ID, &t.Name, &t.Plan, &t.Operator, toTime(&t.CreatedAt))...)
	k, err = found(string(id), k, err)
	return k, t, err
}

// Key returns a key, which nobody else can change until the transaction ends.
func (t *Tx) Key(id autonoma.KeyID) (autonoma.Key, error) {
	k, err := scanKey(t.tx.QueryRowContext(t.ctx, `SELECT `+keyColumns+` FROM keys WHERE id = ?`, id))
	return found(string(id), k, err)
}

// Keys returns up to limit keys of a tenant, newest first, from the cursor on.
func (d *DB) Keys(ctx context.Context, tenant autonoma.TenantID, from Cursor, limit int) ([]autonoma.Key, error) {
	query, args := page(`SELECT `+keyColumns+` FROM keys WHERE tenant = ?`, []any{tenant}, from, limit)
	rows, err := d.read.QueryContext(ctx, query, args...)
	return collect(rows, err, scanKey)
}

// HasKeys reports whether there is a key.
func (d *DB) HasKeys(ctx context.Context) (has bool, err error) {
	err = d.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM keys)`).Scan(&has)
	return has, err
}

// InsertKey stores a new key.
func (t *Tx) InsertKey(k autonoma.Key) error {
	_, err := t.tx.ExecContext(t.ctx,
		`INSERT INTO keys (id, tenant, name, scopes, digest, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		k.ID, k.Tenant, k.Name, asJSON(k.Scopes), k.Digest, micros(k.CreatedAt), micros(k.ExpiresAt))
	if err != nil {
		return fmt.Errorf("insert key: %w", err)
	}
	return nil
}

// SaveKey stores the secrets of a key and when it ends.
func (t *Tx) SaveKey(k autonoma.Key) error {
	_, err := t.tx.ExecContext(t.ctx,
		`UPDATE keys SET digest = ?, old_digest = ?, old_until = ?, revoked_at = ? WHERE id = ?`,
		k.Digest, k.OldDigest, micros(k.OldUntil), micros(k.RevokedAt), k.ID)
	if err != nil {
		return fmt.Errorf("save key: %w", err)
	}
	return nil
}

// KeyUsed notes when a key was last used.
func (d *DB) KeyUsed(ctx context.Context, id autonoma.KeyID, at time.Time) error {
	_, err := d.write.ExecContext(ctx, `UPDATE keys SET last_used_at = ? WHERE id = ?`, micros(at), id)
	return err
}

func scanKey(row scanner) (k autonoma.Key, err error) { return k, row.Scan(keyFields(&k)...) }

// keyFields are where a row of keyColumns goes.
func keyFields(k *autonoma.Key) []any {
	return []any{
		&k.ID, &k.Tenant, &k.Name, fromJSON(&k.Scopes), &k.Digest, toTime(&k.CreatedAt), toTime(&k.ExpiresAt),
		toTime(&k.RevokedAt), toTime(&k.UsedAt), &k.OldDigest, toTime(&k.OldUntil),
	}
}

// KeyName returns the name of a key.
func (t *Tx) KeyName(id autonoma.KeyID) (string, error) {
	var name string
	err := t.tx.QueryRowContext(t.ctx, `SELECT name FROM keys WHERE id = ?`, id).Scan(&name)
	return found(string(id), name, err)
}
