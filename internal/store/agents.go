package store

import (
	"context"
	"time"

	"autonoma"
)

const loadsQuery = `
	SELECT agent, count(*) FILTER (WHERE executions.status = 'running'),
		count(*) FILTER (WHERE runs.status = 'waiting_provider'),
		count(*) FILTER (WHERE executions.status = 'pending'), max(executions.started_at)
	FROM executions JOIN runs ON runs.id = run
	WHERE executions.tenant = ? AND executions.status IN ('pending', 'running') GROUP BY agent`

// Loads returns what each agent that has something to do for a tenant has to do.
func (d *DB) Loads(ctx context.Context, tenant autonoma.TenantID) (map[autonoma.AgentID]autonoma.Load, error) {
	type pair struct {
		agent autonoma.AgentID
		load  autonoma.Load
	}
	rows, err := d.read.QueryContext(ctx, loadsQuery, tenant)
	pairs, err := collect(rows, err, func(row scanner) (p pair, err error) {
		return p, row.Scan(&p.agent, &p.load.Active, &p.load.Waiting, &p.load.Queued, toTime(&p.load.Since))
	})
	loads := map[autonoma.AgentID]autonoma.Load{}
	for _, p := range pairs {
		loads[p.agent] = p.load
	}
	return loads, err
}

const recordQuery = `
	SELECT count(*) FILTER (WHERE status = 'completed'), count(*) FILTER (WHERE status = 'failed'),
		coalesce(avg(completed_at - started_at) FILTER (WHERE status = 'completed'), 0), max(completed_at)
	FROM executions WHERE tenant = ? AND agent = ? AND status IN ('completed', 'failed') AND copy_of = ''`

// Record returns what an agent's executions for a tenant came to.
func (d *DB) Record(ctx context.Context, tenant autonoma.TenantID, agent autonoma.AgentID) (autonoma.Record, error) {
	var r autonoma.Record
	var us float64
	err := d.read.QueryRowContext(ctx, recordQuery, tenant, agent).Scan(&r.Completed, &r.Failed, &us, toTime(&r.LastEnd))
	r.Duration = time.Duration(us * float64(time.Microsecond))
	return r, err
}

const activeQuery = `SELECT ` + runColumns + ` FROM runs
	WHERE tenant = ? AND status IN ('in_progress', 'awaiting_approval', 'waiting_provider')
	ORDER BY created_at DESC, id DESC LIMIT ?`

// ActiveRuns returns up to limit runs of a tenant that have begun and are not over,
// newest first.
func (d *DB) ActiveRuns(ctx context.Context, tenant autonoma.TenantID, limit int) ([]autonoma.Run, error) {
	rows, err := d.read.QueryContext(ctx, activeQuery, tenant, limit)
	return collect(rows, err, scanRun)
}

// Waiting is how many runs wait for their beginning, and since when the oldest does.
type Waiting struct {
	Runs   int
	Oldest time.Time
}

const waitingQuery = `
	SELECT priority, count(*), min(created_at) FROM runs WHERE tenant = ? AND status = 'queued' GROUP BY priority`

// Waiting returns the queued runs of a tenant by their priority.
func (d *DB) Waiting(ctx context.Context, tenant autonoma.TenantID) (map[autonoma.Priority]Waiting, error) {
	type pair struct {
		priority autonoma.Priority
		waiting  Waiting
	}
	rows, err := d.read.QueryContext(ctx, waitingQuery, tenant)
	pairs, err := collect(rows, err, func(row scanner) (p pair, err error) {
		return p, row.Scan(&p.priority, &p.waiting.Runs, toTime(&p.waiting.Oldest))
	})
	all := map[autonoma.Priority]Waiting{}
	for _, p := range pairs {
		all[p.priority] = p.waiting
	}
	return all, err
}
