package mcp

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A process is the program of a server, and whatever it started in its group.
type process struct {
	in, out *os.File // our ends
	said    *tail
	ended   chan struct{} // closed when nothing of it is left

	mu  sync.Mutex
	pid int    // of the group; 0: there is none any more
	how string // it ended
}

// start starts a program with that environment and no other. It stands at the top of
// the file system, lest a server that serves its directory serve ours.
func start(argv, env []string) (*process, error) {
	theirIn, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, theirIn.Close(), in.Close())
	}
	p := &process{in: in, out: out, said: new(tail), ended: make(chan struct{})}
	cmd := exec.Command(argv[0], argv[1:]...) //nolint:noctx // it outlives who asked for it
	cmd.Dir, cmd.Env = "/", env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirIn, theirOut, p.said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = time.Second // for who keeps its standard error open
	begun := make(chan error)
	go p.watch(cmd, begun)
	err = <-begun
	theirIn.Close()
	theirOut.Close()
	if err != nil {
		in.Close()
		out.Close()
		return nil, err
	}
	return p, nil
}

// watch starts the program and waits for its end; then it ends what is left of its
// group. The kernel kills the program when the thread that started it ends, so the
// thread is kept.
func (p *process) watch(cmd *exec.Cmd, begun chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		begun <- err
		return
	}
	p.pid = cmd.Process.Pid
	begun <- nil
	defer close(p.ended)
	// Until it is waited for, its number belongs to nobody else.
	for unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	p.mu.Lock()
	_ = unix.Kill(-p.pid, unix.SIGKILL) // or nothing is left
	p.pid = 0
	p.mu.Unlock()
	_ = cmd.Wait() // how it ended is in its state
	p.mu.Lock()
	p.how = cmd.ProcessState.String()
	p.mu.Unlock()
}

// kill ends the program and what it started.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pid != 0 {
		_ = unix.Kill(-p.pid, unix.SIGKILL) // or it has just ended
	}
}

// obituary says how the program ended, if it has, and what it said at last.
func (p *process) obituary() string {
	p.mu.Lock()
	how := p.how
	p.mu.Unlock()
	text := ""
	if how != "" {
		text = "; the program ended: " + how
	}
	if said := strings.TrimSpace(p.said.String()); said != "" {
		text += fmt.Sprintf("; it said: %s", said)
	}
	return text
}

// A tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

// longestTail is how many bytes of its standard error a program is remembered by.
const longestTail = 1000

// Write implements [io.Writer].
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b[max(0, len(b)-longestTail):]...)
	t.kept = t.kept[max(0, len(t.kept)-longestTail):]
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.ToValidUTF8(string(t.kept), "")
}
