package webhook_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"autonoma"
	"autonoma/internal/store"
)

// A life is what hooks are told of a run, and when it happens.
var life = []autonoma.HookType{
	"task.queued", "task.started", "task.waiting_provider", "task.resumed", "task.completed", "code.generated",
}

// live lets runs live, one status after the other, at random times.
func live(k *kit, random *rand.Rand, runs []autonoma.RunID) {
	for _, next := range []autonoma.Status{autonoma.InProgress, autonoma.WaitingProvider, autonoma.InProgress, autonoma.Completed} {
		random.Shuffle(len(runs), func(i, j int) { runs[i], runs[j] = runs[j], runs[i] })
		for _, id := range runs {
			time.Sleep(time.Duration(random.Int64N(int64(2 * time.Minute))))
			k.become(id, next)
		}
	}
}

// trouble is a receiver that fails, hangs, redirects, resets and breaks off at random.
func trouble(random func(n int) int) func(http.ResponseWriter, *http.Request, arrival) {
	return func(w http.ResponseWriter, r *http.Request, a arrival) {
		switch random(9) {
		case 0:
			w.WriteHeader(http.StatusInternalServerError)
		case 1:
			w.WriteHeader(http.StatusTooManyRequests)
		case 2:
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		case 3:
			hang(w, r, a)
		case 4: // begins to answer, and does not end
			w.WriteHeader(http.StatusBadGateway)
			_ = http.NewResponseController(w).Flush()
			hang(w, r, a)
		case 5:
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				conn.Close()
			}
		case 6: // promises more than it says
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte("x"))
		case 7:
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = conn.Write([]byte("HTTP/1.1 2OO Fine\r\n\r\n"))
				conn.Close()
			}
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	}
}

// Whatever the receiver does and however often the sender dies: when both are well
// again everything has arrived, in the order in which it happened to each run, as it
// was then, signed.
//
// The trouble is drawn from AUTONOMA_TEST_SEED, if that is set.
func TestTrouble(t *testing.T) {
	seed := rand.Uint64()
	if v := os.Getenv("AUTONOMA_TEST_SEED"); v != "" {
		var err error
		if seed, err = strconv.ParseUint(v, 10, 64); err != nil {
			t.Fatalf("AUTONOMA_TEST_SEED: %v", err)
		}
	}
	t.Logf("AUTONOMA_TEST_SEED=%d", seed)
	bubble(t, func(t *testing.T, k *kit) {
		random := rand.New(rand.NewPCG(seed, 0))
		dice := rand.New(rand.NewPCG(seed, 1))
		k.answers(trouble(func(n int) int {
			k.mu.Lock()
			defer k.mu.Unlock()
			return dice.IntN(n)
		}))
		all := k.hook("/all", autonoma.AllHookTypes)
		some := k.hook("/some", "task.completed", "task.started")
		stop := k.start()
		var runs []autonoma.RunID
		for range 12 {
			runs = append(runs, k.submit("/callback"))
		}
		for range 3 {
			time.Sleep(time.Duration(random.Int64N(int64(20 * time.Second))))
			if took := stop(); took > time.Second {
				t.Errorf("it took %v to stop", took)
			}
			stop = k.start()
		}
		live(k, random, slices.Clone(runs))
		time.Sleep(6 * time.Hour)
		k.answers(nil)
		time.Sleep(24 * time.Hour)
		stop()

		for _, run := range runs {
			for path, want := range map[string][]autonoma.HookType{
				"/all": life, "/some": {"task.started", "task.completed"}, "/callback": {"task.completed"},
			} {
				if diff := cmp.Diff(want, k.types(path, run)); diff != "" {
					t.Errorf("%s is told of %s (-want +got):\n%s", path, run, diff)
				}
				if n := k.crowd[path+" "+string(run)]; n != 1 {
					t.Errorf("%s was told of %s %d times at once", path, run, n)
				}
			}
		}
		for path, owner := range map[string]string{"/all": string(all.ID), "/some": string(some.ID), "/callback": string(k.tenant)} {
			for _, a := range k.seen(path) {
				k.verify(a, k.secret(owner))
				if a.data.Status != statusOf(a.typ) || (a.data.Output != nil) != (a.data.Status == autonoma.Completed) {
					t.Errorf("%s told of a run that is %s: %s", a.typ, a.data.Status, a.body)
				}
			}
			if n := k.crowd[path]; n > 4 {
				t.Errorf("%s was told %d things at once", path, n)
			}
		}
		if n := len(k.seen("/elsewhere")); n > 0 {
			t.Errorf("%d redirects were followed", n)
		}
		for _, hook := range []autonoma.HookID{all.ID, some.ID, ""} {
			for _, d := range k.deliveries(hook) {
				if d.Status != autonoma.Delivered {
					t.Errorf("%s is %s after %d attempts: %s", d.Type, d.Status, d.Attempts, d.Last.Problem)
				}
			}
		}
	})
}

// What is never accepted is dead after a day, and makes way for what comes after it.
// Made again, it arrives. A hook that fails for days is disabled.
func TestDead(t *testing.T) {
	bubble(t, func(t *testing.T, k *kit) {
		defer k.start()()
		h := k.hook("/hook", "task.queued", "task.cancelled")
		k.answers(func(w http.ResponseWriter, _ *http.Request, a arrival) {
			w.WriteHeader(map[autonoma.HookType]int{"task.queued": 500, "task.cancelled": 200}[a.typ])
			fmt.Fprint(w, strings.Repeat("no\x00\xff", 1000))
		})
		run := k.submit("")
		time.Sleep(time.Second)
		k.become(run, autonoma.Cancelled)
		time.Sleep(12 * time.Hour)
		if got := k.types("/hook", run); len(got) != 1 {
			t.Errorf("%v before the first is over", got)
		}
		time.Sleep(12 * time.Hour)
		all := k.deliveries(h.ID)
		if all[0].Status != autonoma.DeliveryDead || all[0].Attempts < 12 || all[1].Status != autonoma.Delivered {
			t.Fatalf("%+v", all)
		}
		last := all[0].Last
		if last.Status != 500 || last.Problem != "it answered 500" || !strings.HasPrefix(last.Answer, "no\uFFFD\uFFFDno") || strings.Count(last.Answer, "no") != autonoma.MaxAnswer/4 {
			t.Errorf("%+v", last)
		}
		k.answers(nil)
		all[0].Again(time.Now())
		k.update(func(tx *store.Tx) error { return tx.RequeueDelivery(all[0]) })
		k.log.Wake("")
		time.Sleep(time.Second)
		if again := k.deliveries(h.ID)[0]; again.Status != autonoma.Delivered || again.Attempts != 1 {
			t.Errorf("%+v", again)
		}

		k.answers(status(503))
		for range 6 {
			k.submit("")
			time.Sleep(24 * time.Hour)
		}
		got, err := k.db.Hook(t.Context(), h.ID)
		if err != nil || !strings.Contains(got.Disabled, "the last time: it answered 503") {
			t.Errorf("%+v, %v", got, err)
		}
		before := len(k.seen("/hook"))
		k.submit("")
		time.Sleep(24 * time.Hour)
		if n := len(k.seen("/hook")) - before; n > 0 {
			t.Errorf("disabled, it is told %d things", n)
		}
		for _, d := range k.deliveries(h.ID) {
			if d.Status == autonoma.DeliveryPending {
				t.Errorf("disabled, it is still to be told: %+v", d)
			}
		}
	})
}

// Who is gone is told nothing more.
func TestGone(t *testing.T) {
	bubble(t, func(t *testing.T, k *kit) {
		defer k.start()()
		h := k.hook("/hook", "*")
		k.answers(status(http.StatusGone))
		k.become(k.submit(""), autonoma.Cancelled)
		time.Sleep(48 * time.Hour)
		got, err := k.db.Hook(t.Context(), h.ID)
		if n := len(k.seen("/hook")); n != 1 || err != nil || got.Disabled != "it answered 410 (gone)" {
			t.Errorf("told %d times: %+v, %v", n, got, err)
		}
	})
}

// A receiver that hangs holds up its own deliveries only, and is called off in time.
func TestHanging(t *testing.T) {
	bubble(t, func(t *testing.T, k *kit) {
		stop := k.start()
		defer func() { stop() }()
		slow, quick := k.hook("/slow", "task.queued"), k.hook("/quick", "task.queued")
		k.answers(func(w http.ResponseWriter, r *http.Request, a arrival) {
			if a.path == "/slow" {
				hang(w, r, a)
			}
		})
		for range 150 {
			k.submit("")
		}
		time.Sleep(time.Second)
		if n := len(k.seen("/quick")); n != 150 {
			t.Errorf("the other was told %d things", n)
		}
		if n := len(k.seen("/slow")); n != 4 {
			t.Errorf("who hangs was told %d things", n)
		}
		time.Sleep(10 * time.Second)
		all := k.deliveries(slow.ID)
		first := all[slices.IndexFunc(all, func(d autonoma.HookDelivery) bool { return d.Attempts > 0 })]
		if first.Last.Problem != "it did not answer within 10s" || first.Last.Took != 10*time.Second || first.Status != autonoma.DeliveryPending {
			t.Errorf("%+v", first)
		}
		for _, d := range k.deliveries(quick.ID) {
			if d.Attempts != 1 {
				t.Errorf("%+v", d)
			}
		}
		// The process ends while four are under way: they are as if not begun.
		if took := stop(); took > time.Second {
			t.Errorf("it took %v to stop", took)
		}
		tried := 0
		for _, d := range k.deliveries(slow.ID) {
			tried += d.Attempts
		}
		if tried != 4 {
			t.Errorf("%d attempts are counted; the four that were cut off are not the receiver's fault", tried)
		}
		// Nor does what has piled up for one hold up what is newer and for another.
		k.hook("/late", "task.queued")
		k.submit("")
		stop = k.start()
		time.Sleep(time.Second)
		if n := len(k.seen("/late")); n != 1 {
			t.Errorf("who came late was told %d things", n)
		}
		stop()
		k.answers(nil)
		stop = k.start()
		time.Sleep(time.Minute)
		for _, d := range k.deliveries(slow.ID) {
			if d.Status != autonoma.Delivered {
				t.Errorf("%+v", d)
			}
		}
	})
}

// While there is nothing to do the sender does nothing; what it is not woken for it
// finds by itself.
func TestIdle(t *testing.T) {
	bubble(t, func(t *testing.T, k *kit) {
		stop := k.start()
		time.Sleep(time.Hour)
		if n := k.looks.Load(); n > 13 {
			t.Errorf("it has looked %d times in an hour", n)
		}
		stop()
		h := k.hook("/hook", "*")
		stop = k.start()
		defer func() { stop() }()
		time.Sleep(time.Second)
		ping := autonoma.NewPing(h, time.Now())
		k.update(func(tx *store.Tx) error { return tx.InsertDelivery(ping) })
		time.Sleep(5 * time.Minute)
		got := k.seen("/hook")
		if len(got) != 1 || got[0].typ != autonoma.PingHookType || got[0].id != string(ping.ID) || !strings.Contains(string(got[0].body), `"data":{"webhookId":"`+string(h.ID)+`"}`) {
			t.Errorf("%+v", got)
		}
		// Woken all the time, as by a busy worker, it looks now and then.
		k.looks.Store(0)
		for range 10_000 {
			k.log.Wake("")
			time.Sleep(time.Millisecond)
		}
		if n := k.looks.Load(); n > 250 {
			t.Errorf("it has looked %d times in ten seconds", n)
		}
		// A ping that fails is not made again.
		k.answers(status(500))
		k.update(func(tx *store.Tx) error { return tx.InsertDelivery(autonoma.NewPing(h, time.Now())) })
		time.Sleep(24 * time.Hour)
		if n := len(k.seen("/hook")); n != 2 {
			t.Errorf("there were %d pings", n)
		}
	})
}

// While a secret is replaced two are good, and both verify what is sent.
func TestRotation(t *testing.T) {
	bubble(t, func(t *testing.T, k *kit) {
		defer k.start()()
		h := k.hook("/hook", "task.queued")
		old := k.secret(string(h.ID))
		k.update(func(tx *store.Tx) error { _, err := k.secrets.Rotate(tx, string(h.ID)); return err })
		k.submit("")
		time.Sleep(25 * time.Hour)
		k.submit("")
		time.Sleep(time.Second)
		got := k.seen("/hook")
		k.verify(got[0], old)
		k.verify(got[0], k.secret(string(h.ID)))
		k.verify(got[1], k.secret(string(h.ID)))
		for i, want := range []int{2, 1} {
			if n := len(strings.Fields(got[i].header.Get("webhook-signature"))); n != want {
				t.Errorf("%d signatures", n)
			}
		}
	})
}

// A hook that is removed while it is told something takes all of it along.
func TestRemoved(t *testing.T) {
	bubble(t, func(t *testing.T, k *kit) {
		defer k.start()()
		h := k.hook("/hook", "*")
		k.answers(hang)
		k.submit("")
		time.Sleep(time.Second)
		k.update(func(tx *store.Tx) error { return tx.DeleteHook(h) })
		time.Sleep(time.Hour)
		if n := len(k.deliveries(h.ID)); n != 0 || len(k.seen("/hook")) != 1 {
			t.Errorf("%d deliveries are left", n)
		}
	})
}
