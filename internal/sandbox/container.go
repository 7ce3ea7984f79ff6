package sandbox

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"autonoma/internal/sandbox/stage"
)

// container is the level at which podman makes the world, for machines where it may
// use user namespaces and neither we nor bwrap may. There is no image, no daemon and
// no store that outlives a command: the root is our own view, and what podman keeps
// lies in the command's private directory. Inside, our stage is process 1 and the
// only other user there is; it confines the command as at the other levels.
//
// podman leaves its children to whoever adopts them. That is another stage of ours,
// beside it, which ends them all with the command or with the server.
type container struct {
	program, stage string
	system         []stage.Op
}

func openContainer(ctx context.Context) (Sandbox, []Check, error) {
	program, self, err := find("podman")
	if err != nil {
		return nil, nil, err
	}
	s := &container{program: program, stage: self, system: system()}
	checks := []Check{{Name: "overlays", Optional: true, Detail: "dependency caches are read-only"}, noGroups("podman")}
	if os.Geteuid() == 0 {
		checks = append(checks, asHostRoot())
	}
	proven, err := proveLevel(ctx, s)
	return s, append(checks, proven...), err
}

func (s *container) Level() Level { return Container }

// Run implements Sandbox.
func (s *container) Run(ctx context.Context, c Command) (Exit, error) {
	if err := c.check(); err != nil {
		return Exit{}, err
	}
	c.Limits = c.Limits.or(DefaultLimits())
	private, done, err := privateDir(shortTemp())
	if err != nil {
		return Exit{}, err
	}
	defer done()
	b := &bundle{dir: private}
	if err := b.view(s.system, c, s.stage); err != nil {
		return Exit{}, fmt.Errorf("make a container: %w", err)
	}
	argv, err := s.argv(b, c)
	if err != nil {
		return Exit{}, fmt.Errorf("make a container: %w", err)
	}
	p := beside(&stage.Spec{UID: -1, GID: -1, Argv: argv, Dir: "/", Env: []string{
		"PATH=" + systemPath, "HOME=" + private, "XDG_RUNTIME_DIR=" + private, "TMPDIR=" + private, "LANG=C.UTF-8"}})
	p.attr.Unshareflags = ownMounts().Unshareflags
	p.inner = c.guestSpec()
	p.inner.WayOut = c.wayOut()
	p.countProcesses = os.Geteuid() == 0
	p.also = []string{private}
	return p.run(ctx, c)
}

// argv is how podman is called.
func (s *container) argv(b *bundle, c Command) ([]string, error) {
	at := func(name string) string { return filepath.Join(b.dir, name) }
	id := strconv.Itoa(insideID)
	argv := []string{
		s.program, "--log-level", "fatal", "--root", at("store"), "--runroot", at("run"), "--tmpdir", at("tmp"), "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs",
		"run", "--rm", "--interactive", "--log-driver", "none", "--preserve-fds", "1",
		"--cgroups", "disabled", // it stays in that of the server, and within its limits
		"--network", "none", "--no-hosts", "--hostname", hostName, "--ipc", "private", "--pid", "private", "--uts", "private",
		"--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--security-opt", "label=disable",
		"--read-only", "--read-only-tmpfs=false", "--shm-size", strconv.FormatInt(c.Limits.Tmp/4, 10),
		"--uidmap", id + ":0:1", "--gidmap", id + ":0:1", "--user", id + ":" + id, "--passwd=false",
		// podman's own value names a group that there is not.
		"--sysctl", "net.ipv4.ping_group_range=" + id + " " + id,
		"--workdir", "/", "--stop-signal", "KILL", "--tmpfs", "/sys:ro,size=4096", "--tmpfs", "/sys/fs/cgroup:ro,size=4096",
	}
	// podman would raise these, which not every server may; our stage lowers them.
	for name, limit := range map[string]struct{ resource, most int }{"nofile": {unix.RLIMIT_NOFILE, 65536}, "nproc": {unix.RLIMIT_NPROC, 8192}} {
		var l unix.Rlimit
		if err := unix.Getrlimit(limit.resource, &l); err != nil {
			return nil, os.NewSyscallError("getrlimit", err)
		}
		argv = append(argv, "--ulimit", fmt.Sprintf("%s=%[2]d:%[2]d", name, min(l.Max, uint64(limit.most))))
	}
	if os.Geteuid() == 0 {
		var hidden []string
		for _, op := range rootOnly() {
			hidden = append(hidden, op.Target)
		}
		argv = append(argv, "--security-opt", "mask="+strings.Join(hidden, ":"))
	}
	for _, kv := range stageEnv(stage.Confiner) {
		argv = append(argv, "--env", kv)
	}
	for _, m := range b.mounts {
		more, err := m.option()
		if err != nil {
			return nil, err
		}
		argv = append(argv, more...)
	}
	return append(argv, "--rootfs", b.root(), stagePath), nil
}

// option is the mount as podman is told of it.
func (m ociMount) option() ([]string, error) {
	switch {
	case m.Type == "proc" || m.Destination == "/dev/shm":
		return nil, nil // it makes these by itself
	case m.Type == "tmpfs":
		return []string{"--tmpfs", m.Destination + ":rw,exec," + strings.Join(m.Options, ",")}, nil
	}
	var s strings.Builder
	w := csv.NewWriter(&s)
	fields := []string{"type=bind", "source=" + m.Source, "destination=" + m.Destination, "nosuid", "nodev"}
	for _, o := range m.Options {
		if o == "ro" {
			fields = append(fields, "ro=true")
		}
	}
	if err := w.Write(fields); err != nil {
		return nil, err
	}
	w.Flush()
	return []string{"--mount", strings.TrimSuffix(s.String(), "\n")}, nil
}
