package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"autonoma"
	"autonoma/api"
	"autonoma/client"
	"autonoma/internal/model/modeltest"
	"autonoma/internal/model/script"
)

// soon is how long a cancelled run may take to end. A machine that is busy with
// other things has a few tries.
const (
	soon  = time.Second
	tries = 3
)

// inTime tries something that should be over soon.
func inTime(t *testing.T, what string, try func() time.Duration) {
	t.Helper()
	for n := 1; ; n++ {
		took := try()
		t.Logf("%s ended %v after the request to cancel", what, took.Round(time.Millisecond))
		if took <= soon {
			return
		}
		if n == tries {
			t.Fatalf("%s takes longer than %v to end, each of %d times", what, soon, tries)
		}
	}
}

// cancel calls a task off, waits until nothing of it goes on, and returns how long
// that took.
func cancel(t *testing.T, c *client.Client, id autonoma.RunID, over func() bool) time.Duration {
	t.Helper()
	begin := time.Now()
	task, err := c.CancelTask(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if task.Status != autonoma.Cancelled {
		t.Errorf("the answer says %s", task.Status)
	}
	eventually(t, "it is over", over)
	took := time.Since(begin)
	if task = finish(t, c, id); task.Status != autonoma.Cancelled {
		t.Errorf("%s is %s, want %s", id, task.Status, autonoma.Cancelled)
	}
	return took
}

// sleeper is a script whose agent runs a command that takes ten minutes, and the
// words by which to know its process.
func sleeper() (yaml, command string) {
	command = "sleep 600." + newMarker()
	return coder(`
      - calls: [{name: bash, args: {command: "(trap '' TERM INT HUP; ` + command + `) & ` + command + `; wait", timeout: 900}}]
`), command
}

func TestCancelCommand(t *testing.T) {
	t.Parallel()
	repo := greeting(t)
	yaml, command := sleeper()
	s, c := serve(t, modeltest.NewServer(t, yaml), "--source-root", repo)
	inTime(t, command, func() time.Duration {
		id := submit(t, c, slip(repo, autonoma.Demo))
		eventually(t, "the command runs", func() bool { return running(command) })
		return cancel(t, c, id, func() bool { return !running(command) })
	})
	s.cleared()
}

// A hanging is a model server that never answers, and counts who waits.
type hanging struct {
	*modeltest.Server
	waiting atomic.Int64
}

func newHanging(t *testing.T) *hanging {
	t.Helper()
	play := script.NewServer(modeltest.Script(t, coder(`
      - fail: [{hang: true, forever: true}]
`)))
	h := new(hanging)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.waiting.Add(1)
		defer h.waiting.Add(-1)
		play.ServeHTTP(w, r)
	}))
	t.Cleanup(web.Close)
	h.Server = &modeltest.Server{Server: play, URL: web.URL}
	return h
}

func TestCancelModelCall(t *testing.T) {
	t.Parallel()
	for _, of := range []struct{ provider, model string }{
		{"anthropic", "anthropic/script"},
		{"openai", "openai/script"},
		{"openai-responses", "openai-responses/script"},
	} {
		t.Run(of.provider, func(t *testing.T) {
			t.Parallel()
			repo, models := greeting(t), newHanging(t)
			s := newServer(t, models.Server, "--source-root", repo)
			s.env = append(s.env, "AUTONOMA_MODEL="+of.model, "ANTHROPIC_API_KEY=any", "ANTHROPIC_BASE_URL="+models.URL)
			s.start()
			c := s.ready()
			inTime(t, "the model call", func() time.Duration {
				id := submit(t, c, slip(repo, autonoma.Demo))
				eventually(t, "the model is asked", func() bool { return models.waiting.Load() == 1 })
				return cancel(t, c, id, func() bool { return models.waiting.Load() == 0 })
			})
			s.cleared()
		})
	}
}

// TestCancelQueued cancels a run that waits for its turn: it never begins.
func TestCancelQueued(t *testing.T) {
	t.Parallel()
	repo, models := greeting(t), newHanging(t)
	_, c := serve(t, models.Server, "--source-root", repo, "--slots", "1")
	first := submit(t, c, slip(repo, autonoma.Demo))
	eventually(t, "the model is asked", func() bool { return models.waiting.Load() == 1 })
	second := submit(t, c, slip(repo, autonoma.Demo))
	if task := get(t, c, second); task.Status != autonoma.Queued {
		t.Fatalf("the second run is %s, want %s", task.Status, autonoma.Queued)
	}
	cancel(t, c, second, func() bool { return true })
	third := submit(t, c, slip(repo, autonoma.Demo)) // it takes the place of the first
	cancel(t, c, first, func() bool { return true })
	await(t, c, third, func(e api.Event) bool { return e.Kind == autonoma.EventPhase })
	cancel(t, c, third, func() bool { return models.waiting.Load() == 0 })
	await(t, c, second, func(e api.Event) bool {
		if e.Kind != autonoma.EventStatus {
			t.Errorf("a run that was cancelled while it waited has an event %s", e.Kind)
		}
		return false
	})
}

// TestCancelFinished cancels a run that is over: it stays as it is.
func TestCancelFinished(t *testing.T) {
	t.Parallel()
	repo := greeting(t)
	_, c := serve(t, modeltest.NewServer(t, coder(mend)), "--source-root", repo)
	before := completed(t, c, submit(t, c, slip(repo, autonoma.Demo)))
	for range 2 {
		_, err := c.CancelTask(t.Context(), before.TaskID)
		problem, ok := errors.AsType[*api.Problem](err)
		if !ok || problem.Status != http.StatusConflict || !errors.Is(err, autonoma.ErrConflict) {
			t.Errorf("cancelling a finished run says %v, want a conflict", err)
		}
	}
	if after := get(t, c, before.TaskID); after.Status != autonoma.Completed || !after.CompletedAt.Equal(*before.CompletedAt) {
		t.Errorf("it was %s at %v and is %s at %v", before.Status, before.CompletedAt, after.Status, after.CompletedAt)
	}
}

// TestInterrupt types Ctrl-C while autonoma run works: the task is cancelled, its
// command ends, and so does the program.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	repo := greeting(t)
	yaml, command := sleeper()
	s := newServer(t, modeltest.NewServer(t, yaml))
	p := start(t, s.env, "run", "Spell the greeting right.", "--source", repo, "--scope", "demo", "--data", s.data)
	eventually(t, "the command runs", func() bool { return running(command) })
	begin := time.Now()
	p.signal(syscall.SIGINT)
	if code := p.exit(); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	took := time.Since(begin)
	t.Logf("ended %v after Ctrl-C", took.Round(time.Millisecond))
	if took > grace/2 {
		t.Errorf("it ended only after %v", took)
	}
	if said := read(t, p.err); !strings.Contains(said, "was cancelled") {
		t.Errorf("it says %q, and not that the task was cancelled", said)
	}
	gone(t, command)
	s.args = []string{"--source-root", repo}
	s.start()
	c := s.ready()
	for task, err := range c.Tasks(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if task.Status != autonoma.Cancelled {
			t.Errorf("%s is %s, want %s", task.TaskID, task.Status, autonoma.Cancelled)
		}
	}
	s.cleared()
}
