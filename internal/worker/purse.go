package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"autonoma"
	"autonoma/internal/journal"
	"autonoma/internal/model"
	"autonoma/internal/rigor"
	"autonoma/internal/store"
)

// Budgets is what the operator says of budgets.
type Budgets struct {
	Month             autonoma.MonthBudget // of tenants that have none of their own
	AllowUnknownPrice bool                 // a model whose price is not known counts as free
}

// A purse pays for the turns of one execution, from the budget of its run and from that
// of its tenant's month. Without either it costs nothing. It is used by one goroutine.
type purse struct {
	worker *Worker
	lease  store.Lease
	run    autonoma.Run

	held    bool  // something is set aside for the turn that is under way
	looked  bool  // whether the tenant has a budget of its own is known
	changes int64 // of budgets, when it was looked up
	month   bool  // the tenant has a budget
}

// answerTokens is how long an answer may be where there is a budget, which has to
// hold for the longest: many models can say ten times as much, and never do.
const answerTokens = 16_000

// afford is how the execution pays. If others have set aside what is left,
// it waits for them: most turns cost far less than their worst.
func (p *purse) afford(ctx context.Context, q rigor.Quote) (int, error) {
	bounds, err := p.bounds(ctx)
	if err != nil || !bounds && p.run.Request.Budget.MaxTurns == 0 {
		return q.Request.MaxTokens, err
	}
	c := p.claim(q)
	for {
		woken := p.worker.Events.Woken()
		c.At = time.Now()
		err := p.worker.DB.Reserve(ctx, c)
		if p.held = p.held || err == nil; !errors.Is(err, store.ErrWait) {
			longest := q.Request.MaxTokens
			if bounds {
				longest = int(c.Worst.OutputTokens)
			}
			return longest, err
		}
		// While it waits it holds nothing, so no two wait for each other.
		if err := p.release(ctx); err != nil {
			return 0, err
		}
		if err := p.wait(ctx, woken); err != nil {
			return 0, err
		}
	}
}

// bounds reports whether there is a budget of money or tokens. It asks the database
// once, and again when a budget of a tenant was changed.
func (p *purse) bounds(ctx context.Context) (bool, error) {
	b := p.run.Request.Budget
	if b.MaxTokens > 0 || b.MaxCostUSD > 0 || p.worker.Budgets.Month.Limited() {
		return true, nil
	}
	if now := p.worker.DB.BudgetsChanged(); !p.looked || p.changes != now {
		own, err := p.worker.DB.MonthBudget(ctx, p.run.Tenant)
		if err != nil {
			return false, err
		}
		p.looked, p.changes, p.month = true, now, own.Limited()
	}
	return p.month, nil
}

// claim is what a turn costs at worst: all of the conversation read anew and put into
// the provider's cache, and the longest answer.
func (p *purse) claim(q rigor.Quote) store.Claim {
	longest := answerTokens
	for _, limit := range []int{q.Model.MaxOutputTokens, q.Request.MaxTokens} {
		if limit > 0 {
			longest = min(longest, limit)
		}
	}
	m, read := q.Model, model.Estimate(q.Request)
	reading := max(m.Price.Input, m.Price.CacheWrite, m.Price.CacheRead)
	name := fmt.Sprintf("%s/%s", m.Provider, m.Name)
	c := store.Claim{
		Lease: p.lease, Budget: p.run.Request.Budget, Month: p.worker.Budgets.Month,
		Worst: autonoma.Usage{
			InputTokens: int64(read), OutputTokens: int64(longest), ModelCalls: 1,
			CostUSD: (float64(read)*reading + float64(longest)*m.Price.Output) / 1e6,
		},
		Lost: store.NewLost(q.Phase, m.Name, int64(read), m.Price.Input),
	}
	if !m.Price.Known && !p.worker.Budgets.AllowUnknownPrice {
		c.Unpriced = name
	}
	return c
}

// wait returns when there is news: news come in bursts, and one look for several is
// enough. What is not told here is looked for now and then.
func (p *purse) wait(ctx context.Context, woken <-chan struct{}) error {
	select {
	case <-woken:
		pause(ctx, 20*time.Millisecond)
	case <-time.After(500 * time.Millisecond):
	case <-p.worker.cut:
		return journal.ErrCut
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// settle writes down what a turn came to, and gives back what was set aside for it.
func (p *purse) settle(ctx context.Context, used autonoma.Usage, events []autonoma.Event) error {
	if !p.held {
		return p.worker.DB.Append(ctx, p.lease, used, events...)
	}
	err := p.worker.DB.Settle(ctx, p.lease, used, events...)
	p.held = p.held && err != nil
	return err
}

// release gives back what is set aside for a turn that came to nothing.
func (p *purse) release(ctx context.Context) error {
	if !p.held {
		return nil
	}
	if err := p.worker.DB.Release(ctx, p.lease); err != nil {
		return fmt.Errorf("give back what was set aside: %w", err)
	}
	p.held = false
	p.worker.Events.Wake(p.lease.Run)
	return nil
}

// used returns what a run has used by now or, should that not be told, what it had used
// when the execution began.
func (w *Worker) used(ctx context.Context, run autonoma.Run) autonoma.Usage {
	if now, err := w.DB.Run(ctx, run.ID); err == nil {
		run = now
	}
	return run.Usage
}
