package sandbox

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"autonoma/internal/reclaim"
	"autonoma/internal/sandbox/stage"
)

// none runs commands as the server itself would, and only sees to their end: a
// stage beside them becomes the parent of all that they leave behind, and ends
// it with them, with the server, or at the word of the server. A command that
// kills the stage escapes even that, unless it is in a control group.
type none struct{ groups *groups }

func openNone(ctx context.Context) (Sandbox, []Check, error) {
	dir, err := scratchDir()
	if err != nil {
		return nil, nil, fmt.Errorf("try to run a command: %w", err)
	}
	defer func() { _ = reclaim.RemoveAll(dir) }()
	groups, limits := openGroups()
	n := none{groups}
	e, err := n.Run(ctx, Command{Argv: []string{"/bin/sh", "-c", "exit 0"}, Workspace: dir})
	if err != nil {
		return nil, nil, err
	}
	return n, []Check{{Name: "commands run", OK: e.OK(), Detail: "unconfined: with the server's files, network and user"}, limits}, nil
}

func (none) Level() Level { return None }

// Run implements Sandbox.
func (n none) Run(ctx context.Context, c Command) (Exit, error) {
	if err := c.check(); err != nil {
		return Exit{}, err
	}
	for _, m := range c.Mounts {
		if m.Mode == Overlay {
			return Exit{}, fmt.Errorf("%w: %w: %s cannot be shown at %s", ErrMounts, ErrNoOverlay, m.Source, m.Target)
		}
		if m.Source != m.Target {
			return Exit{}, fmt.Errorf("%w: %s cannot be shown at %s", ErrMounts, m.Source, m.Target)
		}
	}
	c.Limits = c.Limits.or(DefaultLimits())
	private, remove, err := privateDir()
	if err != nil {
		return Exit{}, err
	}
	defer remove()
	if c.Home == "" {
		c.Home = filepath.Join(private, "home")
		if err := os.Mkdir(c.Home, 0o700); err != nil {
			return Exit{}, fmt.Errorf("make a home for a command: %w", err)
		}
	}
	env := override([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.Home, "LANG=C.UTF-8", "TMPDIR=" + private}, c.Env)
	if c.Egress != nil {
		l, err := listenShared(ctx)
		if err != nil {
			return Exit{}, fmt.Errorf("open the way out of a command: %w", err)
		}
		defer serveWayOut(c.Egress, l)()
		env = proxied(env, l.url())
	}
	p := process{
		attr: &syscall.SysProcAttr{Setsid: true},
		kind: stage.Reaper,
		spec: &stage.Spec{UID: -1, GID: -1, Argv: c.Argv, Dir: filepath.Join(c.Workspace, c.Dir), Env: env,
			Limits: []stage.Rlimit{
				{Resource: unix.RLIMIT_CORE, Value: noCore},
				{Resource: unix.RLIMIT_NOFILE, Value: uint64(c.Limits.OpenFiles)},
				{Resource: unix.RLIMIT_FSIZE, Value: uint64(c.Limits.FileSize)},
			}},
		groups: n.groups, also: []string{private},
		// The kernel's limit would count all that the server's user runs.
		countProcesses: true,
		// The stage kills when it hears no more of us.
		kill:     func(_ *os.Process, control *os.File) { _ = unix.Shutdown(int(control.Fd()), unix.SHUT_WR) },
		patience: 5 * time.Second,
	}
	return p.run(ctx, c)
}
