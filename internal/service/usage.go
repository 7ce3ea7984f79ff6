package service

import (
	"context"
	"fmt"
	"time"

	"autonoma"
	"autonoma/internal/store"
)

// MaxUsageDays is how many days may be asked for at once.
const MaxUsageDays = 366

// Usage returns what the asker's tenant used from one day to another, both
// included, by day, agent, model, phase and cause: what is under way up to now.
func (s *Tasks) Usage(ctx context.Context, by autonoma.Actor, from, to time.Time) ([]store.Spent, error) {
	if err := may(by, autonoma.ScopeRead); err != nil {
		return nil, err
	}
	if to.Before(from) {
		return nil, &autonoma.FieldError{Field: "to", Reason: "must not lie before from"}
	}
	if to.Sub(from) >= MaxUsageDays*24*time.Hour {
		return nil, &autonoma.FieldError{Field: "from", Reason: fmt.Sprintf("must lie less than %d days before to", MaxUsageDays)}
	}
	return s.DB.Usage(ctx, by.Tenant, from, to)
}

// Month returns the account of the asker's tenant in this month.
func (s *Tasks) Month(ctx context.Context, by autonoma.Actor) (autonoma.Account, error) {
	if err := may(by, autonoma.ScopeRead); err != nil {
		return autonoma.Account{}, err
	}
	return s.DB.Month(ctx, by.Tenant, s.Config.Month, s.now())
}

// solvent returns an error if the tenant of a new run has nothing left in this month:
// the run could do nothing but fail. What is set aside may come back, so it does not
// count.
func (s *Tasks) solvent(ctx context.Context, tenant autonoma.TenantID) error {
	own, err := s.DB.MonthBudget(ctx, tenant)
	if err != nil || !own.Or(s.Config.Month).Limited() {
		return err
	}
	a, err := s.DB.Month(ctx, tenant, s.Config.Month, s.now())
	if err != nil {
		return err
	}
	if why := a.Exhausted(); why != nil {
		return fmt.Errorf("%s; have the budget raised, or wait for the next month: %w", why.Message, autonoma.ErrBudget)
	}
	return nil
}
