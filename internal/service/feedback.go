package service

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"autonoma"
	"autonoma/internal/store"
)

// Feedback is what users may say of work that is over.
type Feedback struct {
	Config
	now func() time.Time
}

// NewFeedback returns the feedback in the database.
func NewFeedback(cfg Config) *Feedback { return &Feedback{cfg, time.Now} }

// A Remark is something that somebody wants to say: of a run, or of one execution.
type Remark struct {
	Run       autonoma.RunID       // empty: see Execution
	Execution autonoma.ExecutionID // empty: those of the run that it is about
	Signal    autonoma.Signal
	Reason    string
}

// Give says something of work that is over. Of an execution one thing can be said:
// the same again is answered with what is there, the contrary is an
// [autonoma.ErrConflict].
func (s *Feedback) Give(ctx context.Context, by autonoma.Actor, r Remark, also ...Also[autonoma.Feedback]) (said autonoma.Feedback, err error) {
	if err := may(by, autonoma.ScopeWrite); err != nil {
		return said, err
	}
	r.Reason = strings.TrimSpace(r.Reason)
	if n := utf8.RuneCountInString(r.Reason); n > maxWhy || !utf8.ValidString(r.Reason) {
		return said, autonoma.FieldErrors{{Field: "reason", Reason: fmt.Sprintf("must be text of at most %d characters", maxWhy)}}
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		run, about, err := spokenOf(tx, by, r)
		if err != nil {
			return err
		}
		if said, err = s.give(tx, by, run, about, r); err != nil {
			return err
		}
		return all(tx, said, also)
	})
	if err != nil {
		return autonoma.Feedback{}, fmt.Errorf("give feedback: %w", err)
	}
	return said, nil
}

// spokenOf returns the executions that a remark is about, and their run.
func spokenOf(tx *store.Tx, by autonoma.Actor, r Remark) (run autonoma.Run, about []autonoma.Execution, err error) {
	var exec autonoma.Execution
	if r.Run == "" {
		if exec, err = tx.Execution(r.Execution); err != nil {
			return run, nil, err
		}
		r.Run = exec.Run
	}
	run, err = tx.Run(r.Run)
	if run, err = visible(by, run, err); errors.Is(err, autonoma.ErrNotFound) && exec.ID != "" {
		err = fmt.Errorf("%s: %w", exec.ID, autonoma.ErrNotFound) // whose run it is of is told to nobody else
	}
	if err != nil {
		return run, nil, err
	}
	switch {
	case exec.ID != "" && exec.Status.Final():
		return run, []autonoma.Execution{exec}, nil
	case exec.ID != "":
		return run, nil, fmt.Errorf("the execution is not over; wait for its end: %w", autonoma.ErrConflict)
	case !run.Status.Final():
		return run, nil, fmt.Errorf("the run is %s; wait for its end: %w", run.Status, autonoma.ErrConflict)
	}
	all, err := tx.Executions(run.ID)
	if about = autonoma.Spoken(all); err == nil && len(about) == 0 {
		err = fmt.Errorf("nothing was done in %s that could be judged: %w", run.ID, autonoma.ErrConflict)
	}
	return run, about, err
}

// give stores what is said of those of the executions of which nothing was said.
func (s *Feedback) give(tx *store.Tx, by autonoma.Actor, run autonoma.Run, about []autonoma.Execution, r Remark) (autonoma.Feedback, error) {
	var before *autonoma.Feedback
	f := autonoma.Feedback{ID: autonoma.NewFeedbackID(), Tenant: run.Tenant, Run: run.ID, Signal: r.Signal}
	var judged []autonoma.Execution
	for _, e := range about {
		told, err := tx.FeedbackOn(e.Original())
		switch {
		case err != nil:
			return f, err
		case told == nil:
			f.About = append(f.About, autonoma.Part{Execution: e.Original(), Agent: e.Agent})
			judged = append(judged, e)
		case told.Signal != r.Signal:
			return f, fmt.Errorf("%s has the feedback %s, which says %s; it cannot be changed: %w", e.ID, told.ID, told.Signal, autonoma.ErrConflict)
		default:
			before = told
		}
	}
	if len(judged) == 0 {
		return *before, nil
	}
	name, err := tx.KeyName(by.Key)
	if err != nil && !errors.Is(err, autonoma.ErrNotFound) {
		return f, err
	}
	f.By = autonoma.Decision{Key: by.Key, Name: name, At: s.now(), Why: r.Reason}
	if err := tx.InsertFeedback(f); err != nil || r.Signal != autonoma.Reject {
		return f, err
	}
	for _, e := range judged {
		if err := Overridden(tx, run.Tenant, e); err != nil {
			return f, err
		}
	}
	if !s.Learns {
		return f, nil
	}
	return f, LearnRefusal(tx, run, r.Reason, f.By.At)
}

// Get returns a feedback.
func (s *Feedback) Get(ctx context.Context, by autonoma.Actor, id autonoma.FeedbackID) (autonoma.Feedback, error) {
	if err := may(by, autonoma.ScopeRead); err != nil {
		return autonoma.Feedback{}, err
	}
	f, err := s.DB.Feedback(ctx, id)
	if err == nil && f.Tenant != by.Tenant {
		err = fmt.Errorf("%s: %w", id, autonoma.ErrNotFound)
	}
	if err != nil {
		return autonoma.Feedback{}, err
	}
	return f, nil
}

// List returns up to limit feedbacks of the asker, newest first, from the cursor on,
// and the cursor of the next page, which is zero if there is none.
func (s *Feedback) List(ctx context.Context, by autonoma.Actor, from Cursor, limit int) ([]autonoma.Feedback, Cursor, error) {
	if err := may(by, autonoma.ScopeRead); err != nil {
		return nil, Cursor{}, err
	}
	all, err := s.DB.Feedbacks(ctx, by.Tenant, from, limit+1)
	all, next := cut(all, limit, func(f autonoma.Feedback) Cursor { return Cursor{At: f.By.At, ID: string(f.ID)} })
	return all, next, err
}
