package stage

import (
	"runtime"
	"syscall"
)

// Where there are no namespaces, rules are the only wall: what Landlock and the
// other filter do not see must be refused whole.

// launchAlone confines one thread, has it start the command, and lets it end. All
// other threads of the stage stay outside: Landlock judges who may signal whom by
// the thread that leads a process, so the command cannot reach its stage.
func launchAlone(s *Spec) (pid int, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with this function
		if err = restrict(s); err == nil {
			pid, err = launch(s)
		}
	}()
	<-done
	return pid, err
}

// FilterAlone is [Filter] for a command in the host's own namespaces. It leaves no
// sockets but pairs of which neither end can be led elsewhere, and nothing that
// processes of one user share or do to each other. With wayOut, sockets for TCP are
// not refused but asked for: whoever listens to the filter makes and connects them.
func FilterAlone(wayOut bool, stage, thread int) []byte {
	var f filter
	f.begin()
	f.sockets(wayOut)
	f.strangers(uint32(stage), uint32(thread))
	f.rest()
	return f.bytes()
}

const (
	notify     = 0x7fc00000 // SECCOMP_RET_USER_NOTIF
	offArg3    = 40
	cloexec    = syscall.SOCK_CLOEXEC
	nonblock   = syscall.SOCK_NONBLOCK
	fastOpen   = 0x20000000 // MSG_FASTOPEN: connects without the call of that name
	datagram   = 2          // SOCK_DGRAM, and a bit of SOCK_RAW, which is the same to AF_UNIX
	pidfdAlone = syscall.O_EXCL
	ofUser     = syscall.PRIO_USER // all that the server's user runs, the server too
)

// sockets refuses what would reach others over a socket.
func (f *filter) sockets(wayOut bool) {
	eperm := f.ret(errnoRet | uint32(syscall.EPERM))
	f.when(syscall.SYS_BIND, eperm)
	f.when(syscall.SYS_LISTEN, eperm)
	if wayOut {
		f.when(syscall.SYS_CONNECT, f.ret(notify))
		f.askForSockets()
	} else {
		f.when(syscall.SYS_CONNECT, eperm)
		f.when(sysSocket, f.ret(errnoRet|uint32(syscall.EAFNOSUPPORT)))
	}
	f.whenArgument(syscall.SYS_SOCKETPAIR, offArg1, datagram, eperm)
	f.whenArgument(syscall.SYS_SENDTO, offArg3, fastOpen, eperm)
	f.whenArgument(syscall.SYS_SENDMSG, offArg2, fastOpen, eperm)
	f.whenArgument(sysSendmmsg, offArg3, fastOpen, eperm)
	f.routes(eperm)
}

// routes refuses what would send a socket another way to the address that it is
// connected to: options of IP, which can name hosts on the way, and a device.
func (f *filter) routes(eperm instruction) {
	const bindToIndex = 62 // SO_BINDTOIFINDEX
	f.skipUnless(syscall.SYS_SETSOCKOPT, 10)
	f.load(offArg1)
	f.when(syscall.IPPROTO_IP, eperm)
	f.jump(jumpEqual, syscall.SOL_SOCKET, 0, 5)
	f.load(offArg2)
	f.when(syscall.SO_BINDTODEVICE, eperm)
	f.when(bindToIndex, eperm)
	f.load(offNumber)
}

// askForSockets leaves IPv4 and TCP, and those to whoever listens.
func (f *filter) askForSockets() {
	types := []uint32{syscall.SOCK_STREAM, syscall.SOCK_STREAM | cloexec, syscall.SOCK_STREAM | nonblock, syscall.SOCK_STREAM | cloexec | nonblock}
	f.skipUnless(sysSocket, uint8(len(types)+10))
	f.load(offArg0)
	f.unless(syscall.AF_INET, f.ret(errnoRet|uint32(syscall.EAFNOSUPPORT)))
	f.load(offArg1)
	for i, kind := range types {
		f.jump(jumpEqual, kind, uint8(len(types)-i), 0)
	}
	f.add(f.ret(errnoRet | uint32(syscall.EPERM)))
	f.load(offArg2)
	f.jump(jumpEqual, 0, 2, 0)
	f.unless(syscall.IPPROTO_TCP, f.ret(errnoRet|uint32(syscall.EPROTONOSUPPORT)))
	f.add(f.ret(notify))
}

// strangers refuses what one process of a user may do to another without a signal,
// and signals to one thread of the stage: the one that starts the command has its
// rules until it ends.
func (f *filter) strangers(stage, thread uint32) {
	eperm := f.ret(errnoRet | uint32(syscall.EPERM))
	for _, nr := range shared {
		f.when(nr, eperm)
	}
	f.unlessArgument(syscall.SYS_PRLIMIT64, offArg0, 0, eperm)
	f.whenArgument(syscall.SYS_SETPRIORITY, offArg0, ofUser, eperm)
	f.unlessArgument(syscall.SYS_SETPRIORITY, offArg1, 0, eperm)
	for _, nr := range []uint32{syscall.SYS_SCHED_SETPARAM, syscall.SYS_SCHED_SETSCHEDULER, syscall.SYS_SCHED_SETAFFINITY, sysSchedSetattr} {
		f.unlessArgument(nr, offArg0, 0, eperm)
	}
	f.whenArgument(sysPidfdOpen, offArg1, pidfdAlone, eperm)
	for _, target := range []struct{ call, process uint32 }{
		{syscall.SYS_TGKILL, stage}, {sysTgsigqueueinfo, stage}, {syscall.SYS_TKILL, thread},
	} {
		f.skipUnless(target.call, 4)
		f.load(offArg0)
		f.when(target.process, eperm)
		f.load(offNumber)
	}
}

// shared are the calls for memory, semaphores and messages that have a name or
// number on the whole host, and the one that says whose input and output comes first.
var shared = [...]uint32{
	syscall.SYS_SHMGET, syscall.SYS_SHMAT, syscall.SYS_SHMCTL,
	syscall.SYS_SEMGET, syscall.SYS_SEMOP, syscall.SYS_SEMTIMEDOP, syscall.SYS_SEMCTL,
	syscall.SYS_MSGGET, syscall.SYS_MSGSND, syscall.SYS_MSGRCV, syscall.SYS_MSGCTL,
	syscall.SYS_MQ_OPEN, syscall.SYS_MQ_UNLINK, syscall.SYS_IOPRIO_SET,
}

// whenArgument runs then if a call is told one of the bits in v.
func (f *filter) whenArgument(nr, argument, v uint32, then instruction) {
	f.skipUnless(nr, 4)
	f.load(argument)
	f.whenAny(v, then)
	f.load(offNumber)
}

// unlessArgument runs then if a call is told anything but v.
func (f *filter) unlessArgument(nr, argument, v uint32, then instruction) {
	f.skipUnless(nr, 4)
	f.load(argument)
	f.unless(v, then)
	f.load(offNumber)
}
