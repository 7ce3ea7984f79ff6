// Package storetest opens databases for tests. To migrate one takes longer than most
// tests do, above all under the race detector: so it is done once in each test program,
// and each test begins with a copy of what came of it.
package storetest

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"autonoma/internal/queue"
	"autonoma/internal/store"
)

// Open opens the database at path, and closes it when the test ends. One that is new
// has seen all migrations, those of the queue too.
func Open(t testing.TB, path string) *store.DB {
	t.Helper()
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		Create(t, path)
	}
	db, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// Create writes a database to path that has seen all migrations, for somebody else to
// open.
func Create(t testing.TB, path string) {
	t.Helper()
	empty, err := migrated()
	if err == nil {
		err = os.WriteFile(path, empty, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// migrated returns a database without anything in it.
var migrated = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "autonoma-storetest-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path, ctx := filepath.Join(dir, "a.db"), context.Background()
	db, err := store.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	_, err = queue.Open(ctx, db, 0, nil, slog.New(slog.DiscardHandler))
	if err := errors.Join(err, db.Close()); err != nil { // which leaves all in the one file
		return nil, err
	}
	return os.ReadFile(path)
})
