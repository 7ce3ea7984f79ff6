package store

import (
	"context"
	"fmt"
	"time"

	"autonoma"
)

// An Answer is what was answered to a request that may be sent again.
type Answer struct {
	Tenant  autonoma.TenantID
	Key     []byte // digest of what names the request
	Request []byte // digest of the request
	Sealed  []byte // the answer
	At      time.Time
}

// Answer returns the answer to the request of the given name, if it was given
// since.
func (d *DB) Answer(ctx context.Context, tenant autonoma.TenantID, key []byte, since time.Time) (Answer, error) {
	return oneAnswer(ctx, d.read, tenant, key, since)
}

// Answer returns the answer to the request of the given name, if it was given
// since.
func (t *Tx) Answer(tenant autonoma.TenantID, key []byte, since time.Time) (Answer, error) {
	return oneAnswer(t.ctx, t.tx, tenant, key, since)
}

func oneAnswer(ctx context.Context, q querier, tenant autonoma.TenantID, key []byte, since time.Time) (Answer, error) {
	a := Answer{Tenant: tenant, Key: key}
	err := q.QueryRowContext(ctx, `SELECT request, answer, created_at FROM answers WHERE tenant = ? AND key = ? AND created_at > ?`,
		tenant, key, micros(since)).Scan(&a.Request, &a.Sealed, toTime(&a.At))
	return found("answer", a, err)
}

// PutAnswer keeps an answer, in place of any of the same name, and drops some that
// are older than since.
func (t *Tx) PutAnswer(a Answer, since time.Time) error {
	const some = 100
	if _, err := t.tx.ExecContext(t.ctx, `DELETE FROM answers WHERE rowid IN (
			SELECT rowid FROM answers WHERE created_at <= ? ORDER BY created_at LIMIT ?)`, micros(since), some); err != nil {
		return fmt.Errorf("drop answers: %w", err)
	}
	_, err := t.tx.ExecContext(t.ctx, `INSERT OR REPLACE INTO answers (tenant, key, request, answer, created_at) VALUES (?, ?, ?, ?, ?)`,
		a.Tenant, a.Key, a.Request, a.Sealed, micros(a.At))
	if err != nil {
		return fmt.Errorf("keep answer: %w", err)
	}
	return nil
}
