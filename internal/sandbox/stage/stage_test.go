package stage

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Any import but these would delay the stage until half of the program is
// initialised.
func TestImports(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			if path, _ := strconv.Unquote(i.Path.Value); path != "errors" && path != "runtime" && path != "syscall" && path != "unsafe" {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}

func example() *Spec {
	return &Spec{
		UID: 1000, GID: -1, Hostname: "h", Loopback: true,
		Ops: []Op{
			{Kind: Bind, Target: "/usr", Source: "/usr", FD: -1, Maybe: true},
			{Kind: Tmpfs, Target: "/tmp", FD: 7, Number: 1 << 40},
		},
		Argv: []string{"a", "", "b c\n"}, Env: []string{"K=v"}, Dir: "/workspace",
		Limits: []Rlimit{{7, 1 << 63}}, Yield: true, Writable: []string{"/workspace"}, WayOut: 31280,
		Hand: 1, Forward: 31280, Alone: true, Readable: []string{"/usr"}, Devices: []string{"/dev/null"},
	}
}

func TestSpecTravels(t *testing.T) {
	want := example()
	p := want.Encode()
	got, ok := Decode(p[4:])
	if !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, ok, want)
	}
	for i := range p[4:] {
		if _, ok := Decode(p[4 : 4+i]); ok {
			t.Errorf("accepted the first %d of %d bytes", i, len(p)-4)
		}
	}
	if _, ok := Decode(append(p[4:], 0)); ok {
		t.Error("accepted more than there is")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(example().Encode()[4:])
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, p []byte) {
		if s, ok := Decode(p); ok {
			if again, ok := Decode(s.Encode()[4:]); !ok || !reflect.DeepEqual(again, s) {
				t.Errorf("%+v became %+v", s, again)
			}
		}
		DecodeResult(p)
	})
}

// The filter is run here by a machine of our own, for every system call and
// the arguments that matter.
func TestFilter(t *testing.T) {
	const eperm, enosys = errnoRet | uint32(syscall.EPERM), errnoRet | uint32(syscall.ENOSYS)
	for _, tt := range []struct {
		name string
		arch uint32
		nr   uint32
		args [4]uint32
		want uint32
	}{
		{"write", arch, syscall.SYS_WRITE, [4]uint32{1}, allowRet},
		{"other machine", 3, syscall.SYS_WRITE, [4]uint32{}, killProcess},
		{"ptrace", arch, syscall.SYS_PTRACE, [4]uint32{}, eperm},
		{"mount", arch, syscall.SYS_MOUNT, [4]uint32{}, eperm},
		{"clone3", arch, 435, [4]uint32{}, enosys},
		{"thread", arch, sysClone, [4]uint32{syscall.CLONE_VM | syscall.CLONE_THREAD}, allowRet},
		{"new user namespace", arch, sysClone, [4]uint32{syscall.CLONE_NEWUSER | uint32(syscall.SIGCHLD)}, eperm},
		{"new mount namespace", arch, sysClone, [4]uint32{syscall.CLONE_NEWNS}, eperm},
		{"socket of unix", arch, sysSocket, [4]uint32{syscall.AF_UNIX}, allowRet},
		{"socket of inet", arch, sysSocket, [4]uint32{syscall.AF_INET, 1, 6}, allowRet},
		{"socket of inet6", arch, sysSocket, [4]uint32{syscall.AF_INET6}, allowRet},
		{"socket of netlink", arch, sysSocket, [4]uint32{syscall.AF_NETLINK}, allowRet},
		{"socket of packets", arch, sysSocket, [4]uint32{syscall.AF_PACKET}, errnoRet | uint32(syscall.EAFNOSUPPORT)},
		{"socket of mptcp", arch, sysSocket, [4]uint32{syscall.AF_INET, 1, 262}, errnoRet | uint32(syscall.EPROTONOSUPPORT)},
		{"size of a terminal", arch, sysIoctl, [4]uint32{0, syscall.TIOCGWINSZ}, allowRet},
		{"type into a terminal", arch, sysIoctl, [4]uint32{0, 0x5412}, eperm},
		{"paste into a terminal", arch, sysIoctl, [4]uint32{0, 0x541c}, eperm},
		{"mode of a program", arch, sysFchmodat2, [4]uint32{0, 0, 0o755}, allowRet},
		{"mode of its owner's program", arch, sysFchmodat2, [4]uint32{0, 0, 0o4755}, eperm},
		{"new file", arch, syscall.SYS_OPENAT, [4]uint32{0, 0, syscall.O_CREAT | syscall.O_WRONLY, 0o644}, allowRet},
		{"new program of its owner", arch, syscall.SYS_OPENAT, [4]uint32{0, 0, syscall.O_CREAT | syscall.O_WRONLY, 0o4755}, eperm},
		{"unnamed program of its owner", arch, syscall.SYS_OPENAT, [4]uint32{0, 0, 0x410000 | syscall.O_WRONLY, 0o4755}, eperm},
		{"mode of no new file", arch, syscall.SYS_OPENAT, [4]uint32{0, 0, syscall.O_RDONLY, 0o4755}, allowRet},
		{"open that hides its mode", arch, 437, [4]uint32{}, enosys},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := interpret(t, Filter(), tt.arch, tt.nr, tt.args); got != tt.want {
				t.Errorf("returns %#x, want %#x", got, tt.want)
			}
		})
	}
	if x32 != 0 {
		if got := interpret(t, Filter(), arch, x32|1, [4]uint32{}); got != enosys {
			t.Errorf("a call by its x32 number returns %#x, want %#x", got, enosys)
		}
	}
}

// interpret runs a filter on a system call.
func interpret(t *testing.T, code []byte, arch, nr uint32, args [4]uint32) uint32 {
	t.Helper()
	word := map[uint32]uint32{offNumber: nr, offArch: arch, offArg0: args[0], offArg1: args[1], offArg2: args[2], offArg2 + sizeOfArg: args[3]}
	var loaded uint32
	for pc := 0; pc*8 < len(code); pc++ {
		i := code[pc*8 : pc*8+8]
		op := uint16(i[0]) | uint16(i[1])<<8
		k := uint32(i[4]) | uint32(i[5])<<8 | uint32(i[6])<<16 | uint32(i[7])<<24
		jump := func(yes bool) {
			if yes {
				pc += int(i[2])
			} else {
				pc += int(i[3])
			}
		}
		switch op {
		case loadWord:
			v, ok := word[k]
			if !ok {
				t.Fatalf("loads from %d", k)
			}
			loaded = v
		case jumpEqual:
			jump(loaded == k)
		case jumpAny:
			jump(loaded&k != 0)
		case giveBack:
			return k
		default:
			t.Fatalf("instruction %#x", op)
		}
	}
	t.Fatal("ran off the end")
	return 0
}

// Where nothing but rules keeps a command from the host, the filter leaves it no
// socket to others, and nothing that processes of one user share.
func TestFilterAlone(t *testing.T) {
	const eperm = errnoRet | uint32(syscall.EPERM)
	const noFamily = errnoRet | uint32(syscall.EAFNOSUPPORT)
	const stage, thread = 70, 73
	for _, tt := range []struct {
		name        string
		nr          uint32
		args        [4]uint32
		closed, out uint32 // without a way out, and with one
	}{
		{"write", syscall.SYS_WRITE, [4]uint32{1}, allowRet, allowRet},
		{"ptrace", syscall.SYS_PTRACE, [4]uint32{}, eperm, eperm},
		{"socket of unix", sysSocket, [4]uint32{syscall.AF_UNIX, 1}, noFamily, noFamily},
		{"socket of netlink", sysSocket, [4]uint32{syscall.AF_NETLINK, 3}, noFamily, noFamily},
		{"socket of inet6", sysSocket, [4]uint32{syscall.AF_INET6, 1}, noFamily, noFamily},
		{"socket of tcp", sysSocket, [4]uint32{syscall.AF_INET, 1}, noFamily, notify},
		{"socket of tcp by name", sysSocket, [4]uint32{syscall.AF_INET, 1 | cloexec | nonblock, 6}, noFamily, notify},
		{"socket of udp", sysSocket, [4]uint32{syscall.AF_INET, 2}, noFamily, eperm},
		{"raw socket", sysSocket, [4]uint32{syscall.AF_INET, 3}, noFamily, eperm},
		{"socket of mptcp", sysSocket, [4]uint32{syscall.AF_INET, 1, 262}, noFamily, errnoRet | uint32(syscall.EPROTONOSUPPORT)},
		{"connect", syscall.SYS_CONNECT, [4]uint32{5}, eperm, notify},
		{"bind", syscall.SYS_BIND, [4]uint32{5}, eperm, eperm},
		{"listen", syscall.SYS_LISTEN, [4]uint32{5}, eperm, eperm},
		{"pair of streams", syscall.SYS_SOCKETPAIR, [4]uint32{syscall.AF_UNIX, 1 | cloexec}, allowRet, allowRet},
		{"pair of packets", syscall.SYS_SOCKETPAIR, [4]uint32{syscall.AF_UNIX, 5}, allowRet, allowRet},
		{"pair of datagrams", syscall.SYS_SOCKETPAIR, [4]uint32{syscall.AF_UNIX, 2 | nonblock}, eperm, eperm},
		{"pair of raw", syscall.SYS_SOCKETPAIR, [4]uint32{syscall.AF_UNIX, 3}, eperm, eperm},
		{"send", syscall.SYS_SENDTO, [4]uint32{5, 0, 0, 0x4000}, allowRet, allowRet},
		{"fast open", syscall.SYS_SENDTO, [4]uint32{5, 0, 0, 0x20004000}, eperm, eperm},
		{"fast open of a message", syscall.SYS_SENDMSG, [4]uint32{5, 0, 0x20000000}, eperm, eperm},
		{"fast open of messages", sysSendmmsg, [4]uint32{5, 0, 0, 0x20000000}, eperm, eperm},
		{"option of TCP", syscall.SYS_SETSOCKOPT, [4]uint32{5, syscall.IPPROTO_TCP, syscall.TCP_NODELAY}, allowRet, allowRet},
		{"option of a socket", syscall.SYS_SETSOCKOPT, [4]uint32{5, syscall.SOL_SOCKET, syscall.SO_KEEPALIVE}, allowRet, allowRet},
		{"option 25 of TCP", syscall.SYS_SETSOCKOPT, [4]uint32{5, syscall.IPPROTO_TCP, syscall.SO_BINDTODEVICE}, allowRet, allowRet},
		{"route by hosts", syscall.SYS_SETSOCKOPT, [4]uint32{5, syscall.IPPROTO_IP, syscall.IP_OPTIONS}, eperm, eperm},
		{"route by device", syscall.SYS_SETSOCKOPT, [4]uint32{5, syscall.SOL_SOCKET, syscall.SO_BINDTODEVICE}, eperm, eperm},
		{"route by number of a device", syscall.SYS_SETSOCKOPT, [4]uint32{5, syscall.SOL_SOCKET, 62}, eperm, eperm},
		{"memory of others", syscall.SYS_SHMGET, [4]uint32{}, eperm, eperm},
		{"queue of others", syscall.SYS_MQ_OPEN, [4]uint32{}, eperm, eperm},
		{"own limits", syscall.SYS_PRLIMIT64, [4]uint32{0}, allowRet, allowRet},
		{"limits of others", syscall.SYS_PRLIMIT64, [4]uint32{stage}, eperm, eperm},
		{"priority of others", syscall.SYS_SETPRIORITY, [4]uint32{0, stage}, eperm, eperm},
		{"own priority", syscall.SYS_SETPRIORITY, [4]uint32{syscall.PRIO_PROCESS, 0}, allowRet, allowRet},
		{"priority of the user", syscall.SYS_SETPRIORITY, [4]uint32{syscall.PRIO_USER, 0}, eperm, eperm},
		{"priority of disks", syscall.SYS_IOPRIO_SET, [4]uint32{1, stage}, eperm, eperm},
		{"own processors", syscall.SYS_SCHED_SETAFFINITY, [4]uint32{0}, allowRet, allowRet},
		{"processors of others", syscall.SYS_SCHED_SETAFFINITY, [4]uint32{stage}, eperm, eperm},
		{"schedule of others", syscall.SYS_SCHED_SETSCHEDULER, [4]uint32{stage}, eperm, eperm},
		{"schedule of others, anew", sysSchedSetattr, [4]uint32{stage}, eperm, eperm},
		{"signal to a thread", syscall.SYS_TGKILL, [4]uint32{99}, allowRet, allowRet},
		{"signal to the stage", syscall.SYS_TGKILL, [4]uint32{stage, thread}, eperm, eperm},
		{"signal to its thread", syscall.SYS_TKILL, [4]uint32{thread}, eperm, eperm},
		{"queued signal", sysTgsigqueueinfo, [4]uint32{stage, thread}, eperm, eperm},
		{"hold of a thread", sysPidfdOpen, [4]uint32{thread, syscall.O_EXCL}, eperm, eperm},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := interpret(t, FilterAlone(false, stage, thread), arch, tt.nr, tt.args); got != tt.closed {
				t.Errorf("returns %#x, want %#x", got, tt.closed)
			}
			if got := interpret(t, FilterAlone(true, stage, thread), arch, tt.nr, tt.args); got != tt.out {
				t.Errorf("with a way out it returns %#x, want %#x", got, tt.out)
			}
		})
	}
}
