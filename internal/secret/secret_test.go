package secret_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"autonoma"
	"autonoma/internal/secret"
	"autonoma/internal/store"
)

func open(t *testing.T, dir string) (*secret.Secrets, *store.DB) {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(dir, "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s, err := secret.Open(filepath.Join(dir, "secret.key"), db)
	if err != nil {
		t.Fatal(err)
	}
	return s, db
}

func of(t *testing.T, s *secret.Secrets, owner string) secret.Live {
	t.Helper()
	l, err := s.Of(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func rotate(t *testing.T, s *secret.Secrets, db *store.DB, owner string) (l secret.Live) {
	t.Helper()
	if err := db.Update(t.Context(), func(tx *store.Tx) (err error) { l, err = s.Rotate(tx, owner); return err }); err != nil {
		t.Fatal(err)
	}
	return l
}

// Who has no secret is given one, which stays; after a rotation two are good, for a day.
func TestRotate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, db := open(t, t.TempDir())
		first := of(t, s, "ten_1")
		if same := of(t, s, "ten_1"); same != first || !strings.HasPrefix(string(first.Newest), "whsec_") || len(first.All()) != 1 {
			t.Errorf("%+v, then %+v", first, same)
		}
		again := func() autonoma.HookSecret {
			told := rotate(t, s, db, "ten_1")
			if told != of(t, s, "ten_1") {
				t.Fatalf("%+v", told)
			}
			return told.Newest
		}
		second := again()
		if got := of(t, s, "ten_1").All(); !slices.Equal(got, []autonoma.HookSecret{second, first.Newest}) {
			t.Errorf("after a rotation: %q", got)
		}
		time.Sleep(secret.Overlap / 2)
		third := again()
		if got := of(t, s, "ten_1").All(); !slices.Equal(got, []autonoma.HookSecret{third, second}) {
			t.Errorf("after another: %q", got)
		}
		time.Sleep(secret.Overlap)
		if got := of(t, s, "ten_1").All(); !slices.Equal(got, []autonoma.HookSecret{third}) {
			t.Errorf("a day later: %q", got)
		}
		db.Close() // within the bubble that opened it
	})
}

// Neither the database nor its journal holds a secret; without the key there is none
// to be had, but another takes its place.
func TestSealed(t *testing.T) {
	dir := t.TempDir()
	s, db := open(t, dir)
	plain := of(t, s, "hook_1").Newest
	files, err := filepath.Glob(filepath.Join(dir, "a.db*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil || bytes.Contains(b, []byte(plain[6:30])) {
			t.Errorf("%s holds the secret: %v", file, err)
		}
	}
	// Bound to its owner: in the place of another's it is worth nothing.
	if _, err := db.Writer().ExecContext(t.Context(), `INSERT INTO secrets (owner, sealed) SELECT 'hook_2', sealed FROM secrets`); err != nil {
		t.Fatal(err)
	}
	if l, err := s.Of(t.Context(), "hook_2"); err == nil {
		t.Errorf("another's secret is %+v", l)
	}
	key := filepath.Join(dir, "secret.key")
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info.Mode(), err)
	}
	if again, err := secret.Open(key, db); err != nil || of(t, again, "hook_1").Newest != plain {
		t.Errorf("after another start it is another: %v", err)
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	other, err := secret.Open(key, db)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Of(t.Context(), "hook_1"); err == nil || !strings.Contains(err.Error(), "rotate it") {
		t.Errorf("without the key: %v", err)
	}
	if l := rotate(t, other, db, "hook_1"); len(l.All()) != 1 || of(t, other, "hook_1").Newest != l.Newest {
		t.Errorf("rotated without the key: %+v", l)
	}
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := secret.Open(key, db); err == nil {
		t.Error("a key that all can read is used")
	}
	if err := os.WriteFile(key, []byte("short"), 0o600); err != nil || os.Chmod(key, 0o600) != nil {
		t.Fatal(err)
	}
	if _, err := secret.Open(key, db); err == nil {
		t.Error("a key that is cut off is used")
	}
}
