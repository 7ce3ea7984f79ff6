package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"autonoma"
	"autonoma/internal/event"
	"autonoma/internal/secret"
	"autonoma/internal/store"
)

// Secrets are what signs for a hook, or for the callbacks of a tenant.
type Secrets = secret.Live

// Hooks is what users may do with hooks: who is told of what happens to their runs.
type Hooks struct {
	db      *store.DB
	log     *event.Log
	secrets *secret.Secrets
	target  func(ctx context.Context, url string) error
	now     func() time.Time
}

// NewHooks returns the hooks in the database. Target returns what speaks against calling
// a URL, as whoever gave it is told.
func NewHooks(db *store.DB, log *event.Log, secrets *secret.Secrets, target func(ctx context.Context, url string) error) *Hooks {
	return &Hooks{db, log, secrets, target, time.Now}
}

// An IssuedHook is a hook and what signs for it, which is shown this once.
type IssuedHook struct {
	autonoma.Hook
	Secret autonoma.HookSecret
}

// Create makes a hook, with the secret given or a new one.
func (s *Hooks) Create(ctx context.Context, by autonoma.Actor, h autonoma.Hook, given autonoma.HookSecret, also ...Also[IssuedHook]) (IssuedHook, error) {
	if err := may(by, autonoma.ScopeWrite); err != nil {
		return IssuedHook{}, err
	}
	h.ID, h.Tenant, h.CreatedAt, h.UpdatedAt = autonoma.NewHookID(), by.Tenant, s.now(), s.now()
	if err := s.check(ctx, &h, given); err != nil {
		return IssuedHook{}, err
	}
	if given == "" {
		given = s.secrets.New()
	}
	made := IssuedHook{h, given}
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.CountHooks(by.Tenant)
		if err != nil {
			return err
		}
		if n >= autonoma.MaxHooks {
			return fmt.Errorf("there are %d webhooks already, and no more are allowed; remove one that is not needed: %w", n, autonoma.ErrConflict)
		}
		if err := errors.Join(tx.PutHook(h), s.secrets.Put(tx, string(h.ID), given)); err != nil {
			return err
		}
		return all(tx, made, also)
	})
	return made, err
}

// check returns all that is wrong with a hook and its secret, at once.
func (s *Hooks) check(ctx context.Context, h *autonoma.Hook, given autonoma.HookSecret) error {
	faults, _ := errors.AsType[autonoma.FieldErrors](h.Normalize())
	if given != "" {
		if err := given.Check(); err != nil {
			faults = append(faults, &autonoma.FieldError{Field: "secret", Reason: err.Error()})
		}
	}
	wrong := slices.ContainsFunc(faults, func(f *autonoma.FieldError) bool { return f.Field == "url" })
	if !wrong {
		if err := s.target(ctx, h.URL); err != nil {
			faults = append(faults, &autonoma.FieldError{Field: "url", Reason: err.Error()})
		}
	}
	if len(faults) > 0 {
		return faults
	}
	return nil
}

// Get returns a hook.
func (s *Hooks) Get(ctx context.Context, by autonoma.Actor, id autonoma.HookID) (autonoma.Hook, error) {
	if err := may(by, autonoma.ScopeRead); err != nil {
		return autonoma.Hook{}, err
	}
	h, err := s.db.Hook(ctx, id)
	return theirs(by, h, err)
}

// theirs passes on a hook and an error from the store, unless the hook is another's:
// then it is as if there were none.
func theirs(by autonoma.Actor, h autonoma.Hook, err error) (autonoma.Hook, error) {
	if err == nil && h.Tenant != by.Tenant {
		err = autonoma.ErrNotFound
	}
	if errors.Is(err, autonoma.ErrNotFound) {
		err = fmt.Errorf("there is no such webhook: %w", autonoma.ErrNotFound)
	}
	if err != nil {
		return autonoma.Hook{}, err
	}
	return h, nil
}

// List returns up to limit hooks of the asker, newest first, from the cursor on, and
// the cursor of the next page, which is zero if there is none.
func (s *Hooks) List(ctx context.Context, by autonoma.Actor, from Cursor, limit int) ([]autonoma.Hook, Cursor, error) {
	if err := may(by, autonoma.ScopeRead); err != nil {
		return nil, Cursor{}, err
	}
	found, err := s.db.Hooks(ctx, by.Tenant, from, limit+1)
	if err != nil {
		return nil, Cursor{}, err
	}
	page, next := cut(found, limit, func(h autonoma.Hook) Cursor { return Cursor{At: h.CreatedAt, ID: string(h.ID)} })
	return page, next, nil
}

// Change changes a hook as adjust does. One that is enabled is forgiven its failures;
// one that is disabled is told nothing more.
func (s *Hooks) Change(ctx context.Context, by autonoma.Actor, id autonoma.HookID, adjust func(*autonoma.Hook)) (autonoma.Hook, error) {
	if err := may(by, autonoma.ScopeWrite); err != nil {
		return autonoma.Hook{}, err
	}
	h, err := s.db.Hook(ctx, id)
	if h, err = theirs(by, h, err); err != nil {
		return autonoma.Hook{}, err
	}
	before := h.URL
	if adjust(&h); h.URL != before {
		err = s.check(ctx, &h, "") // outside of the transaction: to look up a name takes time
	}
	if err != nil {
		return autonoma.Hook{}, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) (err error) {
		h, err = s.change(tx, by, id, adjust)
		return err
	})
	return h, err
}

func (s *Hooks) change(tx *store.Tx, by autonoma.Actor, id autonoma.HookID, adjust func(*autonoma.Hook)) (autonoma.Hook, error) {
	h, err := tx.Hook(id)
	if h, err = theirs(by, h, err); err != nil {
		return h, err
	}
	was := h.Disabled
	adjust(&h)
	if err := h.Normalize(); err != nil {
		return h, err
	}
	h.UpdatedAt = s.now()
	if h.Disabled == "" {
		if was != "" {
			h.FailingSince, h.Failures = time.Time{}, 0
		}
	} else if err := tx.AbandonDeliveries(id); err != nil {
		return h, err
	}
	return h, tx.PutHook(h)
}

// Delete removes a hook, with what it was told and was still to be told.
func (s *Hooks) Delete(ctx context.Context, by autonoma.Actor, id autonoma.HookID) error {
	if err := may(by, autonoma.ScopeWrite); err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		h, err := tx.Hook(id)
		if h, err = theirs(by, h, err); err != nil {
			return err
		}
		return tx.DeleteHook(h)
	})
}

// Ping has a hook told that it is there, once, whether it is disabled or not.
func (s *Hooks) Ping(ctx context.Context, by autonoma.Actor, id autonoma.HookID, also ...Also[autonoma.HookDelivery]) (autonoma.HookDelivery, error) {
	if err := may(by, autonoma.ScopeWrite); err != nil {
		return autonoma.HookDelivery{}, err
	}
	var ping autonoma.HookDelivery
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		h, err := tx.Hook(id)
		if h, err = theirs(by, h, err); err != nil {
			return err
		}
		ping = autonoma.NewPing(h, s.now())
		if err := tx.InsertDelivery(ping); err != nil {
			return err
		}
		return all(tx, ping, also)
	})
	s.log.Wake("")
	return ping, err
}

// Deliveries returns up to limit deliveries to a hook, or to the callbacks of the
// asker's runs if it is empty, newest first, from the cursor on, and the cursor of the
// next page.
func (s *Hooks) Deliveries(ctx context.Context, by autonoma.Actor, hook autonoma.HookID, status autonoma.DeliveryStatus, from Cursor, limit int) ([]autonoma.HookDelivery, Cursor, error) {
	if err := may(by, autonoma.ScopeRead); err != nil {
		return nil, Cursor{}, err
	}
	if hook != "" {
		if _, err := s.Get(ctx, by, hook); err != nil {
			return nil, Cursor{}, err
		}
	}
	found, err := s.db.Deliveries(ctx, store.DeliveryFilter{Tenant: by.Tenant, Hook: hook, Status: status, Before: from, Limit: limit + 1})
	if err != nil {
		return nil, Cursor{}, err
	}
	page, next := cut(found, limit, func(d autonoma.HookDelivery) Cursor { return Cursor{At: d.At, ID: string(d.ID)} })
	return page, next, nil
}

// Redeliver has a delivery made again, from now on and for as long as a new one,
// whatever became of it before.
func (s *Hooks) Redeliver(ctx context.Context, by autonoma.Actor, hook autonoma.HookID, id autonoma.DeliveryID) (autonoma.HookDelivery, error) {
	if err := may(by, autonoma.ScopeWrite); err != nil {
		return autonoma.HookDelivery{}, err
	}
	var d autonoma.HookDelivery
	err := s.db.Update(ctx, func(tx *store.Tx) (err error) {
		d, err = tx.Delivery(id)
		if err == nil && (d.Tenant != by.Tenant || d.Hook != hook) || errors.Is(err, autonoma.ErrNotFound) {
			return fmt.Errorf("there is no such delivery: %w", autonoma.ErrNotFound)
		}
		if err != nil {
			return err
		}
		d.Again(s.now())
		if err := tx.RequeueDelivery(d); err != nil {
			return err
		}
		d, err = tx.Delivery(id)
		return err
	})
	s.log.Wake("")
	return d, err
}

// Secret returns what signs the callbacks of the asker's runs.
func (s *Hooks) Secret(ctx context.Context, by autonoma.Actor) (Secrets, error) {
	if err := may(by, autonoma.ScopeWrite); err != nil { // who knows it can speak in our name
		return Secrets{}, err
	}
	return s.secrets.Of(ctx, string(by.Tenant))
}

// Rotate gives a hook, or the asker's callbacks if it is empty, another secret.
func (s *Hooks) Rotate(ctx context.Context, by autonoma.Actor, hook autonoma.HookID, also ...Also[Secrets]) (Secrets, error) {
	if err := may(by, autonoma.ScopeWrite); err != nil {
		return Secrets{}, err
	}
	var made Secrets
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		owner := string(by.Tenant)
		if hook != "" {
			owner = string(hook)
			h, err := tx.Hook(hook)
			if _, err = theirs(by, h, err); err != nil {
				return err
			}
		}
		var err error
		if made, err = s.secrets.Rotate(tx, owner); err != nil {
			return err
		}
		return all(tx, made, also)
	})
	return made, err
}
