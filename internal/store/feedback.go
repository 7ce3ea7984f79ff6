package store

import (
	"context"
	"errors"
	"fmt"

	"autonoma"
)

const feedbackColumns = `id, tenant, run, about, signal, decision`

// Feedback returns one feedback.
func (d *DB) Feedback(ctx context.Context, id autonoma.FeedbackID) (autonoma.Feedback, error) {
	f, err := scanFeedback(d.read.QueryRowContext(ctx, `SELECT `+feedbackColumns+` FROM feedback WHERE id = ?`, id))
	return found(string(id), f, err)
}

// Feedbacks returns up to limit feedbacks of a tenant, newest first, from the cursor
// on.
func (d *DB) Feedbacks(ctx context.Context, tenant autonoma.TenantID, from Cursor, limit int) ([]autonoma.Feedback, error) {
	query, args := feedbacksQuery(tenant, from, limit)
	rows, err := d.read.QueryContext(ctx, query, args...)
	return collect(rows, err, scanFeedback)
}

func feedbacksQuery(tenant autonoma.TenantID, from Cursor, limit int) (string, []any) {
	return page(`SELECT `+feedbackColumns+` FROM feedback WHERE tenant = ?`, []any{tenant}, from, limit)
}

// FeedbackOn returns what was said of an execution, or nil.
func (t *Tx) FeedbackOn(id autonoma.ExecutionID) (*autonoma.Feedback, error) {
	f, err := scanFeedback(t.tx.QueryRowContext(t.ctx,
		`SELECT `+feedbackColumns+` FROM feedback WHERE id = (SELECT feedback FROM executions WHERE executions.id = ?)`, id))
	if f, err = found(string(id), f, err); errors.Is(err, autonoma.ErrNotFound) {
		return nil, nil
	}
	return &f, err
}

// InsertFeedback stores what was said of executions, with them too.
func (t *Tx) InsertFeedback(f autonoma.Feedback) error {
	_, err := t.tx.ExecContext(t.ctx,
		`INSERT INTO feedback (id, tenant, run, about, signal, decision, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		f.ID, f.Tenant, f.Run, t.asJSON(f.About), f.Signal, asJSON(f.By), micros(f.By.At))
	for _, p := range f.About {
		if err == nil {
			_, err = t.tx.ExecContext(t.ctx, `UPDATE executions SET feedback = ? WHERE id = ?`, f.ID, p.Execution)
		}
	}
	if err != nil {
		return fmt.Errorf("insert feedback: %w", err)
	}
	return nil
}

func scanFeedback(row scanner) (f autonoma.Feedback, err error) {
	return f, row.Scan(&f.ID, &f.Tenant, &f.Run, fromJSON(&f.About), &f.Signal, fromJSON(&f.By))
}
