package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"autonoma/internal/sandbox/stage"
)

// A process is a stage, its orders and what it is given.
type process struct {
	argv []string // what leads to the stage; none to start it directly
	attr *syscall.SysProcAttr
	kind string
	spec *stage.Spec
	hand []*os.File
	// inner are the orders for a second stage, which the command of the first one
	// starts with its own line to us at stage.Control; nil for none. It is the one
	// that tells how the command ended.
	inner *stage.Spec
	// countProcesses: the kernel does not refuse the fork beyond the limit, as it
	// never does for root, so the watch has to count.
	countProcesses bool
	also           []string // directories of the host that it may write, beside the command's
	// groups bounds the command, if it is not nil.
	groups *groups
	// kill ends everything that was started; nil to kill the process itself.
	kill func(p *os.Process, control *os.File)
	// hidden is that of a watcher.
	hidden func(pids []string) int64
	// serve serves the way out with what the stage has handed over, if that is not
	// what it listens at.
	serve func(f *os.File, egress func(net.Listener)) (end func(), err error)
	// patience is how long output is waited for after the end, if what is left
	// might keep it open; zero to wait for all of it.
	patience time.Duration
}

// run starts the stage, gives it its orders, and watches until nothing of the
// command is left.
func (p process) run(ctx context.Context, c Command) (Exit, error) {
	if ctx.Err() != nil {
		return Exit{Code: 128 + int(unix.SIGKILL), Reason: Cancelled}, nil
	}
	// The kernel kills the stage when the thread that started it ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	disk := newDiskWatch(append(c.writable(), p.also...), c.Limits)
	if disk.full() {
		return Exit{Code: 128 + int(unix.SIGKILL), Reason: DiskFull}, nil
	}
	group, err := p.groups.make(c.Limits, c.Workspace)
	if err != nil {
		return Exit{}, fmt.Errorf("start a sandbox: %w", err)
	}
	e, err := p.watched(ctx, c, group, disk)
	return e, errors.Join(err, group.end())
}

// watched runs the stage in a group, if there is one.
func (p process) watched(ctx context.Context, c Command, group *group, disk *diskWatch) (Exit, error) {
	control, theirs, err := socketPair()
	if err != nil {
		return Exit{}, fmt.Errorf("start a sandbox: %w", err)
	}
	defer control.Close()
	line, theirEnd, err := p.innerLine(control)
	if err != nil {
		theirs.Close()
		return Exit{}, fmt.Errorf("start a sandbox: %w", err)
	}
	defer line.Close()
	cmd := p.cmd()
	cmd.SysProcAttr = group.in(p.attr)
	cmd.ExtraFiles = append([]*os.File{theirs}, p.hand...)
	if theirEnd != nil {
		cmd.ExtraFiles = append(cmd.ExtraFiles, theirEnd)
		p.spec.Hand = 1
	}
	cmd.Stdout, cmd.Stderr = piped(c.Stdout), piped(c.Stderr)
	feed, err := stdin(cmd, c.Stdin)
	if err != nil {
		theirs.Close()
		theirEnd.Close()
		return Exit{}, fmt.Errorf("start a sandbox: %w", err)
	}
	begin := time.Now()
	err = cmd.Start()
	theirs.Close()
	theirEnd.Close()
	if err != nil {
		feed(false)
		return Exit{}, fmt.Errorf("start a sandbox: %w", err)
	}
	feed(true)
	w := &watcher{pid: cmd.Process.Pid, limits: c.Limits, begin: begin, countProcesses: p.countProcesses && group == nil, hidden: p.hidden, group: group, disk: disk, kill: func() {
		switch {
		case group.kill():
		case p.kill == nil:
			_ = cmd.Process.Kill() // or it has ended
		default:
			p.kill(cmd.Process, control)
		}
	}}
	w.start(ctx)
	p.spec.Yield = w.countProcesses
	sendErr := send(control, p.spec.Encode())
	if p.inner != nil {
		p.inner.Yield = p.countProcesses
		sendErr = errors.Join(sendErr, send(line, p.inner.Encode()))
	}
	closeWayOut, err := p.openWayOut(line, c.Egress)
	if err != nil {
		w.kill()
	}
	waitErr := cmd.Wait()
	stopped := w.end()
	closeWayOut()
	if err != nil {
		return Exit{}, fmt.Errorf("open the way out of a sandbox: %w", err)
	}
	output := outputError(waitErr)
	e, err := p.exit(cmd, p.last(line, control, output), stopped, begin, errors.Join(sendErr, output))
	if err == nil && group != nil {
		peak, cpu := group.used()
		e.PeakMemory, e.CPU = max(e.PeakMemory, peak), max(e.CPU, cpu)
	}
	return e, err
}

// last is what the stage that the command reports to has said in the end. If whoever
// read the output gave up, the program around it may have ended it before it could:
// then that is how it ended.
func (p process) last(line, control *os.File, output error) []byte {
	said := receive(line)
	if p.inner != nil && len(said) == 0 && output != nil {
		return receive(control)
	}
	return said
}

// innerLine returns the line to the stage that the command reports to: control, or
// a new one with its other end.
func (p process) innerLine(control *os.File) (ours, theirs *os.File, err error) {
	if p.inner == nil {
		return control, nil, nil
	}
	return socketPair()
}

func (p process) cmd() *exec.Cmd {
	argv := p.argv
	path := ""
	if len(argv) == 0 {
		path, argv = "/proc/self/exe", []string{"autonoma-sandbox"}
	} else {
		path = argv[0]
	}
	return &exec.Cmd{Path: path, Args: argv, Env: stageEnv(p.kind), SysProcAttr: p.attr, WaitDelay: p.patience}
}

// exit puts together how the command ended from what the stage reported, what
// the watch did and what the kernel accounted.
func (p process) exit(cmd *exec.Cmd, said []byte, w verdict, begin time.Time, trouble error) (Exit, error) {
	e := Exit{Code: 128 + int(unix.SIGKILL), Reason: w.reason, Duration: time.Since(begin), PeakMemory: w.peak,
		CPU: max(w.cpu, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())}
	result, ok := stage.DecodeResult(said)
	switch {
	case ok && result.Fault != nil && w.reason == "":
		return Exit{}, notStarted(result.Fault)
	case ok && result.Fault == nil:
		if !result.Status.Signaled() || result.Status.Signal() != unix.SIGKILL {
			e.Reason = "" // it ended by itself, before the watch could stop it
		}
		if e.Reason == "" {
			e.Reason = w.late
		}
		e.Code = result.Status.ExitStatus()
		if result.Status.Signaled() {
			e.Code = 128 + int(result.Status.Signal())
		}
		if result.Status.Signaled() && result.Status.Signal() == unix.SIGXFSZ {
			e.Reason = FileSize
		}
		e.CPU = time.Duration(result.CPU) * time.Microsecond
		e.PeakMemory = max(e.PeakMemory, result.PeakRSS)
	case w.reason == "":
		// Nothing but the host's memory killer ends a stage like that.
		if st, isStatus := cmd.ProcessState.Sys().(syscall.WaitStatus); isStatus && st.Signaled() && st.Signal() == unix.SIGKILL {
			e.Reason = Memory
			return e, nil
		}
		return Exit{}, errors.Join(fmt.Errorf("run in a sandbox: its stage ended with %s", cmd.ProcessState), trouble)
	}
	return e, nil
}

// outputError is what went wrong besides how the stage ended, which is known
// better from elsewhere.
func outputError(err error) error {
	var status *exec.ExitError
	if errors.As(err, &status) {
		return nil
	}
	return err
}

// piped hides that a writer may be a file. A command that was given the file itself
// could open it anew, by /proc/self/fd, for more than it was given for.
func piped(w io.Writer) io.Writer {
	if w == nil {
		return nil
	}
	return struct{ io.Writer }{w}
}

// stdin gives cmd its input. The function it returns starts the feeding, or
// cleans up if the command was not started. The feeding is not waited for: a
// reader may block for longer than the command lives.
func stdin(cmd *exec.Cmd, r io.Reader) (func(started bool), error) {
	if r == nil {
		return func(bool) {}, nil
	}
	w, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	return func(started bool) {
		if !started {
			w.Close()
			return
		}
		go func() {
			_, _ = io.Copy(w, r) // the command need not read all
			w.Close()
		}()
	}, nil
}

// stageEnv is the whole environment of a stage. It lives for milliseconds of
// work and then waits: one thread and no garbage collector are enough.
func stageEnv(kind string) []string {
	return []string{stage.Marker + "=" + kind, "GOMAXPROCS=1", "GOGC=off"}
}

// socketPair returns the two ends of the line to a stage.
func socketPair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(fds[0]), "control"), os.NewFile(uintptr(fds[1]), "control"), nil
}

// send writes a stage its orders. A stage that dies ends it with an error.
func send(control *os.File, p []byte) error {
	for len(p) > 0 {
		n, err := unix.SendmsgN(int(control.Fd()), p, nil, nil, unix.MSG_NOSIGNAL)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("send to the stage: %w", err)
		}
		p = p[n:]
	}
	return nil
}

// receive returns what a stage that has ended left to read.
func receive(control *os.File) []byte {
	b := make([]byte, 8<<10)
	n, _, err := unix.Recvfrom(int(control.Fd()), b, unix.MSG_DONTWAIT)
	if err != nil || n < 0 {
		return nil
	}
	return b[:n]
}
