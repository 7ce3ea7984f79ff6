package sandbox

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A command that opens all it can takes none from the server.
func TestDescriptorBomb(t *testing.T) {
	promised(t, noPrivileges, func(t *testing.T, s Sandbox) {
		t.Setenv("TMPDIR", t.TempDir()) // that of this test alone
		c := attacking(t, "descriptor bomb")
		before := count(t)
		got := run(t, s, c)
		_, opened, _ := strings.Cut(got.out, "opened ")
		opened, _, _ = strings.Cut(opened, "\n")
		if n, err := strconv.Atoi(opened); err != nil || n > 65536 || got.Code != 1 {
			t.Errorf("ended with %+v %s", got.Exit, got.out)
		}
		eventually(t, "no more is open than before", func() bool { return count(t).descriptors <= before.descriptors })
	})
}

// A file of a size that no disk has takes no more than a small one.
func TestSparseFile(t *testing.T) {
	promised(t, limited, func(t *testing.T, s Sandbox) {
		got := sh(t, s, "exec truncate -s 1T sparse", Command{Limits: Limits{FileSize: 1 << 20}})
		if got.OK() || got.Reason != FileSize && !strings.Contains(got.out, "too large") {
			t.Errorf("ended with %+v %s", got.Exit, got.out)
		}
	})
}

// A process that leaves its session, ignores all it is asked and starts itself anew
// whenever it can does not outlive the command.
func TestDaemon(t *testing.T) {
	promised(t, cleanEnd, func(t *testing.T, s Sandbox) {
		m := mark(t)
		script := `daemon() { trap "" TERM HUP INT QUIT USR1 USR2 PIPE ALRM TSTP; cd /; exec </dev/null >/dev/null 2>&1
			while :; do (sleep ` + m + ` & sleep ` + m + `); done; }
			(daemon &) & (setsid sh -c "$(command -v daemon); trap '' TERM HUP; sleep ` + m + `" &) ; sleep 0.1; exit 0`
		if got := sh(t, s, script, Command{}); !got.OK() {
			t.Errorf("ended with %+v %s", got.Exit, got.out)
		}
		if left := processes(m); len(left) > 0 {
			t.Errorf("left %v", left)
		}
	})
}

// Whoever reads the output may give up, which ends the command as it does in a shell.
func TestOutputThatFails(t *testing.T) {
	level(t, all, func(t *testing.T, s Sandbox) {
		full := writerFunc(func([]byte) (int, error) { return 0, errors.New("full") })
		got := sh(t, s, "exec yes", Command{Stdout: full, Stderr: io.Discard, Limits: Limits{Wall: 30 * time.Second}})
		if got.Code == 0 || got.Reason != "" {
			t.Errorf("ended with %+v", got.Exit)
		}
	})
}

// Whoever reads the output may not read on: the command waits, and is ended by its
// limit all the same.
func TestOutputThatBlocks(t *testing.T) {
	level(t, watchable, func(t *testing.T, s Sandbox) {
		m, began, read := mark(t), make(chan struct{}), make(chan struct{})
		taken := 0
		blocked := writerFunc(func(p []byte) (int, error) {
			if taken += len(p); taken == len(p) {
				close(began)
				<-read
			}
			return len(p), nil
		})
		go func() {
			defer close(read)
			<-began
			eventually(t, "the command is ended though nobody reads", func() bool { return len(processes(m)) == 0 })
		}()
		got := sh(t, s, "sleep "+m+" & exec yes", Command{Stdout: blocked, Stderr: io.Discard, Limits: Limits{Wall: 500 * time.Millisecond}})
		if got.Reason != Timeout || taken > 1<<20 {
			t.Errorf("ended with %+v after %d bytes", got.Exit, taken)
		}
	})
}
