package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"autonoma"
	"autonoma/internal/store"
)

// noon has microseconds, which are kept, and no more.
var noon = time.Date(2026, 2, 23, 12, 0, 0, 123_456_000, time.UTC)

func open(t *testing.T, path string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// fresh returns an empty database with one tenant.
func fresh(t *testing.T) (*store.DB, autonoma.TenantID) {
	t.Helper()
	db := open(t, filepath.Join(t.TempDir(), "a.db"))
	return db, tenant(t, db, "owner")
}

func tenant(t *testing.T, db *store.DB, name string) autonoma.TenantID {
	t.Helper()
	owner := autonoma.Tenant{ID: autonoma.NewTenantID(), Name: name, Plan: autonoma.Startup, CreatedAt: noon}
	update(t, db, func(tx *store.Tx) error { return tx.InsertTenant(owner) })
	return owner.ID
}

func update(t *testing.T, db *store.DB, fn func(*store.Tx) error) {
	t.Helper()
	if err := db.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// submit stores a queued run that adjust has changed.
func submit(t *testing.T, db *store.DB, owner autonoma.TenantID, at time.Time, adjust func(*autonoma.Run)) autonoma.Run {
	t.Helper()
	req := autonoma.Request{Task: "do it", Capabilities: []autonoma.Capability{autonoma.Build}}
	if err := req.Normalize(); err != nil {
		t.Fatal(err)
	}
	run, first := autonoma.NewRun(autonoma.KindTask, owner, req, []autonoma.Step{{ID: "code", Agent: "coder-ai", Round: 1}}, time.Minute, at)
	if adjust != nil {
		adjust(&run)
	}
	update(t, db, func(tx *store.Tx) error { return tx.InsertRun(run, first) })
	return run
}

// begin takes an execution of a run that is in progress.
func begin(t *testing.T, db *store.DB, owner autonoma.TenantID) (autonoma.Run, autonoma.Execution, store.Lease) {
	t.Helper()
	run := submit(t, db, owner, noon, nil)
	exec := autonoma.Execution{ID: autonoma.NewExecutionID(), Run: run.ID, Step: "code", Agent: "coder-ai", Round: 1, Status: autonoma.StepPending, CreatedAt: noon}
	var lease store.Lease
	update(t, db, func(tx *store.Tx) error {
		told, err := run.Become(autonoma.InProgress, "", nil, noon)
		if err != nil {
			return err
		}
		if err := errors.Join(tx.InsertExecution(exec), tx.SaveRun(run, told)); err != nil {
			return err
		}
		lease, err = tx.Take(&exec, noon)
		return err
	})
	return run, exec, lease
}

func event(text string) autonoma.Event {
	return autonoma.NewEvent(autonoma.EventNotice, "", noon, autonoma.Notice{Message: text})
}

// Whoever writes, and how many at once: events have numbers without a gap, and
// nobody's usage is lost.
func TestAppendConcurrently(t *testing.T) {
	db, owner := fresh(t)
	run, exec, lease := begin(t, db, owner)
	const writers, each = 64, 5
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				events := []autonoma.Event{event(fmt.Sprint(w, "/", i)), event(fmt.Sprint(w, "/", i, " and more"))}
				for k := range events {
					events[k].Execution = exec.ID
				}
				if err := db.Append(t.Context(), lease, autonoma.Usage{InputTokens: 1, CostUSD: 0.5, ToolCalls: 2}, events...); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	events, err := db.Events(t.Context(), run.ID, 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	if want := 2 + writers*each*2; len(events) != want {
		t.Errorf("there are %d events, want %d", len(events), want)
	}
	for i, e := range events {
		if e.Seq != int64(i+1) {
			t.Fatalf("event %d has number %d", i+1, e.Seq)
		}
		if i >= 2 && i%2 == 1 && string(e.Data) != strings.Replace(string(events[i-1].Data), `"}`, ` and more"}`, 1) {
			t.Errorf("between the events of one writer: %s after %s", e.Data, events[i-1].Data)
		}
	}
	got, err := db.Run(t.Context(), run.ID)
	want := autonoma.Usage{InputTokens: writers * each, CostUSD: writers * each / 2, ToolCalls: 2 * writers * each}
	if err != nil || got.Usage != want {
		t.Errorf("usage %+v, want %+v: %v", got.Usage, want, err)
	}
	if e, err := db.Execution(t.Context(), exec.ID); err != nil || e.Usage != want {
		t.Errorf("usage of the execution %+v, want %+v: %v", e.Usage, want, err)
	}
	journal, err := db.Journal(t.Context(), run.ID, exec.ID)
	if err != nil || len(journal) != writers*each*2 {
		t.Errorf("the journal has %d events: %v", len(journal), err)
	}
}

// Who has lost the right to an execution can write nothing about it.
func TestLost(t *testing.T) {
	for _, tt := range []struct {
		name string
		lose func(t *testing.T, tx *store.Tx, run autonoma.Run, exec autonoma.Execution) error
		lost bool
	}{
		{"nothing happened", func(*testing.T, *store.Tx, autonoma.Run, autonoma.Execution) error { return nil }, false},
		{"somebody took it over", func(_ *testing.T, tx *store.Tx, _ autonoma.Run, exec autonoma.Execution) error {
			_, err := tx.Take(&exec, noon)
			return err
		}, true},
		{"the run was cancelled", func(t *testing.T, tx *store.Tx, run autonoma.Run, _ autonoma.Execution) error {
			told, err := run.Become(autonoma.Cancelled, "", nil, noon)
			return errors.Join(err, tx.SaveRun(run, told))
		}, true},
		{"its executions were ended", func(_ *testing.T, tx *store.Tx, run autonoma.Run, _ autonoma.Execution) error {
			return tx.Cancel(run.ID, noon)
		}, true},
		{"the run waits", func(t *testing.T, tx *store.Tx, run autonoma.Run, _ autonoma.Execution) error {
			told, err := run.Become(autonoma.WaitingProvider, "", nil, noon)
			return errors.Join(err, tx.SaveRun(run, told))
		}, true},
		{"the execution is over", func(_ *testing.T, tx *store.Tx, _ autonoma.Run, exec autonoma.Execution) error {
			exec.Status = autonoma.StepCompleted
			return tx.SaveExecution(exec)
		}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db, owner := fresh(t)
			run, exec, lease := begin(t, db, owner)
			update(t, db, func(tx *store.Tx) error { return tt.lose(t, tx, run, exec) })
			before, err := db.Events(t.Context(), run.ID, 0, 100)
			if err != nil {
				t.Fatal(err)
			}
			err = db.Append(t.Context(), lease, autonoma.Usage{ModelCalls: 1}, event("more"))
			if lost := errors.Is(err, store.ErrLost); lost != tt.lost || !lost && err != nil {
				t.Errorf("append: %v", err)
			}
			err = db.Update(t.Context(), func(tx *store.Tx) error { return tx.Hold(lease) })
			if lost := errors.Is(err, store.ErrLost); lost != tt.lost || !lost && err != nil {
				t.Errorf("hold: %v", err)
			}
			after, err := db.Events(t.Context(), run.ID, 0, 100)
			if err != nil || tt.lost != (len(after) == len(before)) {
				t.Errorf("%d events, and then %d: %v", len(before), len(after), err)
			}
			got, err := db.Run(t.Context(), run.ID)
			if err != nil || tt.lost != (got.Usage.ModelCalls == 0) {
				t.Errorf("usage %+v: %v", got.Usage, err)
			}
			if e, err := db.Execution(t.Context(), exec.ID); err != nil || e.Usage != got.Usage {
				t.Errorf("usage of the execution %+v: %v", e.Usage, err)
			}
		})
	}
}

// A newer lease is good where the older is not.
func TestTake(t *testing.T) {
	db, owner := fresh(t)
	_, exec, first := begin(t, db, owner)
	var second store.Lease
	later := noon.Add(time.Hour)
	exec.Worker = "wrk_2"
	update(t, db, func(tx *store.Tx) (err error) {
		second, err = tx.Take(&exec, later)
		return err
	})
	if second.Number <= first.Number {
		t.Errorf("the lease went from %d to %d", first.Number, second.Number)
	}
	if err := db.Append(t.Context(), second, autonoma.Usage{}, event("mine")); err != nil {
		t.Error(err)
	}
	got, err := db.Execution(t.Context(), exec.ID)
	if err != nil || got.Lease != second.Number || got.Worker != "wrk_2" || !got.StartedAt.Equal(noon) {
		t.Errorf("it began at %v with lease %d: %v", got.StartedAt, got.Lease, err)
	}
}

// A transaction that fails leaves nothing behind.
func TestUpdateIsAtomic(t *testing.T) {
	db, owner := fresh(t)
	run, exec, lease := begin(t, db, owner)
	fails := errors.New("fails")
	err := db.Update(t.Context(), func(tx *store.Tx) error {
		run.Progress, exec.Phase = 50, autonoma.Review
		a := autonoma.Artifact{ID: autonoma.NewArtifactID(), Run: run.ID, Name: "a", CreatedAt: noon}
		_, err := tx.PutArtifact(a)
		if err := errors.Join(err, tx.Hold(lease), tx.SaveRun(run, event("x")), tx.SaveExecution(exec)); err != nil {
			return err
		}
		return fails
	})
	if !errors.Is(err, fails) {
		t.Fatal(err)
	}
	got, err := db.Run(t.Context(), run.ID)
	if err != nil || got.Progress != 0 {
		t.Errorf("progress %d: %v", got.Progress, err)
	}
	e, err := db.Execution(t.Context(), exec.ID)
	if err != nil || e.Phase != "" {
		t.Errorf("phase %s: %v", e.Phase, err)
	}
	arts, err := db.Artifacts(t.Context(), run.ID)
	events, err2 := db.Events(t.Context(), run.ID, 0, 10)
	if errors.Join(err, err2) != nil || len(arts) > 0 || len(events) != 2 {
		t.Errorf("%d artifacts, %d events: %v, %v", len(arts), len(events), err, err2)
	}
}

// Whatever is stored comes back as it was, times to the microsecond.
func TestRoundTrip(t *testing.T) {
	db, owner := fresh(t)
	branch := "autonoma/x"
	odd := noon.Add(789) // nanoseconds, which are cut off
	run := submit(t, db, owner, odd, func(r *autonoma.Run) {
		r.Request.Metadata = map[string]string{"k": "v\u0000\"'"}
		r.Request.Budget = autonoma.Budget{MaxCostUSD: 1.5, MaxTokens: 7, MaxDurationSeconds: 9}
		r.Expected = 90 * time.Second
		r.Mode, r.RetryOf = autonoma.Observe, "task_000000000000"
	})
	run.Status, run.StatusDetail, run.Progress = autonoma.Failed, "why", 40
	run.StartedAt, run.CompletedAt = noon.Add(time.Second), noon.Add(time.Minute)
	run.Output = &autonoma.Output{Summary: "s", Branch: &branch, Verification: autonoma.Verification{Commands: []autonoma.Checked{{Command: "c", ExitCode: 1}}}}
	run.Error = &autonoma.Failure{Code: autonoma.FailReview, Message: "no"}
	update(t, db, func(tx *store.Tx) error { return tx.SaveRun(run) })
	got, err := db.Run(t.Context(), run.ID)
	run.CreatedAt = noon
	if d := cmp.Diff(run, got); d != "" || err != nil {
		t.Errorf("run (-want +got)\n%s%v", d, err)
	}

	exec := autonoma.Execution{ID: autonoma.NewExecutionID(), Run: run.ID, Step: "code", Agent: "coder-ai", Round: 2, Status: autonoma.StepPending, Base: "abc", CreatedAt: noon}
	update(t, db, func(tx *store.Tx) error { return tx.InsertExecution(exec) })
	exec.Status, exec.Phase, exec.StartedAt, exec.CompletedAt = autonoma.StepCompleted, autonoma.Review, noon, noon.Add(time.Second)
	exec.Phases = []autonoma.PhaseTime{{Phase: autonoma.Research, StartedAt: noon, CompletedAt: noon.Add(time.Microsecond)}}
	exec.Result = &autonoma.Result{Summary: "s", Confidence: 0.5, Installed: &autonoma.Installed{Key: "k", Makes: []string{"m"}}}
	exec.Error = &autonoma.Failure{Code: autonoma.FailTurns}
	update(t, db, func(tx *store.Tx) error { return tx.SaveExecution(exec) })
	e, err := db.Execution(t.Context(), exec.ID)
	if d := cmp.Diff(exec, e); d != "" || err != nil {
		t.Errorf("execution (-want +got)\n%s%v", d, err)
	}

	events, err := db.Events(t.Context(), run.ID, 0, 1)
	if err != nil || len(events) != 1 || !events[0].At.Equal(noon) || events[0].Run != run.ID {
		t.Errorf("events %+v: %v", events, err)
	}
}

// Saving a run does not touch what it used, which others may have counted since
// it was read.
func TestSaveRunLeavesUsage(t *testing.T) {
	db, owner := fresh(t)
	run, _, lease := begin(t, db, owner)
	used := autonoma.Usage{InputTokens: 1, OutputTokens: 2, CachedTokens: 3, CostUSD: 4, ModelCalls: 5, ToolCalls: 6}
	if err := db.Append(t.Context(), lease, used, event("x")); err != nil {
		t.Fatal(err)
	}
	update(t, db, func(tx *store.Tx) error { return tx.SaveRun(run) })
	if got, err := db.Run(t.Context(), run.ID); err != nil || got.Usage != used {
		t.Errorf("usage %+v: %v", got.Usage, err)
	}
}

// What an execution used is counted, however it goes on or ends.
func TestUsageIsKept(t *testing.T) {
	for name, next := range map[string]func(*store.Tx, autonoma.Execution) error{
		"under way": func(*store.Tx, autonoma.Execution) error { return nil },
		"parked": func(tx *store.Tx, e autonoma.Execution) error {
			e.Status = autonoma.StepPending
			return tx.SaveExecution(e)
		},
		"completed": func(tx *store.Tx, e autonoma.Execution) error {
			e.Status = autonoma.StepCompleted
			return tx.SaveExecution(e)
		},
		"sent back":      func(tx *store.Tx, e autonoma.Execution) error { return tx.CancelExecution(e.ID, noon) },
		"run called off": func(tx *store.Tx, e autonoma.Execution) error { return tx.Cancel(e.Run, noon) },
	} {
		t.Run(name, func(t *testing.T) {
			db, owner := fresh(t)
			_, exec, lease := begin(t, db, owner)
			turn := autonoma.NewEvent(autonoma.EventTurn, exec.ID, noon, map[string]any{"answer": map[string]any{"usage": map[string]any{"input_tokens": 7}}})
			if err := db.Append(t.Context(), lease, autonoma.Usage{InputTokens: 7, ModelCalls: 1}, turn); err != nil {
				t.Fatal(err)
			}
			update(t, db, func(tx *store.Tx) error { return next(tx, exec) })
			used, err := db.Usage(t.Context(), owner, noon, noon)
			if err != nil || len(used) != 1 || used[0].InputTokens != 7 || used[0].ModelCalls != 1 {
				t.Errorf("%+v, %v", used, err)
			}
		})
	}
}

// A listing is complete, and repeats nothing, though runs are added meanwhile,
// many of them at the same time.
func TestPaging(t *testing.T) {
	db, owner := fresh(t)
	other := tenant(t, db, "other")
	want := map[autonoma.RunID]bool{}
	for i := range 25 {
		want[submit(t, db, owner, noon.Add(time.Duration(i/4)*time.Second), nil).ID] = true
		submit(t, db, other, noon, nil)
	}
	var from store.Cursor
	last := noon.Add(time.Hour)
	for page := 0; ; page++ {
		runs, err := db.Runs(t.Context(), store.RunFilter{Tenant: owner, Before: from, Limit: 4})
		if err != nil {
			t.Fatal(err)
		}
		if len(runs) == 0 {
			break
		}
		for _, r := range runs {
			if !want[r.ID] || r.Tenant != owner || r.CreatedAt.After(last) {
				t.Errorf("page %d shows %s of %s at %v once more, or out of order", page, r.ID, r.Tenant, r.CreatedAt)
			}
			delete(want, r.ID)
			last = r.CreatedAt
		}
		end := runs[len(runs)-1]
		from = store.Cursor{At: end.CreatedAt, ID: string(end.ID)}
		submit(t, db, owner, noon.Add(time.Minute), nil) // newer than all
	}
	if len(want) > 0 {
		t.Errorf("%d runs were not shown", len(want))
	}
	if runs, err := db.Runs(t.Context(), store.RunFilter{Tenant: owner, Status: autonoma.Failed, Limit: 9}); err != nil || len(runs) > 0 {
		t.Errorf("failed are %d: %v", len(runs), err)
	}
}

// The place in the queue counts who has priority, and who came first.
func TestAhead(t *testing.T) {
	db, owner := fresh(t)
	add := func(p autonoma.Priority, after time.Duration) autonoma.Run {
		return submit(t, db, owner, noon.Add(after), func(r *autonoma.Run) { r.Request.Priority = p })
	}
	early, next, late := add(autonoma.Normal, 0), add(autonoma.Normal, time.Millisecond), add(autonoma.Normal, time.Second)
	low, high := add(autonoma.Low, -time.Hour), add(autonoma.High, time.Minute)
	begin(t, db, owner) // is not in the queue
	for _, tt := range []struct {
		name string
		run  autonoma.Run
		want int
	}{{"high", high, 0}, {"early", early, 1}, {"next", next, 2}, {"late", late, 3}, {"low", low, 4}} {
		if got, err := db.Ahead(t.Context(), tt.run); got != tt.want || err != nil {
			t.Errorf("ahead of %s are %d, want %d: %v", tt.name, got, tt.want, err)
		}
	}
}

// An artifact of the same name takes the place of the one before.
func TestPutArtifact(t *testing.T) {
	db, owner := fresh(t)
	run := submit(t, db, owner, noon, nil)
	first := autonoma.Artifact{ID: autonoma.NewArtifactID(), Run: run.ID, Name: "plan", Type: autonoma.DocumentArtifact, Size: 1, Digest: "a", CreatedAt: noon, Execution: "exec_1"}
	second := first
	second.ID, second.Digest, second.Size, second.Execution = autonoma.NewArtifactID(), "b", 2, "exec_2"
	update(t, db, func(tx *store.Tx) error {
		_, err := tx.PutArtifact(first)
		kept, err2 := tx.PutArtifact(second)
		if kept.ID != first.ID {
			t.Errorf("the second is kept as %s, the first was %s", kept.ID, first.ID)
		}
		return errors.Join(err, err2)
	})
	second.ID = first.ID
	all, err := db.Artifacts(t.Context(), run.ID)
	if d := cmp.Diff([]autonoma.Artifact{second}, all); d != "" || err != nil {
		t.Errorf("artifacts (-want +got)\n%s%v", d, err)
	}
	elsewhere := submit(t, db, owner, noon, nil)
	if _, err := db.Artifact(t.Context(), elsewhere.ID, first.ID); !errors.Is(err, autonoma.ErrNotFound) {
		t.Errorf("in another run: %v", err)
	}
}

// What is not there is reported as such.
func TestNotFound(t *testing.T) {
	db, _ := fresh(t)
	_, err1 := db.Run(t.Context(), "task_000000000000")
	_, err2 := db.Execution(t.Context(), "exec_000000000000")
	_, err3 := db.Tenant(t.Context(), "nobody")
	_, _, err4 := db.Holder(t.Context(), "key_000000000000")
	for i, err := range []error{err1, err2, err3, err4} {
		if !errors.Is(err, autonoma.ErrNotFound) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// How long runs took is told of those of the same shape that were completed.
func TestDurations(t *testing.T) {
	db, owner := fresh(t)
	finish := func(s autonoma.Status, scope autonoma.Scope, ended, took time.Duration) {
		run := submit(t, db, owner, noon, func(r *autonoma.Run) { r.Request.Scope = scope })
		run.Status, run.CompletedAt, run.StartedAt = s, noon.Add(ended), noon.Add(ended-took)
		update(t, db, func(tx *store.Tx) error { return tx.SaveRun(run) })
	}
	finish(autonoma.Completed, autonoma.MVP, 1*time.Hour, 3*time.Second)
	finish(autonoma.Completed, autonoma.MVP, 2*time.Hour, 1*time.Second)
	finish(autonoma.Completed, autonoma.MVP, 3*time.Hour, 2*time.Second)
	finish(autonoma.Failed, autonoma.MVP, 4*time.Hour, 9*time.Second)
	finish(autonoma.Completed, autonoma.POC, 5*time.Hour, 9*time.Second)
	like := autonoma.Request{Capabilities: []autonoma.Capability{autonoma.Build}, Scope: autonoma.MVP, Intelligence: autonoma.Core}
	got, err := db.Durations(t.Context(), store.Shape(like), 2)
	if want := []time.Duration{2 * time.Second, 1 * time.Second}; !slices.Equal(got, want) || err != nil {
		t.Errorf("they took %v, want %v: %v", got, want, err)
	}
}

// Two processes on one file see what the other writes, and take turns.
func TestTwoProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a ?#%.db")
	one, two := open(t, path), open(t, path)
	owner := tenant(t, one, "owner")
	run := submit(t, two, owner, noon, nil)
	if got, err := one.Run(t.Context(), run.ID); err != nil || got.ID != run.ID {
		t.Errorf("%v", err)
	}
	var all sync.WaitGroup
	for _, db := range []*store.DB{one, two} {
		for range 4 {
			all.Go(func() {
				for range 10 {
					if err := db.Update(context.Background(), func(tx *store.Tx) error {
						r, err := tx.Run(run.ID)
						if err != nil {
							return err
						}
						r.Progress++
						return tx.SaveRun(r, event("x"))
					}); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	all.Wait()
	if got, err := one.Run(t.Context(), run.ID); err != nil || got.Progress != 80 {
		t.Errorf("progress %d after 80 steps: %v", got.Progress, err)
	}
}

// Opening a database again loses nothing; one that a newer program wrote is not
// touched.
func TestMigrate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db := open(t, path)
	owner := tenant(t, db, "owner")
	run := submit(t, db, owner, noon, nil)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, path)
	if _, err := db.Run(t.Context(), run.ID); err != nil {
		t.Error(err)
	}
	if _, err := db.Writer().ExecContext(t.Context(), `PRAGMA user_version = 99`); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), "older than its data") {
		t.Errorf("an older program opens it: %v", err)
	}
	var version int
	if err := db.Writer().QueryRowContext(t.Context(), `PRAGMA user_version`).Scan(&version); err != nil || version != 99 {
		t.Errorf("version %d: %v", version, err)
	}
}

// What belongs to nothing is not stored.
func TestForeignKeys(t *testing.T) {
	db, _ := fresh(t)
	err := db.Update(t.Context(), func(tx *store.Tx) error {
		_, err := tx.PutArtifact(autonoma.Artifact{ID: "art_1", Run: "task_of_nobody", CreatedAt: noon})
		return err
	})
	if err == nil {
		t.Error("an artifact of no run was stored")
	}
}

// A worker is there as long as it promised to be heard of again; whoever is heard of
// forgets the dead.
func TestWorkers(t *testing.T) {
	db, owner := fresh(t)
	at := func(after time.Duration) string {
		t.Helper()
		all, err := db.Workers(t.Context(), owner, noon.Add(after))
		works, err2 := db.Works(t.Context(), noon.Add(after))
		if err := errors.Join(err, err2); err != nil || works != (len(all) > 0) {
			t.Fatalf("%v works: %v, %v", all, works, err)
		}
		names := ""
		for _, w := range all {
			names += string(w.ID) + " "
		}
		return names
	}
	beat := func(id autonoma.WorkerID, after time.Duration) {
		t.Helper()
		w := autonoma.Worker{ID: id, Host: "h", Slots: 1, SeenAt: noon.Add(after), Until: noon.Add(after + 10*time.Second)}
		if err := db.Beat(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	beat("wrk_1", 0)
	beat("wrk_2", 8*time.Second)
	for after, want := range map[time.Duration]string{9 * time.Second: "wrk_1 wrk_2 ", 11 * time.Second: "wrk_2 ", 19 * time.Second: ""} {
		if got := at(after); got != want {
			t.Errorf("after %v: %q, want %q", after, got, want)
		}
	}
	beat("wrk_2", 11*time.Second)
	if got := at(0); got != "wrk_2 " {
		t.Errorf("the dead are still kept: %q", got)
	}
	if err := db.Leave(t.Context(), "wrk_2"); err != nil || at(0) != "" {
		t.Errorf("who left is still there: %v", err)
	}
}
