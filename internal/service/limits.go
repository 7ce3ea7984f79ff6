package service

import (
	"context"
	"fmt"
	"sync"
	"time"

	"autonoma"
	"autonoma/internal/store"
)

// Limits counts the requests of tenants, and refuses those beyond their plans.
//
// The database keeps what was granted, and grants a few requests at a time, which
// are then spent from memory: most requests write nothing. What was granted and
// not spent is given back with the next grant and by [Limits.Close]; a process
// that dies takes the rest of its last grant with it. So a limit may be reached a
// little early after a crash, and is never exceeded: not after a restart, and not
// by several processes together.
type Limits struct {
	db    *store.DB
	plans map[autonoma.PlanName]autonoma.Plan
	now   func() time.Time

	mu     sync.Mutex
	meters map[autonoma.TenantID]*meter
}

// NewLimits returns the limits of the plans.
func NewLimits(db *store.DB, plans map[autonoma.PlanName]autonoma.Plan, now func() time.Time) *Limits {
	return &Limits{db: db, plans: plans, now: now, meters: map[autonoma.TenantID]*meter{}}
}

// A meter is what one tenant was granted here.
type meter struct {
	mu    sync.Mutex
	kept  store.Granted // as it was after the last grant
	spare int64         // granted and not spent
	empty autonoma.Plan // the plan of the last grant, if that was of nothing
}

// Admit counts a request of by. It returns an [autonoma.LimitError] if the plan
// does not allow it; what may still be done is returned in any case.
func (l *Limits) Admit(ctx context.Context, by autonoma.Actor) (autonoma.Allowance, error) {
	plan, ok := l.plans[by.Plan]
	if !ok {
		return autonoma.Allowance{}, fmt.Errorf("there is no plan %q", by.Plan)
	}
	m := l.meter(by.Tenant)
	m.mu.Lock()
	defer m.mu.Unlock()
	now := l.now()
	at := windowsOf(now)
	if m.spare == 0 && m.empty != plan || !m.within(at) { // another plan may grant more
		if err := l.grant(ctx, m, by.Tenant, plan, at); err != nil {
			return autonoma.Allowance{}, err
		}
	}
	var refused error
	if m.spare > 0 {
		m.spare--
	} else {
		refused = m.refuse(now, by.Plan, plan)
	}
	left := max(0, int64(plan.PerHour)-m.kept.InHour+m.spare)
	return autonoma.Allowance{Limit: plan.PerHour, Remaining: int(left), Reset: m.hourEnds()}, refused
}

func (l *Limits) meter(tenant autonoma.TenantID) *meter {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.meters[tenant]
	if m == nil {
		m = new(meter)
		l.meters[tenant] = m
	}
	return m
}

// windowsOf are the hour and the minute of a time, with nothing granted.
func windowsOf(t time.Time) store.Granted {
	return store.Granted{Hour: t.Unix() / 3600, Minute: t.Unix() / 60}
}

// within reports whether the last grant holds at a time.
func (m *meter) within(at store.Granted) bool {
	return at.Hour <= m.kept.Hour && at.Minute <= m.kept.Minute
}

// mostInHand is how many requests a process has in hand at most, and takes with it
// when it dies.
const mostInHand = 20

// grant has the database grant the next few requests. The fewer are left, the
// fewer are granted, so that several processes share them to the last.
func (l *Limits) grant(ctx context.Context, m *meter, tenant autonoma.TenantID, plan autonoma.Plan, at store.Granted) error {
	var kept store.Granted
	var granted int64
	err := l.db.Grant(ctx, tenant, at.Hour, at.Minute, func(g store.Granted) store.Granted {
		g = m.giveBack(g)
		left := min(int64(plan.PerHour)-g.InHour, int64(plan.PerMinute)-g.InMinute)
		granted = max(0, min((left+1)/2, max(1, int64(plan.PerMinute)/8), mostInHand))
		g.InHour += granted
		g.InMinute += granted
		kept = g
		return g
	})
	if err != nil {
		return err
	}
	m.kept, m.spare, m.empty = kept, granted, autonoma.Plan{}
	if granted == 0 {
		m.empty = plan
	}
	return nil
}

// giveBack returns g without what was granted here and not spent.
func (m *meter) giveBack(g store.Granted) store.Granted {
	if g.Hour == m.kept.Hour {
		g.InHour = max(0, g.InHour-m.spare)
	}
	if g.Minute == m.kept.Minute {
		g.InMinute = max(0, g.InMinute-m.spare)
	}
	return g
}

// refuse says which limit was reached.
func (m *meter) refuse(now time.Time, name autonoma.PlanName, plan autonoma.Plan) error {
	if m.kept.InHour >= int64(plan.PerHour) {
		return &autonoma.LimitError{Plan: name, Limit: plan.PerHour, Per: "hour", Wait: m.hourEnds().Sub(now)}
	}
	return &autonoma.LimitError{Plan: name, Limit: plan.PerMinute, Per: "minute", Wait: time.Unix((m.kept.Minute+1)*60, 0).Sub(now)}
}

func (m *meter) hourEnds() time.Time { return time.Unix((m.kept.Hour+1)*3600, 0).UTC() }

// Close gives back what was granted and not spent. No request may follow.
func (l *Limits) Close(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for tenant, m := range l.meters {
		if m.spare == 0 {
			continue
		}
		// With the windows of long ago, those that are there stay.
		if err := l.db.Grant(ctx, tenant, 0, 0, m.giveBack); err != nil {
			return err
		}
		m.spare = 0
	}
	return nil
}
