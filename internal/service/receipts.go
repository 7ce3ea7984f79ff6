package service

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
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
// What names the request is kept as a digest, and the answer, which may hold a secret,
// is sealed: nobody reads it from the database.
type Receipts struct {
	db    *store.DB
	vault Vault
	now   func() time.Time
}

// A Vault seals texts for an owner, and opens them.
type Vault interface {
	Seal(owner string, plain []byte) []byte
	Open(owner string, sealed []byte) ([]byte, error)
}

// NewReceipts returns the receipts of the database.
func NewReceipts(db *store.DB, vault Vault, now func() time.Time) *Receipts {
	return &Receipts{db, vault, now}
}

// keepAnswers is how long a request may be sent again.
const keepAnswers = 24 * time.Hour

// A Receipt is for one request.
type Receipt struct {
	of      *Receipts
	by      autonoma.Actor
	key     []byte
	request []byte
}

// kept is an answer with what whoever got it may do.
type kept struct {
	Scopes []autonoma.KeyScope `json:"scopes"`
	Answer json.RawMessage     `json:"answer"`
}

// ErrAnswered reports that a request was answered meanwhile.
var ErrAnswered = errors.New("answered meanwhile")

// For returns the receipt for a request: named by the client, and told from others by
// its text.
func (r *Receipts) For(by autonoma.Actor, name string, text []byte) (*Receipt, error) {
	const most = 255
	if len(name) > most || bytes.ContainsFunc([]byte(name), func(c rune) bool { return c < '!' || c > '~' }) {
		return nil, &autonoma.FieldError{Field: "Idempotency-Key", Reason: fmt.Sprintf("must have at most %d visible ASCII characters", most)}
	}
	key, request := sha256.Sum256([]byte(name)), sha256.Sum256(text)
	return &Receipt{r, by, key[:], request[:]}, nil
}

// owner binds a sealed answer to its tenant and its name.
func (r *Receipt) owner() string { return fmt.Sprintf("answer %s %x", r.by.Tenant, r.key) }

// Answer returns what was answered to the request before, to whichever key of the
// tenant, or nothing. It returns an [autonoma.ErrConflict] if the name was used for
// another one, and an [autonoma.ErrForbidden] to a key that may do less than the one
// that got the answer.
func (r *Receipt) Answer(ctx context.Context) ([]byte, error) {
	old, err := r.of.db.Answer(ctx, r.by.Tenant, r.key, r.since())
	switch {
	case errors.Is(err, autonoma.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case !bytes.Equal(old.Request, r.request):
		return nil, fmt.Errorf("this Idempotency-Key was used for another request; use a new one: %w", autonoma.ErrConflict)
	}
	var told kept
	plain, err := r.of.vault.Open(r.owner(), old.Sealed)
	if err == nil {
		err = json.Unmarshal(plain, &told)
	}
	if err != nil {
		return nil, fmt.Errorf("this Idempotency-Key was used before the server's own key was changed; use a new one: %w", autonoma.ErrConflict)
	}
	for _, s := range told.Scopes {
		if err := may(r.by, s); err != nil {
			return nil, err
		}
	}
	return told.Answer, nil
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
		_, err := tx.Answer(r.by.Tenant, r.key, r.since())
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
		plain, err := json.Marshal(kept{r.by.Scopes, answer})
		if err != nil {
			return err
		}
		sealed := r.of.vault.Seal(r.owner(), plain)
		return tx.PutAnswer(store.Answer{Tenant: r.by.Tenant, Key: r.key, Request: r.request, Sealed: sealed, At: r.of.now()}, r.since())
	}
}
