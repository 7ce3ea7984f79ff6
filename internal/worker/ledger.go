package worker

import (
	"context"
	"sync"

	"autonoma"
)

// A ledger knows what a run has used and what its executions are about to use, so
// that together they never use more than its budget. One serves all executions of
// a run that are under way in this process.
type ledger struct {
	users int // under the worker's lock

	mu       sync.Mutex
	open     bool
	spent    autonoma.Usage
	reserved autonoma.Usage
	changed  chan struct{} // closed when something was given back, and replaced
}

func newLedger() *ledger { return &ledger{changed: make(chan struct{})} }

// begin enters what the run had used before any of the executions took part.
func (l *ledger) begin(used autonoma.Usage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.open {
		l.open, l.spent = true, used
	}
}

// reserve sets aside what a turn costs at worst. If others have set aside what is
// left, it waits for them: most turns cost far less than their worst. It fails if
// there is too little even so.
func (l *ledger) reserve(ctx context.Context, b autonoma.Budget, worst autonoma.Usage) error {
	for {
		l.mu.Lock()
		wait := l.changed
		err := exceeds(b, l.spent, worst)
		if err == nil && exceeds(b, sum(l.spent, l.reserved), worst) == nil {
			l.reserved.Add(worst)
			l.mu.Unlock()
			return nil
		}
		l.mu.Unlock()
		if err != nil {
			return err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// used returns what was used by now.
func (l *ledger) used() autonoma.Usage {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.spent
}

// settle gives back what was set aside, and enters what was used instead.
func (l *ledger) settle(reserved, used autonoma.Usage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spent.Add(used)
	l.reserved = less(l.reserved, reserved)
	close(l.changed)
	l.changed = make(chan struct{})
}

func sum(a, b autonoma.Usage) autonoma.Usage { a.Add(b); return a }

func less(a, b autonoma.Usage) autonoma.Usage {
	a.InputTokens -= b.InputTokens
	a.OutputTokens -= b.OutputTokens
	a.CostUSD = max(a.CostUSD-b.CostUSD, 0)
	return a
}
