package store

import (
	"context"
	"fmt"

	"autonoma"
)

// Tenant returns the tenant of the given name.
func (d *DB) Tenant(ctx context.Context, name string) (autonoma.Tenant, error) {
	var t autonoma.Tenant
	err := d.read.QueryRowContext(ctx, `SELECT id, name, plan, created_at FROM tenants WHERE name = ?`, name).
		Scan(&t.ID, &t.Name, &t.Plan, toTime(&t.CreatedAt))
	return found("tenant "+name, t, err)
}

// InsertTenant stores a new tenant.
func (t *Tx) InsertTenant(tenant autonoma.Tenant) error {
	_, err := t.tx.ExecContext(t.ctx, `INSERT INTO tenants (id, name, plan, created_at) VALUES (?, ?, ?, ?)`,
		tenant.ID, tenant.Name, tenant.Plan, micros(tenant.CreatedAt))
	if err != nil {
		return fmt.Errorf("insert tenant: %w", err)
	}
	return nil
}

// Key returns a key and the plan of its tenant.
func (d *DB) Key(ctx context.Context, id autonoma.KeyID) (autonoma.Key, autonoma.PlanName, error) {
	var k autonoma.Key
	var plan autonoma.PlanName
	err := d.read.QueryRowContext(ctx, `
		SELECT keys.id, tenant, keys.name, scopes, digest, keys.created_at, revoked_at, plan
		FROM keys JOIN tenants ON tenants.id = tenant WHERE keys.id = ?`, id).
		Scan(&k.ID, &k.Tenant, &k.Name, fromJSON(&k.Scopes), &k.Digest, toTime(&k.CreatedAt), toTime(&k.RevokedAt), &plan)
	k, err = found(string(id), k, err)
	return k, plan, err
}

// Keys returns how many keys there are.
func (d *DB) Keys(ctx context.Context) (n int, err error) {
	err = d.read.QueryRowContext(ctx, `SELECT count(*) FROM keys`).Scan(&n)
	return n, err
}

// InsertKey stores a new key.
func (t *Tx) InsertKey(k autonoma.Key) error {
	_, err := t.tx.ExecContext(t.ctx,
		`INSERT INTO keys (id, tenant, name, scopes, digest, created_at) VALUES (?, ?, ?, ?, ?, ?)`,
		k.ID, k.Tenant, k.Name, asJSON(k.Scopes), k.Digest, micros(k.CreatedAt))
	if err != nil {
		return fmt.Errorf("insert key: %w", err)
	}
	return nil
}
