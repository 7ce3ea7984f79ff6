package benchtest

import (
	"testing"
	"time"

	"autonoma"
)

// history is how many runs a data directory with a past holds.
const history = 30

// BenchmarkStart is the time from the start of the process until it answers that it
// is ready: on a new data directory, and on one with a history. The bare operation
// is the same of the least Go HTTP server.
func BenchmarkStart(b *testing.B) {
	bareServer := program(b, "./testdata/bare")
	start := func(data string, flags []string) pair {
		s := serve(b, data, nil, flags...)
		s.stop(b)
		other := launch(b, "/", nil, bareServer)
		other.stop(b)
		return pair{s.ready, other.ready}
	}
	b.Run("new", func(b *testing.B) {
		flags := inProcess(b, oneNote)
		all := sample(b, func() pair { return start(dataDir(b), flags) })
		report(b, "start to ready, new data directory", median(ours(all)), median(bare(all)), 300*time.Millisecond)
	})
	b.Run("old", func(b *testing.B) {
		flags, data := inProcess(b, oneNote), dataDir(b)
		s := serve(b, data, nil, flags...)
		var ids []autonoma.RunID
		for range history {
			ids = append(ids, s.submit(b, small("")))
		}
		for _, id := range ids {
			s.finish(b, id)
		}
		s.stop(b)
		all := sample(b, func() pair { return start(data, flags) })
		report(b, "start to ready, with a history", median(ours(all)), median(bare(all)), 300*time.Millisecond)
	})
}
