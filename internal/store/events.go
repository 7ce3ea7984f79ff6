package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"autonoma"
)

// A Lease is a worker's right to write about an execution. It is good until the
// execution is taken over by a newer one or is over.
type Lease struct {
	Run       autonoma.RunID
	Execution autonoma.ExecutionID
	Number    int64
}

// addUsage is the columns of what was used, in runs and in executions.
const addUsage = `input_tokens = input_tokens + ?, output_tokens = output_tokens + ?, cached_tokens = cached_tokens + ?,
	cost_usd = cost_usd + ?, model_calls = model_calls + ?, tool_calls = tool_calls + ?`

// usageArgs are what addUsage adds.
func usageArgs(u autonoma.Usage) []any {
	return []any{u.InputTokens, u.OutputTokens, u.CachedTokens, u.CostUSD, u.ModelCalls, u.ToolCalls}
}

// Append adds events to the log of the run, and what they used to the usage of the
// run and of the execution, in one transaction. It returns [ErrLost] if the lease is
// not good any more, or if the run is not in progress.
func (d *DB) Append(ctx context.Context, l Lease, used autonoma.Usage, events ...autonoma.Event) error {
	return d.Update(ctx, func(tx *Tx) error { return tx.append(l, used, events) })
}

func (t *Tx) append(l Lease, used autonoma.Usage, events []autonoma.Event) error {
	usage := usageArgs(used)
	var seq int64
	err := t.tx.QueryRowContext(t.ctx, `
		UPDATE executions SET `+addUsage+` WHERE id = ? AND lease = ? AND status = 'running' RETURNING 0`,
		append(usage, l.Execution, l.Number)...).Scan(&seq)
	if err == nil {
		err = t.tx.QueryRowContext(t.ctx, `
			UPDATE runs SET `+addUsage+`, seq = seq + ? WHERE id = ? AND status = 'in_progress' RETURNING seq`,
			append(usage, len(events), l.Run)...).Scan(&seq)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("append to %s: %w", l.Run, ErrLost)
	}
	if err != nil {
		return fmt.Errorf("append to %s: %w", l.Run, err)
	}
	return t.insertEvents(l.Run, seq-int64(len(events)), events)
}

// Hold returns [ErrLost] if the lease is not good any more, or if the run is not
// in progress. Whatever the transaction writes, it writes with a good lease.
func (t *Tx) Hold(l Lease) error {
	var good bool
	err := t.tx.QueryRowContext(t.ctx, `
		SELECT EXISTS (
			SELECT 1 FROM executions JOIN runs ON runs.id = executions.run
			WHERE executions.id = ? AND lease = ? AND executions.status = 'running' AND runs.status = 'in_progress')`,
		l.Execution, l.Number).Scan(&good)
	if err == nil && !good {
		err = fmt.Errorf("hold %s: %w", l.Execution, ErrLost)
	}
	return err
}

// insertEvents numbers events from after on and stores them.
func (t *Tx) insertEvents(run autonoma.RunID, after int64, events []autonoma.Event) error {
	for i, e := range events {
		if t.clean != nil {
			e.Data = t.clean(e.Data)
		}
		if _, err := t.tx.ExecContext(t.ctx,
			`INSERT INTO events (run, seq, at, kind, execution, data) VALUES (?, ?, ?, ?, ?, ?)`,
			run, after+int64(i)+1, e.At.UnixMicro(), e.Kind, e.Execution, string(e.Data)); err != nil {
			return fmt.Errorf("insert event: %w", err)
		}
	}
	return nil
}

// Events returns up to limit events of a run that follow number after.
func (d *DB) Events(ctx context.Context, run autonoma.RunID, after int64, limit int) ([]autonoma.Event, error) {
	rows, err := d.read.QueryContext(ctx, `
		SELECT run, seq, at, kind, execution, data FROM events
		WHERE run = ? AND seq > ? ORDER BY seq LIMIT ?`, run, after, limit)
	return collect(rows, err, scanEvent)
}

// Journal returns all events of an execution, in order.
func (d *DB) Journal(ctx context.Context, run autonoma.RunID, exec autonoma.ExecutionID) ([]autonoma.Event, error) {
	rows, err := d.read.QueryContext(ctx, `
		SELECT run, seq, at, kind, execution, data FROM events
		WHERE run = ? AND execution = ? ORDER BY seq`, run, exec)
	return collect(rows, err, scanEvent)
}

func scanEvent(row scanner) (autonoma.Event, error) {
	var e autonoma.Event
	var data []byte
	err := row.Scan(&e.Run, &e.Seq, toTime(&e.At), &e.Kind, &e.Execution, &data)
	e.Data = data
	return e, err
}
