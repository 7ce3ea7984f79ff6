package store

import (
	"context"
	"fmt"
	"time"

	"autonoma"
)

// maturityQuery finds a row even if there is none: credits may come first.
const maturityQuery = `
	SELECT coalesce(mode, ''), since, coalesce(tasks, 0), coalesce(successes, 0), coalesce(successes_in_a_row, 0),
		coalesce(failures_in_a_row, 0), coalesce(overrides, 0), coalesce(confidence, 0),
		(SELECT coalesce(sum(credits), 0) FROM credits WHERE tenant = ?1 AND capability = ?3)
	FROM (SELECT 1) LEFT JOIN maturity ON tenant = ?1 AND agent = ?2`

// Maturity returns what an agent has shown to a tenant, with the credits of its
// capability. Its mode is empty if nothing was counted yet.
func (d *DB) Maturity(ctx context.Context, tenant autonoma.TenantID, agent autonoma.AgentID, c autonoma.Capability) (autonoma.Maturity, error) {
	return oneMaturity(ctx, d.read, tenant, agent, c)
}

// Maturity is as [DB.Maturity]; nobody else can change it until the transaction ends.
func (t *Tx) Maturity(tenant autonoma.TenantID, agent autonoma.AgentID, c autonoma.Capability) (autonoma.Maturity, error) {
	return oneMaturity(t.ctx, t.tx, tenant, agent, c)
}

func oneMaturity(ctx context.Context, q querier, tenant autonoma.TenantID, agent autonoma.AgentID, c autonoma.Capability) (m autonoma.Maturity, err error) {
	err = q.QueryRowContext(ctx, maturityQuery, tenant, agent, c).Scan(&m.Mode, toTime(&m.Since), &m.Tasks, &m.Successes,
		&m.SuccessesInARow, &m.FailuresInARow, &m.Overrides, &m.Confidence, &m.Credits)
	return m, err
}

// SaveMaturity stores what an agent has shown to a tenant. It leaves the credits alone.
func (t *Tx) SaveMaturity(tenant autonoma.TenantID, agent autonoma.AgentID, m autonoma.Maturity) error {
	_, err := t.tx.ExecContext(t.ctx, `
		INSERT OR REPLACE INTO maturity (tenant, agent, mode, since, tasks, successes, successes_in_a_row, failures_in_a_row, overrides, confidence)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		tenant, agent, m.Mode, micros(m.Since), m.Tasks, m.Successes, m.SuccessesInARow, m.FailuresInARow, m.Overrides, m.Confidence)
	if err != nil {
		return fmt.Errorf("save maturity: %w", err)
	}
	return nil
}

const modesQuery = `SELECT agent, mode FROM maturity WHERE tenant = ? AND mode <> ''`

// Modes returns the modes of those agents of which a tenant has something counted.
func (d *DB) Modes(ctx context.Context, tenant autonoma.TenantID) (map[autonoma.AgentID]autonoma.Mode, error) {
	return modesOf(ctx, d.read, tenant)
}

// Modes is as [DB.Modes]; nobody else can change them until the transaction ends.
func (t *Tx) Modes(tenant autonoma.TenantID) (map[autonoma.AgentID]autonoma.Mode, error) {
	return modesOf(t.ctx, t.tx, tenant)
}

func modesOf(ctx context.Context, q querier, tenant autonoma.TenantID) (map[autonoma.AgentID]autonoma.Mode, error) {
	type pair struct {
		agent autonoma.AgentID
		mode  autonoma.Mode
	}
	rows, err := q.QueryContext(ctx, modesQuery, tenant)
	pairs, err := collect(rows, err, func(row scanner) (p pair, err error) { return p, row.Scan(&p.agent, &p.mode) })
	modes := map[autonoma.AgentID]autonoma.Mode{}
	for _, p := range pairs {
		modes[p.agent] = p.mode
	}
	return modes, err
}

// InsertModeChange stores that an agent gained or lost a mode with an execution.
func (t *Tx) InsertModeChange(tenant autonoma.TenantID, e autonoma.Execution, c autonoma.ModeChange) error {
	_, err := t.tx.ExecContext(t.ctx,
		`INSERT INTO mode_changes (tenant, agent, run, execution, at, change) VALUES (?, ?, ?, ?, ?, ?)`,
		tenant, e.Agent, e.Run, e.ID, micros(c.At), asJSON(c))
	if err != nil {
		return fmt.Errorf("insert mode change: %w", err)
	}
	return nil
}

const modeChangesQuery = `SELECT change FROM mode_changes WHERE tenant = ? AND agent = ? ORDER BY number DESC LIMIT ?`

// ModeChanges returns up to limit modes that an agent gained or lost, newest first.
func (d *DB) ModeChanges(ctx context.Context, tenant autonoma.TenantID, agent autonoma.AgentID, limit int) ([]autonoma.ModeChange, error) {
	rows, err := d.read.QueryContext(ctx, modeChangesQuery, tenant, agent, limit)
	return collect(rows, err, func(row scanner) (c autonoma.ModeChange, err error) { return c, row.Scan(fromJSON(&c)) })
}

// PutCredits stores what a source is worth to the agents of a capability, instead of
// what it was worth before.
func (t *Tx) PutCredits(tenant autonoma.TenantID, c autonoma.Capability, source string, credits float64, from autonoma.History, at time.Time) error {
	_, err := t.tx.ExecContext(t.ctx,
		`INSERT OR REPLACE INTO credits (tenant, capability, source, credits, at, history) VALUES (?, ?, ?, ?, ?, ?)`,
		tenant, c, source, credits, micros(at), asJSON(from))
	if err != nil {
		return fmt.Errorf("put credits: %w", err)
	}
	return nil
}

// Override notes that a person decided otherwise than an execution did, and reports
// whether that is new.
func (t *Tx) Override(id autonoma.ExecutionID) (bool, error) {
	done, err := t.tx.ExecContext(t.ctx, `UPDATE executions SET overridden = 1 WHERE id = ? AND overridden = 0`, id)
	if err != nil {
		return false, fmt.Errorf("override: %w", err)
	}
	n, err := done.RowsAffected()
	return n == 1, err
}
