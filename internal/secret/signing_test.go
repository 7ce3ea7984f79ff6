package secret_test

import (
	"bytes"
	"crypto/ed25519"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"autonoma"
	"autonoma/internal/evidence"
	"autonoma/internal/secret"
	"autonoma/internal/store"
)

func signer(t *testing.T, s *secret.Secrets) ed25519.PrivateKey {
	t.Helper()
	key, err := s.Signer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func signingKeys(t *testing.T, db *store.DB) []autonoma.SigningKey {
	t.Helper()
	keys, err := db.SigningKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// However many processes begin at once, they sign with the same key.
func TestFirstSigner(t *testing.T) {
	dir := t.TempDir()
	one, db := open(t, dir)
	other, _ := open(t, dir)
	keys := make([]ed25519.PrivateKey, 16)
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			s := one
			if i%2 == 1 {
				s = other
			}
			keys[i], _ = s.Signer(t.Context())
		})
	}
	all.Wait()
	for i, key := range keys {
		if !key.Equal(keys[0]) || key == nil {
			t.Errorf("%d signs with another key", i)
		}
	}
	kept := signingKeys(t, db)
	if len(kept) != 1 || !kept[0].RetiredAt.IsZero() || !kept[0].Public.Equal(keys[0].Public()) {
		t.Errorf("kept: %+v", kept)
	}
	id, err := evidence.KeyID(kept[0].Public)
	if err != nil || string(kept[0].ID) != id {
		t.Errorf("it is called %s, want %s (%v)", kept[0].ID, id, err)
	}
}

// After a rotation a new key signs, and the old one is still known.
func TestRotateSigner(t *testing.T) {
	s, db := open(t, t.TempDir())
	old := signer(t, s)
	var made autonoma.SigningKey
	if err := db.Update(t.Context(), func(tx *store.Tx) (err error) { made, err = s.RotateSigner(tx); return err }); err != nil {
		t.Fatal(err)
	}
	if now := signer(t, s); now.Equal(old) || !made.Public.Equal(now.Public()) {
		t.Error("the old key still signs")
	}
	kept := signingKeys(t, db)
	if len(kept) != 2 || kept[0].ID != made.ID || !kept[1].Public.Equal(old.Public()) || kept[1].RetiredAt.IsZero() {
		t.Errorf("kept: %+v", kept)
	}
}

// The private part is in no file in plain; without the key it was sealed with, another
// takes its place.
func TestSignerIsSealed(t *testing.T) {
	dir := t.TempDir()
	s, db := open(t, dir)
	old := signer(t, s)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, old.Seed()) {
			t.Errorf("%s holds the private key", f)
		}
	}
	if err := os.Remove(filepath.Join(dir, "secret.key")); err != nil {
		t.Fatal(err)
	}
	again, _ := open(t, dir)
	if now := signer(t, again); now.Equal(old) || !now.Equal(signer(t, again)) {
		t.Error("there is no new key")
	}
	if kept := signingKeys(t, db); len(kept) != 2 || kept[1].RetiredAt.IsZero() {
		t.Errorf("kept: %+v", kept)
	}
}
