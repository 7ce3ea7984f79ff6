// Package worker takes executions from the queue, has them carried out, and
// decides what follows: the next steps, another round, the delivery, the end.
//
// It may die at any line. What it began is begun again by the next process, from
// the journal; what it reported stays. Everything it writes it writes with the
// lease of the execution, so one that was overtaken, or whose run was cancelled,
// can write nothing: that is also how it learns of it.
package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"autonoma"
	"autonoma/internal/blob"
	"autonoma/internal/catalog"
	"autonoma/internal/event"
	"autonoma/internal/journal"
	"autonoma/internal/queue"
	"autonoma/internal/rigor"
	"autonoma/internal/store"
	"autonoma/internal/workspace"
)

// Config is what a worker needs.
type Config struct {
	DB         *store.DB
	Events     *event.Log
	Blobs      *blob.Store
	Catalog    *catalog.Catalog
	Engine     *rigor.Engine
	Workspaces *workspace.Store
	Log        *slog.Logger
	Host       string // where it runs, for people
	Slots      int    // how many executions it carries out at once
}

// A Worker carries out executions. Its Queue must be set before the first one:
// what follows from an execution goes back there.
type Worker struct {
	Config
	Queue *queue.Queue

	id   autonoma.WorkerID
	cut  chan struct{} // closed when the process shuts down
	once sync.Once

	mu     sync.Mutex
	active map[autonoma.ExecutionID]activity
}

// activity is an execution that is being carried out here.
type activity struct {
	run  autonoma.RunID
	stop context.CancelCauseFunc
}

// New returns a worker.
func New(cfg Config) *Worker {
	return &Worker{Config: cfg, id: autonoma.NewWorkerID(), cut: make(chan struct{}), active: map[autonoma.ExecutionID]activity{}}
}

// Cut makes all executions stop at their next event. They go on after the next
// start of a worker.
func (w *Worker) Cut() { w.once.Do(func() { close(w.cut) }) }

// Do carries out a job. It is the [queue.Work] of the queue.
func (w *Worker) Do(ctx context.Context, j queue.Job) error {
	log := w.Log.With("run", j.Run, "execution", j.Execution)
	start := time.Now()
	lease, run, exec, err := w.take(ctx, j)
	if err != nil {
		return err
	}
	if lease.Number == 0 {
		return w.clear(ctx, j.Run)
	}
	doing, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	w.enter(exec.ID, activity{run.ID, stop})
	defer w.leave(exec.ID)
	if limit := run.Request.Budget.MaxDuration(); limit > 0 {
		var done context.CancelFunc
		doing, done = context.WithDeadlineCause(doing, run.StartedAt.Add(limit), outOfTime(limit))
		defer done()
	}
	result, err := w.carryOut(doing, lease, run, exec)
	switch {
	case err == nil:
	case errors.Is(err, journal.ErrCut):
	case ctx.Err() != nil:
		err = errCutOff
	case doing.Err() != nil:
		err = context.Cause(doing) // whatever it was that noticed
	}

	// Whatever stopped the work must not stop the record of it.
	ctx = context.WithoutCancel(ctx)
	if err == nil {
		ending, done := context.WithTimeout(ctx, concludeTime)
		err = w.conclude(ending, lease, exec, result)
		done()
	}
	outcome, next := w.settle(ctx, lease, j, err)
	log.InfoContext(ctx, "execution", "agent", exec.Agent, "step", exec.Step, "round", exec.Round,
		"lease", lease.Number, "outcome", outcome, "took", time.Since(start), "err", err)
	w.Events.Wake()
	return next
}

// errCutOff is why an execution is stopped in the middle of something, when it came to
// no event in time for the shutdown.
var errCutOff = errors.New("cut off in the middle of something")

// concludeTime bounds the delivery, which may reach a remote repository.
const concludeTime = 15 * time.Minute

// take makes the execution ours. It returns no lease if there is nothing left to do.
func (w *Worker) take(ctx context.Context, j queue.Job) (lease store.Lease, run autonoma.Run, exec autonoma.Execution, err error) {
	err = w.DB.Update(ctx, func(tx *store.Tx) error {
		if run, err = tx.Run(j.Run); err != nil {
			return err
		}
		if exec, err = tx.Execution(j.Execution); err != nil {
			return err
		}
		if run.Status.Final() || exec.Status.Final() {
			return nil
		}
		now := time.Now()
		var told []autonoma.Event
		if run.Status != autonoma.InProgress {
			e, err := run.Become(autonoma.InProgress, "", nil, now)
			if err != nil {
				return err
			}
			told = append(told, e)
		}
		step := run.Step(exec.Step)
		if step.Status != autonoma.StepRunning {
			step.Status = autonoma.StepRunning
			told = append(told, autonoma.NewEvent(autonoma.EventStep, exec.ID, now, autonoma.StepChanged{
				Step: step.ID, Agent: step.Agent, Status: step.Status, Round: step.Round,
			}))
		}
		if err := tx.SaveRun(run, told...); err != nil {
			return err
		}
		exec.Worker = w.id
		lease, err = tx.Take(&exec, now)
		return err
	})
	if err != nil {
		return store.Lease{}, run, exec, fmt.Errorf("take %s: %w", j.Execution, err)
	}
	w.Events.Wake()
	return lease, run, exec, nil
}

// carryOut does the work of the execution.
func (w *Worker) carryOut(ctx context.Context, lease store.Lease, run autonoma.Run, exec autonoma.Execution) (autonoma.Result, error) {
	past, err := w.DB.Journal(ctx, run.ID, exec.ID)
	if err != nil {
		return autonoma.Result{}, err
	}
	a, err := w.Catalog.Agent(exec.Agent)
	if err != nil {
		return autonoma.Result{}, err
	}
	earlier, err := w.earlier(ctx, run)
	if err != nil {
		return autonoma.Result{}, err
	}
	l := &log{worker: w, lease: lease, run: run.Request, usage: run.Usage}
	return w.Engine.Do(ctx, rigor.Job{
		Run: run, Step: *run.Step(exec.Step), Execution: exec, Agent: a, Earlier: earlier,
		Journal: journal.Open(exec.ID, l, past, w.cut), At: lastCheckpoint(past), Longest: l.longest(), Afford: l.afford,
	})
}

// earlier returns what the completed steps came to, the last round of each, in the
// order in which they were completed.
func (w *Worker) earlier(ctx context.Context, run autonoma.Run) ([]rigor.Earlier, error) {
	all, err := w.DB.Executions(ctx, run.ID)
	if err != nil {
		return nil, err
	}
	var done []rigor.Earlier
	for i, e := range all {
		if e.Status != autonoma.StepCompleted || again(all[i+1:], e.Step) {
			continue
		}
		done = append(done, rigor.Earlier{Step: *run.Step(e.Step), Result: *e.Result})
	}
	return done, nil
}

// again reports whether a step is completed once more later on.
func again(later []autonoma.Execution, step string) bool {
	for _, e := range later {
		if e.Step == step && e.Status == autonoma.StepCompleted {
			return true
		}
	}
	return false
}

// lastCheckpoint returns the state of the files at which a journal ends.
func lastCheckpoint(past []autonoma.Event) string {
	for i := len(past) - 1; i >= 0; i-- {
		var data struct {
			Checkpoint struct{ Commit string }
		}
		if json.Unmarshal(past[i].Data, &data) == nil && data.Checkpoint.Commit != "" {
			return data.Checkpoint.Commit
		}
	}
	return ""
}

// errStop is why an execution is stopped whose run is over.
var errStop = fmt.Errorf("the run is over: %w", store.ErrLost)

func (w *Worker) enter(id autonoma.ExecutionID, a activity) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.active[id] = a
}

func (w *Worker) leave(id autonoma.ExecutionID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.active, id)
}

// Watch stops executions whose run was cancelled, until ctx is done. It looks when
// there is news, and every half second for news that it was not told.
func (w *Worker) Watch(ctx context.Context) {
	for {
		woken := w.Events.Woken()
		if err := w.stopCancelled(ctx); err != nil && ctx.Err() == nil {
			w.Log.WarnContext(ctx, "watch for cancelled runs", "err", err)
		}
		// News come in bursts; one look for several is enough.
		if !pause(ctx, 50*time.Millisecond) {
			return
		}
		select {
		case <-woken:
		case <-time.After(450 * time.Millisecond):
		case <-ctx.Done():
			return
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

func (w *Worker) stopCancelled(ctx context.Context) error {
	w.mu.Lock()
	var runs []autonoma.RunID
	for _, a := range w.active {
		runs = append(runs, a.run)
	}
	w.mu.Unlock()
	statuses, err := w.DB.Statuses(ctx, runs)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.active {
		// One that was begun since has no status here, and is not over.
		if status, looked := statuses[a.run]; looked && status.Final() {
			a.stop(errStop)
		}
	}
	return nil
}

// Active returns how many executions are carried out here.
func (w *Worker) Active() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.active)
}

// Sweep removes what processes that died left behind: their presence, and what there
// is of runs that are over. A SQLite file has one process that works, and it has just
// begun.
func (w *Worker) Sweep(ctx context.Context) error {
	if err := w.DB.ForgetWorkers(ctx); err != nil {
		return err
	}
	if err := w.Workspaces.Sweep(); err != nil {
		return err
	}
	left, err := w.Workspaces.Leftovers()
	if err != nil {
		return err
	}
	for _, name := range left {
		run, err := w.DB.Run(ctx, autonoma.RunID(name))
		if errors.Is(err, autonoma.ErrNotFound) || err == nil && run.Status.Final() {
			err = w.Workspaces.Remove(ctx, name)
		}
		if err != nil {
			// One run's files must not keep the server from starting.
			w.Log.WarnContext(ctx, "sweep", "run", name, "err", err)
		}
	}
	return nil
}
