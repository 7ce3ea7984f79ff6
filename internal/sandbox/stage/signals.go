package stage

import (
	"syscall"
	"unsafe"
)

// keepSignalsOut makes process 1 deaf to what a command may send it. The kernel
// keeps signals with their default action from process 1 of a namespace, but not
// all of them when it has threads: one that a thread happens to block is taken
// for fatal to the others. So what is deadly by default is ignored instead. A
// command does not inherit that, as Go gives it back the default action, but for 32
// to 34: those are the C libraries' own, which set them before they send them.
func keepSignalsOut() {
	for sig := syscall.Signal(1); sig <= 64; sig++ {
		switch sig {
		case syscall.SIGKILL, syscall.SIGCHLD, syscall.SIGSTOP, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGCONT:
			// They kill no process 1.
		default:
			ignore(sig)
		}
	}
}

// ignore makes a signal mean nothing to this process.
func ignore(sig syscall.Signal) {
	action := struct {
		handler, flags, restorer uintptr
		mask                     uint64
	}{handler: 1} // SIG_IGN
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
}
