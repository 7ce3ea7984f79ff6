package store

import (
	"context"
	"fmt"

	"autonoma"
)

const hookColumns = `id, tenant, url, events, description, disabled, failing_since, failures, created_at, updated_at`

// Hook returns one hook.
func (d *DB) Hook(ctx context.Context, id autonoma.HookID) (autonoma.Hook, error) {
	return oneHook(ctx, d.read, id)
}

// Hook returns one hook, which nobody else can change until the transaction ends.
func (t *Tx) Hook(id autonoma.HookID) (autonoma.Hook, error) { return oneHook(t.ctx, t.tx, id) }

func oneHook(ctx context.Context, q querier, id autonoma.HookID) (autonoma.Hook, error) {
	h, err := scanHook(q.QueryRowContext(ctx, `SELECT `+hookColumns+` FROM hooks WHERE id = ?`, id))
	return found(string(id), h, err)
}

// Hooks returns up to limit hooks of a tenant that are older than the cursor says,
// newest first.
func (d *DB) Hooks(ctx context.Context, tenant autonoma.TenantID, before Cursor, limit int) ([]autonoma.Hook, error) {
	rows, err := d.read.QueryContext(ctx, `
		SELECT `+hookColumns+` FROM hooks WHERE tenant = ?1 AND (?2 IS NULL OR (created_at, id) < (?2, ?3))
		ORDER BY created_at DESC, id DESC LIMIT ?4`, tenant, micros(before.At), before.ID, limit)
	return collect(rows, err, scanHook)
}

// CountHooks returns how many hooks a tenant has.
func (t *Tx) CountHooks(tenant autonoma.TenantID) (n int, err error) {
	err = t.tx.QueryRowContext(t.ctx, `SELECT count(*) FROM hooks WHERE tenant = ?`, tenant).Scan(&n)
	return n, err
}

// PutHook stores a hook, in place of one of the same identifier.
func (t *Tx) PutHook(h autonoma.Hook) error {
	_, err := t.tx.ExecContext(t.ctx, `
		INSERT INTO hooks (`+hookColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET url = excluded.url, events = excluded.events, description = excluded.description,
			disabled = excluded.disabled, failing_since = excluded.failing_since, failures = excluded.failures, updated_at = excluded.updated_at`,
		h.ID, h.Tenant, h.URL, asJSON(h.Events), h.Description, h.Disabled, micros(h.FailingSince), h.Failures, micros(h.CreatedAt), micros(h.UpdatedAt))
	if err != nil {
		return fmt.Errorf("put hook: %w", err)
	}
	return nil
}

// DeleteHook removes a hook and all that belongs to it.
func (t *Tx) DeleteHook(h autonoma.Hook) error {
	for _, statement := range []string{
		`DELETE FROM deliveries WHERE tenant = ?1 AND hook = ?2`,
		`DELETE FROM secrets WHERE owner = ?2`,
		`DELETE FROM hooks WHERE tenant = ?1 AND id = ?2`,
	} {
		if _, err := t.tx.ExecContext(t.ctx, statement, h.Tenant, h.ID); err != nil {
			return fmt.Errorf("delete hook: %w", err)
		}
	}
	return nil
}

func scanHook(row scanner) (autonoma.Hook, error) {
	var h autonoma.Hook
	err := row.Scan(&h.ID, &h.Tenant, &h.URL, fromJSON(&h.Events), &h.Description, &h.Disabled, toTime(&h.FailingSince), &h.Failures,
		toTime(&h.CreatedAt), toTime(&h.UpdatedAt))
	return h, err
}
