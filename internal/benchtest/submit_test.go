package benchtest

import (
	"database/sql"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite" // registers the driver
)

// How often tasks are submitted, and how many in a round.
const (
	submitsPerSecond = 200
	submitsPerRound  = 200
)

// BenchmarkSubmit is how long a client waits for the answer that its task is on
// disk, when 200 are submitted each second. The bare operation is one insert with
// synchronous=FULL behind net/http, at the same rate.
func BenchmarkSubmit(b *testing.B) {
	// The only slot is taken by a run that never ends: what counts is the door.
	s := serve(b, dataDir(b), nil, append(inProcess(b, hanging), "--slots", "1")...)
	defer s.kill(b) // its run would hold up a shutdown
	s.submit(b, small(""))
	url := bareInsert(b)
	type round struct{ ours, bare []time.Duration }
	rounds := sample(b, func() round {
		return round{
			ours: steadily(func() { s.submit(b, small("")) }),
			bare: steadily(func() {
				resp, err := s.HTTP.Post(url, "application/json", nil)
				if err != nil {
					b.Error(err)
					return
				}
				resp.Body.Close()
			}),
		}
	})
	var ours, bare []time.Duration
	for _, r := range rounds {
		ours, bare = append(ours, r.ours...), append(bare, r.bare...)
	}
	b.ReportMetric(ms(median(ours)), "p50-ms")
	report(b, "durable submit, p50", median(ours), median(bare), 25*time.Millisecond)
	report(b, "durable submit, p99", quantile(ours, 0.99), quantile(bare, 0.99), 25*time.Millisecond)
}

// steadily calls do at the rate of submits, whether or not earlier calls have
// returned, and returns how long each took from when it was due.
func steadily(do func()) []time.Duration {
	var all sync.WaitGroup
	samples := make([]time.Duration, submitsPerRound)
	begin := time.Now()
	for i := range samples {
		due := begin.Add(time.Duration(i) * time.Second / submitsPerSecond)
		time.Sleep(time.Until(due))
		all.Go(func() {
			do()
			samples[i] = time.Since(due)
		})
	}
	all.Wait()
	return samples
}

// bareInsert serves a handler that inserts a row durably.
func bareInsert(b *testing.B) (url string) {
	b.Helper()
	db, err := sql.Open("sqlite", filepath.Join(b.TempDir(), "bare.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(b.Context(), `CREATE TABLE t (v TEXT)`); err != nil {
		b.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := db.ExecContext(r.Context(), `INSERT INTO t VALUES ('a task')`); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	b.Cleanup(srv.Close)
	return srv.URL
}
