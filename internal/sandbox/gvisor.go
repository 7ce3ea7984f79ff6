package sandbox

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"autonoma/internal/sandbox/stage"
)

// gvisor is the level at which the program runsc is the kernel of a command: what
// the command asks for is answered in user space, and of the host's kernel it sees
// nothing. Inside, our own stage filters its calls all the same, as some of them
// have effects on the host's files.
//
// runsc is a child of ours and the parent of the sandbox; each asks the kernel to
// be killed with its parent. Its state lies in the command's private directory.
type gvisor struct {
	program, stage string
	system         []stage.Op
}

func openGVisor(ctx context.Context) (Sandbox, []Check, error) {
	program, self, err := find("runsc")
	if err != nil {
		return nil, nil, err
	}
	g := &gvisor{program: program, stage: self, system: system()}
	checks := []Check{{Name: "overlays", Optional: true, Detail: "dependency caches are read-only"}, noGroups("runsc")}
	proven, err := proveLevel(ctx, g)
	return g, append(checks, proven...), err
}

func (g *gvisor) Level() Level { return GVisor }

// Run implements Sandbox.
func (g *gvisor) Run(ctx context.Context, c Command) (Exit, error) {
	if err := c.check(); err != nil {
		return Exit{}, err
	}
	c.Limits = c.Limits.or(DefaultLimits())
	private, done, err := privateDir("")
	if err != nil {
		return Exit{}, err
	}
	defer done()
	b := &bundle{dir: private}
	spec := c.guestSpec()
	serve, err := b.wayOut(c, spec)
	if err != nil {
		return Exit{}, err
	}
	defer serve()
	if err := b.view(g.system, c, g.stage); err != nil {
		return Exit{}, fmt.Errorf("make a bundle: %w", err)
	}
	if err := b.write(); err != nil {
		return Exit{}, fmt.Errorf("make a bundle: %w", err)
	}
	p := process{
		argv:   g.argv(b, c.Egress != nil),
		attr:   ownMounts(),
		also:   []string{private},
		kind:   stage.Guest,
		spec:   spec,
		kill:   killTree,
		hidden: fileMemory,
	}
	return p.run(ctx, c)
}

// ownMounts starts a program in mounts of its own if we may: what it leaves mounted
// ends with it.
func ownMounts() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true, Pdeathsig: unix.SIGKILL}
	if os.Geteuid() == 0 {
		attr.Unshareflags = unix.CLONE_NEWNS
	}
	return attr
}

// argv is how runsc is called.
func (g *gvisor) argv(b *bundle, wayOut bool) []string {
	argv := []string{g.program, "--root=" + filepath.Join(b.dir, "state"), "--network=none", "--ignore-cgroups"}
	if os.Geteuid() != 0 {
		argv = append(argv, "--rootless")
	}
	if wayOut {
		argv = append(argv, "--host-uds=open")
	}
	return append(argv, "run", "--bundle="+b.dir, fmt.Sprintf("--pass-fd=%[1]d:%[1]d", stage.Control), "autonoma-"+strings.ToLower(rand.Text()))
}

// guestSpec is what a stage has to do in a world that another program made.
func (c Command) guestSpec() *stage.Spec {
	_, writable := scratch(c)
	for _, m := range c.mounts() {
		if m.Mode == Writable {
			writable = append(writable, m.Target)
		}
	}
	return &stage.Spec{UID: -1, GID: -1, Argv: c.Argv, Env: c.environment(), Limits: rlimits(c.Limits),
		Dir: path.Join(WorkspacePath, filepath.ToSlash(c.Dir)), Writable: writable}
}

// killTree kills a program with all that it has started.
func killTree(p *os.Process, _ *os.File) {
	for _, pid := range append(usage(p.Pid, 1<<16).numbers(), p.Pid) {
		_ = unix.Kill(pid, unix.SIGKILL) // or it has ended
	}
}

// fileMemory is what the sandboxed programs have in memory: runsc keeps it in a file
// without a name, and shows them parts of it as they need them.
func fileMemory(pids []string) int64 {
	for _, pid := range pids {
		fds, err := filepath.Glob("/proc/" + pid + "/fd/*")
		if err != nil {
			continue
		}
		for _, fd := range fds {
			if name, err := os.Readlink(fd); err != nil || !strings.HasPrefix(name, "/memfd:runsc-memory") {
				continue
			}
			var st unix.Stat_t
			if unix.Stat(fd, &st) == nil {
				const block = 512
				return st.Blocks * block // others have the same file open
			}
		}
	}
	return 0
}
