package queue_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"autonoma"
	"autonoma/internal/queue"
	"autonoma/internal/store"
)

func open(t *testing.T, path string, work queue.Work) (*store.DB, *queue.Queue) {
	t.Helper()
	db, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	q, err := queue.Open(t.Context(), db, 2, work, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return db, q
}

func add(t *testing.T, db *store.DB, q *queue.Queue, exec autonoma.ExecutionID, fail error) {
	t.Helper()
	err := db.Update(t.Context(), func(tx *store.Tx) error {
		if err := q.Add(t.Context(), tx, queue.Job{Execution: exec}, autonoma.Normal, time.Time{}); err != nil {
			return err
		}
		return fail
	})
	if !errors.Is(err, fail) {
		t.Fatal(err)
	}
}

func TestJobs(t *testing.T) {
	done := make(chan autonoma.ExecutionID, 10)
	asked := 0
	db, q := open(t, filepath.Join(t.TempDir(), "a.db"), func(_ context.Context, j queue.Job) error {
		if j.Execution == "exec_later" && asked == 0 {
			asked++
			return queue.Later(0)
		}
		done <- j.Execution
		return nil
	})
	add(t, db, q, "exec_rolled_back", errors.New("rolled back"))
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	add(t, db, q, "exec_later", nil)
	if got := <-done; got != "exec_later" || asked != 1 {
		t.Errorf("did %s after %d snoozes", got, asked)
	}
	if err := q.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(done) > 0 {
		t.Errorf("also did %s", <-done)
	}
}

// A process that dies leaves its jobs to the next one on the same file.
func TestJobsOfTheDead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	began := make(chan struct{})
	db, q := open(t, path, func(ctx context.Context, _ queue.Job) error {
		close(began)
		<-ctx.Done()
		return ctx.Err()
	})
	add(t, db, q, "exec_1", nil)
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-began // and now it is as good as dead: nobody stops it until the end of the test
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		q.Stop(ctx)
	})

	done := make(chan autonoma.ExecutionID, 1)
	_, next := open(t, path, func(_ context.Context, j queue.Job) error {
		done <- j.Execution
		return nil
	})
	if err := next.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := <-done; got != "exec_1" {
		t.Errorf("did %s", got)
	}
	if err := next.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}
