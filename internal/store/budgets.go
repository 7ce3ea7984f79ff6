package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"autonoma"
)

// A Claim asks for what a call of a model costs at worst.
type Claim struct {
	Lease
	Budget   autonoma.Budget      // of the run
	Month    autonoma.MonthBudget // of tenants that have none of their own
	Worst    autonoma.Usage
	Unpriced string // the model, if its price is not known and has to be
	Lost     Lost
	At       time.Time
}

// Lost is what counts as used if nobody comes back from a call: the data of the
// notice that tells of it. Its form is that of a turn in the journal, so that it is
// counted like one.
type Lost struct {
	autonoma.Notice
	Phase  autonoma.Phase `json:"phase"`
	Cause  autonoma.Cause `json:"cause"`
	Answer struct {
		Model string `json:"model"`
		Usage struct {
			InputTokens int64 `json:"input_tokens"`
		} `json:"usage"`
		Price struct {
			Input float64 `json:"input"`
		} `json:"price"`
	} `json:"answer"`
}

// NewLost returns what counts of a lost call: what the model was given to read.
func NewLost(phase autonoma.Phase, model string, tokens int64, price float64) Lost {
	l := Lost{Phase: phase, Cause: autonoma.CauseLost, Notice: autonoma.Notice{
		Code: callLost, Message: fmt.Sprintf("the server went down while %s was asked; what it was given to read counts as used", model),
	}}
	l.Answer.Model, l.Answer.Usage.InputTokens, l.Answer.Price.Input = model, tokens, price
	return l
}

// callLost is the code of the notice that a call was lost.
const callLost = "call_lost"

func (l Lost) usage() autonoma.Usage {
	n := l.Answer.Usage.InputTokens
	return autonoma.Usage{InputTokens: n, CostUSD: float64(n) * l.Answer.Price.Input / 1e6, ModelCalls: 1}
}

// ErrWait reports that there is not enough left for a call, and that there may be
// once others that are under way have come to less than what is set aside for them.
var ErrWait = errors.New("others have set aside what is left")

// Reserve sets aside what a call costs at worst, in the budget of the run and in that
// of the tenant's month, or fails with an [autonoma.Failure], [ErrWait] or [ErrLost].
// What was set aside for an earlier call of the execution is given back. Whoever
// reserves makes sure that it ends: by [DB.Settle], by [DB.Release], or with the
// execution. If it dies, [Tx.Take] and [DB.SettleLost] do.
func (d *DB) Reserve(ctx context.Context, c Claim) error {
	return d.Update(ctx, func(tx *Tx) error {
		tenant, run, month, err := tx.accounts(c)
		if err != nil {
			return err
		}
		for _, a := range []autonoma.Account{run, month} {
			if a.MaxUSD != nil && c.Unpriced != "" {
				return &autonoma.Failure{Code: autonoma.FailBudget, Message: fmt.Sprintf(
					"the price of %s is not known, so the budget in dollars cannot be kept; set a budget of tokens instead, or give the model a price", c.Unpriced)}
			}
			if why, waits := a.Short(c.Worst); waits {
				err = ErrWait
			} else if why != nil {
				return why
			}
		}
		if err != nil {
			return err
		}
		_, err = tx.tx.ExecContext(ctx, `
			INSERT OR REPLACE INTO reservations (execution, lease, run, tenant, tokens, cost_usd, lost) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			c.Execution, c.Number, c.Run, tenant, c.Worst.Tokens(), c.Worst.CostUSD, asJSON(c.Lost))
		if err != nil {
			return fmt.Errorf("reserve: %w", err)
		}
		return nil
	})
}

// accounts returns the accounts that a call draws from.
func (t *Tx) accounts(c Claim) (tenant autonoma.TenantID, run, month autonoma.Account, err error) {
	var own autonoma.MonthBudget
	run = c.Budget.Account()
	err = t.tx.QueryRowContext(t.ctx, `
		SELECT runs.tenant, month_usd, month_tokens, runs.input_tokens, runs.output_tokens, runs.cached_tokens, runs.cost_usd, runs.model_calls
		FROM executions JOIN runs ON runs.id = run JOIN tenants ON tenants.id = runs.tenant
		WHERE executions.id = ? AND lease = ? AND executions.status = 'running' AND runs.status = 'in_progress'`, c.Execution, c.Number).
		Scan(&tenant, &own.USD, &own.Tokens, &run.Spent.InputTokens, &run.Spent.OutputTokens, &run.Spent.CachedTokens, &run.Spent.CostUSD, &run.Spent.ModelCalls)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("reserve for %s: %w", c.Execution, ErrLost)
	}
	if err != nil {
		return tenant, run, month, err
	}
	rows, err := t.tx.QueryContext(t.ctx, `SELECT run, tokens, cost_usd FROM reservations WHERE tenant = ? AND execution <> ?`, tenant, c.Execution)
	_, err = collect(rows, err, func(row scanner) (none struct{}, err error) {
		var of autonoma.RunID
		held := autonoma.Usage{ModelCalls: 1}
		if err := row.Scan(&of, &held.InputTokens, &held.CostUSD); err != nil {
			return none, err
		}
		if month.Reserved.Add(held); of == c.Run {
			run.Reserved.Add(held)
		}
		return none, nil
	})
	if own = own.Or(c.Month); err != nil || !own.Limited() {
		return tenant, run, autonoma.Account{}, err
	}
	reserved := month.Reserved
	month = own.Account()
	month.Reserved = reserved
	month.Spent, err = spentIn(t.ctx, t.tx, tenant, c.At)
	return tenant, run, month, err
}

// Settle is [DB.Append] of what a call came to: what was set aside for it is given
// back.
func (d *DB) Settle(ctx context.Context, l Lease, used autonoma.Usage, events ...autonoma.Event) error {
	return d.Update(ctx, func(tx *Tx) error {
		return errors.Join(tx.append(l, used, events), tx.release(l))
	})
}

// Release gives back what is set aside for a call that came to nothing.
func (d *DB) Release(ctx context.Context, l Lease) error {
	return d.Update(ctx, func(tx *Tx) error { return tx.release(l) })
}

func (t *Tx) release(l Lease) error {
	_, err := t.tx.ExecContext(t.ctx, `DELETE FROM reservations WHERE execution = ? AND lease = ?`, l.Execution, l.Number)
	return err
}

// SettleLost settles all calls that are under way: whoever made them is gone. It is
// for the process that knows itself to be the only one, when it begins.
func (d *DB) SettleLost(ctx context.Context) error {
	return d.Update(ctx, func(tx *Tx) error { return tx.settleLost(`true`) })
}

// settleLost settles calls whose makers are gone: what they were given to read is
// used, and the log of the run says so. The condition says which.
func (t *Tx) settleLost(which string, args ...any) error {
	type call struct {
		run  autonoma.RunID
		exec autonoma.ExecutionID
		Lost
	}
	rows, err := t.tx.QueryContext(t.ctx, `DELETE FROM reservations WHERE `+which+` RETURNING run, execution, lost`, args...)
	lost, err := collect(rows, err, func(row scanner) (c call, err error) {
		return c, row.Scan(&c.run, &c.exec, fromJSON(&c.Lost))
	})
	if err != nil {
		return fmt.Errorf("settle lost calls: %w", err)
	}
	for _, c := range lost {
		told := autonoma.NewEvent(autonoma.EventNotice, c.exec, time.Now(), c.Lost)
		if err := t.use(c.run, c.exec, c.usage(), told); err != nil {
			return err
		}
	}
	return nil
}

// use counts what an execution used that nobody has a lease on, with the event that
// tells of it.
func (t *Tx) use(run autonoma.RunID, exec autonoma.ExecutionID, used autonoma.Usage, told autonoma.Event) error {
	var seq int64
	_, err := t.tx.ExecContext(t.ctx, `UPDATE executions SET `+addUsage+` WHERE id = ?`, append(usageArgs(used), exec)...)
	if err == nil {
		err = t.tx.QueryRowContext(t.ctx, `UPDATE runs SET `+addUsage+`, seq = seq + 1 WHERE id = ? RETURNING seq`, append(usageArgs(used), run)...).Scan(&seq)
	}
	if err != nil {
		return fmt.Errorf("settle a lost call of %s: %w", exec, err)
	}
	return t.insertEvents(run, seq-1, []autonoma.Event{told})
}

// Month returns the account of a tenant in the month of a time; otherwise says what
// holds where the tenant has no budget of its own.
func (d *DB) Month(ctx context.Context, tenant autonoma.TenantID, otherwise autonoma.MonthBudget, at time.Time) (autonoma.Account, error) {
	tx, err := d.read.BeginTx(ctx, nil) // one look at all
	if err != nil {
		return autonoma.Account{}, err
	}
	defer tx.Rollback()
	var own autonoma.MonthBudget
	var held autonoma.Usage
	err = tx.QueryRowContext(ctx, `
		SELECT month_usd, month_tokens, coalesce(sum(tokens), 0), coalesce(sum(cost_usd), 0)
		FROM tenants LEFT JOIN reservations ON tenant = tenants.id WHERE tenants.id = ? GROUP BY tenants.id`, tenant).
		Scan(&own.USD, &own.Tokens, &held.InputTokens, &held.CostUSD)
	if err != nil {
		_, err = found(string(tenant), own, err)
		return autonoma.Account{}, err
	}
	a := own.Or(otherwise).Account()
	a.Reserved = held
	a.Spent, err = spentIn(ctx, tx, tenant, at)
	return a, err
}

// monthQuery sums up what a tenant (?1) used from the first day of a month (?2) and
// moment (?3) on: what is over, what is under way and began then, which is counted
// already, and what began before.
const monthQuery = `
	SELECT coalesce(sum(tokens), 0), coalesce(sum(cost), 0) FROM (
		SELECT input_tokens + output_tokens + cached_tokens AS tokens, cost_usd AS cost FROM usage WHERE tenant = ?1 AND day >= ?2
		UNION ALL
		SELECT input_tokens + output_tokens + cached_tokens, cost_usd FROM executions
		WHERE tenant = ?1 AND status IN ('pending', 'running') AND started_at >= ?3
		UNION ALL
		SELECT input + output + cached, cost FROM (
			WITH now (tenant, day, agent, model, phase, cause, input, output, cached, cost, calls) AS (` + turns + `
				WHERE executions.tenant = ?1 AND executions.status IN ('pending', 'running') AND executions.started_at < ?3 AND events.at >= ?3
				GROUP BY 1, 2, 3, 4, 5, 6)
			SELECT * FROM now))`

// spentIn returns what a tenant used in the month of a time, its tokens as input.
func spentIn(ctx context.Context, q querier, tenant autonoma.TenantID, at time.Time) (u autonoma.Usage, err error) {
	first := autonoma.Month(at)
	err = q.QueryRowContext(ctx, monthQuery, tenant, first.Format(time.DateOnly), first.UnixMicro()).Scan(&u.InputTokens, &u.CostUSD)
	return u, err
}

// MonthBudget returns what a tenant may use in a month by its own budget.
func (d *DB) MonthBudget(ctx context.Context, tenant autonoma.TenantID) (b autonoma.MonthBudget, err error) {
	err = d.read.QueryRowContext(ctx, `SELECT month_usd, month_tokens FROM tenants WHERE id = ?`, tenant).Scan(&b.USD, &b.Tokens)
	return found(string(tenant), b, err)
}

// BudgetsChanged counts how often budgets of tenants were changed, so that whoever has
// read one knows when to read it again.
func (d *DB) BudgetsChanged() int64 { return d.budgets.Load() }

// ChangeTenant stores what change makes of the plan, the budget and the least level of a
// tenant.
func (d *DB) ChangeTenant(ctx context.Context, id autonoma.TenantID, change func(*autonoma.Tenant)) (t autonoma.Tenant, err error) {
	defer d.budgets.Add(1)
	return t, d.Update(ctx, func(tx *Tx) error {
		t, err = scanTenant(tx.tx.QueryRowContext(ctx, `SELECT `+tenantColumns+` FROM tenants WHERE id = ?`, id))
		if t, err = found(string(id), t, err); err != nil {
			return err
		}
		change(&t)
		_, err := tx.tx.ExecContext(ctx, `UPDATE tenants SET plan = ?, month_usd = ?, month_tokens = ?, min_level = ? WHERE id = ?`,
			t.Plan, t.Month.USD, t.Month.Tokens, t.MinLevel, t.ID)
		if err != nil {
			return fmt.Errorf("change tenant: %w", err)
		}
		return nil
	})
}
