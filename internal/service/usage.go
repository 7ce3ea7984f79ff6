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
// included, by day, agent and model: what is under way up to now.
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
