package service

import (
	"context"
	"fmt"

	"autonoma"
	"autonoma/internal/store"
)

// Confined returns an [autonoma.ErrUnavailable] that says what to do, unless commands
// are confined here as strongly as the installation and the tenant demand. A run is
// refused without that, and an execution of one does not begin.
func (r Rules) Confined(ctx context.Context, db *store.DB, tenant autonoma.TenantID) error {
	t, err := db.Tenant(ctx, tenant)
	switch {
	case err != nil:
		return err
	case r.Confines != nil:
		return r.Confines(t.MinLevel)
	case t.MinLevel != "":
		return fmt.Errorf("this tenant demands that commands run at the level %s at least, and how they run here is not known: %w", t.MinLevel, autonoma.ErrUnavailable)
	}
	return nil
}
