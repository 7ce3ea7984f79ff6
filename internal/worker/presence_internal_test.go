package worker

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"autonoma/internal/store"
)

// A worker is heard of every ten seconds while it rests, and every two while it
// works; when it ends it is gone.
func TestBeat(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	synctest.Test(t, func(t *testing.T) {
		db, err := store.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		w := New(Config{DB: db, Log: slog.New(slog.DiscardHandler)})
		start := time.Now()
		seen := func() (after, good time.Duration, n int) {
			t.Helper()
			synctest.Wait()
			all, err := db.Workers(t.Context(), "", time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if len(all) == 0 {
				return 0, 0, 0
			}
			return all[0].SeenAt.Sub(start), all[0].Until.Sub(all[0].SeenAt), len(all)
		}
		if err := w.Announce(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, end := context.WithCancel(t.Context())
		go w.Beat(ctx)
		for _, tt := range []struct {
			wait, after, good time.Duration
			work              bool
		}{
			{wait: 9 * time.Second, after: 0, good: 50 * time.Second},
			{wait: 2 * time.Second, after: 10 * time.Second, good: 50 * time.Second, work: true},
			{wait: 10 * time.Second, after: 20 * time.Second, good: 10 * time.Second},
			{wait: 2 * time.Second, after: 22 * time.Second, good: 10 * time.Second},
		} {
			time.Sleep(tt.wait)
			if after, good, n := seen(); after != tt.after || good != tt.good || n != 1 {
				t.Errorf("%v after its start %d worker was seen %v after it, for %v", time.Since(start), n, after, good)
			}
			if tt.work {
				w.begun("exec_1", func(error) {})
			}
		}
		end()
		if _, _, n := seen(); n != 0 {
			t.Error("it is still there")
		}
	})
}
