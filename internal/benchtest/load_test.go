package benchtest

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"autonoma"
)

// How many clients submit and poll at once, and for how long.
const (
	loadClients = 64
	loadTime    = time.Minute
)

// BenchmarkLoad is how many requests are answered when 64 clients submit tasks and
// ask for them until they are over, while the tasks are carried out by the same
// process. The bare operation is one durable insert behind net/http, for each.
func BenchmarkLoad(b *testing.B) {
	s := serve(b, dataDir(b), nil, append(inProcess(b, oneNote), "--slots", "16")...)
	defer s.stop(b)
	url := bareInsert(b)
	transport := s.HTTP.Transport.(*http.Transport)
	transport.MaxIdleConnsPerHost = loadClients
	var submits, polls, plain load
	for b.Loop() {
		together(loadTime, func(until time.Time) {
			for time.Now().Before(until) {
				begin := time.Now()
				made, err := s.CreateTask(b.Context(), small(""))
				submits.add(time.Since(begin), err)
				for over := err != nil; !over && time.Now().Before(until); {
					time.Sleep(100 * time.Millisecond)
					begin := time.Now()
					task, err := s.Task(b.Context(), made.TaskID)
					polls.add(time.Since(begin), err)
					if over = err != nil || task.Status.Final(); over && task.Status != autonoma.Completed {
						b.Errorf("%s is %s: %+v", made.TaskID, task.Status, task.Error)
					}
				}
			}
		})
		together(loadTime/6, func(until time.Time) {
			for time.Now().Before(until) {
				begin := time.Now()
				resp, err := s.HTTP.Post(url, "application/json", nil)
				if err == nil {
					resp.Body.Close()
				}
				plain.add(time.Since(begin), err)
			}
		})
	}
	for _, l := range []*load{&submits, &polls, &plain} {
		if l.failed > 0 || len(l.took) == 0 {
			b.Fatalf("%d requests failed, %d did not; the first: %v\n%s", l.failed, len(l.took), l.err, s.said())
		}
	}
	perSecond := float64(len(submits.took)+len(polls.took)) / loadTime.Seconds() / float64(b.N)
	inserts := float64(len(plain.took)) / (loadTime / 6).Seconds() / float64(b.N)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(perSecond, "requests/s")
	b.ReportMetric(inserts/perSecond, "ratio")
	bench.table.add("64 clients, requests in a second", fmt.Sprintf("%.0f", perSecond), fmt.Sprintf("%.0f", inserts), fmt.Sprintf("%.1f", inserts/perSecond), "")
	report(b, "64 clients, submit, p50", median(submits.took), median(plain.took), 0)
	report(b, "64 clients, submit, p99", quantile(submits.took, 0.99), quantile(plain.took, 0.99), 0)
	report(b, "64 clients, poll, p50", median(polls.took), median(plain.took), 0)
	report(b, "64 clients, poll, p99", quantile(polls.took, 0.99), quantile(plain.took, 0.99), 0)
}

// A load is how long each of many requests took.
type load struct {
	mu     sync.Mutex
	took   []time.Duration
	failed int
	err    error // the first
}

func (l *load) add(took time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		if l.failed++; l.err == nil {
			l.err = err
		}
		return
	}
	l.took = append(l.took, took)
}

// together has all clients do something until the time is over.
func together(d time.Duration, do func(until time.Time)) {
	until := time.Now().Add(d)
	var all sync.WaitGroup
	for range loadClients {
		all.Go(func() { do(until) })
	}
	all.Wait()
}
