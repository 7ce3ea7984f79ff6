package store

import (
	"context"
	"fmt"
	"time"

	"autonoma"
)

const executionColumns = `id, run, step, agent, round, status, phase, phases, lease, base, result, error, created_at, started_at, completed_at,
	worker, input_tokens, output_tokens, cached_tokens, cost_usd, model_calls, tool_calls, mode, copy_of, isolation`

// Execution returns one execution.
func (d *DB) Execution(ctx context.Context, id autonoma.ExecutionID) (autonoma.Execution, error) {
	return oneExecution(ctx, d.read, id)
}

// Execution returns one execution, which nobody else can change until the
// transaction ends.
func (t *Tx) Execution(id autonoma.ExecutionID) (autonoma.Execution, error) {
	return oneExecution(t.ctx, t.tx, id)
}

func oneExecution(ctx context.Context, q querier, id autonoma.ExecutionID) (autonoma.Execution, error) {
	e, err := scanExecution(q.QueryRowContext(ctx, `SELECT `+executionColumns+` FROM executions WHERE id = ?`, id))
	return found(string(id), e, err)
}

// Executions returns the executions of a run, in the order in which they were begun.
func (d *DB) Executions(ctx context.Context, run autonoma.RunID) ([]autonoma.Execution, error) {
	return executionsOf(ctx, d.read, run)
}

// Executions returns the executions of a run, in the order in which they were begun.
func (t *Tx) Executions(run autonoma.RunID) ([]autonoma.Execution, error) {
	return executionsOf(t.ctx, t.tx, run)
}

func executionsOf(ctx context.Context, q querier, run autonoma.RunID) ([]autonoma.Execution, error) {
	rows, err := q.QueryContext(ctx,
		`SELECT `+executionColumns+` FROM executions WHERE run = ? ORDER BY created_at, rowid`, run)
	return collect(rows, err, scanExecution)
}

// InsertExecution stores a new execution.
func (t *Tx) InsertExecution(e autonoma.Execution) error {
	_, err := t.tx.ExecContext(t.ctx, `
		INSERT INTO executions (id, run, tenant, step, agent, round, status, phase, phases, base, created_at, mode, copy_of, isolation)
		VALUES (?1, ?2, (SELECT tenant FROM runs WHERE runs.id = ?2), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)`,
		e.ID, e.Run, e.Step, e.Agent, e.Round, e.Status, e.Phase, asJSON(e.Phases), e.Base, micros(e.CreatedAt), e.Mode, e.CopyOf, asJSON(e.Isolation))
	if err != nil {
		return fmt.Errorf("insert execution: %w", err)
	}
	return nil
}

// SaveExecution stores what has changed in an execution. It leaves the lease, the
// worker and the isolation alone, which only [Tx.Take] changes, and the usage, which only
// [DB.Append] counts.
func (t *Tx) SaveExecution(e autonoma.Execution) error {
	if e.Status.Final() {
		if err := t.count(`executions.id = ?`, e.ID); err != nil {
			return err
		}
	}
	_, err := t.tx.ExecContext(t.ctx, `
		UPDATE executions SET status = ?, phase = ?, phases = ?, result = ?, error = ?, started_at = ?, completed_at = ?
		WHERE id = ?`,
		e.Status, e.Phase, t.asJSON(e.Phases), t.asJSON(e.Result), t.asJSON(e.Error), micros(e.StartedAt), micros(e.CompletedAt), e.ID)
	if err != nil {
		return fmt.Errorf("save execution: %w", err)
	}
	return nil
}

// Pace returns how many seconds each phase of the agent's newest completed
// executions took, on average; nothing if there are none.
func (d *DB) Pace(ctx context.Context, agent autonoma.AgentID) (autonoma.Pace, error) {
	const sample = 20
	rows, err := d.read.QueryContext(ctx, `
		SELECT phases FROM executions WHERE agent = ? AND status = 'completed' AND copy_of = '' ORDER BY completed_at DESC LIMIT ?`, agent, sample)
	all, err := collect(rows, err, func(row scanner) (times []autonoma.PhaseTime, err error) {
		return times, row.Scan(fromJSON(&times))
	})
	if err != nil || len(all) == 0 {
		return nil, err
	}
	pace := autonoma.Pace{}
	for _, times := range all {
		for _, p := range times {
			pace[p.Phase] += p.CompletedAt.Sub(p.StartedAt).Seconds() / float64(len(all))
		}
	}
	return pace, nil
}

// Take gives the execution to the worker it names, with the isolation that it says: leases that others hold on it
// are good no more, and a call of a model that one of them had under way is lost.
func (t *Tx) Take(e *autonoma.Execution, at time.Time) (Lease, error) {
	if e.StartedAt.IsZero() {
		e.StartedAt = at
	}
	e.Status = autonoma.StepRunning
	if err := t.settleLost(`execution = ?`, e.ID); err != nil {
		return Lease{}, err
	}
	err := t.tx.QueryRowContext(t.ctx, `
		UPDATE executions SET lease = lease + 1, status = ?, started_at = ?, worker = ?, isolation = ? WHERE id = ? RETURNING lease`,
		e.Status, micros(e.StartedAt), e.Worker, asJSON(e.Isolation), e.ID).Scan(&e.Lease)
	if err != nil {
		return Lease{}, fmt.Errorf("take %s: %w", e.ID, err)
	}
	return Lease{e.Run, e.ID, e.Lease}, nil
}

// Stranded returns the executions that are not over and wait for no human, of runs that
// are not over, and for which the query of the queue, which may speak of executions.id, finds no job.
func (t *Tx) Stranded(job string) ([]autonoma.Execution, error) {
	rows, err := t.tx.QueryContext(t.ctx, `
		SELECT `+executionColumns+` FROM executions
		WHERE status IN ('pending', 'running') AND NOT EXISTS (`+job+`)
			AND NOT EXISTS (SELECT 1 FROM approvals WHERE approvals.execution = executions.id AND approvals.execution <> '' AND approvals.status = 'pending')
			AND (SELECT runs.status FROM runs WHERE runs.id = run) NOT IN ('completed', 'failed', 'cancelled')`)
	return collect(rows, err, scanExecution)
}

// Cancel ends all executions of a run that are not over.
func (t *Tx) Cancel(run autonoma.RunID, at time.Time) error {
	if err := t.count(`executions.run = ?`, run); err != nil {
		return err
	}
	_, err := t.tx.ExecContext(t.ctx, `
		UPDATE executions SET status = 'cancelled', completed_at = ?
		WHERE run = ? AND status IN ('pending', 'running')`, micros(at), run)
	return err
}

// CancelExecution ends an execution that is not over.
func (t *Tx) CancelExecution(id autonoma.ExecutionID, at time.Time) error {
	if err := t.count(`executions.id = ?`, id); err != nil {
		return err
	}
	_, err := t.tx.ExecContext(t.ctx, `
		UPDATE executions SET status = 'cancelled', completed_at = ?
		WHERE id = ? AND status IN ('pending', 'running')`, micros(at), id)
	return err
}

func scanExecution(row scanner) (autonoma.Execution, error) {
	var e autonoma.Execution
	err := row.Scan(&e.ID, &e.Run, &e.Step, &e.Agent, &e.Round, &e.Status, &e.Phase, fromJSON(&e.Phases), &e.Lease, &e.Base,
		fromJSON(&e.Result), fromJSON(&e.Error), toTime(&e.CreatedAt), toTime(&e.StartedAt), toTime(&e.CompletedAt),
		&e.Worker, &e.Usage.InputTokens, &e.Usage.OutputTokens, &e.Usage.CachedTokens, &e.Usage.CostUSD,
		&e.Usage.ModelCalls, &e.Usage.ToolCalls, &e.Mode, &e.CopyOf, fromJSON(&e.Isolation))
	return e, err
}
