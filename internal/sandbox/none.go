package sandbox

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

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
	if err := c.checkUnmapped(); err != nil {
		return Exit{}, err
	}
	c.Limits = c.Limits.or(DefaultLimits())
	private, done, err := privateHome(&c)
	if err != nil {
		return Exit{}, err
	}
	defer done()
	env := override([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.Home, "LANG=C.UTF-8", "TMPDIR=" + private}, c.Env)
	if c.Egress != nil {
		l, err := listenShared(ctx)
		if err != nil {
			return Exit{}, fmt.Errorf("open the way out of a command: %w", err)
		}
		defer serveWayOut(c.Egress, l)()
		env = proxied(env, l.url())
	}
	p := beside(&stage.Spec{UID: -1, GID: -1, Argv: c.Argv, Dir: filepath.Join(c.Workspace, c.Dir), Env: env,
		Limits: []stage.Rlimit{
			{Resource: unix.RLIMIT_CORE, Value: noCore},
			{Resource: unix.RLIMIT_NOFILE, Value: uint64(c.Limits.OpenFiles)},
			{Resource: unix.RLIMIT_FSIZE, Value: uint64(c.Limits.FileSize)},
		}})
	p.groups, p.also = n.groups, []string{private}
	return p.run(ctx, c)
}
