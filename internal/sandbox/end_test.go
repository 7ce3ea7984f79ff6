package sandbox

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// mark returns an argument for sleep by which a process can be found again.
func mark(t *testing.T) string {
	t.Helper()
	n, err := rand.Int(rand.Reader, big.NewInt(1e15))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("86400.%015d", n)
}

// leaving is a script that leaves processes behind in every way a shell knows.
func leaving(mark string) string {
	return strings.ReplaceAll(`
sleep MARK &
nohup sleep MARK >/dev/null 2>&1 &
setsid sh -c 'trap "" TERM HUP INT; sleep MARK & sleep MARK' >/dev/null 2>&1 </dev/null &
(setsid setsid sh -c '(sleep MARK &) ; sleep MARK' &)
`, "MARK", mark)
}

func TestNothingIsLeft(t *testing.T) {
	promised(t, cleanEnd, func(t *testing.T, s Sandbox) {
		m := mark(t)
		ends := map[string]struct {
			script string
			limits Limits
			want   Reason
		}{
			"by itself":  {script: leaving(m) + "sleep 0.1; exit 0"},
			"by a limit": {script: leaving(m) + "sleep " + m, limits: Limits{Wall: 300 * time.Millisecond}, want: Timeout},
		}
		for name, tt := range ends {
			t.Run(name, func(t *testing.T) {
				got := sh(t, s, tt.script, Command{Limits: tt.limits})
				if got.Reason != tt.want {
					t.Errorf("ended with %+v %s", got.Exit, got.out)
				}
				if left := processes(m); len(left) > 0 {
					t.Errorf("left processes %v", left)
				}
			})
		}
	})
}

func TestCancel(t *testing.T) {
	level(t, all, func(t *testing.T, s Sandbox) {
		m, ws := mark(t), closedDir(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var at time.Time
		go func() {
			for {
				if _, err := os.Stat(filepath.Join(ws, "started")); err == nil || t.Context().Err() != nil {
					break
				}
				time.Sleep(time.Millisecond)
			}
			at = time.Now()
			cancel()
		}()
		e, err := s.Run(ctx, Command{Argv: []string{"/bin/sh", "-c", leaving(m) + "trap '' TERM INT HUP; touch started; sleep " + m}, Workspace: ws, Stdout: io.Discard})
		took := time.Since(at)
		if err != nil || e.Reason != Cancelled || e.Code != 137 {
			t.Errorf("ended with %+v, %v", e, err)
		}
		if left := processes(m); len(left) > 0 {
			t.Errorf("left processes %v", left)
		}
		// The promise is 100 ms; a busy machine gets some more.
		if took > time.Second {
			t.Errorf("took %s to end", took)
		}
		t.Logf("ended %s after the word", took.Round(time.Millisecond))
		if e, err := s.Run(ctx, Command{Argv: []string{"true"}, Workspace: ws}); err != nil || e.Reason != Cancelled {
			t.Errorf("after the end of the context: %+v, %v", e, err)
		}
	})
}

// When the server is killed, nothing it ran goes on.
func TestServerKilled(t *testing.T) {
	promised(t, cleanEnd, func(t *testing.T, s Sandbox) {
		m, ws, tmp := mark(t), closedDir(t), t.TempDir()
		server := exec.CommandContext(t.Context(), self(t))
		server.Env = append(os.Environ(), playServer+"="+ws, "AUTONOMA_TEST_LEVEL="+string(s.Level()), "AUTONOMA_TEST_MARK="+m, "TMPDIR="+tmp)
		server.Stderr = os.Stderr
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the command runs", func() bool {
			_, err := os.Stat(filepath.Join(ws, "started"))
			return err == nil && (s.Level() == GVisor || len(processes("sleep\x00"+m)) == 2) // of which the host sees nothing
		})
		if err := server.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		server.Wait()
		eventually(t, "the command ends with its server", func() bool { return len(processes(m))+len(processes(tmp)) == 0 })
		if s := read(t, "/proc/self/mountinfo"); strings.Contains(s, tmp) {
			t.Errorf("a mount is left: %s", s)
		}
	})
}

func TestLimits(t *testing.T) {
	promised(t, limited, func(t *testing.T, s Sandbox) {
		t.Run("time", func(t *testing.T) {
			got := sh(t, s, "trap '' TERM; while :; do :; done", Command{Limits: Limits{Wall: 500 * time.Millisecond}})
			if got.Reason != Timeout || got.Code != 137 || got.Duration > 5*time.Second || got.CPU < 10*time.Millisecond {
				t.Errorf("ended with %+v", got.Exit)
			}
		})
		t.Run("memory", func(t *testing.T) {
			c := attacking(t, "memory")
			c.Limits.Memory = 128 << 20
			got := run(t, s, c)
			if got.Reason != Memory || got.Code != 137 || got.PeakMemory < 128<<20 {
				t.Errorf("ended with %+v %s", got.Exit, got.out)
			}
			t.Logf("stopped at %d MiB of 128", got.PeakMemory>>20)
		})
		t.Run("memory of many", func(t *testing.T) {
			c := attacking(t, "memory of many")
			c.Limits.Memory = 128 << 20
			got := run(t, s, c)
			if got.Reason != Memory {
				t.Errorf("ended with %+v %s", got.Exit, got.out)
			}
		})
		t.Run("file size", func(t *testing.T) {
			got := sh(t, s, "exec head -c 10000000 /dev/zero > big", Command{Limits: Limits{FileSize: 1 << 20}})
			if got.Reason != FileSize || got.Code != 128+25 {
				t.Errorf("ended with %+v %s", got.Exit, got.out)
			}
		})
		t.Run("processes", func(t *testing.T) {
			m := mark(t)
			script := "i=0; while [ $i -lt 300 ]; do sleep " + m + " & i=$((i+1)); done; sleep 1; echo all started"
			got := sh(t, s, script, Command{Limits: Limits{Processes: 40, Wall: 10 * time.Second}})
			if strings.Contains(got.out, "all started") {
				t.Errorf("started 300 processes: %+v %s", got.Exit, got.out)
			}
			if left := processes(m); len(left) > 0 {
				t.Errorf("left processes %v", left)
			}
		})
	})
}

func TestSpaceIsLimited(t *testing.T) {
	promised(t, limitedTmp, func(t *testing.T, s Sandbox) {
		for _, path := range []string{"/tmp/big", "/dev/shm/big", "/home/agent/big"} {
			got := sh(t, s, "head -c 100000000 /dev/zero > "+path, Command{Limits: Limits{Tmp: 8 << 20}})
			if got.Code == 0 || !strings.Contains(got.out, "No space left") {
				t.Errorf("%s: %+v %s", path, got.Exit, got.out)
			}
		}
	})
}

// A fork bomb reaches its limit and goes with its command, where the kernel
// holds it. Where only the watch can, it is not put to this test on a machine
// that others use: see TestLimits for one that is slower.
func TestForkBomb(t *testing.T) {
	levels := []Level{Namespaces}
	if os.Geteuid() != 0 {
		levels = mapping
	}
	level(t, levels, func(t *testing.T, s Sandbox) {
		if n, ok := s.(*namespaces); ok && os.Geteuid() == 0 && !n.ids.mapped() {
			return
		}
		m := mark(t)
		// The first shell forks once and no more: one that cannot fork gives up by itself.
		got := sh(t, s, "bomb() { sleep "+m+" & bomb & bomb & wait; }; bomb 2>/dev/null & while :; do :; done",
			Command{Limits: Limits{Processes: 60, Wall: 500 * time.Millisecond}, Stdout: io.Discard, Stderr: io.Discard})
		if got.Reason != Timeout && got.Reason != Processes {
			t.Errorf("ended with %+v", got.Exit)
		}
		if left := processes(m); len(left) > 0 {
			t.Errorf("left processes %v", left)
		}
	})
}

// Many commands, one after the other and many at once, leave nothing in the server:
// no process, mount, directory, descriptor or goroutine.
func TestManyLeaveNothing(t *testing.T) {
	promised(t, cleanEnd, func(t *testing.T, s Sandbox) {
		t.Setenv("TMPDIR", t.TempDir())
		row, atOnce, each := 100, 20, 2
		if os.Getenv(require) == "1" && os.Getenv(inner) == "" {
			row, atOnce = 500, 50
		}
		if dear(s) {
			row, atOnce, each = 5, 3, 1
		}
		m, ws := mark(t), closedDir(t)
		c := Command{Argv: []string{"/bin/sh", "-c", "(setsid sleep " + m + " &) ; (mkdir -p $TMPDIR/a && chmod 000 $TMPDIR/a); exit 0"}, Workspace: ws}
		one := func() {
			if e, err := s.Run(t.Context(), c); err != nil || !e.OK() {
				t.Errorf("%+v, %v", e, err)
			}
		}
		one() // what is made once is not lost
		before := count(t)
		begin := time.Now()
		for range row {
			one()
		}
		inRow := time.Since(begin)
		var all sync.WaitGroup
		for range atOnce {
			all.Go(func() {
				for range each {
					one()
				}
			})
		}
		all.Wait()
		var after held
		// Before, something of the first may not have been gone yet.
		eventually(t, "no more is held than before", func() bool { after = count(t); return after.within(before) })
		if left := processes(m); len(left) > 0 {
			t.Errorf("left processes %v", left)
		}
		t.Logf("%d in a row in %s, then %d at once %d times; before %+v, after %+v", row, inRow.Round(time.Millisecond), atOnce, each, before, after)
	})
}

// What a process holds of the kernel, and in its directory for temporary files.
type held struct{ descriptors, mounts, processes, files, goroutines int }

// within reports that nothing is more than in most.
func (h held) within(most held) bool {
	return h.descriptors <= most.descriptors && h.mounts <= most.mounts && h.processes <= most.processes && h.files <= most.files && h.goroutines <= most.goroutines
}

func count(t *testing.T) held {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	temporary, err := os.ReadDir(os.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return held{len(fds), mounted(t), len(children("self")), len(temporary), runtime.NumGoroutine()}
}

// mounted counts mounts, but for those of other programs of this machine.
func mounted(t *testing.T) (n int) {
	t.Helper()
	for line := range strings.Lines(read(t, "/proc/self/mountinfo")) {
		at := strings.Fields(line)[4]
		if others := strings.HasPrefix(at, "/tmp/") || strings.HasPrefix(at, "/var/lib/"); !others || strings.HasPrefix(at, os.TempDir()) {
			n++
		}
	}
	return n
}
