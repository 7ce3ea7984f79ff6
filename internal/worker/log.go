package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"autonoma"
	"autonoma/internal/model"
	"autonoma/internal/store"
)

// A log writes the journal of one execution, with its lease, and keeps to the
// budget of the run. It is used by one goroutine.
type log struct {
	worker *Worker
	lease  store.Lease
	run    autonoma.Request
	book   *ledger
	held   autonoma.Usage // what is set aside for the turn that is under way
}

// Append implements [journal.Log].
func (l *log) Append(ctx context.Context, used autonoma.Usage, events ...autonoma.Event) error {
	var err error
	if len(events) == 1 && events[0].Kind == autonoma.EventPhase {
		err = l.worker.enterPhase(ctx, l.lease, events[0])
	} else {
		err = l.worker.DB.Append(ctx, l.lease, used, events...)
	}
	if err != nil {
		return err
	}
	l.release(used)
	l.worker.Events.Wake(l.lease.Run)
	return nil
}

// release gives back what was set aside, of which some was used.
func (l *log) release(used autonoma.Usage) {
	l.book.settle(l.held, used)
	l.held = autonoma.Usage{}
}

// enterPhase saves the beginning or end of a phase with the progress it means.
func (w *Worker) enterPhase(ctx context.Context, lease store.Lease, e autonoma.Event) error {
	var now autonoma.PhaseChanged
	if err := json.Unmarshal(e.Data, &now); err != nil {
		return err
	}
	return w.DB.Update(ctx, func(tx *store.Tx) error {
		if err := tx.Hold(lease); err != nil {
			return err
		}
		run, err := tx.Run(lease.Run)
		if err != nil {
			return err
		}
		exec, err := tx.Execution(lease.Execution)
		if err != nil {
			return err
		}
		exec.Enter(now, e.At)
		run.Step(exec.Step).Enter(now)
		run.Advance()
		if err := tx.SaveExecution(exec); err != nil {
			return err
		}
		return tx.SaveRun(run, e)
	})
}

// answerTokens is how long an answer may be in a run with a budget, which has to
// hold for the longest: many models can say ten times as much, and never do.
const answerTokens = 16_000

// longest is how many tokens an answer has at most; 0 is what the model can do.
func (l *log) longest() int {
	if b := l.run.Budget; b.MaxTokens == 0 && b.MaxCostUSD == 0 {
		return 0
	}
	return answerTokens
}

// afford sets aside what the next turn costs at worst: all of the conversation read
// anew, and the longest answer. It returns a failure if the run may not spend that.
func (l *log) afford(ctx context.Context, m model.Info, r model.Request) error {
	b := l.run.Budget
	if b.MaxTokens == 0 && b.MaxCostUSD == 0 {
		return nil
	}
	if b.MaxCostUSD > 0 && !m.Price.Known {
		return &autonoma.Failure{Code: autonoma.FailBudget, Message: fmt.Sprintf(
			"the price of %s/%s is not known, so the budget in dollars cannot be kept; set maxTokens instead, or give the model a price", m.Provider, m.Name)}
	}
	most := model.Usage{InputTokens: model.Estimate(r), OutputTokens: r.MaxTokens}
	if m.MaxOutputTokens > 0 {
		most.OutputTokens = min(most.OutputTokens, m.MaxOutputTokens)
	}
	worst := autonoma.Usage{InputTokens: int64(most.InputTokens), OutputTokens: int64(most.OutputTokens), CostUSD: most.Cost(m.Price)}
	l.release(autonoma.Usage{}) // of a turn that failed
	if err := l.book.reserve(ctx, b, worst); err != nil {
		return err
	}
	l.held = worst
	return nil
}

// exceeds returns a failure if what was used, and what is about to be at worst, is
// more than the budget.
func exceeds(b autonoma.Budget, used, worst autonoma.Usage) error {
	if b.MaxTokens > 0 && used.Tokens()+worst.Tokens() > b.MaxTokens {
		return &autonoma.Failure{Code: autonoma.FailBudget, Message: fmt.Sprintf(
			"%d of %d tokens are used, and the next turn may take %d", used.Tokens(), b.MaxTokens, worst.Tokens())}
	}
	if b.MaxCostUSD > 0 && used.CostUSD+worst.CostUSD > b.MaxCostUSD {
		return &autonoma.Failure{Code: autonoma.FailBudget, Message: fmt.Sprintf(
			"$%.4f of $%.4f are spent, and the next turn may cost $%.4f", used.CostUSD, b.MaxCostUSD, worst.CostUSD)}
	}
	return nil
}

func stepOutOfTime(step string, limit time.Duration) error {
	return &autonoma.Failure{Code: autonoma.FailStepTime, Message: fmt.Sprintf("step %s took longer than the %v it had", step, limit)}
}

func outOfTime(limit time.Duration) error {
	return &autonoma.Failure{Code: autonoma.FailBudget, Message: fmt.Sprintf("the run took longer than the %v it had", limit)}
}
