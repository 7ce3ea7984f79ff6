package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// groups makes a control group of version 2 for each command, in the one that
// was delegated to us. Nil makes none: what bounds a command then is what every
// process may set for itself, and the watch.
type groups struct {
	dir         string
	controllers []string // that bound a command
}

// Names of groups that we make. The server's processes have to be in one of their
// own, as a group with limits for the groups in it may have no processes itself.
const (
	serverGroup  = "autonoma-server"
	commandGroup = "autonoma-command-"
)

// boundedByGroup is the check that says what bounds commands.
const boundedByGroup = "limits by cgroup"

// noGroups is that check where a program that makes the world of a command is started
// without a group.
func noGroups(program string) Check {
	return Check{Name: boundedByGroup, Optional: true,
		Detail: "resource limits and a watch bound commands, which leaves CPU and input/output free: " + program + " is started without one"}
}

// openGroups finds out whether commands can be bounded by control groups, and
// makes ready what that needs. The check says which of the two is in force.
func openGroups() (*groups, Check) {
	c := Check{Name: boundedByGroup, Optional: true}
	g, err := findGroups()
	if err != nil {
		c.Detail = "resource limits and a watch bound commands, which leaves CPU and input/output free: " + err.Error()
		return nil, c
	}
	c.OK, c.Detail = true, strings.Join(g.controllers, ", ")+" in "+g.dir
	return g, c
}

func findGroups() (*groups, error) {
	own, root, err := ownGroup()
	if err != nil {
		return nil, err
	}
	g := &groups{dir: own}
	if filepath.Base(own) == serverGroup { // a process of ours was here before
		g.dir = filepath.Dir(own)
	}
	there, err := g.available()
	if err != nil {
		return nil, err
	}
	if err := delegated(g.dir, root); err != nil {
		return nil, err
	}
	if unix.Access(filepath.Join(g.dir, "cgroup.subtree_control"), unix.W_OK) != nil || unix.Access(g.dir, unix.W_OK) != nil {
		return nil, fmt.Errorf("%s is not ours to write", g.dir)
	}
	if err := g.enable(there); err != nil {
		return nil, err
	}
	g.sweep()
	return g, nil
}

// ownGroup returns the directory of the group that this process is in, and that
// of the topmost group it can see.
func ownGroup() (own, root string, err error) {
	member, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", "", fmt.Errorf("the kernel has no control groups: %w", err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", "", err
	}
	return locateGroup(string(member), string(mounts))
}

// locateGroup finds in the list of mounts where the group is, see cgroups(7) and
// proc_pid_mountinfo(5).
func locateGroup(member, mounts string) (own, root string, err error) {
	in := ""
	for line := range strings.Lines(member) {
		if rest, ok := strings.CutPrefix(line, "0::"); ok {
			in = strings.TrimSuffix(rest, "\n")
		}
	}
	if in == "" {
		return "", "", errors.New("this machine has control groups of version 1 only")
	}
	for line := range strings.Lines(mounts) {
		left, right, _ := strings.Cut(line, " - ")
		f := strings.Fields(left)
		if len(f) < 5 || !strings.HasPrefix(right, "cgroup2 ") {
			continue
		}
		below, err := filepath.Rel(f[3], in)
		if err != nil || !filepath.IsLocal(below) || strings.HasPrefix(in, "/..") {
			return "", "", fmt.Errorf("the control group %s is outside of what is mounted", path.Clean(in))
		}
		return filepath.Join(f[4], below), f[4], nil
	}
	return "", "", errors.New("control groups of version 2 are not mounted")
}

// delegated refuses a group that somebody else arranges, as a service manager does
// with what it has not delegated: it would undo what we do, or be disturbed by it.
func delegated(dir, root string) error {
	for _, name := range []string{"user.delegate", "trusted.delegate"} { // by systemd, for Delegate=yes
		var v [8]byte
		if n, err := unix.Getxattr(dir, name, v[:]); err == nil && string(v[:n]) == "1" {
			return nil
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "cgroup.events")); dir == root && err == nil {
		return nil // the top that a container sees, and not that of the machine
	}
	mine, err := os.Stat(dir)
	if err != nil {
		return err
	}
	above, err := os.Stat(filepath.Dir(dir))
	if err != nil {
		return err
	}
	me, other := ownedByMe(mine), !ownedByMe(above)
	if os.Geteuid() != 0 && me && other {
		return nil // its administrator gave it to us, and nothing above it
	}
	return fmt.Errorf("the control group %s is not delegated to this program; start it in a unit with Delegate=yes", dir)
}

func ownedByMe(fi os.FileInfo) bool {
	uid, ok := owner(fi)
	return ok && uid == os.Geteuid()
}

// available returns the controllers that the group may use. Two of them must be there.
func (g *groups) available() ([]string, error) {
	b, err := os.ReadFile(filepath.Join(g.dir, "cgroup.controllers"))
	if err != nil {
		return nil, err
	}
	there := strings.Fields(string(b))
	for _, c := range []string{"memory", "pids"} {
		if !slices.Contains(there, c) {
			return nil, fmt.Errorf("the controller %s is not there in %s, as where version 1 has it", c, g.dir)
		}
	}
	return there, nil
}

// enable moves the processes in the group into one below it, and lets the groups
// of commands be bounded.
func (g *groups) enable(there []string) error {
	if err := g.vacate(); err != nil {
		return err
	}
	for _, c := range []string{"memory", "pids", "cpu", "io"} {
		if !slices.Contains(there, c) {
			continue
		}
		err := put(g.dir, "cgroup.subtree_control", "+"+c)
		switch {
		case err == nil:
			g.controllers = append(g.controllers, c)
		case c == "memory" || c == "pids":
			return err
		}
	}
	return nil
}

// vacate moves all processes that are in the group itself to that of the server.
func (g *groups) vacate() error {
	leaf := filepath.Join(g.dir, serverGroup)
	for range 10 { // they may start others meanwhile
		b, err := os.ReadFile(filepath.Join(g.dir, "cgroup.procs"))
		if err != nil {
			return err
		}
		pids := bytes.Fields(b)
		if len(pids) == 0 {
			return nil
		}
		if err := os.Mkdir(leaf, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
		for _, pid := range pids {
			if err := put(leaf, "cgroup.procs", string(pid)); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("move process %s to a group of its own: %w", pid, err)
			}
		}
	}
	return fmt.Errorf("the processes in %s are too many to move", g.dir)
}

// sweep ends and removes the groups of commands whose server was killed. Those of
// a server that lives are locked by it.
func (g *groups) sweep() {
	left, _ := filepath.Glob(filepath.Join(g.dir, commandGroup+"*")) // the pattern is well-formed
	for _, dir := range left {
		f, err := os.Open(dir)
		if err != nil {
			continue
		}
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			_ = (&group{dir: dir}).end() // or the next start does
		}
		f.Close()
	}
}

// put writes to a file of a control group.
func put(dir, name, value string) error {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

// figure reads a number from a file of a control group: the file's only one, or
// the one of the line that begins with key.
func figure(dir, name, key string) int64 {
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(line, key); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(value), 10, 64) // "max" is no number we ask for
			return n
		}
	}
	return 0
}
