package sandbox

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"autonoma/internal/sandbox/stage"
)

// landlock is the level for machines where nobody lets us have namespaces, as in an
// ordinary container. The command runs among the host's processes, in the host's
// directories, as the server's user; Landlock keeps it from files, signals and
// abstract sockets, and a filter of system calls from every other socket. The stage
// is not in its domain, so the command can neither end nor stop it.
//
// What it does not do: hide that other processes exist, keep the memory for
// temporary files, or take root's name from a command when the server is root.
type landlock struct {
	readable, devices []string
	groups            *groups
}

func openLandlock(ctx context.Context) (Sandbox, []Check, error) {
	l := &landlock{readable: readable(), devices: []string{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"}}
	abi := stage.LandlockABI()
	checks := []Check{{Name: "landlock", OK: abi >= stage.LandlockAlone, Detail: fmt.Sprintf("ABI %d, of %d that are needed", abi, stage.LandlockAlone)}}
	if !checks[0].OK {
		return nil, checks, nil
	}
	if os.Geteuid() == 0 {
		checks = append(checks, asHostRoot())
	}
	checks = append(checks, Check{Name: "memory for temporary files is limited", Optional: true,
		Detail: "they lie in a private directory of the host"})
	var limits Check
	l.groups, limits = openGroups()
	checks = append(checks, limits)
	proven, err := proveLevel(ctx, l, "host processes are hidden")
	return l, append(checks, proven...), err
}

// readable are the directories and files of the host that every command may read.
func readable() []string {
	paths := []string{
		"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/proc",
		"/etc/localtime", "/etc/os-release", "/etc/passwd", "/etc/group", "/etc/hosts", "/etc/nsswitch.conf",
		// Beside these there are keys, which a rule for all would include.
		"/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/pki/tls/certs", "/etc/pki/tls/cert.pem", "/etc/pki/ca-trust/extracted",
	}
	for _, pattern := range etcDirs() {
		if pattern == "/etc/ssl" || pattern == "/etc/pki" {
			continue
		}
		found, _ := filepath.Glob(pattern) // the patterns are ours, and well-formed
		paths = append(paths, found...)
	}
	return paths
}

func (l *landlock) Level() Level { return Landlock }

// Run implements Sandbox.
func (l *landlock) Run(ctx context.Context, c Command) (Exit, error) {
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
	spec := &stage.Spec{
		UID: -1, GID: -1, Alone: true, Argv: c.Argv, Dir: filepath.Join(c.Workspace, c.Dir),
		Readable: l.readable, Devices: l.devices, Writable: []string{c.Workspace, c.Home, private},
		Env: override([]string{"PATH=" + systemPath, "HOME=" + c.Home, "LANG=C.UTF-8", "TMPDIR=" + private,
			"USER=" + insideName, "LOGNAME=" + insideName}, c.Env),
		Limits: aloneLimits(c.Limits),
	}
	for _, m := range c.Mounts {
		if _, err := os.Stat(m.Source); err != nil {
			return Exit{}, fmt.Errorf("mount at %s: %w", m.Target, err)
		}
		if m.Mode == Writable {
			spec.Writable = append(spec.Writable, m.Source)
		} else {
			spec.Readable = append(spec.Readable[:len(spec.Readable):len(spec.Readable)], m.Source)
		}
	}
	p := beside(spec)
	p.groups, p.also = l.groups, []string{private}
	if c.Egress != nil {
		shared, err := listenShared(ctx)
		if err != nil {
			return Exit{}, fmt.Errorf("open the way out of a command: %w", err)
		}
		defer shared.Close()
		spec.WayOut, spec.Env = shared.port(), proxied(spec.Env, shared.url())
		p.serve = func(filter *os.File, egress func(net.Listener)) (func(), error) {
			return brokered(filter, shared, egress)
		}
	}
	return p.run(ctx, c)
}

// aloneLimits are those that the kernel counts for each process: the others it
// would count for all that the server's user runs.
func aloneLimits(l Limits) []stage.Rlimit {
	limits := rlimits(l)
	kept := limits[:0]
	for _, r := range limits {
		if r.Resource != unix.RLIMIT_NPROC {
			kept = append(kept, r)
		}
	}
	return kept
}

// beside returns a stage that is an ordinary process of the host.
func beside(spec *stage.Spec) process {
	return process{
		attr: &syscall.SysProcAttr{Setsid: true},
		kind: stage.Reaper,
		spec: spec,
		// The kernel's limit would count all that the server's user runs.
		countProcesses: true,
		// The stage kills when it hears no more of us.
		kill:     func(_ *os.Process, control *os.File) { _ = unix.Shutdown(int(control.Fd()), unix.SHUT_WR) },
		patience: 5 * time.Second,
	}
}

// checkUnmapped refuses mounts that a level without mounts cannot make.
func (c Command) checkUnmapped() error {
	for _, m := range c.Mounts {
		if m.Mode == Overlay {
			return fmt.Errorf("%w: %w: %s cannot be shown at %s", ErrMounts, ErrNoOverlay, m.Source, m.Target)
		}
		if m.Source != m.Target {
			return fmt.Errorf("%w: %s cannot be shown at %s", ErrMounts, m.Source, m.Target)
		}
	}
	return nil
}
