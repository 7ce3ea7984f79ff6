package service

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"time"

	"autonoma"
	"autonoma/internal/catalog"
	"autonoma/internal/store"
)

// Submit accepts a task. When it returns, the task and the jobs to begin it are
// on disk, with whatever else was to be done.
func (s *Tasks) Submit(ctx context.Context, by autonoma.Actor, req autonoma.Request, also ...Also[autonoma.Run]) (autonoma.Run, error) {
	return s.accept(ctx, by, autonoma.KindTask, req, origin{also: also})
}

// Start accepts a run of steps that the caller has planned, in an order in which
// what a step needs comes before it. When it returns, the run and the jobs to begin
// it are on disk, with whatever else was to be done.
func (s *Tasks) Start(ctx context.Context, by autonoma.Actor, kind autonoma.Kind, req autonoma.Request, steps []autonoma.Step, also ...Also[autonoma.Run]) (autonoma.Run, error) {
	if err := s.acceptable(ctx, by, &req); err != nil {
		return autonoma.Run{}, err
	}
	return s.start(ctx, by, kind, req, s.expand(req, steps), origin{also: also})
}

// An origin is where a run comes from, and what is done when it is made.
type origin struct {
	retryOf autonoma.RunID
	carry   func(*store.Tx, *autonoma.Run, time.Time) error // before any step begins
	also    []Also[autonoma.Run]                            // afterwards
}

// accept makes a run of a request whose steps the catalog plans.
func (s *Tasks) accept(ctx context.Context, by autonoma.Actor, kind autonoma.Kind, req autonoma.Request, from origin) (autonoma.Run, error) {
	if err := s.acceptable(ctx, by, &req); err != nil {
		return autonoma.Run{}, err
	}
	steps, err := s.plan(ctx, req)
	if err != nil {
		return autonoma.Run{}, err
	}
	return s.start(ctx, by, kind, req, steps, from)
}

// acceptable fills in the defaults of a request and returns an error unless by may
// make it and it can be carried out here.
func (s *Tasks) acceptable(ctx context.Context, by autonoma.Actor, req *autonoma.Request) error {
	if err := may(by, autonoma.ScopeWrite); err != nil {
		return err
	}
	if err := req.Normalize(); err != nil {
		return err
	}
	if err := s.Ready(*req); err != nil {
		return err
	}
	if err := s.Source(ctx, *req); err != nil {
		return err
	}
	return s.callback(ctx, *req)
}

// start makes a run of the steps and begins those that may begin.
func (s *Tasks) start(ctx context.Context, by autonoma.Actor, kind autonoma.Kind, req autonoma.Request, steps []autonoma.Step, from origin) (autonoma.Run, error) {
	if err := s.Confined(ctx, s.DB, by.Tenant); err != nil {
		return autonoma.Run{}, err
	}
	if err := s.solvent(ctx, by.Tenant); err != nil {
		return autonoma.Run{}, err
	}
	expected, err := s.expected(ctx, req)
	if err != nil {
		return autonoma.Run{}, err
	}
	now := s.now()
	run, first := autonoma.NewRun(kind, by.Tenant, req, slices.Clone(steps), expected, now)
	run.RetryOf = from.retryOf
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		// What is accepted never goes further than what was earned by then.
		most, err := s.steps().widest(tx, by.Tenant, run.Steps)
		if err != nil {
			return err
		}
		run.Mode = run.Mode.Within(most)
		if err := tx.InsertRun(run, first); err != nil {
			return err
		}
		if from.carry != nil {
			if err := from.carry(tx, &run, now); err != nil {
				return err
			}
		}
		if err := s.begin(ctx, tx, &run, now); err != nil {
			return err
		}
		return all(tx, run, from.also)
	})
	if err != nil {
		return autonoma.Run{}, fmt.Errorf("begin a run: %w", err)
	}
	s.Log.Wake(run.ID)
	return run, nil
}

// callback refuses a request whose callback must not be called.
func (s *Tasks) callback(ctx context.Context, req autonoma.Request) error {
	if req.CallbackURL == "" {
		return nil
	}
	if err := s.Target(ctx, req.CallbackURL); err != nil {
		return autonoma.FieldErrors{{Field: "callbackUrl", Reason: err.Error()}}
	}
	return nil
}

// begin begins what may begin in a run on which nobody works yet.
func (s *Tasks) begin(ctx context.Context, tx *store.Tx, run *autonoma.Run, now time.Time) error {
	over, err := s.steps().Begin(ctx, tx, run, now)
	if why, ok := errors.AsType[*autonoma.Failure](err); ok {
		return End(ctx, tx, s.Queue, run, autonoma.Failed, string(why.Code), why, now)
	}
	if err != nil || !over {
		return err
	}
	begun, err := run.Become(autonoma.InProgress, "", nil, now)
	if err != nil {
		return err
	}
	return End(ctx, tx, s.Queue, run, autonoma.Completed, "every step was skipped", nil, now, begun)
}

// plan returns the steps of the request, with the pace that their agents had
// before. Who invokes an agent by name asks for one execution, and has one.
func (s *Tasks) plan(ctx context.Context, req autonoma.Request) ([]autonoma.Step, error) {
	steps, err := s.paced(ctx, s.Catalog.Plan(req))
	if err != nil || req.Agent != "" {
		return steps, err
	}
	return s.expand(req, steps), nil
}

// paced gives steps the pace that their agents had before.
func (s *Tasks) paced(ctx context.Context, steps []autonoma.Step) ([]autonoma.Step, error) {
	for i := range steps {
		pace, err := s.DB.Pace(ctx, steps[i].Agent)
		if err != nil {
			return nil, err
		}
		if pace.Total() > 0 {
			steps[i].Pace = pace
		}
	}
	return steps, nil
}

// expected returns the median of how long the last runs like the request took.
func (s *Tasks) expected(ctx context.Context, req autonoma.Request) (time.Duration, error) {
	const sample = 50
	took, err := s.DB.Durations(ctx, store.Shape(req), sample)
	if err != nil {
		return 0, err
	}
	if len(took) == 0 {
		return catalog.Expected(req.Scope), nil
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}

// Get returns a run.
func (s *Tasks) Get(ctx context.Context, by autonoma.Actor, id autonoma.RunID) (autonoma.Run, error) {
	if err := may(by, autonoma.ScopeRead); err != nil {
		return autonoma.Run{}, err
	}
	run, err := s.DB.Run(ctx, id)
	return visible(by, run, err)
}

// visible passes on a run and an error from the store, unless by may not see the
// run: then it is as if there were none.
func visible(by autonoma.Actor, run autonoma.Run, err error) (autonoma.Run, error) {
	if err == nil && run.Tenant != by.Tenant {
		err = fmt.Errorf("%s: %w", run.ID, autonoma.ErrNotFound)
	}
	if err != nil {
		return autonoma.Run{}, err
	}
	return run, nil
}

// Ahead returns how many runs stand before a queued one.
func (s *Tasks) Ahead(ctx context.Context, run autonoma.Run) (int, error) {
	return s.DB.Ahead(ctx, run)
}

// List returns up to limit tasks of the asker, newest first, from the cursor on,
// and the cursor of the next page, which is zero if there is none.
func (s *Tasks) List(ctx context.Context, by autonoma.Actor, status autonoma.Status, from store.Cursor, limit int) ([]autonoma.Run, store.Cursor, error) {
	if err := may(by, autonoma.ScopeRead); err != nil {
		return nil, store.Cursor{}, err
	}
	runs, err := s.DB.Runs(ctx, store.RunFilter{Tenant: by.Tenant, Kind: autonoma.KindTask, Status: status, Before: from, Limit: limit + 1})
	runs, next := cut(runs, limit, func(r autonoma.Run) store.Cursor { return store.Cursor{At: r.CreatedAt, ID: string(r.ID)} })
	return runs, next, err
}

// Cancel calls a run off. A worker that is on it stops by itself, within a
// second; what it has done so far stays to be seen.
func (s *Tasks) Cancel(ctx context.Context, by autonoma.Actor, id autonoma.RunID) (cancelled autonoma.Run, err error) {
	if err := may(by, autonoma.ScopeWrite); err != nil {
		return autonoma.Run{}, err
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		run, err := tx.Run(id)
		if run, err = visible(by, run, err); err != nil {
			return err
		}
		if run.Status.Final() {
			return fmt.Errorf("the run is %s: %w", run.Status, autonoma.ErrConflict)
		}
		err = End(ctx, tx, s.Queue, &run, autonoma.Cancelled, "cancelled by request", nil, s.now())
		cancelled = run
		return err
	})
	if err != nil {
		return autonoma.Run{}, fmt.Errorf("cancel: %w", err)
	}
	s.Log.Wake(id)
	return cancelled, nil
}

// Events returns up to limit events of a run that follow number after.
func (s *Tasks) Events(ctx context.Context, by autonoma.Actor, id autonoma.RunID, after int64, limit int) ([]autonoma.Event, error) {
	if _, err := s.Get(ctx, by, id); err != nil {
		return nil, err
	}
	return s.DB.Events(ctx, id, after, limit)
}

// Follow yields the events of a run that come after the given number, for as
// long as there may be more, and an empty slice after each idle time.
func (s *Tasks) Follow(ctx context.Context, by autonoma.Actor, id autonoma.RunID, after int64, idle time.Duration) (iter.Seq2[[]autonoma.Event, error], error) {
	if _, err := s.Get(ctx, by, id); err != nil {
		return nil, err
	}
	return s.Log.Follow(ctx, id, after, idle), nil
}

// Artifacts returns the artifacts of a run, oldest first.
func (s *Tasks) Artifacts(ctx context.Context, by autonoma.Actor, id autonoma.RunID) ([]autonoma.Artifact, error) {
	if _, err := s.Get(ctx, by, id); err != nil {
		return nil, err
	}
	return s.DB.Artifacts(ctx, id)
}

// Artifact returns an artifact of a run and its content, which the caller closes.
func (s *Tasks) Artifact(ctx context.Context, by autonoma.Actor, id autonoma.RunID, art autonoma.ArtifactID) (autonoma.Artifact, *os.File, error) {
	if _, err := s.Get(ctx, by, id); err != nil {
		return autonoma.Artifact{}, nil, err
	}
	a, err := s.DB.Artifact(ctx, id, art)
	if err != nil {
		return autonoma.Artifact{}, nil, err
	}
	f, err := s.Blobs.Open(a.Digest)
	if err != nil {
		return autonoma.Artifact{}, nil, fmt.Errorf("artifact %s: %w", art, err)
	}
	return a, f, nil
}

// Diff returns the patch that a run delivers, which the caller closes.
func (s *Tasks) Diff(ctx context.Context, by autonoma.Actor, id autonoma.RunID) (*os.File, error) {
	all, err := s.Artifacts(ctx, by, id)
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		if a.Type == autonoma.PatchArtifact {
			return s.Blobs.Open(a.Digest)
		}
	}
	return nil, fmt.Errorf("%s has no diff yet: %w", id, autonoma.ErrNotFound)
}
