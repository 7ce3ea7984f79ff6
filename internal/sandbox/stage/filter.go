package stage

import (
	"syscall"
	"unsafe"
)

// Filter returns the program that decides which system calls a command may
// make, in the form that the kernel and bwrap take: it allows all but those that
// reach into the kernel's inner works, other processes' memory, mounts,
// namespaces and keys, and asynchronous interfaces that would go past it. What
// programs try first and can do without (clone3, io_uring) does not exist; what
// they should not try is not permitted.
func Filter() []byte {
	var f filter
	f.begin()
	f.rest()
	return f.bytes()
}

// begin refuses calls by numbers of another machine.
func (f *filter) begin() {
	f.load(offArch)
	f.unless(arch, f.ret(killProcess))
	f.load(offNumber)
	if x32 != 0 {
		f.whenAny(x32, f.ret(errnoRet|uint32(syscall.ENOSYS)))
	}
}

// rest decides on all that has not been decided on.
func (f *filter) rest() {
	for _, nr := range forbidden {
		f.when(nr, f.ret(errnoRet|uint32(syscall.EPERM)))
	}
	for _, nr := range absent {
		f.when(nr, f.ret(errnoRet|uint32(syscall.ENOSYS)))
	}
	f.clone()
	f.socket()
	f.ioctl()
	f.modes()
	f.add(f.ret(allowRet))
}

// Offsets in struct seccomp_data, and the values a filter returns.
const (
	offNumber = 0
	offArch   = 4
	offArg0   = 16
	offArg1   = 24
	offArg2   = 32

	killProcess = 0x80000000
	errnoRet    = 0x00050000
	allowRet    = 0x7fff0000
)

// Absent calls are the same on all architectures.
var absent = [...]uint32{435 /* clone3 */, 437 /* openat2, whose mode no filter sees */, 425, 426, 427 /* io_uring */}

// clone refuses new namespaces.
func (f *filter) clone() {
	const newNamespaces = 0x7e020000 // CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID, NET
	f.skipUnless(sysClone, 4)
	f.load(offArg0)
	f.whenAny(newNamespaces, f.ret(errnoRet|uint32(syscall.EPERM)))
	f.load(offNumber)
}

// socket leaves the families that programs use, and of those not the protocol
// by which TCP hides from rules made for TCP.
func (f *filter) socket() {
	const mptcp = 262
	families := []uint32{syscall.AF_UNIX, syscall.AF_INET, syscall.AF_INET6, syscall.AF_NETLINK}
	f.skipUnless(sysSocket, uint8(len(families)+6))
	f.load(offArg0)
	for i, family := range families {
		f.jump(jumpEqual, family, uint8(len(families)-i), 0)
	}
	f.add(f.ret(errnoRet | uint32(syscall.EAFNOSUPPORT)))
	f.load(offArg2)
	f.when(mptcp, f.ret(errnoRet|uint32(syscall.EPROTONOSUPPORT)))
	f.load(offNumber)
}

// ioctl refuses to type into a terminal.
func (f *filter) ioctl() {
	const sti, linux = 0x5412, 0x541c
	f.skipUnless(sysIoctl, 6)
	f.load(offArg1)
	f.when(sti, f.ret(errnoRet|uint32(syscall.EPERM)))
	f.when(linux, f.ret(errnoRet|uint32(syscall.EPERM)))
	f.load(offNumber)
}

// A filter is a program of classic BPF, to be read from top to bottom.
type filter struct{ code []instruction }

// An instruction is a struct sock_filter.
type instruction struct {
	op   uint16
	t, f uint8
	k    uint32
}

const (
	loadWord  = 0x20
	jumpEqual = 0x15
	jumpAny   = 0x45
	giveBack  = 0x06
)

func (f *filter) add(i instruction)                    { f.code = append(f.code, i) }
func (f *filter) ret(v uint32) instruction             { return instruction{op: giveBack, k: v} }
func (f *filter) load(offset uint32)                   { f.add(instruction{op: loadWord, k: offset}) }
func (f *filter) jump(op uint16, k uint32, t, e uint8) { f.add(instruction{op, t, e, k}) }

// when runs then if what was loaded is v.
func (f *filter) when(v uint32, then instruction) {
	f.jump(jumpEqual, v, 0, 1)
	f.add(then)
}

// unless runs then if what was loaded is not v.
func (f *filter) unless(v uint32, then instruction) {
	f.jump(jumpEqual, v, 1, 0)
	f.add(then)
}

// whenAny runs then if what was loaded has one of the bits in v.
func (f *filter) whenAny(v uint32, then instruction) {
	f.jump(jumpAny, v, 0, 1)
	f.add(then)
}

// skipUnless goes past the next n instructions if what was loaded is not v.
func (f *filter) skipUnless(v uint32, n uint8) { f.jump(jumpEqual, v, 0, n) }

// bytes returns the program as an array of struct sock_filter. All supported
// machines are little-endian.
func (f *filter) bytes() []byte {
	b := make([]byte, 0, 8*len(f.code))
	for _, i := range f.code {
		b = append(b, byte(i.op), byte(i.op>>8), i.t, i.f, byte(i.k), byte(i.k>>8), byte(i.k>>16), byte(i.k>>24))
	}
	return b
}

// installFilter puts a filter on this thread and what it starts. With listen it
// returns a descriptor by which calls are asked for.
func installFilter(code []byte, listen bool) (int, error) {
	prog := struct {
		n    uint16
		code unsafe.Pointer
	}{uint16(len(code) / 8), unsafe.Pointer(&code[0])}
	const setModeFilter, newListener = 1, 1 << 3
	flags := uintptr(0)
	if listen {
		flags = newListener
	}
	fd, _, e := syscall.RawSyscall(sysSeccomp, setModeFilter, flags, uintptr(unsafe.Pointer(&prog)))
	if e != 0 {
		return -1, e
	}
	return int(fd), nil
}
