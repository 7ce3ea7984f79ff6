// Package secret keeps what signs, for hooks and evidence: secrets that, unlike API
// keys, must be had again in plain text.
//
// They are sealed (AES-256-GCM, bound to their owner) with a key in a file of its
// own, so the database alone, a copy of it or a look into it, gives none away.
// Whoever can read the file as well can read the secrets: against that protects
// only who may read the data directory.
package secret

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"autonoma"
	"autonoma/internal/store"
)

// Overlap is how long a secret that was replaced signs beside the new one.
const Overlap = 24 * time.Hour

// Secrets are the secrets in a database. An owner is a hook or a tenant, by its
// identifier.
type Secrets struct {
	db    *store.DB
	aead  cipher.AEAD
	now   func() time.Time
	key   []byte
	learn func(name, secret string)
}

// Open returns the secrets in db, sealed with the key in the file at path, which is
// made if it is not there.
func Open(path string, db *store.DB) (*Secrets, error) {
	key, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = makeKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("key of secrets: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("key of secrets: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return &Secrets{db, aead, time.Now, key, func(string, string) {}}, err
}

// Tell tells learn of every secret there is, and from now on of every new one, so that
// it can be kept out of other places. What was sealed with another key is left out.
func (s *Secrets) Tell(ctx context.Context, learn func(name, secret string)) error {
	s.learn = learn
	learn("secret.key", string(s.key))
	all, err := s.db.Secrets(ctx)
	for _, kept := range all {
		for _, sealed := range [][]byte{kept.Sealed, kept.Previous} {
			_, _ = s.unseal(kept.Owner, sealed) // tells of it
		}
	}
	return err
}

const keySize = 32 // AES-256

func readKey(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s can be read by others: chmod 600 it, and rotate the secrets of webhooks and the key of evidence", path)
	}
	key, err := os.ReadFile(path)
	if err == nil && len(key) != keySize {
		err = fmt.Errorf("%s has %d bytes instead of %d: restore it from a backup, or remove it and rotate the secrets of webhooks", path, len(key), keySize)
	}
	return key, err
}

// makeKey writes a new key, which is on the disk whole or not at all.
func makeKey(path string) ([]byte, error) {
	key := make([]byte, keySize)
	rand.Read(key)                                       // never fails
	f, err := os.CreateTemp(filepath.Dir(path), "key-*") // mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name()) // fails once it has its name
	_, err = f.Write(key)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, err
	}
	return key, os.Rename(f.Name(), path)
}

// Put keeps the first secret of an owner.
func (s *Secrets) Put(tx *store.Tx, owner string, plain autonoma.HookSecret) error {
	return tx.PutSecret(store.Secret{Owner: owner, Sealed: s.seal(owner, plain)})
}

// Live are the secrets that sign for somebody.
type Live struct {
	Newest   autonoma.HookSecret
	Previous autonoma.HookSecret // empty: there is none
	Until    time.Time           // of the previous one
}

// All returns the secrets that sign, newest first.
func (l Live) All() []autonoma.HookSecret {
	if l.Previous == "" {
		return []autonoma.HookSecret{l.Newest}
	}
	return []autonoma.HookSecret{l.Newest, l.Previous}
}

// Of returns the secrets of an owner, who is given one if there is none.
func (s *Secrets) Of(ctx context.Context, owner string) (Live, error) {
	kept, err := s.db.Secret(ctx, owner)
	if errors.Is(err, autonoma.ErrNotFound) {
		return s.first(ctx, owner)
	}
	if err != nil {
		return Live{}, err
	}
	return s.open(kept)
}

func (s *Secrets) first(ctx context.Context, owner string) (l Live, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		kept, err := tx.Secret(owner)
		if err == nil { // somebody was quicker
			l, err = s.open(kept)
			return err
		}
		if !errors.Is(err, autonoma.ErrNotFound) {
			return err
		}
		l.Newest = s.New()
		return s.Put(tx, owner, l.Newest)
	})
	return l, err
}

// Rotate gives an owner a new secret. The one before it signs as well for [Overlap];
// an earlier one does not any more.
func (s *Secrets) Rotate(tx *store.Tx, owner string) (Live, error) {
	l := Live{Newest: s.New()}
	next := store.Secret{Owner: owner, Sealed: s.seal(owner, l.Newest)}
	kept, err := tx.Secret(owner)
	if err != nil && !errors.Is(err, autonoma.ErrNotFound) {
		return Live{}, err
	}
	// One that cannot be opened any more, as its key is lost, is replaced all the same.
	if old, lost := s.unseal(owner, kept.Sealed); err == nil && lost == nil {
		l.Previous, l.Until = old, s.now().UTC().Truncate(time.Microsecond).Add(Overlap) // as it is kept
		next.Previous, next.Until = kept.Sealed, l.Until
	}
	return l, tx.PutSecret(next)
}

// New returns a secret for a hook: one of which can be told, with the key of this
// installation alone, that it was made here.
func (s *Secrets) New() autonoma.HookSecret {
	var b [32]byte
	rand.Read(b[:sealAt]) // never fails
	copy(b[sealAt:], s.mark(b[:sealAt]))
	return autonoma.HookSecret("whsec_" + base64.StdEncoding.EncodeToString(b[:]))
}

// sealAt is where in a secret the mark begins. The 24 bytes before it are what nobody
// can guess.
const sealAt = 24

// mark returns what follows the random bytes of a secret that was made here.
func (s *Secrets) mark(random []byte) []byte {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte("a secret of a hook\x00"))
	h.Write(random)
	return h.Sum(nil)[:32-sealAt]
}

// learned tells of a secret of a hook that was made here. Any other is a text that a
// tenant has thought of, as could stand in what others write: by that it would be taken
// from them.
func (s *Secrets) learned(plain autonoma.HookSecret) {
	if b, err := plain.Key(); err == nil && len(b) == 32 && hmac.Equal(b[sealAt:], s.mark(b[:sealAt])) {
		// All begin alike: what is looked for is the rest.
		s.learn("webhook secret", strings.TrimPrefix(string(plain), "whsec_"))
	}
}

func (s *Secrets) open(kept store.Secret) (l Live, err error) {
	if l.Newest, err = s.unseal(kept.Owner, kept.Sealed); err != nil {
		return Live{}, err
	}
	if kept.Until.After(s.now()) {
		l.Until = kept.Until
		l.Previous, err = s.unseal(kept.Owner, kept.Previous)
	}
	return l, err
}

func (s *Secrets) seal(owner string, plain autonoma.HookSecret) []byte {
	s.learned(plain)
	return s.aead.Seal(nil, nil, []byte(plain), []byte(owner))
}

func (s *Secrets) unseal(owner string, sealed []byte) (autonoma.HookSecret, error) {
	plain, err := s.aead.Open(nil, nil, sealed, []byte(owner))
	if err != nil {
		return "", fmt.Errorf("the secret of %s was sealed with another key: rotate it: %w", owner, err)
	}
	s.learned(autonoma.HookSecret(plain))
	return autonoma.HookSecret(plain), nil
}

// Seal closes a text of an owner, so that it is nothing to whoever has the database
// alone.
func (s *Secrets) Seal(owner string, plain []byte) []byte {
	return s.aead.Seal(nil, nil, plain, textOwner(owner))
}

// Open returns a text that was sealed for the owner.
func (s *Secrets) Open(owner string, sealed []byte) ([]byte, error) {
	return s.aead.Open(nil, nil, sealed, textOwner(owner))
}

// textOwner binds a text to its owner, and tells it from what signs.
func textOwner(owner string) []byte { return []byte("text " + owner) }
