package service

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"autonoma"
	"autonoma/internal/store"
)

// Also is done in the transaction that makes a T, or nothing of it is.
type Also[T any] func(tx *store.Tx, made T) error

// all does what is to be done with what was made.
func all[T any](tx *store.Tx, made T, also []Also[T]) error {
	for _, do := range also {
		if err := do(tx, made); err != nil {
			return err
		}
	}
	return nil
}

// Receipts lets clients send a request that makes something again, without its
// being made twice: the answer is kept in the transaction that makes it.
//
// The key that names the request is kept as a digest, and the answer, which may
// hold a secret, is sealed with that key and the API key it came with: neither is
// in the database, so nobody reads it from there.
type Receipts struct {
	db  *store.DB
	now func() time.Time
}

// NewReceipts returns the receipts of the database.
func NewReceipts(db *store.DB, now func() time.Time) *Receipts { return &Receipts{db, now} }

// keepAnswers is how long a request may be sent again.
const keepAnswers = 24 * time.Hour

// A Receipt is for one request.
type Receipt struct {
	of      *Receipts
	tenant  autonoma.TenantID
	key     []byte
	request []byte
	seal    cipher.AEAD
}

// ErrAnswered reports that a request was answered meanwhile.
var ErrAnswered = errors.New("answered meanwhile")

// For returns the receipt for a request: named by the client, sent with an API
// key, and told from others by its text.
func (r *Receipts) For(by autonoma.Actor, name, apiKey string, text []byte) (*Receipt, error) {
	const most = 255
	if len(name) > most || bytes.ContainsFunc([]byte(name), func(c rune) bool { return c < '!' || c > '~' }) {
		return nil, &autonoma.FieldError{Field: "Idempotency-Key", Reason: fmt.Sprintf("must have at most %d visible ASCII characters", most)}
	}
	secret := sha256.Sum256([]byte(apiKey + "\x00" + name))
	block, err := aes.NewCipher(secret[:])
	if err != nil {
		return nil, err
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	key := sha256.Sum256([]byte(name))
	request := sha256.Sum256(append([]byte(by.Key+"\x00"), text...))
	return &Receipt{r, by.Tenant, key[:], request[:], seal}, nil
}

// Answer returns what was answered to the request before, or nothing. It returns
// an [autonoma.ErrConflict] if the name was used for another one.
func (r *Receipt) Answer(ctx context.Context) ([]byte, error) {
	kept, err := r.of.db.Answer(ctx, r.tenant, r.key, r.since())
	switch {
	case errors.Is(err, autonoma.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case !bytes.Equal(kept.Request, r.request):
		return nil, fmt.Errorf("this Idempotency-Key was used for another request; use a new one: %w", autonoma.ErrConflict)
	}
	answer, err := r.seal.Open(nil, nil, kept.Sealed, r.key)
	if err != nil {
		return nil, fmt.Errorf("this Idempotency-Key was used before the API key was rotated; use a new one: %w", autonoma.ErrConflict)
	}
	return answer, nil
}

func (r *Receipt) since() time.Time { return r.of.now().Add(-keepAnswers) }

// Keep returns what keeps the answer to a request, as show writes it, in the
// transaction that makes a T. A nil receipt keeps nothing. If the request was
// answered meanwhile, nothing is made, and the error is [ErrAnswered].
func Keep[T any](r *Receipt, show func(T) ([]byte, error)) Also[T] {
	return func(tx *store.Tx, made T) error {
		if r == nil {
			return nil
		}
		_, err := tx.Answer(r.tenant, r.key, r.since())
		switch {
		case err == nil:
			return ErrAnswered
		case !errors.Is(err, autonoma.ErrNotFound):
			return err
		}
		answer, err := show(made)
		if err != nil {
			return err
		}
		sealed := r.seal.Seal(nil, nil, answer, r.key)
		return tx.PutAnswer(store.Answer{Tenant: r.tenant, Key: r.key, Request: r.request, Sealed: sealed, At: r.of.now()}, r.since())
	}
}
