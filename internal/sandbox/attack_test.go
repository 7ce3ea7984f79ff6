package sandbox

import (
	"errors"
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

// attack is the life of an attacker. It ends with 0 if it got through.
func attack(name string) {
	f, ok := attacks()[name]
	if !ok {
		fmt.Println("no such attack: " + name)
		os.Exit(3)
	}
	runtime.LockOSThread()
	if err := f(os.Args[1:]); err != nil {
		fmt.Println("refused:", err)
		os.Exit(1)
	}
	fmt.Println("done")
	os.Exit(0)
}

// An attack returns nil if it succeeded.
type attackFunc func(args []string) error

// attacks are what a command must not be able to do, except for those that other
// tests need.
func attacks() map[string]attackFunc {
	return map[string]attackFunc{
		"read":   read1,
		"write":  open(os.O_WRONLY),
		"create": open(os.O_WRONLY | os.O_CREATE),
		"follow": func(args []string) error { _, err := os.Readlink(args[0]); return err },
		"list":   func(args []string) error { _, err := os.ReadDir(args[0]); return err },
		"hard link": func(args []string) error {
			return os.Link(args[0], "linked")
		},
		"environment": func(args []string) error {
			if os.Getenv(args[0]) == "" {
				return errors.New("not there")
			}
			return nil
		},
		"descriptors": leakedDescriptors,

		"tcp":  dial("tcp"),
		"udp":  dial("udp"), // it does not tell: the listener is asked whether it heard
		"unix": dial("unix"),
		"dns":  func(args []string) error { _, err := net.LookupHost(args[0]); return err },

		"signal": onProcess(func(pid int) error { return unix.Kill(pid, 0) }),
		"ptrace": onProcess(func(pid int) error { return unix.PtraceAttach(pid) }),
		"read memory": onProcess(func(pid int) error {
			_, err := unix.ProcessVMReadv(pid, nil, nil, 0)
			return err
		}),
		"yield for all": func([]string) error { return unix.Setpriority(unix.PRIO_USER, 0, 19) },
		"pin": onProcess(func(pid int) error {
			var one unix.CPUSet
			one.Set(0)
			return unix.SchedSetaffinity(pid, &one)
		}),
		"put to sleep": onProcess(func(pid int) error {
			return unix.SchedSetAttr(pid, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}, 0)
		}),
		"find": onProcess(func(pid int) error { _, err := unix.PidfdOpen(pid, 0); return err }),
		"limit": onProcess(func(pid int) error {
			return unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &unix.Rlimit{})
		}),
		"take descriptor": onProcess(func(pid int) error {
			fd, err := unix.PidfdOpen(pid, 0)
			if err == nil {
				_, err = unix.PidfdGetfd(fd, 3, 0)
			}
			return err
		}),

		"privileges":   privileges,
		"become root":  func([]string) error { return unix.Setresuid(0, 0, 0) },
		"child user":   childOf(unix.CLONE_NEWUSER),
		"overlay":      childOf(unix.CLONE_NEWUSER | unix.CLONE_NEWNS),
		"child mounts": childOf(unix.CLONE_NEWNS),
		"set user program": func(args []string) error {
			return exec.Command(args[0], "-c", "true").Run()
		},
		"raise limits": func([]string) error {
			return unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: 1 << 22, Max: 1 << 22})
		},
		"loosen": loosenLandlock,
		"interface": func([]string) error {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
			if err != nil {
				return err
			}
			lo, err := unix.NewIfreq("lo")
			if err != nil {
				return err
			}
			return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo) // down
		},

		"calls":       makeCalls,
		"filter anew": filterAnew,
		"old calls":   callOfOldMachines,
		"socket":      openSocket,
		"type":        ioctl(unix.TIOCSTI),
		"type wide":   ioctl(unix.TIOCSTI | 1<<32), // the kernel looks at 32 bits, a careless filter at 64
		"paste":       ioctl(0x541c),               // TIOCLINUX
		"from memory": fromMemory,

		"device":       mknod(unix.S_IFBLK, 8<<8),
		"char device":  mknod(unix.S_IFCHR, 1<<8|1),
		"set user":     func([]string) error { return errors.Join(touch("s"), unix.Chmod("s", 0o4755)) },
		"set user at":  func([]string) error { return errors.Join(touch("s"), unix.Fchmodat(unix.AT_FDCWD, "s", 0o4755, 0)) },
		"set user at2": func([]string) error { return errors.Join(touch("s"), fchmodat2("s", 0o4755)) },
		"set user fd":  setUserByDescriptor,
		"set user new": func([]string) error {
			fd, err := unix.Open("n", unix.O_CREAT|unix.O_WRONLY, 0o4755)
			unix.Close(fd)
			return err
		},
		"set user how": func([]string) error {
			fd, err := unix.Openat2(unix.AT_FDCWD, "n", &unix.OpenHow{Flags: unix.O_CREAT | unix.O_WRONLY, Mode: 0o4755})
			unix.Close(fd)
			return err
		},
		"set user node": mknod(unix.S_IFREG|0o4755, 0),
		"immutable":     immutable,

		// These are for other tests.
		"nothing":        func([]string) error { return nil },
		"call out":       callOut,
		"talk to itself": talkToItself,
		"memory":         func([]string) error { takeMemory(1 << 30); return nil },
		"memory of many": memoryOfMany,
		"descriptor bomb": func([]string) error {
			for n := 0; ; n++ {
				if _, err := unix.Dup(0); err != nil {
					fmt.Println("opened", n)
					return err
				}
			}
		},
	}
}

func open(flags int) attackFunc {
	return func(args []string) error {
		f, err := os.OpenFile(args[0], flags, 0o600)
		if err == nil {
			f.Close()
		}
		return err
	}
}

// read1 reads a byte: some files of the kernel can be opened by all, and tell nobody.
func read1(args []string) error {
	f, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Read(make([]byte, 1))
	return err
}

func touch(name string) error { return os.WriteFile(name, nil, 0o755) }

func dial(network string) attackFunc {
	return func(args []string) error {
		c, err := net.DialTimeout(network, args[0], 3*time.Second)
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Write([]byte("x"))
		return err
	}
}

func onProcess(f func(pid int) error) attackFunc {
	return func(args []string) error {
		pid, err := strconv.Atoi(args[0])
		if err != nil {
			return err
		}
		return f(pid)
	}
}

// leakedDescriptors succeeds if it was given anything but its three descriptors,
// or one of these leads to a directory.
func leakedDescriptors([]string) error {
	for fd := range 1024 {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) != nil {
			continue
		}
		// Our own runtime may have opened what it polls by.
		to, _ := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
		if st.Mode&unix.S_IFMT == unix.S_IFDIR || fd > 2 && !strings.HasPrefix(to, "anon_inode:[event") {
			fmt.Println(fd, "is", to)
			return nil
		}
	}
	return errors.New("there are three")
}

// privileges succeeds if there are some, or could be.
func privileges([]string) error {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(b)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch value = strings.TrimSpace(value); {
		case strings.HasPrefix(key, "Cap") && strings.Trim(value, "0") != "" && key != "CapBnd",
			key == "NoNewPrivs" && value != "1", key == "Seccomp" && value != "2":
			fmt.Println(line)
			return nil
		}
	}
	return errors.New("none, and none to come")
}

// childOf succeeds if a child can be started in new namespaces.
func childOf(flags uintptr) attackFunc {
	return func([]string) error {
		c := exec.Command("/bin/true")
		c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
		return c.Run()
	}
}

// loosenLandlock puts one more layer of rules on itself, which allows everything, and
// tries whether it does.
func loosenLandlock(args []string) error {
	attr := uint64(unix.LANDLOCK_ACCESS_FS_WRITE_FILE) // the first field of the kernel's structure
	fd, _, e := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(ptr(&attr)), 8, 0)
	if e != 0 {
		return e
	}
	root, err := unix.Open("/", unix.O_PATH, 0)
	if err != nil {
		return err
	}
	rule := struct {
		access uint64
		parent int32
	}{unix.LANDLOCK_ACCESS_FS_WRITE_FILE, int32(root)}
	if _, _, e := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, fd, 1, uintptr(ptr(&rule)), 0, 0, 0); e != 0 {
		return e
	}
	if _, _, e := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); e != 0 {
		return e
	}
	return open(os.O_WRONLY | os.O_CREATE)(args)
}

func openSocket(args []string) error {
	kinds := map[string][3]int{
		"packet": {unix.AF_PACKET, unix.SOCK_RAW, 0},
		"vsock":  {unix.AF_VSOCK, unix.SOCK_STREAM, 0},
		"alg":    {unix.AF_ALG, unix.SOCK_SEQPACKET, 0},
		"mptcp":  {unix.AF_INET, unix.SOCK_STREAM, 262},
		"raw":    {unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP},
		"key":    {unix.AF_KEY, unix.SOCK_RAW, 2},
		"rds":    {unix.AF_RDS, unix.SOCK_SEQPACKET, 0},
		"tipc":   {unix.AF_TIPC, unix.SOCK_SEQPACKET, 0},
		"can":    {unix.AF_CAN, unix.SOCK_RAW, 1},
		"xdp":    {unix.AF_XDP, unix.SOCK_RAW, 0},
	}
	k, ok := kinds[args[0]]
	if !ok {
		return nil // the test is wrong, and shall fail
	}
	_, err := unix.Socket(k[0], k[1], k[2])
	return err
}

func ioctl(request uint) attackFunc {
	return func([]string) error {
		if err := unix.IoctlSetPointerInt(0, request, 'x'); errors.Is(err, unix.EPERM) {
			return err
		}
		return nil // nobody but a terminal has it, but the kernel was asked
	}
}

// fromMemory runs a program that is no file, which is confined as any is.
func fromMemory(args []string) error {
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return err
	}
	f, err := memoryFile(string(program))
	if err != nil {
		return err
	}
	c := exec.Command(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	c.Env = append(os.Environ(), playAttacker+"="+strings.Join(args, " "))
	out, err := c.Output()
	fmt.Print(string(out))
	return err
}

func mknod(mode uint32, dev int) attackFunc {
	return func([]string) error { return unix.Mknod("node", mode|0o600, dev) }
}

func setUserByDescriptor([]string) error {
	f, err := os.Create("f")
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Fchmod(int(f.Fd()), 0o4755)
}

func immutable([]string) error {
	f, err := os.Create("i")
	if err != nil {
		return err
	}
	defer f.Close()
	const flag = 0x10 // FS_IMMUTABLE_FL
	return unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flag)
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

// A host is what attackers are after.
type host struct {
	dir                                   string // that all users can reach
	secret, run, database                 string // files
	tcp, tcp6, path, abstract, victim, us string
}

func newHost(t *testing.T) host {
	t.Helper()
	dir := publicDir(t)
	h := host{
		dir: dir, secret: filepath.Join(dir, "credentials"), database: filepath.Join(dir, "data", "autonoma.db"),
		run:  filepath.Join(dir, "data", "workspaces", "runs", "task_other", "main", "files", "main.go"),
		path: filepath.Join(dir, "s"), abstract: "@autonoma-test-" + mark(t), us: strconv.Itoa(os.Getpid()),
	}
	for _, file := range []string{h.secret, h.database, h.run} {
		write(t, file, "secret")
	}
	listen := func(network, address string) string {
		l, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l.Addr().String()
	}
	h.tcp, h.tcp6 = listen("tcp4", "127.0.0.1:0"), listen("tcp6", "[::1]:0")
	listen("unix", h.path)
	listen("unix", h.abstract)
	victim := exec.CommandContext(t.Context(), "sleep", "1000")
	victim.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { victim.Process.Kill(); victim.Wait() })
	h.victim = strconv.Itoa(victim.Process.Pid)
	return h
}
