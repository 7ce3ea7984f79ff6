package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"autonoma"
)

const runColumns = `id, tenant, kind, status, status_detail, request, steps, progress, expected_ms, output, error,
	created_at, started_at, completed_at, input_tokens, output_tokens, cached_tokens, cost_usd, model_calls, tool_calls, mode, retry_of, resumes`

// Run returns one run.
func (d *DB) Run(ctx context.Context, id autonoma.RunID) (autonoma.Run, error) {
	return oneRun(ctx, d.read, id)
}

// Run returns one run, which nobody else can change until the transaction ends.
func (t *Tx) Run(id autonoma.RunID) (autonoma.Run, error) { return oneRun(t.ctx, t.tx, id) }

func oneRun(ctx context.Context, q querier, id autonoma.RunID) (autonoma.Run, error) {
	run, err := scanRun(q.QueryRowContext(ctx, `SELECT `+runColumns+` FROM runs WHERE id = ?`, id))
	return found(string(id), run, err)
}

// A RunFilter chooses runs of one tenant, newest first.
type RunFilter struct {
	Tenant autonoma.TenantID
	Kind   autonoma.Kind   // empty: any
	Status autonoma.Status // likewise
	Before Cursor          // only older ones; zero: all
	Limit  int
}

// A Cursor is a place in a listing that is ordered by time.
type Cursor struct {
	At time.Time
	ID string
}

// Runs returns the runs that f chooses.
func (d *DB) Runs(ctx context.Context, f RunFilter) ([]autonoma.Run, error) {
	query, args := f.query()
	rows, err := d.read.QueryContext(ctx, query, args...)
	return collect(rows, err, scanRun)
}

func (f RunFilter) query() (string, []any) {
	query := `SELECT ` + runColumns + ` FROM runs WHERE tenant = ?`
	args := []any{f.Tenant}
	if f.Kind != "" {
		query += ` AND kind = ?`
		args = append(args, f.Kind)
	}
	if f.Status != "" {
		query += ` AND status = ?`
		args = append(args, f.Status)
	}
	return page(query, args, f.Before, f.Limit)
}

// page makes a query with a condition give one page, newest first, of what comes
// after the cursor.
func page(query string, args []any, from Cursor, limit int) (string, []any) {
	if !from.At.IsZero() {
		query += ` AND (created_at, id) < (?, ?)`
		args = append(args, from.At.UnixMicro(), from.ID)
	}
	return query + ` ORDER BY created_at DESC, id DESC LIMIT ?`, append(args, limit)
}

// Ahead returns how many queued runs stand before a queued run, whoever owns
// them: those with a higher priority and older ones of the same.
func (d *DB) Ahead(ctx context.Context, run autonoma.Run) (int, error) {
	var n int
	err := d.read.QueryRowContext(ctx, aheadQuery, asJSON(above(run.Request.Priority)), run.Request.Priority, run.CreatedAt.UnixMicro(), run.ID).Scan(&n)
	return n, err
}

const aheadQuery = `
	SELECT (SELECT count(*) FROM runs WHERE status = 'queued' AND priority IN (SELECT value FROM json_each(?1)))
		+ (SELECT count(*) FROM runs WHERE status = 'queued' AND priority = ?2 AND (created_at, id) < (?3, ?4))`

// above returns the priorities that come before p.
func above(p autonoma.Priority) []autonoma.Priority {
	order := []autonoma.Priority{autonoma.High, autonoma.Normal, autonoma.Low}
	return order[:max(slices.Index(order, p), 0)]
}

// Over returns those of the executions that are over, be it that they ended
// themselves, were called off, or that their run is.
func (d *DB) Over(ctx context.Context, ids []autonoma.ExecutionID) ([]autonoma.ExecutionID, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	rows, err := d.read.QueryContext(ctx, `
		SELECT executions.id FROM executions JOIN runs ON runs.id = run
		WHERE executions.id IN (?`+strings.Repeat(", ?", len(ids)-1)+`) AND (
			executions.status NOT IN ('pending', 'running') OR runs.status IN ('completed', 'failed', 'cancelled'))`, args...)
	return collect(rows, err, func(row scanner) (id autonoma.ExecutionID, err error) { return id, row.Scan(&id) })
}

// Durations returns how long the newest completed runs of the given shape took,
// newest first.
func (d *DB) Durations(ctx context.Context, shape string, limit int) ([]time.Duration, error) {
	rows, err := d.read.QueryContext(ctx, `
		SELECT completed_at - started_at FROM runs
		WHERE shape = ? AND status = 'completed' ORDER BY completed_at DESC LIMIT ?`, shape, limit)
	return collect(rows, err, func(row scanner) (time.Duration, error) {
		var us int64
		err := row.Scan(&us)
		return time.Duration(us) * time.Microsecond, err
	})
}

// Shape says what makes runs comparable: what was asked for, and how thoroughly.
func Shape(r autonoma.Request) string {
	if r.Agent != "" {
		return fmt.Sprint(r.Agent, " ", r.Scope, " ", r.Intelligence)
	}
	if w := r.Workflow; w != nil {
		return fmt.Sprint("workflow ", w.Name, " ", len(w.Steps), " ", r.Scope, " ", r.Intelligence)
	}
	return fmt.Sprint(r.Capabilities, " ", r.Scope, " ", r.Intelligence)
}

// InsertRun stores a new run with the events that begin its log.
func (t *Tx) InsertRun(r autonoma.Run, events ...autonoma.Event) error {
	_, err := t.tx.ExecContext(t.ctx, `
		INSERT INTO runs (id, tenant, kind, shape, status, status_detail, request, steps, progress, expected_ms, created_at, seq, mode, retry_of, resumes, priority)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.ID, r.Tenant, r.Kind, Shape(r.Request), r.Status, r.StatusDetail, t.asJSON(r.Request), t.asJSON(r.Steps),
		r.Progress, r.Expected.Milliseconds(), micros(r.CreatedAt), len(events), r.Mode, r.RetryOf, r.Resumes,
		r.Request.Priority)
	if err != nil {
		return fmt.Errorf("insert run: %w", err)
	}
	return t.told(r, 0, events)
}

// SaveRun stores what has changed in a run and appends events to its log. It
// leaves the usage alone: that only [DB.Append] counts.
func (t *Tx) SaveRun(r autonoma.Run, events ...autonoma.Event) error {
	var seq int64
	err := t.tx.QueryRowContext(t.ctx, `
		UPDATE runs SET status = ?, status_detail = ?, steps = ?, progress = ?, resumes = ?, output = ?, error = ?,
			started_at = ?, completed_at = ?, seq = seq + ?
		WHERE id = ? RETURNING seq`,
		r.Status, r.StatusDetail, t.asJSON(r.Steps), r.Progress, r.Resumes, t.asJSON(r.Output), t.asJSON(r.Error),
		micros(r.StartedAt), micros(r.CompletedAt), len(events), r.ID).Scan(&seq)
	if err != nil {
		return fmt.Errorf("save run: %w", err)
	}
	return t.told(r, seq-int64(len(events)), events)
}

// told stores the events of a run, and who is to be told of them.
func (t *Tx) told(r autonoma.Run, after int64, events []autonoma.Event) error {
	if err := t.insertEvents(r.ID, after, events); err != nil {
		return err
	}
	return t.announce(r, events)
}

func scanRun(row scanner) (autonoma.Run, error) {
	var r autonoma.Run
	var expected int64
	err := row.Scan(&r.ID, &r.Tenant, &r.Kind, &r.Status, &r.StatusDetail, fromJSON(&r.Request), fromJSON(&r.Steps),
		&r.Progress, &expected, fromJSON(&r.Output), fromJSON(&r.Error),
		toTime(&r.CreatedAt), toTime(&r.StartedAt), toTime(&r.CompletedAt),
		&r.Usage.InputTokens, &r.Usage.OutputTokens, &r.Usage.CachedTokens, &r.Usage.CostUSD,
		&r.Usage.ModelCalls, &r.Usage.ToolCalls, &r.Mode, &r.RetryOf, &r.Resumes)
	r.Expected = time.Duration(expected) * time.Millisecond
	return r, err
}
