// Package webhook tells hooks what they are to be told.
//
// What is to be told stands in the store, written with what it tells of; this package
// only sends, and saves what came of it. It may die at any line: what was sent and
// not yet saved is sent again, under the same identifier. Deliveries to one hook
// about one run are made one after the other; of all others, many at once.
//
// The sender waits for a wake-up or for the time the next attempt is due, whichever
// comes first, and starts a goroutine for an attempt, not for what waits for one.
package webhook

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"autonoma"
	"autonoma/internal/store"
)

// Config is what a sender needs.
type Config struct {
	DB     *store.DB
	Client *http.Client // goes only where strangers may lead it, and follows no redirect
	Log    *slog.Logger

	// Secrets returns what signs for a hook or for the callbacks of a tenant, newest
	// first.
	Secrets func(ctx context.Context, owner string) ([]autonoma.HookSecret, error)

	// Woken returns a channel that is closed when there may be something to tell.
	Woken func() <-chan struct{}
}

// How much is done at once, and how fast.
const (
	sending = 128                   // attempts at once
	each    = 4                     // to one hook, or of one tenant's callbacks: one that hangs holds up nobody else
	burst   = 50 * time.Millisecond // news come in bursts; one look for several is enough
	poll    = 5 * time.Minute       // to look for what nobody was woken for
	ending  = 500 * time.Millisecond
)

// How long deliveries are kept that are over, and how often others are removed.
const (
	keep  = 30 * 24 * time.Hour
	sweep = 24 * time.Hour
)

// A Sender makes deliveries.
type Sender struct {
	Config

	mu     sync.Mutex
	flying map[autonoma.DeliveryID]string // the attempts under way, by whom they tell
	landed chan struct{}                  // an attempt is over, and there is room for another
}

// New returns a sender.
func New(cfg Config) *Sender {
	return &Sender{Config: cfg, flying: map[autonoma.DeliveryID]string{}, landed: make(chan struct{}, 1)}
}

// Run makes deliveries until ctx is done. Attempts that are under way then have half
// a second to end; those that do not are made again by the next process.
func (s *Sender) Run(ctx context.Context) {
	sendCtx, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	var flights sync.WaitGroup
	var swept time.Time
	for ctx.Err() == nil {
		woken := s.Woken()
		if now := time.Now(); now.Sub(swept) > sweep {
			s.note(ctx, "forget deliveries", s.DB.ForgetDeliveries(ctx, now.Add(-keep)))
			swept = now
		}
		wait, err := s.launch(ctx, func(d autonoma.HookDelivery) {
			flights.Go(func() { s.fly(sendCtx, d) })
		})
		s.note(ctx, "look for deliveries", err)
		select {
		case <-woken:
			pause(ctx, burst)
		case <-s.landed:
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	end := time.AfterFunc(ending, cut)
	flights.Wait()
	end.Stop()
}

// launch begins the attempts that are due, as far as there is room, and returns how
// long it is until the next one is.
func (s *Sender) launch(ctx context.Context, begin func(autonoma.HookDelivery)) (time.Duration, error) {
	now := time.Now()
	for {
		but, busy := s.underway()
		room := sending - len(but)
		if room <= 0 {
			return poll, nil // one will land
		}
		due, err := s.DB.Due(ctx, now, but, busy, room)
		if err != nil {
			return time.Second, err
		}
		for _, d := range due {
			if s.board(d) {
				begin(d)
			}
		}
		if len(due) < room {
			break
		}
	}
	next, err := s.DB.NextDue(ctx, now)
	if err != nil || next.IsZero() {
		return poll, err
	}
	return min(poll, time.Until(next)), nil
}

// underway returns the deliveries that are being attempted, and who has as many of
// them as one may have.
func (s *Sender) underway() (ids []autonoma.DeliveryID, busy []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	count := map[string]int{}
	for id, who := range s.flying {
		ids = append(ids, id)
		if count[who]++; count[who] == each {
			busy = append(busy, who)
		}
	}
	return ids, busy
}

// board reports whether an attempt may begin now, and if so notes it.
func (s *Sender) board(d autonoma.HookDelivery) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	who, n := owner(d), 0
	for _, other := range s.flying {
		if other == who {
			n++
		}
	}
	if n >= each {
		return false
	}
	s.flying[d.ID] = who
	return true
}

// owner is whose secret signs a delivery: the hook's or, for a callback, the tenant's.
func owner(d autonoma.HookDelivery) string {
	if d.Hook != "" {
		return string(d.Hook)
	}
	return string(d.Tenant)
}

// fly makes one attempt and saves what came of it, unless we cut it off.
func (s *Sender) fly(ctx context.Context, d autonoma.HookDelivery) {
	if attempt, ours := s.attempt(ctx, d); ours {
		// What stops the sending must not stop the record of it.
		err := s.record(context.WithoutCancel(ctx), d.ID, attempt)
		s.note(ctx, "save delivery", err, "delivery", d.ID)
		if err != nil {
			pause(ctx, time.Second) // it is due still, and not to be tried at once
		}
	}
	s.mu.Lock()
	delete(s.flying, d.ID)
	s.mu.Unlock()
	select {
	case s.landed <- struct{}{}:
	default: // somebody is told already
	}
}

// record saves what came of an attempt, with what it means for the hook. A delivery
// that was removed meanwhile, with its hook, is nobody's concern any more.
func (s *Sender) record(ctx context.Context, id autonoma.DeliveryID, a autonoma.Attempt) error {
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		d, err := tx.Delivery(id)
		if err != nil {
			return err
		}
		d.Attempted(a, rand.Float64())
		if err := tx.SaveDelivery(d); err != nil || d.Hook == "" {
			return err
		}
		h, err := tx.Hook(d.Hook)
		if err != nil {
			return err
		}
		if a.OK() && h.Failures == 0 {
			return nil
		}
		was := h.Disabled
		h.Attempted(a)
		if h.Disabled != was {
			s.Log.WarnContext(ctx, "hook disabled", "hook", h.ID, "tenant", h.Tenant, "why", h.Disabled)
			err = tx.AbandonDeliveries(h.ID)
		}
		return errors.Join(err, tx.PutHook(h))
	})
	if errors.Is(err, autonoma.ErrNotFound) {
		return nil
	}
	return err
}

func (s *Sender) note(ctx context.Context, what string, err error, args ...any) {
	if err != nil && ctx.Err() == nil {
		s.Log.ErrorContext(ctx, "webhook", append(args, "doing", what, "err", err)...)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
