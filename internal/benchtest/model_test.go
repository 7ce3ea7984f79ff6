package benchtest

import (
	"bytes"
	"context"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"autonoma/internal/model"
	"autonoma/internal/model/script"
)

// The scripts that the benchmarks play.
const (
	// oneNote is a run of one turn that writes nothing.
	oneNote = `
name: note
conversations:
  - turns:
      - calls: [{name: finish, args: {summary: Nothing was to be done., confidence: 0.9}}]
`
	// smallEdit is what the smallest real job looks like.
	smallEdit = `
name: edit
conversations:
  - turns:
      - calls: [{name: bash, args: {command: ls}}]
      - calls: [{name: read, args: {path: notes.txt}}]
      - calls: [{name: edit, args: {path: notes.txt, old: hello, new: goodbye}}]
      - calls: [{name: finish, args: {summary: Say goodbye., confidence: 0.9}}]
`
	// hanging never answers.
	hanging = `
name: hang
conversations:
  - turns:
      - text: Never said.
        fail: [{hang: true, forever: true}]
`
	// manyTurns runs a command in each of 202 turns.
	manyTurns = `
name: turns
conversations:
  - turns:
      - {repeat: 202, calls: [{name: bash, args: {command: "true {{turn}}"}}]}
      - calls: [{name: finish, args: {summary: Nothing was to be done., confidence: 0.9}}]
`
)

// parse reads a script.
func parse(b *testing.B, text string) *script.Script {
	b.Helper()
	s, err := script.Parse([]byte(text))
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// inProcess returns the flags with which a server plays a script itself.
func inProcess(b *testing.B, text string) []string {
	b.Helper()
	file := filepath.Join(b.TempDir(), "script.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	return []string{"--model", "script:" + file}
}

// A stopwatch notes when a model is asked and when it has answered.
type stopwatch struct {
	mu       sync.Mutex
	asked    []time.Time
	answered []time.Time
	news     chan struct{} // one for each question
}

func newStopwatch() *stopwatch { return &stopwatch{news: make(chan struct{}, 10_000)} }

func (s *stopwatch) ask() {
	s.mu.Lock()
	s.asked = append(s.asked, time.Now())
	s.mu.Unlock()
	s.news <- struct{}{}
}

func (s *stopwatch) answer() {
	s.mu.Lock()
	s.answered = append(s.answered, time.Now())
	s.mu.Unlock()
}

// wait waits for the next question of a server. One that does not come is a fault
// of the server, which then says where it hangs.
func (s *stopwatch) wait(b *testing.B, of instance) {
	b.Helper()
	select {
	case <-s.news:
	case <-time.After(30 * time.Second):
		_ = of.cmd.Process.Signal(syscall.SIGQUIT)
		_ = of.cmd.Wait()
		b.Fatalf("the model was not asked within half a minute\n%s", of.said())
	}
}

// last returns when the model was asked last.
func (s *stopwatch) last() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[len(s.asked)-1]
}

// between returns how long after each answer the next question came.
func (s *stopwatch) between() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []time.Duration
	for i, next := range s.asked[1:] {
		all = append(all, next.Sub(s.answered[i]))
	}
	return all
}

// timed is a model with a stopwatch.
type timed struct {
	model.Model
	*stopwatch
}

func (t timed) Turn(ctx context.Context, r model.Request) iter.Seq2[model.Delta, error] {
	t.ask()
	return func(yield func(model.Delta, error) bool) {
		for d, err := range t.Model.Turn(ctx, r) {
			if d.Done != nil {
				t.answer()
			}
			if !yield(d, err) {
				return
			}
		}
	}
}

// provider plays a script over HTTP, with a stopwatch, and returns the environment
// with which a server finds it. A question counts when all of it has arrived.
func provider(b *testing.B, text string) (*stopwatch, []string) {
	b.Helper()
	watch, player := newStopwatch(), script.NewServer(parse(b, text))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		watch.ask()
		r.Body = io.NopCloser(bytes.NewReader(body))
		player.ServeHTTP(w, r)
		watch.answer()
	}))
	b.Cleanup(srv.Close)
	return watch, []string{"AUTONOMA_MODEL=openai/played", "OPENAI_API_KEY=none", "OPENAI_BASE_URL=" + srv.URL + "/v1"}
}
