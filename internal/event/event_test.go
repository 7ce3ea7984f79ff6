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
	news := s.events[after:]
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
			log.Wake()
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
