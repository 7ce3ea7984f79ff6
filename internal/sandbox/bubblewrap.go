package sandbox

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"autonoma/internal/sandbox/stage"
)

// bubblewrap is the level at which the program bwrap makes the world, for
// machines where it may use user namespaces and we may not. Inside, our own
// stage is process 1, as at the level of namespaces, and confines the command by
// the same means. Owners are not mapped: when the server is root, so is the
// command to the host, though without capabilities.
type bubblewrap struct {
	program  string
	stage    string // our own program
	overlays bool   // this bwrap has --overlay
	system   []stage.Op
	groups   *groups
}

func openBubblewrap(ctx context.Context) (Sandbox, []Check, error) {
	program, self, err := find("bwrap")
	if err != nil {
		return nil, nil, err
	}
	help, err := exec.CommandContext(ctx, program, "--help").CombinedOutput()
	if err != nil {
		return nil, nil, fmt.Errorf("run %s --help: %w", program, err)
	}
	b := &bubblewrap{program: program, stage: self, system: system(), overlays: strings.Contains(string(help), "--overlay ")}
	checks := []Check{{Name: "overlays", OK: b.overlays, Optional: true, Detail: "bwrap --overlay, from version 0.11 on"}}
	if os.Geteuid() == 0 {
		b.system = append(b.system, rootOnly()...)
		checks = append(checks, asHostRoot())
	}
	var limits Check
	b.groups, limits = openGroups()
	checks = append(checks, landlocked(), limits)
	proven, err := proveLevel(ctx, b)
	return b, append(checks, proven...), err
}

func (b *bubblewrap) Level() Level { return Bubblewrap }

func (b *bubblewrap) overlaying() bool { return b.overlays }

// Run implements Sandbox.
func (b *bubblewrap) Run(ctx context.Context, c Command) (Exit, error) {
	if err := c.check(); err != nil {
		return Exit{}, err
	}
	c.Limits = c.Limits.or(DefaultLimits())
	args, writable, err := b.args(c)
	if err != nil {
		return Exit{}, err
	}
	defer args.close()
	p := process{
		argv: append([]string{b.program}, args.list...),
		hand: args.files, groups: b.groups,
		attr: &syscall.SysProcAttr{Setsid: true, Pdeathsig: unix.SIGKILL},
		kind: stage.Confiner,
		spec: &stage.Spec{UID: -1, GID: -1, WayOut: c.wayOut(), Argv: c.Argv, Env: c.environment(), Limits: rlimits(c.Limits),
			Dir: path.Join(WorkspacePath, filepath.ToSlash(c.Dir)), Writable: writable},
		countProcesses: os.Geteuid() == 0,
		kill:           killInside,
	}
	return p.run(ctx, c)
}

// killInside kills the stage rather than bwrap, which waits for its end, and
// so for the end of all that it started.
func killInside(bwrap *os.Process, _ *os.File) {
	inside := children(strconv.Itoa(bwrap.Pid))
	for _, pid := range inside {
		if n, err := strconv.Atoi(pid); err == nil {
			_ = unix.Kill(n, unix.SIGKILL) // or it has ended
		}
	}
	if len(inside) == 0 {
		_ = bwrap.Kill()
	}
}

// stagePath is where our own program is found inside.
const stagePath = "/run/autonoma-sandbox"

// arguments collects what bwrap is told. Their order is the order in which it
// makes things.
type arguments struct {
	list  []string
	files []*os.File // contents of files, from descriptor stage.Control+1 on
}

// args returns the arguments for bwrap, and the paths that the command may
// write. The files must be closed.
func (b *bubblewrap) args(c Command) (a *arguments, writable []string, err error) {
	a = &arguments{}
	a.add("--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--unshare-net",
		"--die-with-parent", "--as-pid-1", "--cap-drop", "ALL", "--hostname", hostName,
		"--uid", strconv.Itoa(insideID), "--gid", strconv.Itoa(insideID), "--size", strconv.Itoa(1<<20), "--tmpfs", "/")
	scratch, writable := scratch(c)
	for _, ops := range [][]stage.Op{b.system, scratch} {
		if err := a.ops(ops); err != nil {
			a.close()
			return nil, nil, err
		}
	}
	for _, m := range c.mounts() {
		err := c.noLink(m.Target)
		if err == nil {
			err = b.mount(a, m)
		}
		if err != nil {
			a.close()
			return nil, nil, err
		}
		if m.Mode == Writable || m.Mode == Overlay {
			writable = append(writable, m.Target)
		}
	}
	a.add("--ro-bind", b.stage, stagePath, "--remount-ro", "/dev", "--remount-ro", "/proc", "--remount-ro", "/", "--chdir", "/", "--", stagePath)
	return a, writable, nil
}

// mount adds what shows m.
func (b *bubblewrap) mount(a *arguments, m Mount) error {
	switch m.Mode {
	default:
		a.add("--ro-bind", m.Source, m.Target)
	case Writable:
		a.add("--bind", m.Source, m.Target)
	case Overlay:
		if !b.overlays {
			return fmt.Errorf("%w: %s at %s needs bubblewrap 0.11 or later", ErrNoOverlay, m.Source, m.Target)
		}
		if err := makeUpper(m); err != nil {
			return err
		}
		a.add("--overlay-src", m.Source, "--overlay", filepath.Join(m.Upper, "upper"), filepath.Join(m.Upper, "work"), m.Target)
	}
	return nil
}

// ops adds what does the same as the stage's own steps. Those that make /dev
// are left to bwrap, which knows how.
func (a *arguments) ops(ops []stage.Op) error {
	for _, op := range ops {
		try := ""
		if op.Maybe {
			try = "-try"
		}
		switch {
		case op.Target == "/dev":
			a.add("--dev", "/dev")
		case strings.HasPrefix(op.Target, "/dev/") && op.Kind != stage.Tmpfs:
		case op.Kind == stage.Dir:
			a.add("--perms", permissions(op.Number), "--dir", op.Target)
		case op.Kind == stage.File:
			f, err := memoryFile(op.Source)
			if err != nil {
				return fmt.Errorf("make %s: %w", op.Target, err)
			}
			a.files = append(a.files, f)
			a.add("--perms", permissions(op.Number), "--file", strconv.Itoa(stage.Control+len(a.files)), op.Target)
		case op.Kind == stage.Symlink:
			a.add("--symlink", op.Source, op.Target)
		case op.Kind == stage.Bind:
			a.add("--ro-bind"+try, op.Source, op.Target)
		case op.Kind == stage.Tmpfs:
			a.add("--perms", "1777", "--size", strconv.FormatUint(op.Number, 10), "--tmpfs", op.Target)
		case op.Kind == stage.Proc:
			a.add("--proc", op.Target)
		}
	}
	return nil
}

func (a *arguments) add(s ...string) { a.list = append(a.list, s...) }

func (a *arguments) close() {
	for _, f := range a.files {
		f.Close()
	}
}

func permissions(n uint64) string { return "0" + strconv.FormatUint(n, 8) }

// memoryFile returns a file without a name that holds s.
func memoryFile(s string) (*os.File, error) {
	fd, err := unix.MemfdCreate("autonoma", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	f := os.NewFile(uintptr(fd), "memory")
	if _, err := f.WriteAt([]byte(s), 0); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
