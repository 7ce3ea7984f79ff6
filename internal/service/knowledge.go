package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"autonoma"
	"autonoma/internal/knowledge"
	"autonoma/internal/store"
)

// Knowledge is what users may do with what is remembered of their repositories.
type Knowledge struct {
	db  *store.DB
	now func() time.Time
}

// NewKnowledge returns the knowledge in the database.
func NewKnowledge(db *store.DB) *Knowledge { return &Knowledge{db, time.Now} }

// Get returns something that is remembered.
func (s *Knowledge) Get(ctx context.Context, by autonoma.Actor, id autonoma.KnowledgeID) (autonoma.Knowledge, error) {
	if err := may(by, autonoma.ScopeRead); err != nil {
		return autonoma.Knowledge{}, err
	}
	k, err := s.db.KnowledgeOf(ctx, id)
	return known(by, k, err)
}

// known passes on knowledge and an error from the store, unless it is another's: then it
// is as if there were none.
func known(by autonoma.Actor, k autonoma.Knowledge, err error) (autonoma.Knowledge, error) {
	if err == nil && k.Tenant != by.Tenant || errors.Is(err, autonoma.ErrNotFound) {
		err = fmt.Errorf("nothing of that name is remembered: %w", autonoma.ErrNotFound)
	}
	if err != nil {
		return autonoma.Knowledge{}, err
	}
	return k, nil
}

// List returns up to limit things that are remembered of a source, or of all if it is
// empty, of a kind or of any, newest first, from the cursor on, and the cursor of the
// next page, which is zero if there is none.
func (s *Knowledge) List(ctx context.Context, by autonoma.Actor, source string, kind autonoma.KnowledgeKind, from Cursor, limit int) ([]autonoma.Knowledge, Cursor, error) {
	if err := may(by, autonoma.ScopeRead); err != nil {
		return nil, Cursor{}, err
	}
	if kind != "" && !slices.Contains(autonoma.KnowledgeKinds, kind) {
		return nil, Cursor{}, autonoma.FieldErrors{{Field: "kind", Reason: fmt.Sprintf("must be one of %v", autonoma.KnowledgeKinds)}}
	}
	all, err := s.db.Knowledge(ctx, store.KnowledgeFilter{Tenant: by.Tenant, Source: source, Kind: kind, Before: from, Limit: limit + 1})
	if err != nil {
		return nil, Cursor{}, err
	}
	page, next := cut(all, limit, func(k autonoma.Knowledge) Cursor { return Cursor{At: k.CreatedAt, ID: string(k.ID)} })
	return page, next, nil
}

// Add keeps a note that a person wrote down, without the secrets in it.
func (s *Knowledge) Add(ctx context.Context, by autonoma.Actor, k autonoma.Knowledge, also ...Also[autonoma.Knowledge]) (autonoma.Knowledge, error) {
	if err := may(by, autonoma.ScopeWrite); err != nil {
		return autonoma.Knowledge{}, err
	}
	if err := k.Normalize(); err != nil {
		return autonoma.Knowledge{}, err
	}
	k.ID, k.Tenant, k.Kind, k.EditedBy, k.CreatedAt, k.UpdatedAt = autonoma.NewKnowledgeID(), by.Tenant, autonoma.Note, by.Key, s.now(), s.now()
	k.Name, k.Text = string(k.ID), knowledge.Plain(k.Text, autonoma.MaxKnowledge)
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.CountNotes(by.Tenant)
		if err != nil {
			return err
		}
		if n >= autonoma.MaxNotes {
			return fmt.Errorf("there are %d notes already, and no more are allowed; remove those that are not needed: %w", n, autonoma.ErrConflict)
		}
		if err := tx.Remember(k); err != nil {
			return err
		}
		return all(tx, k, also)
	})
	return k, err
}

// Change changes the text and the confidence of something that is remembered, as adjust
// does. From then on it has a person's words, which nothing takes the place of.
func (s *Knowledge) Change(ctx context.Context, by autonoma.Actor, id autonoma.KnowledgeID, adjust func(*autonoma.Knowledge)) (changed autonoma.Knowledge, err error) {
	if err := may(by, autonoma.ScopeWrite); err != nil {
		return autonoma.Knowledge{}, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		k, err := tx.KnowledgeOf(id)
		if k, err = known(by, k, err); err != nil {
			return err
		}
		adjust(&k)
		if err := k.Normalize(); err != nil {
			return err
		}
		k.Text, k.EditedBy, k.UpdatedAt = knowledge.Plain(k.Text, autonoma.MaxKnowledge), by.Key, s.now()
		changed = k
		return tx.EditKnowledge(k)
	})
	return changed, err
}

// Delete forgets something that is remembered. It does not come back by itself.
func (s *Knowledge) Delete(ctx context.Context, by autonoma.Actor, id autonoma.KnowledgeID) error {
	if err := may(by, autonoma.ScopeWrite); err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		k, err := tx.KnowledgeOf(id)
		if k, err = known(by, k, err); err != nil {
			return err
		}
		return tx.Forget(k)
	})
}

// LearnRefusal remembers that a person did not want what a run made, for the reason that
// they gave. Of a run without a repository nothing is remembered.
func LearnRefusal(tx *store.Tx, run autonoma.Run, reason string, at time.Time) error {
	if run.Request.Source == "" {
		return nil
	}
	k := knowledge.OfRefusal(run, reason)
	k.ID, k.CreatedAt, k.UpdatedAt = autonoma.NewKnowledgeID(), at, at
	return tx.Remember(k)
}
