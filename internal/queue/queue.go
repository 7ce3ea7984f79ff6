// Package queue hands executions to workers, durably.
//
// It is River on the database of the store: a job is added in the transaction
// that makes it necessary, so neither can exist without the other, and it is
// given to one worker at a time until the work says that it is over. The rest
// of the system knows only [Queue], so another engine could take River's place.
//
// A job only points at an execution. What is to be done, and how far it has
// come, is in the store: a job that is delivered twice finds the second time
// that there is nothing left to do.
package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"

	"autonoma"
	"autonoma/internal/store"
)

// A Job is a pointer to an execution that somebody should work on.
type Job struct {
	Run       autonoma.RunID       `json:"run"`
	Execution autonoma.ExecutionID `json:"execution"`

	last bool
}

// Kind implements [river.JobArgs].
func (Job) Kind() string { return "execution" }

// Last reports whether the queue will give up on the job if it fails this time.
func (j Job) Last() bool { return j.last }

// A Work carries out a job. If it returns nil, the job is over; if a [Later],
// it is given out again then; after any other error, again after a pause.
type Work func(ctx context.Context, j Job) error

// Later is returned by a [Work] that wants its job back after a while.
type Later time.Duration

func (l Later) Error() string { return "again in " + time.Duration(l).String() }

// attempts is how often a job may fail for reasons that lie outside of it, such
// as a full disk, before the queue gives up: over half an hour of trying.
const attempts = 15

// A Queue is the jobs of one database and, once started, the workers of this
// process.
type Queue struct {
	client *river.Client[*sql.Tx]
}

// Open prepares the queue of the database. If slots is more than zero, [Queue.Start]
// begins to give out jobs, that many at a time, to work.
//
// All jobs that are being worked on are given out again, and executions that lost
// theirs get new ones: a SQLite file has one process that works, and it has just
// begun.
func Open(ctx context.Context, db *store.DB, slots int, work Work, log *slog.Logger) (*Queue, error) {
	driver := riversqlite.New(db.Writer())
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: quiet(log)})
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, fmt.Errorf("migrate queue: %w", err)
	}
	cfg := &river.Config{
		ID:                autonoma.NewRequestID(), // new for each start, lest a dead process's jobs pass for ours
		Logger:            quiet(log),
		JobTimeout:        -1,
		MaxAttempts:       attempts,
		FetchCooldown:     20 * time.Millisecond,
		FetchPollInterval: 200 * time.Millisecond,
		RetryPolicy:       patience{},
		// Jobs take as long as they take; only the start of a process frees them.
		RescueStuckJobsAfter: 365 * 24 * time.Hour,
	}
	if slots > 0 {
		workers := river.NewWorkers()
		river.AddWorker(workers, &worker{work: work})
		cfg.Workers = workers
		cfg.Queues = map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: slots}}
		if err := free(ctx, db); err != nil {
			return nil, err
		}
	}
	client, err := river.NewClient(driver, cfg)
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	q := &Queue{client}
	if slots > 0 {
		err = q.revive(ctx, db)
	}
	return q, err
}

// revive adds jobs for executions that are not over and have none: the queue gave
// up on theirs, because this server could not even write that it failed.
func (q *Queue) revive(ctx context.Context, db *store.DB) error {
	return db.Update(ctx, func(tx *store.Tx) error {
		stranded, err := tx.Stranded(`SELECT 1 FROM river_job
			WHERE state IN ('available', 'running', 'retryable', 'scheduled', 'pending') AND args ->> '$.execution' = executions.id`)
		if err != nil {
			return err
		}
		for _, e := range stranded {
			if err := q.Add(ctx, tx, Job{Run: e.Run, Execution: e.ID}, autonoma.Normal, time.Time{}); err != nil {
				return err
			}
		}
		return nil
	})
}

// free gives back the jobs that a process held when it died.
func free(ctx context.Context, db *store.DB) error {
	_, err := db.Writer().ExecContext(ctx, `UPDATE river_job SET state = 'available', attempt = max(attempt - 1, 0) WHERE state = 'running'`)
	if err != nil {
		return fmt.Errorf("free jobs: %w", err)
	}
	return nil
}

// Start begins to give out jobs.
func (q *Queue) Start(ctx context.Context) error {
	// River stops its workers' context with the one it is started with. When to
	// stop, and how hard, is for the caller to say, with Stop.
	return q.client.Start(context.WithoutCancel(ctx))
}

// Stop gives out no more jobs and waits for those that are being worked on, as
// long as ctx allows; then it cancels them and waits for that.
func (q *Queue) Stop(ctx context.Context) error {
	err := q.client.Stop(ctx)
	if err == nil || ctx.Err() == nil {
		return err
	}
	return q.client.StopAndCancel(context.WithoutCancel(ctx))
}

// Add adds a job in the transaction, to be given out at the given time or, if
// that is zero, as soon as there is a free slot.
func (q *Queue) Add(ctx context.Context, tx *store.Tx, j Job, p autonoma.Priority, at time.Time) error {
	if _, err := q.client.InsertTx(ctx, tx.SQL(), j, &river.InsertOpts{Priority: priority(p), ScheduledAt: at}); err != nil {
		return fmt.Errorf("add job: %w", err)
	}
	return nil
}

// priority is River's number for a priority: 1 is the most urgent.
func priority(p autonoma.Priority) int {
	switch p {
	case autonoma.High:
		return 1
	case autonoma.Low:
		return 3
	case autonoma.Normal:
	}
	return 2
}

// worker adapts a Work to River.
type worker struct {
	river.WorkerDefaults[Job]
	work Work
}

// Work implements [river.Worker].
func (w *worker) Work(ctx context.Context, job *river.Job[Job]) error {
	j := job.Args
	j.last = job.Attempt >= job.MaxAttempts
	err := w.work(ctx, j)
	if later, ok := errors.AsType[Later](err); ok {
		return river.JobSnooze(time.Duration(later))
	}
	return err
}

// patience is how long the queue waits after failures: 1 s, 2 s, 4 s… and at
// most five minutes.
type patience struct{}

// NextRetry implements [river.ClientRetryPolicy].
func (patience) NextRetry(job *rivertype.JobRow) time.Time {
	const most = 5 * time.Minute
	wait := most
	if n := len(job.Errors); n < 9 {
		wait = min(most, time.Second<<n)
	}
	return time.Now().Add(wait)
}

// quiet is a logger for River, which tells more than an operator wants to know.
func quiet(log *slog.Logger) *slog.Logger { return slog.New(atLeast{log.Handler(), slog.LevelWarn}) }

// atLeast is a handler that passes on only what is important enough.
type atLeast struct {
	slog.Handler
	level slog.Level
}

// Enabled implements [slog.Handler].
func (h atLeast) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= h.level && h.Handler.Enabled(ctx, l)
}
