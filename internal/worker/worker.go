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
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"autonoma"
	"autonoma/internal/blob"
	"autonoma/internal/event"
	"autonoma/internal/forge"
	"autonoma/internal/journal"
	"autonoma/internal/queue"
	"autonoma/internal/redact"
	"autonoma/internal/rigor"
	"autonoma/internal/service"
	"autonoma/internal/store"
	"autonoma/internal/workspace"
)

// Config is what a worker needs.
type Config struct {
	DB         *store.DB
	Events     *event.Log
	Blobs      *blob.Store
	Engine     *rigor.Engine
	Workspaces *workspace.Store
	Forges     *forge.Forges    // where pull requests are opened; nil: nowhere
	Redact     *redact.Redactor // knows what must not be kept
	Log        *slog.Logger
	Host       string // where it runs, for people
	Slots      int    // how many executions it carries out at once
	Version    string // of the server, for evidence

	// Sign returns the key that signs evidence.
	Sign func(context.Context) (ed25519.PrivateKey, error)

	Budgets Budgets
	service.Rules

	// Learns says whether runs are told what is remembered of their repositories, and
	// add to it.
	Learns bool
}

// A Worker carries out executions. Its Queue must be set before the first one:
// what follows from an execution goes back there.
type Worker struct {
	Config
	Queue *queue.Queue

	id   autonoma.WorkerID
	cut  chan struct{} // closed when the process shuts down
	once sync.Once

	mu      sync.Mutex
	active  map[autonoma.ExecutionID]context.CancelCauseFunc // what is being carried out here, and what stops it
	working map[autonoma.RunID]*office                       // how many are busy here with a run
}

// New returns a worker.
func New(cfg Config) *Worker {
	return &Worker{Config: cfg, id: autonoma.NewWorkerID(), cut: make(chan struct{}), active: map[autonoma.ExecutionID]context.CancelCauseFunc{}, working: map[autonoma.RunID]*office{}}
}

// Cut makes all executions stop at their next event. They go on after the next
// start of a worker.
func (w *Worker) Cut() { w.once.Do(func() { close(w.cut) }) }

// Do carries out a job. It is the [queue.Work] of the queue.
func (w *Worker) Do(ctx context.Context, j queue.Job) error {
	if j.Execution != "" {
		w.enter(j.Run)
		err := w.do(ctx, j)
		w.leave(j.Run)
		if err != nil {
			return err
		}
	}
	return w.clear(context.WithoutCancel(ctx), j.Run)
}

func (w *Worker) do(ctx context.Context, j queue.Job) error {
	log := w.Log.With("run", j.Run, "execution", j.Execution)
	start := time.Now()
	tooWeak, err := w.unconfined(ctx, j)
	if err != nil {
		return err
	}
	lease, run, exec, err := w.take(ctx, j)
	if err != nil || lease.Number == 0 {
		return err
	}
	doing, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	w.begun(exec.ID, stop)
	defer w.ended(exec.ID)
	waited, err := w.waited(ctx, exec.ID)
	if err != nil {
		return err
	}
	doing, done := inTime(doing, run, exec, waited)
	defer done()
	var result autonoma.Result
	if err = tooWeak; err == nil {
		result, err = w.carryOut(doing, lease, run, exec)
	}
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
	w.Events.Wake(j.Run)
	return next
}

// errCutOff is why an execution is stopped in the middle of something, when it came to
// no event in time for the shutdown.
var errCutOff = errors.New("cut off in the middle of something")

// inTime bounds the work by what its run and its step may take, from when they
// began, however often the server was started since. For how long a human was waited
// for does not count for the step: it cannot work faster for that.
func inTime(ctx context.Context, run autonoma.Run, exec autonoma.Execution, waited time.Duration) (context.Context, context.CancelFunc) {
	stop := func() {}
	if limit := run.Request.Budget.MaxDuration(); limit > 0 {
		ctx, stop = context.WithDeadlineCause(ctx, run.StartedAt.Add(limit), outOfTime(limit))
	}
	if limit := run.Step(exec.Step).Rules.Timeout(); limit > 0 {
		inner, done := context.WithDeadlineCause(ctx, exec.StartedAt.Add(limit+waited), stepOutOfTime(exec.Step, limit))
		return inner, func() { done(); stop() }
	}
	return ctx, stop
}

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
		told = append(told, w.confine(run.Step(exec.Step), &exec, now)...)
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
	w.Events.Wake(j.Run)
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
	all, err := w.DB.Executions(ctx, run.ID)
	if err != nil {
		return autonoma.Result{}, err
	}
	p := &purse{worker: w, lease: lease, run: run}
	defer func() {
		if err := p.release(context.WithoutCancel(ctx)); err != nil { // whoever takes it next does
			w.Log.WarnContext(ctx, "execution", "run", run.ID, "execution", exec.ID, "err", err)
		}
	}()
	return w.Engine.Do(ctx, rigor.Job{
		Run: run, Step: *run.Step(exec.Step), Execution: exec, Agent: a, Earlier: earlier(run, all, exec.Step),
		Beside: !run.Alone(exec.Step), Candidates: candidates(run, all, exec.Step),
		Journal: journal.Open(exec.ID, &log{w, lease, p}, past, w.cut).Clean(w.Redact.JSON), At: lastCheckpoint(past), Afford: p.afford, Human: w.human(exec.ID),
		Known: w.known(lease, run),
		Used:  func() autonoma.Usage { return w.used(ctx, run) },
	})
}

// earlier returns what the completed steps came to that come before a step, or that
// sent the work back to it: the last round of each, in the order in which they were
// begun. What steps beside it come to is not for it, nor in its checkout.
func earlier(run autonoma.Run, all []autonoma.Execution, step string) []rigor.Earlier {
	return slices.DeleteFunc(completed(run, all), func(e rigor.Earlier) bool { return !run.Lined(step, e.Step.ID) })
}

// completed returns what the completed steps came to, the last round of each, in the
// order in which they were begun. Candidates are none of them: what one made counts
// once it is chosen, as what the step came to that chose it.
func completed(run autonoma.Run, all []autonoma.Execution) []rigor.Earlier {
	var done []rigor.Earlier
	for i, e := range all {
		again := func(o autonoma.Execution) bool { return o.Step == e.Step && o.Status == autonoma.StepCompleted }
		if s := run.Step(e.Step); e.Status == autonoma.StepCompleted && s.Candidate == "" && !slices.ContainsFunc(all[i+1:], again) {
			done = append(done, rigor.Earlier{Step: *s, Result: *e.Result})
		}
	}
	return done
}

// candidates returns what came of the candidates of a step that is to choose; nothing
// for other steps.
func candidates(run autonoma.Run, all []autonoma.Execution, step string) []rigor.Candidate {
	if !run.Chooses(step) {
		return nil
	}
	var tried []rigor.Candidate
	for _, s := range run.Candidates(step) {
		c := rigor.Candidate{Step: s.ID, Used: s.Used}
		for _, e := range all { // the last has the word
			if e.Step == s.ID {
				c.Result, c.Error = e.Result, e.Error
			}
		}
		tried = append(tried, c)
	}
	return tried
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

// Sweep removes what processes that died left behind: their presence, what they had set
// aside for calls of models, and what there is of runs that are over. A SQLite file has one process that works, and it has just
// begun.
func (w *Worker) Sweep(ctx context.Context) error {
	if err := errors.Join(w.DB.ForgetWorkers(ctx), w.DB.SettleLost(ctx)); err != nil {
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
