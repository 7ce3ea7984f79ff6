package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"autonoma"
	"autonoma/internal/store"
)

// cent is a unit of money of which sums are exact.
const cent = 1.0 / 128

// quarry is a database in which executions of one tenant draw from the budgets of
// their runs and of the tenant's month.
type quarry struct {
	*testing.T
	db     *store.DB
	tenant autonoma.TenantID
	budget autonoma.Budget
	month  autonoma.MonthBudget
	runs   []autonoma.RunID

	mu      sync.Mutex
	settled autonoma.Usage // what all calls came to
}

// A child is an execution, as whoever works on it sees it.
type child struct {
	exec  autonoma.Execution
	lease store.Lease
}

// run begins a run with so many executions.
func (q *quarry) run(children int) []*child {
	q.Helper()
	run := submit(q.T, q.db, q.tenant, noon, nil)
	var all []*child
	update(q.T, q.db, func(tx *store.Tx) error {
		told, err := run.Become(autonoma.InProgress, "", nil, noon)
		if err := errors.Join(err, tx.SaveRun(run, told)); err != nil {
			return err
		}
		for range children {
			e := autonoma.Execution{ID: autonoma.NewExecutionID(), Run: run.ID, Step: "code", Agent: "coder-ai", Status: autonoma.StepPending, CreatedAt: noon}
			if err := tx.InsertExecution(e); err != nil {
				return err
			}
			all = append(all, &child{exec: e})
		}
		return nil
	})
	return all
}

// take begins to work on a child, or goes on where somebody died.
func (q *quarry) take(c *child) {
	if err := q.db.Update(context.Background(), func(tx *store.Tx) (err error) {
		c.lease, err = tx.Take(&c.exec, time.Now())
		return err
	}); err != nil {
		q.Error(err)
	}
}

// claim is what a turn of a child costs at worst: cents and tokens.
func (q *quarry) claim(c *child, input, output int64) store.Claim {
	return store.Claim{
		Lease: c.lease, Budget: q.budget, Month: q.month, At: time.Now(),
		Worst: autonoma.Usage{InputTokens: input, OutputTokens: output, CostUSD: float64(input+output) * cent, ModelCalls: 1},
		Lost:  store.NewLost(autonoma.Generate, "m", input, cent*1e6),
	}
}

// answer is the event of a turn and what it used.
func answer(c *child, input, output int64) (autonoma.Event, autonoma.Usage) {
	used := autonoma.Usage{InputTokens: input, OutputTokens: output, CostUSD: float64(input+output) * cent, ModelCalls: 1}
	e := autonoma.NewEvent(autonoma.EventTurn, c.exec.ID, time.Now(), json.RawMessage(must(json.Marshal(map[string]any{
		"phase": "generate", "cause": "work",
		"answer": map[string]any{
			"model": "m", "price": map[string]float64{"input": cent * 1e6, "output": cent * 1e6},
			"usage": map[string]int64{"input_tokens": input, "output_tokens": output},
		},
	}))))
	return e, used
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// count notes that a call came to so much.
func (q *quarry) count(used autonoma.Usage) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.settled.Add(used)
}

// work makes calls until there is no budget left, or dice end it: some answer, some
// fail, some are forgotten by a process that dies, some are called off.
func (q *quarry) work(c *child, dice *rand.Rand) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	q.take(c)
	for {
		input, output := 1+dice.Int64N(9), 1+dice.Int64N(30)
		err := q.db.Reserve(ctx, q.claim(c, input, output))
		if errors.Is(err, store.ErrWait) {
			<-time.After(time.Duration(1+dice.IntN(50)) * time.Millisecond)
			continue
		}
		if _, short := errors.AsType[*autonoma.Failure](err); short || errors.Is(err, store.ErrLost) {
			break
		} else if err != nil {
			q.Error(err)
			return
		}
		if dice.IntN(4) == 0 {
			q.look()
		}
		switch fate := dice.IntN(12); {
		case fate == 0: // the call came to nothing
			err = q.db.Release(ctx, c.lease)
		case fate <= 2: // its process died; another goes on
			dead := c.lease
			q.take(c)
			q.count(autonoma.Usage{InputTokens: input, CostUSD: float64(input) * cent, ModelCalls: 1})
			e, used := answer(c, input, output)
			if late := q.db.Settle(ctx, dead, used, e); !errors.Is(late, store.ErrLost) {
				q.Errorf("who was overtaken settles: %v", late)
			}
			err = q.db.Release(ctx, dead)
		case fate == 3: // it is called off in the middle of the call
			if err := q.db.Update(ctx, func(tx *store.Tx) error { return tx.CancelExecution(c.exec.ID, time.Now()) }); err != nil {
				q.Error(err)
			}
			q.count(autonoma.Usage{InputTokens: input, CostUSD: float64(input) * cent, ModelCalls: 1})
			return
		default:
			e, used := answer(c, 1+dice.Int64N(input), dice.Int64N(output+1))
			if err = q.db.Settle(ctx, c.lease, used, e); err == nil {
				q.count(used)
			}
		}
		if err != nil {
			q.Error(err)
		}
	}
	c.exec.Status = autonoma.StepFailed
	if err := q.db.Update(ctx, func(tx *store.Tx) error { return tx.SaveExecution(c.exec) }); err != nil {
		q.Error(err)
	}
}

// look compares what is spent and set aside at this moment with what may be, in the
// month and in each run.
func (q *quarry) look() {
	a, err := q.db.Month(context.Background(), q.tenant, q.month, time.Now())
	if err != nil {
		q.Error(err)
		return
	}
	if a.Spent.CostUSD+a.Reserved.CostUSD > *a.MaxUSD || a.Spent.Tokens()+a.Reserved.Tokens() > *a.MaxTokens {
		q.Errorf("the month: %+v", a)
	}
	for _, id := range q.runs {
		var spent, held float64
		var turns, calls int64
		err := q.db.Writer().QueryRowContext(context.Background(), `
			SELECT cost_usd, model_calls, (SELECT coalesce(sum(cost_usd), 0) FROM reservations WHERE run = runs.id),
				(SELECT count(*) FROM reservations WHERE run = runs.id) FROM runs WHERE id = ?`, id).Scan(&spent, &turns, &held, &calls)
		if err != nil || spent+held > q.budget.MaxCostUSD || turns+calls > q.budget.MaxTurns {
			q.Errorf("a run has $%v spent and $%v set aside, for %d turns and %d: %v", spent, held, turns, calls, err)
		}
	}
}

// Whatever 64 executions of four runs do at the same time, what is spent and what is
// set aside together never exceed a budget; at the end nothing is set aside, and what
// is spent is what the calls came to.
func TestBudgetsHold(t *testing.T) {
	const runs, children = 4, 16
	db, owner := fresh(t)
	usd, tokens := 1200*cent, int64(1150)
	q := &quarry{
		T: t, db: db, tenant: owner, month: autonoma.MonthBudget{USD: &usd, Tokens: &tokens},
		budget: autonoma.Budget{MaxCostUSD: 360 * cent, MaxTurns: 40},
	}
	var all []*child
	for range runs {
		some := q.run(children)
		q.runs, all = append(q.runs, some[0].exec.Run), append(all, some...)
	}
	var working, looking sync.WaitGroup
	for i, c := range all {
		working.Go(func() { q.work(c, rand.New(rand.NewPCG(rand.Uint64(), uint64(i)))) })
	}
	var done atomic.Bool
	looking.Go(func() {
		for !done.Load() {
			q.look()
			<-time.After(5 * time.Millisecond)
		}
	})
	working.Wait()
	done.Store(true)
	looking.Wait()
	a := must(db.Month(t.Context(), owner, q.month, time.Now()))
	if a.Reserved != (autonoma.Usage{}) {
		t.Errorf("at the end %+v is set aside", a.Reserved)
	}
	if a.Spent.CostUSD != q.settled.CostUSD || a.Spent.Tokens() != q.settled.Tokens() {
		t.Errorf("spent is %+v, the calls came to %+v", a.Spent, q.settled)
	}
	var sum autonoma.Usage
	for _, id := range q.runs {
		sum.Add(must(db.Run(t.Context(), id)).Usage)
	}
	if sum != q.settled || sum.ModelCalls < 60 {
		t.Errorf("the runs used %+v, the calls came to %+v", sum, q.settled)
	}
	var used autonoma.Usage
	for _, s := range must(db.Usage(t.Context(), owner, time.Now().AddDate(0, 0, -1), time.Now())) {
		used.Add(s.Usage)
		if s.Phase != autonoma.Generate || s.Cause != autonoma.CauseWork && s.Cause != autonoma.CauseLost {
			t.Errorf("entry %+v", s)
		}
	}
	if used != q.settled {
		t.Errorf("the usage is %+v, the calls came to %+v", used, q.settled)
	}
}

// Nobody else can reserve what is left, and whoever could if others give back is told
// to wait.
func TestReserve(t *testing.T) {
	db, owner := fresh(t)
	q := &quarry{T: t, db: db, tenant: owner, budget: autonoma.Budget{MaxTokens: 100}}
	pair := q.run(2)
	for _, c := range pair {
		q.take(c)
	}
	reserve := func(c *child, tokens int64) error { return db.Reserve(t.Context(), q.claim(c, tokens, 0)) }
	isShort := func(err error) bool { _, short := errors.AsType[*autonoma.Failure](err); return short }
	if err := reserve(pair[0], 60); err != nil {
		t.Fatal(err)
	}
	if err := reserve(pair[1], 41); !errors.Is(err, store.ErrWait) {
		t.Errorf("beyond what is left: %v", err)
	}
	if err := reserve(pair[1], 101); !isShort(err) {
		t.Errorf("beyond all there is: %v", err)
	}
	if err := reserve(pair[0], 100); err != nil {
		t.Errorf("in place of what it had set aside itself: %v", err)
	}
	// What a process had under way that died is used as far as it is known, in the log and
	// in the account, and no more of it than that is set aside.
	if err := db.SettleLost(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := reserve(pair[1], 1); !isShort(err) {
		t.Errorf("after all was lost: %v", err)
	}
	log := must(db.Journal(t.Context(), pair[0].exec.Run, pair[0].exec.ID))
	if len(log) != 1 || log[0].Kind != autonoma.EventNotice || must(db.Execution(t.Context(), pair[0].exec.ID)).Usage.InputTokens != 100 {
		t.Errorf("the log has %v", log)
	}
	// Who was overtaken gives back nothing of the one who goes on.
	q.budget.MaxTokens = 200
	dead := pair[0].lease
	q.take(pair[0])
	if err := errors.Join(reserve(pair[0], 60), db.Release(t.Context(), dead)); err != nil {
		t.Fatal(err)
	}
	if err := reserve(pair[1], 41); !errors.Is(err, store.ErrWait) {
		t.Errorf("what another holds was given back: %v", err)
	}
	update(t, db, func(tx *store.Tx) error { return tx.Cancel(pair[0].exec.Run, noon) })
	if err := reserve(pair[1], 1); !errors.Is(err, store.ErrLost) {
		t.Errorf("once it is called off: %v", err)
	}
}

// An execution that goes on over the end of a month counts in each for what it used
// there.
func TestMonths(t *testing.T) {
	db, owner := fresh(t)
	q := &quarry{T: t, db: db, tenant: owner}
	c := q.run(1)[0]
	update(t, db, func(tx *store.Tx) (err error) { c.lease, err = tx.Take(&c.exec, noon); return err }) // months ago
	e, used := answer(c, 5, 2)
	e.At = noon
	if err := db.Append(t.Context(), c.lease, used, e); err != nil {
		t.Fatal(err)
	}
	e, used = answer(c, 10, 1)
	if err := db.Append(t.Context(), c.lease, used, e); err != nil {
		t.Fatal(err)
	}
	check := func(when string) {
		t.Helper()
		if a := must(db.Month(t.Context(), owner, autonoma.MonthBudget{}, time.Now())); a.Spent.Tokens() != 11 || a.Spent.CostUSD != 11*cent {
			t.Errorf("%s, this month has %+v", when, a.Spent)
		}
	}
	check("under way")
	c.exec.Status = autonoma.StepCompleted
	update(t, db, func(tx *store.Tx) error { return tx.SaveExecution(c.exec) })
	check("over")
}
