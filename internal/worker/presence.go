package worker

import (
	"context"
	"time"

	"autonoma"
)

// How often a worker says that it is alive: one small write. Who works is missed
// sooner than who does not. One that was not heard of for several beats is dead.
const (
	busyBeat = 2 * time.Second
	idleBeat = 10 * time.Second
	beats    = 5
)

// Announce says that the worker is there.
func (w *Worker) Announce(ctx context.Context) error { return w.beat(ctx, idleBeat) }

// Beat goes on saying that the worker is there until ctx is done; then it takes its
// leave.
func (w *Worker) Beat(ctx context.Context) {
	for every := idleBeat; pause(ctx, every); {
		every = idleBeat
		if w.Active() > 0 {
			every = busyBeat
		}
		if err := w.beat(ctx, every); err != nil && ctx.Err() == nil {
			w.Log.WarnContext(ctx, "say that the worker is there", "err", err)
		}
	}
	if err := w.DB.Leave(context.WithoutCancel(ctx), w.id); err != nil {
		w.Log.WarnContext(ctx, "take leave", "err", err)
	}
}

// beat says that the worker is there, and will say so again after a while.
func (w *Worker) beat(ctx context.Context, every time.Duration) error {
	now := time.Now()
	return w.DB.Beat(ctx, autonoma.Worker{ID: w.id, Host: w.Host, Slots: w.Slots, SeenAt: now, Until: now.Add(beats * every)})
}
