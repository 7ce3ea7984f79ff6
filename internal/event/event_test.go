package event_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"autonoma"
	"autonoma/internal/event"
)

// source is a log in memory.
type source struct {
	mu     sync.Mutex
	events []autonoma.Event
	fail   error
	reads  int
}

func (s *source) add(status autonoma.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := autonoma.NewEvent(autonoma.EventStatus, "", time.Time{}, autonoma.StatusChanged{Status: status})
	e.Seq = int64(len(s.events)) + 1
	s.events = append(s.events, e)
}

func (s *source) Events(_ context.Context, _ autonoma.RunID, after int64, limit int) ([]autonoma.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	news := s.events[min(after, int64(len(s.events))):]
	return slices.Clone(news[:min(limit, len(news))]), s.fail
}

func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{}
		log := event.NewLog(src, time.Second)
		for range 450 {
			src.add(autonoma.InProgress)
		}
		go func() {
			time.Sleep(40 * time.Second) // two signs of life pass
			src.add(autonoma.InProgress)
			log.Wake("task_1")
			time.Sleep(58 * time.Second)
			src.add(autonoma.Completed) // nobody is told: the poll finds it
		}()
		var seqs []int64
		signs := 0
		for news, err := range log.Follow(t.Context(), "task_1", 3, 15*time.Second) {
			if err != nil {
				t.Fatal(err)
			}
			if len(news) == 0 {
				signs++
			}
			for _, e := range news {
				seqs = append(seqs, e.Seq)
			}
		}
		if len(seqs) != 449 || seqs[0] != 4 || seqs[448] != 452 || !slices.IsSorted(seqs) {
			t.Errorf("got %d events, from %d", len(seqs), seqs[0])
		}
		if signs != 2+3 {
			t.Errorf("%d signs of life", signs)
		}
	})
}

func TestFollowEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{fail: errors.New("disk gone")}
		log := event.NewLog(src, time.Second)
		var last error
		for _, err := range log.Follow(t.Context(), "task_1", 0, time.Minute) {
			last = err
		}
		if !errors.Is(last, src.fail) {
			t.Errorf("ended with %v", last)
		}
		src.fail = nil
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		for range log.Follow(ctx, "task_1", 0, time.Minute) {
		}
		if ctx.Err() == nil {
			t.Error("ended before its time")
		}
	})
}

// What happens in a run is read once, however many follow it, and each of them sees
// all of it: those who are there from the start, those who come in the middle and are
// far behind, those who take their time, and those who ask for what there is not yet.
func TestFollowTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const readers, start, happens = 200, 300, 700
		src := &source{}
		log := event.NewLog(src, time.Minute)
		for range start {
			src.add(autonoma.InProgress)
		}
		var all sync.WaitGroup
		for i := range readers {
			all.Go(func() {
				after := int64(i) % (start + 10)
				pause := time.Duration(0)
				if i%100 == 0 {
					pause = 300 * time.Millisecond
				}
				if i%10 == 0 {
					time.Sleep(time.Duration(i) * 10 * time.Millisecond)
				}
				next := after + 1
				for news, err := range log.Follow(t.Context(), "task_1", after, time.Hour) {
					if err != nil {
						t.Error(err)
					}
					for _, e := range news {
						if e.Seq != next {
							t.Errorf("reader %d got %d instead of %d", i, e.Seq, next)
						}
						next++
					}
					time.Sleep(pause)
				}
				if next != start+happens+1 {
					t.Errorf("reader %d ended before %d", i, next)
				}
			})
		}
		time.Sleep(time.Second)
		for i := range happens {
			if i == happens-1 {
				src.add(autonoma.Completed)
			} else {
				src.add(autonoma.InProgress)
			}
			log.Wake("task_1")
			time.Sleep(20 * time.Millisecond)
		}
		all.Wait()
		// Every reader reads what was there before it, and few times more.
		if most := happens + 10*readers; src.reads > most {
			t.Errorf("%d reads, want at most %d", src.reads, most)
		}
		t.Logf("%d reads for %d events to %d readers", src.reads, happens, readers)
	})
}

// News of one run wakes nobody who follows another, but does wake who waits for any.
func TestWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{}
		log := event.NewLog(src, time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for range log.Follow(ctx, "task_1", 0, time.Hour) {
			}
		}()
		synctest.Wait()
		before, woken := src.reads, log.Woken()
		log.Wake("task_2")
		log.Wake("")
		synctest.Wait()
		select {
		case <-woken:
		default:
			t.Error("whoever waits for any news was not woken")
		}
		if src.reads != before {
			t.Error("a run was read because of another")
		}
		log.Wake("task_1")
		synctest.Wait()
		if src.reads == before {
			t.Error("a run was not read at its own news")
		}
		cancel()
	})
}
