package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"autonoma"
)

const approvalColumns = `id, tenant, run, step, question, reason, risk, status, otherwise, evidence, changed, created_at, deadline, decision, execution, topic, kind`

// Approval returns one approval.
func (d *DB) Approval(ctx context.Context, id autonoma.ApprovalID) (autonoma.Approval, error) {
	return oneApproval(ctx, d.read, id)
}

// Approval returns one approval, which nobody else can change until the transaction
// ends.
func (t *Tx) Approval(id autonoma.ApprovalID) (autonoma.Approval, error) {
	return oneApproval(t.ctx, t.tx, id)
}

func oneApproval(ctx context.Context, q querier, id autonoma.ApprovalID) (autonoma.Approval, error) {
	a, err := scanApproval(q.QueryRowContext(ctx, `SELECT `+approvalColumns+` FROM approvals WHERE id = ?`, id))
	return found(string(id), a, err)
}

// ApprovalOn returns the question of an execution that has the given topic.
func (d *DB) ApprovalOn(ctx context.Context, exec autonoma.ExecutionID, topic string) (autonoma.Approval, error) {
	return approvalOn(ctx, d.read, exec, topic)
}

// ApprovalOn returns the question of an execution that has the given topic.
func (t *Tx) ApprovalOn(exec autonoma.ExecutionID, topic string) (autonoma.Approval, error) {
	return approvalOn(t.ctx, t.tx, exec, topic)
}

func approvalOn(ctx context.Context, q querier, exec autonoma.ExecutionID, topic string) (autonoma.Approval, error) {
	a, err := scanApproval(q.QueryRowContext(ctx,
		`SELECT `+approvalColumns+` FROM approvals WHERE execution = ? AND execution <> '' AND topic = ?`, exec, topic))
	return found("question "+topic, a, err)
}

// ApprovalsOf returns all questions of an execution, oldest first.
func (d *DB) ApprovalsOf(ctx context.Context, exec autonoma.ExecutionID) ([]autonoma.Approval, error) {
	rows, err := d.read.QueryContext(ctx,
		`SELECT `+approvalColumns+` FROM approvals WHERE execution = ? AND execution <> '' ORDER BY created_at, id`, exec)
	return collect(rows, err, scanApproval)
}

// An ApprovalFilter chooses approvals of one tenant, newest first.
type ApprovalFilter struct {
	Tenant autonoma.TenantID
	Status autonoma.ApprovalStatus // empty: any
	Before Cursor                  // only older ones; zero: all
	Limit  int
}

// Approvals returns the approvals that f chooses.
func (d *DB) Approvals(ctx context.Context, f ApprovalFilter) ([]autonoma.Approval, error) {
	query, args := f.query()
	rows, err := d.read.QueryContext(ctx, query, args...)
	return collect(rows, err, scanApproval)
}

func (f ApprovalFilter) query() (string, []any) {
	query := `SELECT ` + approvalColumns + ` FROM approvals WHERE tenant = ?`
	args := []any{f.Tenant}
	if f.Status != "" {
		query += ` AND status = ?`
		args = append(args, f.Status)
	}
	return page(query, args, f.Before, f.Limit)
}

// PendingApprovals returns the questions of a run that wait for an answer, oldest
// first.
func (d *DB) PendingApprovals(ctx context.Context, run autonoma.RunID) ([]autonoma.Approval, error) {
	return pendingApprovals(ctx, d.read, run)
}

// PendingApprovals returns the questions of a run that wait for an answer, oldest
// first.
func (t *Tx) PendingApprovals(run autonoma.RunID) ([]autonoma.Approval, error) {
	return pendingApprovals(t.ctx, t.tx, run)
}

func pendingApprovals(ctx context.Context, q querier, run autonoma.RunID) ([]autonoma.Approval, error) {
	rows, err := q.QueryContext(ctx,
		`SELECT `+approvalColumns+` FROM approvals WHERE run = ? AND status = 'pending' ORDER BY created_at, id`, run)
	return collect(rows, err, scanApproval)
}

// OverdueApprovals returns up to limit questions whose deadline has passed without
// an answer, the longest overdue first.
func (d *DB) OverdueApprovals(ctx context.Context, now time.Time, limit int) ([]autonoma.Approval, error) {
	rows, err := d.read.QueryContext(ctx,
		`SELECT `+approvalColumns+` FROM approvals WHERE status = 'pending' AND deadline <= ? ORDER BY deadline LIMIT ?`,
		now.UnixMicro(), limit)
	return collect(rows, err, scanApproval)
}

// NextDeadline returns the first deadline of all questions that wait for an answer;
// zero if there are none.
func (d *DB) NextDeadline(ctx context.Context) (time.Time, error) {
	var us sql.NullInt64
	err := d.read.QueryRowContext(ctx, `SELECT min(deadline) FROM approvals WHERE status = 'pending'`).Scan(&us)
	if err != nil || !us.Valid {
		return time.Time{}, err
	}
	return time.UnixMicro(us.Int64).UTC(), nil
}

// InsertApproval stores a new approval.
func (t *Tx) InsertApproval(a autonoma.Approval) error {
	_, err := t.tx.ExecContext(t.ctx, `
		INSERT INTO approvals (`+approvalColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		a.ID, a.Tenant, a.Run, a.Step, a.Question, a.Reason, a.Risk, a.Status, a.Default, t.asJSON(a.Evidence), a.Changed,
		micros(a.CreatedAt), micros(a.Deadline), t.asJSON(a.Decision), a.Execution, a.Topic, a.Kind)
	if err != nil {
		return fmt.Errorf("insert approval: %w", err)
	}
	return nil
}

// SaveApproval stores what has changed in an approval.
func (t *Tx) SaveApproval(a autonoma.Approval) error {
	_, err := t.tx.ExecContext(t.ctx, `UPDATE approvals SET status = ?, decision = ? WHERE id = ?`, a.Status, t.asJSON(a.Decision), a.ID)
	if err != nil {
		return fmt.Errorf("save approval: %w", err)
	}
	return nil
}

func scanApproval(row scanner) (autonoma.Approval, error) {
	var a autonoma.Approval
	err := row.Scan(&a.ID, &a.Tenant, &a.Run, &a.Step, &a.Question, &a.Reason, &a.Risk, &a.Status, &a.Default, fromJSON(&a.Evidence), &a.Changed,
		toTime(&a.CreatedAt), toTime(&a.Deadline), fromJSON(&a.Decision), &a.Execution, &a.Topic, &a.Kind)
	return a, err
}
