package store

import (
	"context"
	"fmt"
	"time"
)

// A Secret is what signs, sealed, and what did so before it.
type Secret struct {
	Owner    string
	Sealed   []byte
	Previous []byte
	Until    time.Time // of the previous one
}

// Secret returns the secret of an owner, which nobody else can change until the
// transaction ends.
func (t *Tx) Secret(owner string) (Secret, error) {
	return oneSecret(t.ctx, t.tx, owner)
}

// Secret returns the secret of an owner.
func (d *DB) Secret(ctx context.Context, owner string) (Secret, error) {
	return oneSecret(ctx, d.read, owner)
}

func oneSecret(ctx context.Context, q querier, owner string) (Secret, error) {
	var s Secret
	err := q.QueryRowContext(ctx, `SELECT owner, sealed, previous, until FROM secrets WHERE owner = ?`, owner).
		Scan(&s.Owner, &s.Sealed, &s.Previous, toTime(&s.Until))
	return found("secret of "+owner, s, err)
}

// Secrets returns the secrets of all owners.
func (d *DB) Secrets(ctx context.Context) ([]Secret, error) {
	rows, err := d.read.QueryContext(ctx, `SELECT owner, sealed, previous, until FROM secrets ORDER BY owner`)
	return collect(rows, err, func(row scanner) (s Secret, err error) {
		return s, row.Scan(&s.Owner, &s.Sealed, &s.Previous, toTime(&s.Until))
	})
}

// PutSecret stores a secret in place of the owner's earlier one.
func (t *Tx) PutSecret(s Secret) error {
	_, err := t.tx.ExecContext(t.ctx, `
		INSERT INTO secrets (owner, sealed, previous, until) VALUES (?, ?, ?, ?)
		ON CONFLICT (owner) DO UPDATE SET sealed = excluded.sealed, previous = excluded.previous, until = excluded.until`,
		s.Owner, s.Sealed, s.Previous, micros(s.Until))
	if err != nil {
		return fmt.Errorf("put secret: %w", err)
	}
	return nil
}
