package store

import (
	"context"
	"fmt"
	"time"

	"autonoma"
)

// Beat tells that a worker is alive, and forgets those that are dead.
func (d *DB) Beat(ctx context.Context, w autonoma.Worker) error {
	return d.Update(ctx, func(tx *Tx) error {
		if _, err := tx.tx.ExecContext(ctx, `DELETE FROM workers WHERE until < ?`, micros(w.SeenAt)); err != nil {
			return fmt.Errorf("forget workers: %w", err)
		}
		_, err := tx.tx.ExecContext(ctx, `
			INSERT INTO workers (id, host, slots, seen_at, until) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, until = excluded.until`,
			w.ID, w.Host, w.Slots, micros(w.SeenAt), micros(w.Until))
		if err != nil {
			return fmt.Errorf("beat: %w", err)
		}
		return nil
	})
}

// Leave forgets a worker that ends.
func (d *DB) Leave(ctx context.Context, id autonoma.WorkerID) error {
	_, err := d.write.ExecContext(ctx, `DELETE FROM workers WHERE id = ?`, id)
	return err
}

// ForgetWorkers forgets all workers. It is for the process that knows itself to be
// the only one, when it begins.
func (d *DB) ForgetWorkers(ctx context.Context) error {
	_, err := d.write.ExecContext(ctx, `DELETE FROM workers`)
	return err
}

// Busy is a worker and how many executions of one tenant it carries out.
type Busy struct {
	autonoma.Worker
	Executions int
}

const workersQuery = `
	SELECT id, host, slots, seen_at, until, coalesce(n, 0) FROM workers LEFT JOIN (
		SELECT worker, count(*) AS n FROM executions JOIN runs ON runs.id = run
		WHERE executions.tenant = ? AND executions.status IN ('pending', 'running')
			AND executions.status = 'running' AND runs.status = 'in_progress' GROUP BY worker
	) ON worker = id WHERE until >= ? ORDER BY id`

// Workers returns the workers that are alive, and what they do for a tenant.
func (d *DB) Workers(ctx context.Context, tenant autonoma.TenantID, now time.Time) ([]Busy, error) {
	rows, err := d.read.QueryContext(ctx, workersQuery, tenant, micros(now))
	return collect(rows, err, func(row scanner) (b Busy, err error) {
		return b, row.Scan(&b.ID, &b.Host, &b.Slots, toTime(&b.SeenAt), toTime(&b.Until), &b.Executions)
	})
}

// Works reports whether there is a worker alive.
func (d *DB) Works(ctx context.Context, now time.Time) (works bool, err error) {
	err = d.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM workers WHERE until >= ?)`, micros(now)).Scan(&works)
	return works, err
}
