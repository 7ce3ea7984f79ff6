package sandbox

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"autonoma/internal/sandbox/stage"
)

// namespaces is the level of our own stage.
//
// When the server is root, commands still are not: the user inside is mapped to
// an unprivileged one outside, see hostUser, and directories of the host are
// mounted so that root's files are that user's, for as long as the mount lasts.
type namespaces struct {
	system []stage.Op
	ids    idmap
	groups *groups
}

func openNamespaces(ctx context.Context) (Sandbox, []Check, error) {
	n := &namespaces{system: system()}
	checks := []Check{}
	if os.Geteuid() == 0 {
		ids, err := newIDMap(ctx)
		c := Check{Name: "not the host's root", OK: err == nil, Optional: true,
			Detail: "user " + strconv.Itoa(hostUser) + " of the host, by mapped mounts"}
		if err != nil {
			c.Detail = "commands run with the host's user 0, without its capabilities, as " + err.Error() + "; run the server as an unprivileged user"
		}
		n.ids = ids
		if !ids.mapped() {
			n.system = append(n.system, rootOnly()...)
		}
		checks = append(checks, c)
	}
	var limits Check
	n.groups, limits = openGroups()
	checks = append(checks, landlocked(), limits)
	proven, err := proveLevel(ctx, n)
	return n, append(checks, proven...), err
}

func (n *namespaces) Level() Level { return Namespaces }

func (n *namespaces) overlaying() bool { return true }

// Run implements Sandbox.
func (n *namespaces) Run(ctx context.Context, c Command) (Exit, error) {
	if err := c.check(); err != nil {
		return Exit{}, err
	}
	c.Limits = c.Limits.or(DefaultLimits())
	trees := &trees{ids: n.ids}
	defer trees.close()
	spec, err := n.spec(c, trees)
	if err != nil {
		return Exit{}, err
	}
	p := process{
		attr:   n.attr(),
		kind:   stage.Confiner,
		spec:   spec,
		hand:   trees.files,
		groups: n.groups,
		// The kernel counts the processes of every user but root.
		countProcesses: os.Geteuid() == 0 && !n.ids.mapped(),
	}
	return p.run(ctx, c)
}

// attr says how the stage is cloned.
func (n *namespaces) attr() *syscall.SysProcAttr {
	uid, gid := os.Geteuid(), os.Getegid()
	if n.ids.mapped() {
		uid, gid = hostUser, hostUser
	}
	return &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS |
			unix.CLONE_NEWCGROUP | unix.CLONE_NEWNET,
		UidMappings:                []syscall.SysProcIDMap{{ContainerID: insideID, HostID: uid, Size: 1}},
		GidMappings:                []syscall.SysProcIDMap{{ContainerID: insideID, HostID: gid, Size: 1}},
		GidMappingsEnableSetgroups: n.ids.mapped(),
		AmbientCaps: []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN, unix.CAP_SETPCAP, unix.CAP_SETUID, unix.CAP_SETGID,
			unix.CAP_DAC_OVERRIDE},
		Pdeathsig: unix.SIGKILL,
		Setsid:    true,
	}
}

// spec writes down what the stage has to do.
func (n *namespaces) spec(c Command, t *trees) (*stage.Spec, error) {
	s := &stage.Spec{UID: -1, GID: -1, Hostname: hostName, Loopback: true, WayOut: c.wayOut(), Argv: c.Argv, Env: c.environment(),
		Dir: path.Join(WorkspacePath, filepath.ToSlash(c.Dir)), Limits: rlimits(c.Limits)}
	if n.ids.mapped() {
		s.UID, s.GID = insideID, insideID
	}
	s.Ops = append(s.Ops, n.system...)
	ops, writable := scratch(c)
	s.Ops = append(s.Ops, ops...)
	s.Writable = writable
	for _, m := range c.mounts() {
		ops, err := t.ops(m)
		if err != nil {
			return nil, err
		}
		s.Ops = append(s.Ops, ops...)
		if m.Mode == Writable || m.Mode == Overlay {
			s.Writable = append(s.Writable, m.Target)
		}
	}
	return s, nil
}

// noCore is the size of a core dump for which the kernel makes none. With 0 it
// would still hand a crash to the host's own program for that, if there is one.
const noCore = 1

// stageThreads is how many threads the stage may need, beside the command.
const stageThreads = 12

func rlimits(l Limits) []stage.Rlimit {
	return []stage.Rlimit{
		{Resource: unix.RLIMIT_CORE, Value: noCore},
		{Resource: unix.RLIMIT_NOFILE, Value: uint64(l.OpenFiles)},
		{Resource: unix.RLIMIT_FSIZE, Value: uint64(l.FileSize)},
		{Resource: unix.RLIMIT_NPROC, Value: uint64(l.Processes + stageThreads)},
	}
}

// trees opens what is mounted from the host.
type trees struct {
	ids   idmap
	files []*os.File // handed to the stage, from descriptor stage.Control+1 on
}

// ops returns the steps that show m.
func (t *trees) ops(m Mount) ([]stage.Op, error) {
	if m.Mode != Overlay {
		op, err := t.bind(stage.Bind, m.Source, m.Target, m.Mode)
		return []stage.Op{op}, err
	}
	if err := makeUpper(m); err != nil {
		return nil, err
	}
	lower, err := t.bind(stage.OverlayLower, m.Source, m.Target, ReadOnly)
	if err != nil {
		return nil, err
	}
	upper, err := t.bind(stage.OverlayUpper, m.Upper, m.Target, Writable)
	if err != nil {
		return nil, err
	}
	return []stage.Op{lower, upper, {Kind: stage.Overlay, Target: m.Target, FD: -1}}, nil
}

// makeUpper makes the directories that an overlay writes to.
func makeUpper(m Mount) error {
	for _, dir := range []string{"upper", "work"} {
		if err := os.MkdirAll(filepath.Join(m.Upper, dir), 0o755); err != nil {
			return fmt.Errorf("make the upper directory of %s: %w", m.Target, err)
		}
	}
	return nil
}

// bind returns the step that shows source at target. If the owner has to be
// mapped, the mount is made here, where the privilege to do so is; the stage
// could not even reach a path that is closed to others.
func (t *trees) bind(kind stage.Kind, source, target string, mode Mode) (stage.Op, error) {
	op := stage.Op{Kind: kind, Target: target, Source: source, FD: -1}
	if mode == Writable {
		op.Number = stage.BindWritable
	}
	if !t.ids.mapped() {
		if _, err := os.Stat(source); err != nil {
			return op, fmt.Errorf("mount at %s: %w", target, err)
		}
		return op, nil
	}
	f, err := t.ids.tree(source, mode)
	if err != nil {
		return op, fmt.Errorf("mount at %s: %w", target, err)
	}
	t.files = append(t.files, f)
	op.FD = stage.Control + len(t.files)
	return op, nil
}

func (t *trees) close() {
	for _, f := range t.files {
		f.Close()
	}
}

// notStarted turns a fault into what Run returns for it.
func notStarted(f *stage.Fault) error {
	if f.Kind == stage.NotFound {
		return fmt.Errorf("%w: %w", ErrNotFound, f)
	}
	return fmt.Errorf("run in a sandbox: %w", f)
}
