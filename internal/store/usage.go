package store

import (
	"context"
	"fmt"
	"time"

	"autonoma"
)

// Spent is what an agent used on a day, with one model, in one phase, for one thing.
type Spent struct {
	Day   string // 2026-01-31, UTC
	Agent autonoma.AgentID
	Model string
	Phase autonoma.Phase // empty: not known, as the cause
	Cause autonoma.Cause
	autonoma.Usage
}

// turns are what the model's answers in a log used, by day, agent, model, phase and
// cause, and what is counted of calls that were lost. What a model wrote into its
// provider's cache counts as read for the first time, as in the usage of runs. The
// forms are those of the journal: package agent's Turn and Compaction, and [Lost].
const turns = `
	SELECT executions.tenant, date(events.at / 1000000, 'unixepoch') AS day, executions.agent,
		coalesce(data ->> '$.answer.model', '') AS model, coalesce(data ->> '$.phase', '') AS phase,
		CASE events.kind WHEN 'compaction' THEN 'compaction'
			ELSE coalesce(data ->> '$.cause', CASE data ->> '$.phase' WHEN 'research' THEN 'research' ELSE 'work' END) END AS cause,
		sum(coalesce(data ->> '$.answer.usage.input_tokens', 0) + coalesce(data ->> '$.answer.usage.cache_write_tokens', 0)),
		sum(coalesce(data ->> '$.answer.usage.output_tokens', 0)),
		sum(coalesce(data ->> '$.answer.usage.cache_read_tokens', 0)),
		sum((coalesce(data ->> '$.answer.usage.input_tokens' * data ->> '$.answer.price.input', 0)
			+ coalesce(data ->> '$.answer.usage.output_tokens' * data ->> '$.answer.price.output', 0)
			+ coalesce(data ->> '$.answer.usage.cache_read_tokens' * data ->> '$.answer.price.cache_read', 0)
			+ coalesce(data ->> '$.answer.usage.cache_write_tokens' * data ->> '$.answer.price.cache_write', 0)) / 1e6),
		count(*)
	FROM executions JOIN events ON events.run = executions.run AND events.execution = executions.id
		AND (events.kind IN ('turn', 'compaction') OR events.kind = 'notice' AND data ->> '$.code' = '` + callLost + `')`

// count adds what executions have used that are not over, and are about to be, to
// the usage of their tenant. A call that is under way is cut off with them: it was given
// to read what it was given. The condition says which.
func (t *Tx) count(which string, arg any) error {
	if err := t.settleLost(`execution IN (SELECT id FROM executions WHERE `+which+`)`, arg); err != nil {
		return err
	}
	_, err := t.tx.ExecContext(t.ctx, `INSERT INTO usage `+turns+`
		WHERE `+which+` AND executions.status IN ('pending', 'running') GROUP BY 1, 2, 3, 4, 5, 6
		ON CONFLICT (tenant, day, agent, model, phase, cause) DO UPDATE SET
			input_tokens = input_tokens + excluded.input_tokens, output_tokens = output_tokens + excluded.output_tokens,
			cached_tokens = cached_tokens + excluded.cached_tokens, cost_usd = cost_usd + excluded.cost_usd,
			model_calls = model_calls + excluded.model_calls`, arg)
	if err != nil {
		return fmt.Errorf("count usage: %w", err)
	}
	return nil
}

// Usage returns what a tenant used from one day to another, both included, what
// is under way among it, by day, agent, model, phase and cause.
func (d *DB) Usage(ctx context.Context, tenant autonoma.TenantID, from, to time.Time) ([]Spent, error) {
	rows, err := d.read.QueryContext(ctx, usageQuery, tenant, from.Format(time.DateOnly), to.Format(time.DateOnly))
	return collect(rows, err, func(row scanner) (s Spent, err error) {
		return s, row.Scan(&s.Day, &s.Agent, &s.Model, &s.Phase, &s.Cause, &s.InputTokens, &s.OutputTokens, &s.CachedTokens, &s.CostUSD, &s.ModelCalls)
	})
}

const usageQuery = `
		SELECT day, agent, model, phase, cause, sum(input), sum(output), sum(cached), sum(cost), sum(calls) FROM (
			SELECT day, agent, model, phase, cause, input_tokens AS input, output_tokens AS output, cached_tokens AS cached, cost_usd AS cost, model_calls AS calls
			FROM usage WHERE tenant = ?1
			UNION ALL
			SELECT day, agent, model, phase, cause, input, output, cached, cost, calls FROM (
				WITH now (tenant, day, agent, model, phase, cause, input, output, cached, cost, calls) AS (` + turns + `
					WHERE executions.tenant = ?1 AND executions.status IN ('pending', 'running') GROUP BY 1, 2, 3, 4, 5, 6)
				SELECT * FROM now))
		WHERE day BETWEEN ?2 AND ?3 GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5`
