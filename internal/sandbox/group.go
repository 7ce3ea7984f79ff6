package sandbox

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A group is the control group of one command. Nil is none.
type group struct {
	dir  string
	file *os.File // open and locked for as long as the command may run
}

// make makes the group of a command that works in a directory of the host. The
// kernel holds it to its limits from the first instruction on, as it is started
// in it.
func (g *groups) make(l Limits, workspace string) (*group, error) {
	if g == nil {
		return nil, nil
	}
	c := &group{dir: filepath.Join(g.dir, commandGroup+rand.Text()[:12])}
	if err := os.Mkdir(c.dir, 0o755); err != nil {
		return nil, fmt.Errorf("make a control group: %w", err)
	}
	var err error
	if c.file, err = os.Open(c.dir); err == nil {
		err = unix.Flock(int(c.file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	if err == nil {
		err = c.limit(g.controllers, l, workspace)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a control group: %w", err), c.end())
	}
	return c, nil
}

// limit writes down the limits. Of those that not every kernel has, none is
// promised.
func (c *group) limit(controllers []string, l Limits, workspace string) error {
	err := errors.Join(
		put(c.dir, "memory.max", strconv.FormatInt(l.Memory, 10)),
		put(c.dir, "memory.oom.group", "1"),
		put(c.dir, "pids.max", strconv.Itoa(l.Processes+stageThreads)),
	)
	if _, missing := os.Stat(filepath.Join(c.dir, "memory.swap.max")); missing == nil {
		err = errors.Join(err, put(c.dir, "memory.swap.max", "0"))
	}
	if slices.Contains(controllers, "cpu") {
		const period = 100_000 // µs
		err = errors.Join(err, put(c.dir, "cpu.max", fmt.Sprintf("%d %d", max(1000, int64(l.CPU*period)), period)))
	}
	if device := blockDevice(workspace); device != "" && l.IO > 0 && slices.Contains(controllers, "io") {
		bound := put(c.dir, "io.max", fmt.Sprintf("%s rbps=%d wbps=%[2]d", device, l.IO))
		if !errors.Is(bound, unix.ENOENT) && !errors.Is(bound, unix.ENODEV) { // this kernel does not, or not that disk
			err = errors.Join(err, bound)
		}
	}
	return err
}

// blockDevice names the whole disk that a directory is on, or nothing if what it is
// on is no disk, or several.
func blockDevice(dir string) string {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil || unix.Major(st.Dev) == 0 {
		return ""
	}
	number := fmt.Sprintf("%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev))
	at, err := filepath.EvalSymlinks("/sys/dev/block/" + number)
	if err != nil {
		return ""
	}
	if _, err := os.Stat(filepath.Join(at, "partition")); err == nil {
		b, err := os.ReadFile(filepath.Join(filepath.Dir(at), "dev"))
		if err != nil {
			return ""
		}
		number = string(b[:max(0, len(b)-1)])
	}
	return number
}

// in has a process started in the group.
func (c *group) in(attr *syscall.SysProcAttr) *syscall.SysProcAttr {
	if c == nil {
		return attr
	}
	in := *attr
	in.UseCgroupFD, in.CgroupFD = true, int(c.file.Fd())
	return &in
}

// kill kills all that is in the group, and reports whether the kernel knows how.
func (c *group) kill() bool { return c != nil && put(c.dir, "cgroup.kill", "1") == nil }

// used returns what the group has used, as far as the kernel counts it.
func (c *group) used() (peak int64, cpu time.Duration) {
	return max(figure(c.dir, "memory.peak", ""), figure(c.dir, "memory.current", "")),
		time.Duration(figure(c.dir, "cpu.stat", "usage_usec ")) * time.Microsecond
}

// end kills what is left in the group and removes it. The killed take a moment to
// be gone.
func (c *group) end() error {
	if c == nil {
		return nil
	}
	defer c.file.Close()
	deadline := time.Now().Add(5 * time.Second)
	for {
		err := unix.Rmdir(c.dir)
		if err == nil || errors.Is(err, unix.ENOENT) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("remove a control group: %w", err)
		}
		c.kill()
		time.Sleep(time.Millisecond)
	}
}
