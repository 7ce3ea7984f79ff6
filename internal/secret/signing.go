package secret

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"autonoma"
	"autonoma/internal/evidence"
	"autonoma/internal/store"
)

// Signer returns the key that signs evidence, which is made if there is none. One
// that was sealed with another key cannot sign any more and is replaced: what it
// signed stays good.
func (s *Secrets) Signer(ctx context.Context) (ed25519.PrivateKey, error) {
	kept, err := s.db.Signer(ctx)
	if err == nil {
		if key, err := s.signer(kept); err == nil {
			return key, nil
		}
	}
	if err != nil && !errors.Is(err, autonoma.ErrNotFound) {
		return nil, err
	}
	var key ed25519.PrivateKey
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		kept, err := tx.Signer()
		if err == nil { // somebody was quicker
			if key, err = s.signer(kept); err == nil {
				return nil
			}
		} else if !errors.Is(err, autonoma.ErrNotFound) {
			return err
		}
		key, _, err = s.newSigner(tx)
		return err
	})
	return key, err
}

// RotateSigner makes a new key that signs evidence, and retires the one before it.
func (s *Secrets) RotateSigner(tx *store.Tx) (autonoma.SigningKey, error) {
	_, made, err := s.newSigner(tx)
	return made, err
}

func (s *Secrets) newSigner(tx *store.Tx) (ed25519.PrivateKey, autonoma.SigningKey, error) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, autonoma.SigningKey{}, fmt.Errorf("signing key: %w", err)
	}
	id, err := evidence.KeyID(public)
	if err != nil {
		return nil, autonoma.SigningKey{}, err
	}
	now := s.now().UTC().Truncate(time.Microsecond) // as it is kept
	made := autonoma.SigningKey{ID: autonoma.SigningKeyID(id), Public: public, CreatedAt: now}
	s.learn("signing key", string(private.Seed()))
	sealed := s.aead.Seal(nil, nil, private.Seed(), signerOwner(made.ID))
	return private, made, tx.PutSigner(store.Signer{SigningKey: made, Sealed: sealed}, now)
}

// signer opens a key that was sealed.
func (s *Secrets) signer(kept store.Signer) (ed25519.PrivateKey, error) {
	seed, err := s.aead.Open(nil, nil, kept.Sealed, signerOwner(kept.ID))
	if err == nil && len(seed) != ed25519.SeedSize {
		err = fmt.Errorf("its seed has %d bytes", len(seed))
	}
	if err != nil {
		return nil, fmt.Errorf("signing key %.12s: %w", kept.ID, err)
	}
	s.learn("signing key", string(seed))
	return ed25519.NewKeyFromSeed(seed), nil
}

// signerOwner binds what is sealed to its key.
func signerOwner(id autonoma.SigningKeyID) []byte { return []byte("signing key " + id) }
