package main

import (
	"math/rand/v2"
	"testing"

	"autonoma"
	"autonoma/internal/model/modeltest"
)

// TestAcceptedIsKept kills the server as soon as it has accepted a few tasks, and
// shows that each is there and is carried out.
func TestAcceptedIsKept(t *testing.T) {
	const rounds, most = 10, 3
	repo := greeting(t)
	models := modeltest.NewServer(t, coder(mend))
	s := newServer(t, models, "--source-root", repo)
	var accepted []autonoma.RunID
	for range rounds {
		s.start()
		c := s.ready()
		for _, id := range accepted {
			get(t, c, id)
		}
		for range 1 + rand.IntN(most) {
			accepted = append(accepted, submit(t, c, slip(repo, autonoma.Demo)))
		}
		s.kill()
	}
	s.start()
	c := s.ready()
	for _, id := range accepted {
		completed(t, c, id)
	}
	t.Logf("killed %d times; all %d tasks that were accepted are completed", rounds, len(accepted))
}
