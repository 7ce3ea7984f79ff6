package sandbox

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// attacking returns a command that is this program in the part of an attacker.
func attacking(t *testing.T, name string, args ...string) Command {
	t.Helper()
	// At the level None there are no mounts: it is run where it is.
	exe := self(t)
	return Command{
		Argv:      append([]string{exe}, args...),
		Workspace: closedDir(t),
		Env:       []string{playAttacker + "=" + name, "GOMAXPROCS=2"},
		Mounts:    []Mount{{Source: exe, Target: exe}},
	}
}

// An attack returns nil if it succeeded.
type attackFunc func(args []string) error

// attacks are what a command must not be able to do, except for those that the
// tests need.
func attacks() map[string]attackFunc {
	call := func(nr uintptr, args ...uintptr) attackFunc {
		return func([]string) error {
			var a [6]uintptr
			copy(a[:], args)
			if _, _, e := unix.Syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5]); e != 0 {
				return e
			}
			return nil
		}
	}
	file := func(flags int) attackFunc {
		return func(args []string) error {
			f, err := os.OpenFile(args[0], flags, 0o600)
			if err == nil {
				f.Close()
			}
			return err
		}
	}
	dial := func(network string) attackFunc {
		return func(args []string) error {
			c, err := net.DialTimeout(network, args[0], 3*time.Second)
			if err != nil {
				return err
			}
			defer c.Close()
			if _, err := c.Write([]byte("x")); err != nil {
				return err
			}
			// Only UDP does not tell: the listener is asked whether it heard.
			return nil
		}
	}
	path := func(s string) uintptr { p, _ := unix.BytePtrFromString(s); return uintptr(unsafe.Pointer(p)) }
	pid := func(f func(int) error) attackFunc {
		return func(args []string) error {
			n, err := strconv.Atoi(args[0])
			if err != nil {
				return err
			}
			return f(n)
		}
	}
	return map[string]attackFunc{
		"read":            file(os.O_RDONLY),
		"write":           file(os.O_WRONLY),
		"create":          file(os.O_WRONLY | os.O_CREATE),
		"tcp":             dial("tcp"),
		"udp":             dial("udp"),
		"unix":            dial("unix"),
		"signal":          pid(func(n int) error { return unix.Kill(n, 0) }),
		"ptrace":          pid(func(n int) error { return unix.PtraceAttach(n) }),
		"new user":        call(unix.SYS_UNSHARE, unix.CLONE_NEWUSER),
		"new mounts":      call(unix.SYS_UNSHARE, unix.CLONE_NEWNS),
		"join":            func([]string) error { return unix.Setns(0, 0) },
		"clone3":          call(unix.SYS_CLONE3, 0, 0),
		"mount":           func([]string) error { return unix.Mount("tmpfs", "/workspace", "tmpfs", 0, "") },
		"remount":         func([]string) error { return unix.Mount("", "/usr", "", unix.MS_REMOUNT|unix.MS_BIND, "") },
		"unmount":         func([]string) error { return unix.Unmount("/usr", unix.MNT_DETACH) },
		"open tree":       func([]string) error { _, err := unix.OpenTree(unix.AT_FDCWD, "/", unix.OPEN_TREE_CLONE); return err },
		"change root":     func([]string) error { return unix.Chroot("/workspace") },
		"device":          func([]string) error { return unix.Mknod("/workspace/sda", unix.S_IFBLK|0o600, 8<<8) },
		"keys":            call(unix.SYS_KEYCTL, 0, ^uintptr(2), 1),
		"add key":         call(unix.SYS_ADD_KEY, path("user"), path("x"), path("y"), 1, ^uintptr(2)),
		"bpf":             call(unix.SYS_BPF, 0, 0, 0),
		"io_uring":        call(unix.SYS_IO_URING_SETUP, 8, 0),
		"userfaultfd":     call(unix.SYS_USERFAULTFD, 0),
		"perf":            call(unix.SYS_PERF_EVENT_OPEN, 0),
		"handles":         call(unix.SYS_OPEN_BY_HANDLE_AT, 0, 0, 0),
		"read memory":     pid(func(n int) error { _, err := unix.ProcessVMReadv(n, nil, nil, 0); return err }),
		"take descriptor": func([]string) error { _, err := unix.PidfdGetfd(0, 0, 0); return err },
		"kernel log":      func([]string) error { _, err := unix.Klogctl(10, nil); return err },
		"reboot":          func([]string) error { return unix.Reboot(0) },
		"host name":       func([]string) error { return unix.Sethostname([]byte("x")) },
		"become root":     func([]string) error { return unix.Setresuid(0, 0, 0) },
		"packets":         func([]string) error { _, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0); return err },
		"vsock":           func([]string) error { _, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0); return err },
		"alg":             func([]string) error { _, err := unix.Socket(unix.AF_ALG, unix.SOCK_SEQPACKET, 0); return err },
		"mptcp":           func([]string) error { _, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 262); return err },
		"type":            func([]string) error { return unix.IoctlSetPointerInt(0, unix.TIOCSTI, 'x') },
		"raise limits": func([]string) error {
			return unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: 1 << 20, Max: 1 << 20})
		},
		"hard link":      func(args []string) error { return os.Link(args[0], "/workspace/linked") },
		"new privileges": func([]string) error { return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) },
		"set user id": func([]string) error {
			if err := os.WriteFile("/workspace/s", nil, 0o755); err != nil {
				return err
			}
			return unix.Mount("", "/workspace", "", unix.MS_REMOUNT|unix.MS_BIND, "")
		},

		"talk to itself": talkToItself,
		"call out":       callOut,
		"memory":         func([]string) error { takeMemory(1 << 30); return nil },
		"memory of many": memoryOfMany,
	}
}

// attack is the life of an attacker.
func attack(name string) {
	f, ok := attacks()[name]
	if !ok {
		fmt.Println("no such attack: " + name)
		os.Exit(3)
	}
	runtime.LockOSThread()
	err := f(os.Args[1:])
	if err != nil {
		fmt.Println("refused:", err)
		os.Exit(1)
	}
	fmt.Println("done")
	os.Exit(0)
}

func talkToItself([]string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return err
	}
	return c.Close()
}

// takeMemory takes memory slowly enough to be seen, as programs do that use
// what they take.
func takeMemory(n int) {
	var hold [][]byte
	for ; n > 0; n -= 4 << 20 {
		b := make([]byte, 4<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		hold = append(hold, b)
		time.Sleep(3 * time.Millisecond)
	}
	time.Sleep(5 * time.Second)
	runtime.KeepAlive(hold)
}

func memoryOfMany([]string) error {
	if os.Getenv("AUTONOMA_TEST_CHILD") != "" {
		takeMemory(40 << 20)
		return nil
	}
	var children []*exec.Cmd
	for range 6 {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), "AUTONOMA_TEST_CHILD=1")
		if err := c.Start(); err != nil {
			return err
		}
		children = append(children, c)
	}
	for _, c := range children {
		c.Wait()
	}
	return nil
}

func TestEscape(t *testing.T) {
	host := newHost(t)
	pid := strconv.Itoa(os.Getpid())
	for _, tt := range []struct {
		attack string
		args   []string
	}{
		{"read", []string{"/etc/shadow"}},
		{"read", []string{host.secret}},
		{"read", []string{"/workspace/link-to-secret"}},
		{"read", []string{"/proc/1/environ"}},
		{"read", []string{"/proc/1/mem"}},
		{"read", []string{"/proc/1/root/etc/shadow"}},
		{"read", []string{"/proc/1/cwd/etc"}},
		{"read", []string{"/proc/1/fd/3"}},
		{"read", []string{"/proc/kcore"}},
		{"read", []string{"/proc/kmsg"}},
		{"read", []string{"/dev/mem"}},
		{"read", []string{"/dev/vda"}},
		{"read", []string{"/dev/kmsg"}},
		{"read", []string{"/run/docker.sock"}},
		{"write", []string{"/proc/sys/kernel/core_pattern"}},
		{"write", []string{"/proc/sysrq-trigger"}},
		{"write", []string{"/proc/self/uid_map"}},
		{"write", []string{"/proc/1/mem"}},
		{"write", []string{"/etc/passwd"}},
		{"write", []string{"/usr/bin/env"}},
		{"create", []string{"/usr/x"}},
		{"create", []string{"/etc/x"}},
		{"create", []string{"/x"}},
		{"create", []string{"/dev/x"}},
		{"create", []string{"/home/x"}},
		{"create", []string{"/run/x"}},
		{"create", []string{"/workspace/../x"}},
		{"create", []string{filepath.Dir(host.secret) + "/x"}},
		{"tcp", []string{host.tcp}},
		{"tcp", []string{"169.254.169.254:80"}},
		{"tcp", []string{"192.0.2.1:53"}},
		{"unix", []string{host.path}},
		{"unix", []string{"@" + host.abstract}},
		{"signal", []string{host.victim}},
		{"ptrace", []string{"1"}},
		{"read memory", []string{"1"}},
		{"signal", []string{pid}},
		{"hard link", []string{"/usr/bin/env"}},
		{attack: "new user"}, {attack: "new mounts"}, {attack: "join"}, {attack: "clone3"},
		{attack: "mount"}, {attack: "remount"}, {attack: "unmount"}, {attack: "open tree"}, {attack: "change root"},
		{attack: "device"}, {attack: "keys"}, {attack: "add key"}, {attack: "bpf"}, {attack: "io_uring"},
		{attack: "userfaultfd"}, {attack: "perf"}, {attack: "handles"}, {attack: "take descriptor"},
		{attack: "kernel log"}, {attack: "reboot"}, {attack: "host name"}, {attack: "become root"},
		{attack: "packets"}, {attack: "vsock"}, {attack: "alg"}, {attack: "mptcp"}, {attack: "type"},
		{attack: "raise limits"}, {attack: "new privileges"}, {attack: "set user id"},
	} {
		t.Run(strings.TrimSpace(tt.attack+" "+strings.Join(tt.args, " ")), func(t *testing.T) {
			level(t, confining, func(t *testing.T, s Sandbox) {
				c := attacking(t, tt.attack, tt.args...)
				if err := os.Symlink(host.secret, filepath.Join(c.Workspace, "link-to-secret")); err != nil {
					t.Fatal(err)
				}
				got := run(t, s, c)
				if got.Code != 1 || !strings.HasPrefix(got.out, "refused:") {
					t.Errorf("%+v: %s", got.Exit, got.out)
				}
			})
		})
	}
}

// Datagrams are not answered, so the host is asked whether it heard any.
func TestEscapeByDatagram(t *testing.T) {
	level(t, confining, func(t *testing.T, s Sandbox) {
		l, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		run(t, s, attacking(t, "udp", l.LocalAddr().String()))
		l.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if n, _, err := l.ReadFrom(make([]byte, 1)); err == nil {
			t.Errorf("the host heard %d bytes", n)
		}
	})
}

// The attacks are real: without a sandbox, those that need no privilege succeed.
func TestAttacksWork(t *testing.T) {
	host := newHost(t)
	level(t, []Level{None}, func(t *testing.T, s Sandbox) {
		for attack, args := range map[string][]string{
			"read": {host.secret}, "create": {filepath.Dir(host.secret) + "/x"}, "tcp": {host.tcp}, "unix": {host.path},
			"signal": {host.victim}, "keys": nil, "new user": nil,
		} {
			got := run(t, s, attacking(t, attack, args...))
			if (attack == "new user" || attack == "keys") && got.Code == 1 {
				continue // forbidden by this machine for all
			}
			if got.Code != 0 || got.out != "done\n" {
				t.Errorf("%s %v: %+v %s", attack, args, got.Exit, got.out)
			}
		}
	})
}

// A host is what attackers are after.
type host struct{ secret, tcp, path, abstract, victim string }

func newHost(t *testing.T) host {
	t.Helper()
	dir := publicDir(t)
	h := host{secret: filepath.Join(dir, "secret"), path: filepath.Join(dir, "s"), abstract: "autonoma-test-" + mark(t)}
	if err := os.WriteFile(h.secret, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	listen := func(network, address string) net.Listener {
		l, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}
	h.tcp = listen("tcp4", "127.0.0.1:0").Addr().String()
	listen("unix", h.path)
	listen("unix", "@"+h.abstract)
	victim := exec.CommandContext(t.Context(), "sleep", "1000")
	victim.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { victim.Process.Kill(); victim.Wait() })
	h.victim = strconv.Itoa(victim.Process.Pid)
	return h
}
