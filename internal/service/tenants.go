package service

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"autonoma"
	"autonoma/internal/store"
)

// Tenants is what the operator may do with tenants. For all others there are none.
type Tenants struct {
	db     *store.DB
	levels []string
	now    func() time.Time
}

// NewTenants returns the tenants of the database. They may demand that their commands
// are confined at one of the levels at least.
func NewTenants(db *store.DB, levels []string) *Tenants { return &Tenants{db, levels, time.Now} }

// Create makes a tenant of the name, the plan, the budget and the least level of t.
func (s *Tenants) Create(ctx context.Context, by autonoma.Actor, t autonoma.Tenant, also ...Also[autonoma.Tenant]) (autonoma.Tenant, error) {
	if err := operates(by); err != nil {
		return autonoma.Tenant{}, err
	}
	t = autonoma.Tenant{
		ID: autonoma.NewTenantID(), Name: strings.TrimSpace(t.Name), Plan: t.Plan, Month: t.Month, MinLevel: t.MinLevel, CreatedAt: s.now(),
	}
	if faults := slices.Concat(checkTenant(t.Name, t.Plan), t.Month.Check(), s.checkLevel(t.MinLevel)); len(faults) > 0 {
		return autonoma.Tenant{}, faults
	}
	return t, s.db.Update(ctx, func(tx *store.Tx) error {
		if err := tx.InsertTenant(t); err != nil {
			return err
		}
		return all(tx, t, also)
	})
}

// Get returns a tenant.
func (s *Tenants) Get(ctx context.Context, by autonoma.Actor, id autonoma.TenantID) (autonoma.Tenant, error) {
	if err := operates(by); err != nil {
		return autonoma.Tenant{}, err
	}
	return s.db.Tenant(ctx, id)
}

// List returns up to limit tenants, newest first, and the cursor of the next page.
func (s *Tenants) List(ctx context.Context, by autonoma.Actor, from Cursor, limit int) ([]autonoma.Tenant, Cursor, error) {
	if err := operates(by); err != nil {
		return nil, Cursor{}, err
	}
	all, err := s.db.Tenants(ctx, from, limit+1)
	all, next := cut(all, limit, func(t autonoma.Tenant) Cursor { return Cursor{At: t.CreatedAt, ID: string(t.ID)} })
	return all, next, err
}

// A TenantChange is what is to be another way with a tenant; nil: as it is.
type TenantChange struct {
	Plan  *autonoma.PlanName    // from its next request on
	Month *autonoma.MonthBudget // from its next turn on

	// MinLevel holds for what it asks for from now on, and for executions that have not
	// begun. Empty: as for all tenants.
	MinLevel *string
}

// Change changes the plan of a tenant, its budget or its least level.
func (s *Tenants) Change(ctx context.Context, by autonoma.Actor, id autonoma.TenantID, to TenantChange) (autonoma.Tenant, error) {
	if err := operates(by); err != nil {
		return autonoma.Tenant{}, err
	}
	var faults autonoma.FieldErrors
	switch {
	case to == TenantChange{}:
		faults = autonoma.FieldErrors{{Field: "", Reason: "must have a plan, a budget or a minLevel"}}
	case to.Plan != nil && !slices.Contains(autonoma.Plans, *to.Plan):
		faults = autonoma.FieldErrors{badPlan}
	}
	if to.Month != nil {
		faults = append(faults, to.Month.Check()...)
	}
	if to.MinLevel != nil {
		faults = append(faults, s.checkLevel(*to.MinLevel)...)
	}
	if len(faults) > 0 {
		return autonoma.Tenant{}, faults
	}
	return s.db.ChangeTenant(ctx, id, func(t *autonoma.Tenant) {
		if to.Plan != nil {
			t.Plan = *to.Plan
		}
		if to.Month != nil {
			t.Month = *to.Month
		}
		if to.MinLevel != nil {
			t.MinLevel = *to.MinLevel
		}
	})
}

// operates returns an error unless by is an admin of the tenant that runs the
// installation.
func operates(by autonoma.Actor) error {
	if err := may(by, autonoma.ScopeAdmin); err != nil {
		return err
	}
	if !by.Operator {
		return fmt.Errorf("only the operator of this installation may do this: %w", autonoma.ErrForbidden)
	}
	return nil
}

func checkTenant(name string, plan autonoma.PlanName) autonoma.FieldErrors {
	var faults autonoma.FieldErrors
	if !isName(name) {
		faults = append(faults, &autonoma.FieldError{Field: "name", Reason: nameRule})
	}
	if !slices.Contains(autonoma.Plans, plan) {
		faults = append(faults, badPlan)
	}
	return faults
}

// checkLevel returns what is wrong with a level that is to be demanded.
func (s *Tenants) checkLevel(level string) autonoma.FieldErrors {
	if level == "" || slices.Contains(s.levels, level) {
		return nil
	}
	return autonoma.FieldErrors{{Field: "minLevel", Reason: fmt.Sprintf("must be one of %v", s.levels)}}
}

var badPlan = &autonoma.FieldError{Field: "plan", Reason: fmt.Sprintf("must be one of %v", autonoma.Plans)}
