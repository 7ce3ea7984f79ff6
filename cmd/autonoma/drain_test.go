package main

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/model/modeltest"
	"autonoma/internal/workspace/workspacetest"
)

// pauses is a script of an agent whose every command takes a while, and adds a line
// to a file at home, where nothing is put back: it tells how often each was run.
func pauses(turns string) string {
	return coder(`
      - repeat: ` + turns + `
        calls: [{name: bash, args: {command: "sleep 0.3; echo {{turn}} >> $HOME/turns; cp $HOME/turns turns.txt"}}]
` + mend)
}

// TestDrain stops the server while it works: it ends by itself at the next event,
// and after the next start the run goes on with nothing done twice.
func TestDrain(t *testing.T) {
	t.Parallel()
	repo := greeting(t)
	models := modeltest.NewServer(t, pauses("6"))
	s, c := serve(t, models, "--source-root", repo)
	id := submit(t, c, slip(repo, autonoma.Demo))
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		calls := 0
		await(t, c, id, func(e api.Event) bool {
			if e.Kind == autonoma.EventCall {
				calls++
			}
			return calls == 2 && signal == syscall.SIGTERM || calls == 4
		})
		begin := time.Now()
		s.signal(signal)
		if code := s.exit(); code != 0 {
			t.Errorf("%v: exit code %d, want 0\n%s", signal, code, read(t, s.process.err))
		}
		took := time.Since(begin)
		t.Logf("%v: ended after %v", signal, took.Round(time.Millisecond))
		if took > grace/2 {
			t.Errorf("%v: it took %v to come to the next event", signal, took)
		}
		s.start()
		c = s.ready()
		if task := get(t, c, id); task.Status.Final() {
			t.Errorf("%v: %s is %s after the next start", signal, id, task.Status)
		}
	}
	completed(t, c, id)
	if got := workspacetest.Git(t, repo, "show", "autonoma/"+string(id)+":turns.txt"); got != "0\n1\n2\n3\n4\n5" {
		t.Errorf("the commands left %q", got)
	}
	await(t, c, id, func(e api.Event) bool {
		if e.Kind == autonoma.EventRepeat {
			t.Errorf("done again although nothing was under way: %s", e.Data)
		}
		return false
	})
	if asked := models.Log(); len(asked) != len(keysOf(asked)) {
		t.Errorf("%d requests for %d turns: something was asked for again", len(asked), len(keysOf(asked)))
	}
	s.cleared()
}

// TestDrainCutsOff stops a server whose command comes to no end: after its grace
// it is cut off, and made again after the next start.
func TestDrainCutsOff(t *testing.T) {
	t.Parallel()
	repo := greeting(t)
	yaml, command := sleeper()
	s, c := serve(t, modeltest.NewServer(t, yaml), "--source-root", repo)
	id := submit(t, c, slip(repo, autonoma.Demo))
	eventually(t, "the command runs", func() bool { return running(command) })
	s.signal(syscall.SIGTERM)
	if code := s.exit(); code != 0 {
		t.Errorf("exit code %d, want 0\n%s", code, read(t, s.process.err))
	}
	gone(t, command)
	s.start()
	c = s.ready()
	eventually(t, "the command runs again", func() bool { return running(command) })
	if !await(t, c, id, func(e api.Event) bool { return e.Kind == autonoma.EventRepeat }) {
		t.Error("its log does not tell of it")
	}
	cancel(t, c, id, func() bool { return !running(command) })
	s.cleared()
}

// TestOneServer starts a second server on a data directory: it is refused, and the
// first is not disturbed.
func TestOneServer(t *testing.T) {
	t.Parallel()
	models := modeltest.NewServer(t, coder(mend))
	s, _ := serve(t, models)
	second := start(t, s.env, "serve", "--listen", "127.0.0.1:0", "--data", s.data)
	if code := second.exit(); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	if said := read(t, second.err); !strings.Contains(said, s.data) || !strings.Contains(said, "another autonoma works on this data directory") {
		t.Errorf("it says %q", said)
	}
	s.ready() // the credentials still lead to the first
}

// TestRunUsesServer gives a task to autonoma run while a server works on the same
// data directory: the server carries it out.
func TestRunUsesServer(t *testing.T) {
	t.Parallel()
	repo := greeting(t)
	models := modeltest.NewServer(t, coder(mend))
	s, c := serve(t, models, "--source-root", repo)
	p := start(t, s.env, "run", "Spell the greeting right.", "--source", repo, "--scope", "demo", "--data", s.data)
	if code := p.exit(); code != 0 {
		t.Fatalf("exit code %d, want 0\n%s", code, read(t, p.err))
	}
	n := 0
	for task, err := range c.Tasks(t.Context(), autonoma.Completed) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		if !strings.Contains(read(t, p.out), string(task.TaskID)) {
			t.Errorf("%s is not what was shown:\n%s", task.TaskID, read(t, p.out))
		}
	}
	if n != 1 {
		t.Errorf("the server completed %d tasks, want 1", n)
	}
}
