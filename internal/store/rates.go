package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"autonoma"
)

// Granted is how many requests a tenant was granted, in an hour and a minute that
// are counted from 1970.
type Granted struct {
	Hour, InHour     int64
	Minute, InMinute int64
}

// Grant changes what was granted to a tenant: next is given what is there, with
// zero for windows that have passed, and returns what is to be kept.
func (d *DB) Grant(ctx context.Context, tenant autonoma.TenantID, hour, minute int64, next func(Granted) Granted) error {
	return d.Update(ctx, func(tx *Tx) error {
		var g Granted
		err := tx.tx.QueryRowContext(ctx,
			`SELECT hour, hour_granted, minute, minute_granted FROM rates WHERE tenant = ?`, tenant).
			Scan(&g.Hour, &g.InHour, &g.Minute, &g.InMinute)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("read rate: %w", err)
		}
		// A clock that was put back does not open a window anew.
		if g.Hour < hour {
			g.Hour, g.InHour = hour, 0
		}
		if g.Minute < minute {
			g.Minute, g.InMinute = minute, 0
		}
		g = next(g)
		_, err = tx.tx.ExecContext(ctx, `
			INSERT INTO rates (tenant, hour, hour_granted, minute, minute_granted) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (tenant) DO UPDATE SET hour = excluded.hour, hour_granted = excluded.hour_granted,
				minute = excluded.minute, minute_granted = excluded.minute_granted`,
			tenant, g.Hour, g.InHour, g.Minute, g.InMinute)
		if err != nil {
			return fmt.Errorf("keep rate: %w", err)
		}
		return nil
	})
}
