package guesttest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// guestVar, which the kernel hands on from its command line, makes process 1 of a
// guest.
const guestVar = "AUTONOMA_TEST_GUEST"

// passed follows the name of a user as whom all tests have passed.
const passed = "PASSED-IN-GUEST"

// A user runs the tests in a control group.
type user struct {
	name  string
	id    uint32
	run   string // which tests, as for -test.run
	given given
}

// given is how the group was given to a user.
type given int

const (
	marked   given = iota // by systemd's mark
	owned                 // by its owner
	topmost               // as the only one that a container sees
	withheld              // not at all
)

func users() []user {
	// A command takes some 200 ms here. What stays is what depends on the kernel.
	const (
		limits  = "^Test(Limits|Groups|ForkBomb)$|^TestDiskLimits$/.*/^(fill|tiny_files)$"
		all     = limits + "|^Test(OpenFiles|Overlay|Open|NothingIsLeft|ServerKilled)$"
		escapes = "|^TestEscape$/^(unix|new_user|mount|ptrace|signal|keys)"
	)
	return []user{{"root", 0, all, marked}, {"user", 4242, limits + escapes, owned},
		{"container", 0, "^TestGroups$/^namespaces", topmost}, {"service", 0, "^TestGroups$/^namespaces", withheld}}
}

// live is the life of process 1: it makes the machine ready, has the tests run, and
// switches it off.
func live() {
	err := boot()
	for _, u := range users() {
		if err == nil {
			err = test(u)
		}
	}
	if err != nil {
		fmt.Println("guest:", err)
	}
	unix.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART) // which the emulator takes for its end
	select {}
}

// boot goes from what the kernel starts from to the disk, and mounts the rest.
func boot() error {
	if err := errors.Join(unix.Mount("dev", "/dev", "devtmpfs", 0, ""), speak(), load(modules())); err != nil {
		return err
	}
	err := errors.New("there is no disk")
	for begin := time.Now(); err != nil && time.Since(begin) < 30*time.Second; time.Sleep(20 * time.Millisecond) {
		err = unix.Mount("/dev/vda", "/new", "ext4", unix.MS_NOATIME, "")
	}
	if err != nil {
		return fmt.Errorf("mount the disk: %w", err)
	}
	if err := errors.Join(unix.Chdir("/new"), unix.Mount(".", "/", "", unix.MS_MOVE, ""), unix.Chroot("."), unix.Chdir("/")); err != nil {
		return fmt.Errorf("go to the disk: %w", err)
	}
	err = errors.Join(unix.Mount("dev", "/dev", "devtmpfs", 0, ""), unix.Mount("proc", "/proc", "proc", 0, ""), unix.Mount("sys", "/sys", "sysfs", 0, ""),
		unix.Mount("cgroup", "/sys/fs/cgroup", "cgroup2", 0, ""), os.Chmod("/tmp", 0o1777), os.Mkdir("/dev/shm", 0o1777),
		unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""), os.WriteFile("/proc/sys/kernel/printk", []byte("1"), 0), up("lo"))
	if err != nil {
		return fmt.Errorf("make the machine ready: %w", err)
	}
	return os.WriteFile("/sys/fs/cgroup/cgroup.subtree_control", []byte("+memory +pids +cpu +io"), 0)
}

// speak opens the console, which was not there when the kernel looked for it.
func speak() error {
	console, err := unix.Open("/dev/console", unix.O_RDWR, 0)
	if err != nil {
		return err
	}
	for fd := range 3 {
		if err := unix.Dup2(console, fd); err != nil {
			return err
		}
	}
	return nil
}

func load(names []string) error {
	for _, name := range names {
		f, err := os.Open("/modules/" + name + ".ko")
		if err == nil {
			err = unix.FinitModule(int(f.Fd()), "", 0)
			f.Close()
		}
		if err != nil {
			return fmt.Errorf("load module %s: %w", name, err)
		}
	}
	return nil
}

// up switches a network interface on.
func up(name string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req)
}

// test runs the tests of the sandbox as a user, in a control group that is
// delegated to that user.
func test(u user) error {
	group := filepath.Join("/sys/fs/cgroup", u.name)
	tmp := filepath.Join("/tmp", u.name)
	if err := errors.Join(os.Mkdir(group, 0o755), os.Mkdir(tmp, 0o755), os.Chown(tmp, int(u.id), int(u.id))); err != nil {
		return err
	}
	switch u.given {
	case marked:
		if err := unix.Setxattr(group, "user.delegate", []byte("1"), 0); err != nil {
			return err
		}
	case owned:
		for _, name := range []string{"", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"} {
			if err := os.Chown(filepath.Join(group, name), int(u.id), int(u.id)); err != nil {
				return err
			}
		}
	case topmost, withheld:
	}
	f, err := os.Open(group)
	if err != nil {
		return err
	}
	defer f.Close()
	argv := []string{"/usr/bin/sandbox.test", "-test.run=" + u.run, "-test.v", "-test.timeout=10m"}
	if u.given == topmost {
		argv = append([]string{"/usr/bin/unshare", "-Cm", "sh", "-c", `umount /sys/fs/cgroup && mount -t cgroup2 cgroup /sys/fs/cgroup && exec "$0" "$@"`}, argv...)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = tmp
	cmd.Env = []string{"PATH=/usr/bin", "HOME=" + tmp, "TMPDIR=" + tmp, "AUTONOMA_TEST_REQUIRE=1", "AUTONOMA_TEST_CGROUP=" + fmt.Sprint(u.given != withheld), "AUTONOMA_TEST_INNER=1"}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: u.id, Gid: u.id}, UseCgroupFD: true, CgroupFD: int(f.Fd())}
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("the tests as %s: %w", u.name, err)
	}
	pattern := "autonoma-command-*"
	if u.given == withheld {
		pattern = "autonoma-*"
	}
	if left, _ := filepath.Glob(filepath.Join(group, pattern)); len(left) > 0 {
		return fmt.Errorf("the tests as %s left the control groups %q", u.name, left)
	}
	fmt.Printf("\n%s %s in %s\n", u.name, passed, time.Since(begin).Round(time.Second))
	return nil
}
