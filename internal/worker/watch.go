package worker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"autonoma"
	"autonoma/internal/store"
)

// errStop is why an execution is stopped that was called off, or whose run is over.
var errStop = fmt.Errorf("the execution is over: %w", store.ErrLost)

// enter says that somebody here works on a run.
func (w *Worker) enter(id autonoma.RunID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.working[id]++
}

func (w *Worker) leave(id autonoma.RunID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.working[id]--; w.working[id] == 0 {
		delete(w.working, id)
	}
}

// busy reports whether somebody here works on a run.
func (w *Worker) busy(id autonoma.RunID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.working[id] > 0
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
