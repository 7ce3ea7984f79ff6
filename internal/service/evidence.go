package service

import (
	"context"
	"fmt"
	"os"
	"slices"

	"autonoma"
	"autonoma/internal/secret"
	"autonoma/internal/store"
)

// Evidence returns the signed evidence of a run, which the caller closes.
func (s *Tasks) Evidence(ctx context.Context, by autonoma.Actor, id autonoma.RunID) (autonoma.Artifact, *os.File, error) {
	run, err := s.Get(ctx, by, id)
	if err != nil {
		return autonoma.Artifact{}, nil, err
	}
	all, err := s.DB.Artifacts(ctx, id)
	if err != nil {
		return autonoma.Artifact{}, nil, err
	}
	at := slices.IndexFunc(all, func(a autonoma.Artifact) bool { return a.Type == autonoma.EvidenceArtifact })
	switch {
	case at >= 0:
		f, err := s.Blobs.Open(all[at].Digest)
		return all[at], f, err
	case run.Status.Final():
		return autonoma.Artifact{}, nil, fmt.Errorf("%s has no evidence: it handed over no change, and nothing was checked: %w", id, autonoma.ErrNotFound)
	}
	return autonoma.Artifact{}, nil, fmt.Errorf("%s has no evidence yet: it is made when the run hands over its result; ask again when the run is over: %w", id, autonoma.ErrNotFound)
}

// Stale reports whether the branch that a run delivered has moved on from the commit
// that its evidence is about; nil if that cannot be known.
func (s *Tasks) Stale(run autonoma.Run) *bool {
	if run.Output == nil || run.Output.Branch == nil || s.BranchAt == nil {
		return nil
	}
	at := s.BranchAt(run.Request.Source, *run.Output.Branch)
	if at == "" {
		return nil
	}
	stale := at != run.Output.HeadCommit
	return &stale
}

// SigningKeys is what users may do with the keys that sign evidence.
type SigningKeys struct {
	db      *store.DB
	secrets *secret.Secrets
}

// NewSigningKeys returns the signing keys of the database.
func NewSigningKeys(db *store.DB, secrets *secret.Secrets) *SigningKeys {
	return &SigningKeys{db, secrets}
}

// List returns the signing keys of the installation, newest first: the one that signs,
// and those that did before.
func (s *SigningKeys) List(ctx context.Context, by autonoma.Actor) ([]autonoma.SigningKey, error) {
	if err := may(by, autonoma.ScopeRead); err != nil {
		return nil, err
	}
	return s.db.SigningKeys(ctx)
}

// Rotate makes a new key that signs from now on. What earlier ones signed stays good.
func (s *SigningKeys) Rotate(ctx context.Context, by autonoma.Actor, also ...Also[autonoma.SigningKey]) (made autonoma.SigningKey, err error) {
	if err := operates(by); err != nil {
		return autonoma.SigningKey{}, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		if made, err = s.secrets.RotateSigner(tx); err != nil {
			return err
		}
		return all(tx, made, also)
	})
	return made, err
}
