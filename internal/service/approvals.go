package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"autonoma"
	"autonoma/internal/queue"
	"autonoma/internal/store"
)

// Approvals is what users may do with the questions that runs ask them.
type Approvals struct {
	Config
	now func() time.Time
}

// NewApprovals returns the approvals of the database.
func NewApprovals(cfg Config) *Approvals { return &Approvals{cfg, time.Now} }

// Get returns an approval.
func (s *Approvals) Get(ctx context.Context, by autonoma.Actor, id autonoma.ApprovalID) (autonoma.Approval, error) {
	if err := may(by, autonoma.ScopeRead); err != nil {
		return autonoma.Approval{}, err
	}
	a, err := s.DB.Approval(ctx, id)
	return seen(by, a, err)
}

// seen passes on an approval and an error from the store, unless by may not see it.
func seen(by autonoma.Actor, a autonoma.Approval, err error) (autonoma.Approval, error) {
	if err == nil && a.Tenant != by.Tenant {
		err = fmt.Errorf("%s: %w", a.ID, autonoma.ErrNotFound)
	}
	if err != nil {
		return autonoma.Approval{}, err
	}
	return a, nil
}

// List returns up to limit approvals of the asker, newest first, from the cursor on,
// and the cursor of the next page, which is zero if there is none.
func (s *Approvals) List(ctx context.Context, by autonoma.Actor, status autonoma.ApprovalStatus, from Cursor, limit int) ([]autonoma.Approval, Cursor, error) {
	if err := may(by, autonoma.ScopeRead); err != nil {
		return nil, Cursor{}, err
	}
	all, err := s.DB.Approvals(ctx, store.ApprovalFilter{Tenant: by.Tenant, Status: status, Before: from, Limit: limit + 1})
	all, next := cut(all, limit, func(a autonoma.Approval) Cursor { return Cursor{At: a.CreatedAt, ID: string(a.ID)} })
	return all, next, err
}

// Pending returns the oldest question of a run that waits for an answer, or nil.
func (s *Approvals) Pending(ctx context.Context, run autonoma.RunID) (*autonoma.Approval, error) {
	all, err := s.DB.PendingApprovals(ctx, run)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}

// maxWhy is how many characters the reason of a decision has at most.
const maxWhy = 2000

// Decide answers a question. For one whether a step may begin, a yes begins the step
// and a no ends the run, both before it returns; an execution that asked goes on, and
// sees to what follows. Of several who decide at once one is heard; the others, and whoever
// comes after the deadline, get an [autonoma.ErrConflict].
func (s *Approvals) Decide(ctx context.Context, by autonoma.Actor, id autonoma.ApprovalID, yes bool, why string) (decided autonoma.Approval, err error) {
	if err := may(by, autonoma.ScopeWrite); err != nil {
		return autonoma.Approval{}, err
	}
	why = strings.TrimSpace(why)
	if n := utf8.RuneCountInString(why); n > maxWhy || !utf8.ValidString(why) {
		return autonoma.Approval{}, autonoma.FieldErrors{{Field: "reason", Reason: fmt.Sprintf("must be text of at most %d characters", maxWhy)}}
	}
	late := false
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		a, err := tx.Approval(id)
		if a, err = seen(by, a, err); err != nil {
			return err
		}
		now := s.now()
		if late = a.Status == autonoma.ApprovalPending && !a.Deadline.After(now); late {
			return s.expire(ctx, tx, a, now)
		}
		name, err := tx.KeyName(by.Key)
		if err != nil && !errors.Is(err, autonoma.ErrNotFound) {
			return err
		}
		decided = a
		return s.settle(ctx, tx, &decided, yes, autonoma.Decision{Key: by.Key, Name: name, At: now, Why: why})
	})
	if late && err == nil {
		err = fmt.Errorf("the approval is %s: %w", autonoma.ApprovalExpired, autonoma.ErrConflict)
	}
	s.Log.Wake(decided.Run)
	if err != nil {
		return autonoma.Approval{}, fmt.Errorf("decide: %w", err)
	}
	return decided, nil
}

// settle records what a human decided, and what follows from it.
func (s *Approvals) settle(ctx context.Context, tx *store.Tx, a *autonoma.Approval, yes bool, d autonoma.Decision) error {
	next := autonoma.ApprovalRejected
	if yes {
		next = autonoma.ApprovalApproved
	}
	told, err := a.Settle(next, &d, d.At)
	if err != nil {
		return err
	}
	if err := tx.SaveApproval(*a); err != nil {
		return err
	}
	run, err := tx.Run(a.Run)
	if err != nil {
		return err
	}
	if a.Kind == autonoma.AskChange && !yes {
		exec, err := tx.Execution(a.Execution)
		if err != nil {
			return err
		}
		if err := Overridden(tx, a.Tenant, exec); err != nil {
			return err
		}
	}
	if a.Execution != "" {
		return s.goOn(ctx, tx, run, *a, told)
	}
	if yes {
		return s.steps().approved(ctx, tx, &run, a.Step, told, d.At)
	}
	message := "the step " + a.Step + " was not approved"
	if d.Why != "" {
		message += ": " + d.Why
	}
	return s.refuse(ctx, tx, &run, *a, autonoma.FailRejected, message, told, d.At)
}

// goOn lets an execution go on that waited for an answer, or for the deadline.
func (s *Approvals) goOn(ctx context.Context, tx *store.Tx, run autonoma.Run, a autonoma.Approval, told autonoma.Event) error {
	if err := s.Queue.Add(ctx, tx, queue.Job{Run: a.Run, Execution: a.Execution}, run.Request.Priority, time.Time{}); err != nil {
		return err
	}
	return tx.SaveRun(run, told)
}

// refuse ends a run for want of an approval.
func (s *Approvals) refuse(ctx context.Context, tx *store.Tx, run *autonoma.Run, a autonoma.Approval, code autonoma.FailureCode, message string, told autonoma.Event, at time.Time) error {
	step := run.Step(a.Step)
	step.Status = autonoma.StepCancelled
	why := &autonoma.Failure{Code: code, Message: message, Agent: step.Agent}
	return End(ctx, tx, s.Queue, run, autonoma.Failed, string(code), why, at, told, autonoma.NewStepEvent(*step, at))
}

// approved begins a step to which a human agreed.
func (s Steps) approved(ctx context.Context, tx *store.Tx, run *autonoma.Run, id string, told autonoma.Event, at time.Time) error {
	b, err := s.beginning(ctx, tx, run, at)
	if err != nil {
		return err
	}
	b.told = append(b.told, told)
	step, base := run.Step(id), ""
	if tips := b.tips(step); len(tips) > 0 {
		base = tips[0]
	}
	if err := b.begin(step, base); err != nil {
		return err
	}
	if run.Status == autonoma.AwaitingApproval {
		goesOn, err := run.Become(autonoma.InProgress, "", nil, at)
		if err != nil {
			return err
		}
		b.told = append(b.told, goesOn)
	}
	return b.rest()
}

// expire settles a question that nobody answered in time: the run ends, or the
// execution that asked goes on and sees to it.
func (s *Approvals) expire(ctx context.Context, tx *store.Tx, a autonoma.Approval, now time.Time) error {
	told, err := a.Settle(a.Default, nil, now)
	if err != nil {
		return err
	}
	if err := tx.SaveApproval(a); err != nil {
		return err
	}
	run, err := tx.Run(a.Run)
	if err != nil {
		return err
	}
	if a.Execution != "" {
		return s.goOn(ctx, tx, run, a, told)
	}
	message := fmt.Sprintf("nobody answered by %s whether the step %s may begin", a.Deadline.UTC().Format(time.RFC3339), a.Step)
	return s.refuse(ctx, tx, &run, a, autonoma.FailExpired, message, told, now)
}

// Watch ends the runs whose questions nobody answers in time, until ctx is done. It
// looks when the next deadline passes, when there is news, and once a minute in
// case the clock was set.
func (s *Approvals) Watch(ctx context.Context, log *slog.Logger) {
	const atMost, atLeast = time.Minute, 100 * time.Millisecond
	for ctx.Err() == nil {
		woken := s.Log.Woken()
		next, err := s.sweep(ctx)
		if err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "watch for approvals that expire", "err", err)
		}
		wait := atMost
		if !next.IsZero() {
			wait = min(max(next.Sub(s.now()), 0), atMost)
		}
		due, soon := time.NewTimer(wait), time.NewTimer(atLeast)
		select { // news come in bursts; one look for several is enough
		case <-soon.C:
		case <-ctx.Done():
		}
		select {
		case <-due.C:
		case <-woken:
		case <-ctx.Done():
		}
		due.Stop()
		soon.Stop()
	}
}

// sweep expires what is overdue and returns the next deadline.
func (s *Approvals) sweep(ctx context.Context) (time.Time, error) {
	const batch = 100
	for {
		overdue, err := s.DB.OverdueApprovals(ctx, s.now(), batch)
		if err != nil || len(overdue) == 0 {
			next, failed := s.DB.NextDeadline(ctx)
			return next, errors.Join(err, failed)
		}
		var failed []error
		for _, a := range overdue { // one that fails is no reason for the others to wait
			err := s.DB.Update(ctx, func(tx *store.Tx) error {
				now, err := tx.Approval(a.ID)
				if err != nil || now.Status != autonoma.ApprovalPending {
					return err // somebody was faster
				}
				return s.expire(ctx, tx, now, s.now())
			})
			if err != nil {
				failed = append(failed, fmt.Errorf("expire %s: %w", a.ID, err))
			}
			s.Log.Wake(a.Run)
		}
		if len(failed) > 0 || ctx.Err() != nil {
			return time.Time{}, errors.Join(failed...)
		}
	}
}
