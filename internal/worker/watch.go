package worker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"autonoma"
	"autonoma/internal/store"
)

// errStop is why an execution is stopped that was called off, or whose run is over.
var errStop = fmt.Errorf("the execution is over: %w", store.ErrLost)

// An office is where those who work on one run here meet.
type office struct {
	people int        // under the worker's lock
	ends   sync.Mutex // held by who is about to end the run
}

// enter says that somebody here works on a run.
func (w *Worker) enter(id autonoma.RunID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.working[id] == nil {
		w.working[id] = &office{}
	}
	w.working[id].people++
}

func (w *Worker) leave(id autonoma.RunID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.working[id].people--; w.working[id].people == 0 {
		delete(w.working, id)
	}
}

// alone waits until nobody else here is about to end a run that the caller works on,
// and returns what lets the next one try.
func (w *Worker) alone(id autonoma.RunID) (done func()) {
	w.mu.Lock()
	o := w.working[id]
	w.mu.Unlock()
	o.ends.Lock()
	return o.ends.Unlock
}

// busy reports whether somebody here works on a run.
func (w *Worker) busy(id autonoma.RunID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.working[id] != nil
}

func (w *Worker) begun(id autonoma.ExecutionID, stop context.CancelCauseFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.active[id] = stop
}

func (w *Worker) ended(id autonoma.ExecutionID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.active, id)
}

// Watch stops executions that were called off, until ctx is done. It looks when
// there is news, and every half second for news that it was not told.
func (w *Worker) Watch(ctx context.Context) {
	for {
		woken := w.Events.Woken()
		if err := w.stopCancelled(ctx); err != nil && ctx.Err() == nil {
			w.Log.WarnContext(ctx, "watch for what was called off", "err", err)
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
	ids := slices.Collect(maps.Keys(w.active))
	w.mu.Unlock()
	over, err := w.DB.Over(ctx, ids)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range over {
		if stop := w.active[id]; stop != nil {
			stop(errStop)
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
