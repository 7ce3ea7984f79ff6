package stage

import (
	"errors"
	"syscall"
	"unsafe"
)

// restrict takes from this thread, and so from the command that it will start,
// everything that the command has no use for. The order matters: each step may
// need what a later one takes.
func restrict(s *Spec) error {
	if err := closeOnExec(); err != nil {
		return fault("keep descriptors to ourselves", err)
	}
	for _, l := range s.Limits {
		if err := limit(l); err != nil {
			return fault("limit resource "+decimal(uint64(l.Resource)), err)
		}
	}
	if _, err := raw(syscall.SYS_PRCTL, prSetNoNewPrivs, 1); err != nil {
		return fault("renounce new privileges", err)
	}
	if err := landlock(s); err != nil {
		return fault("restrict paths with Landlock", err)
	}
	if err := dropCapabilities(); err != nil {
		return fault("drop capabilities", err)
	}
	if err := filterCalls(s); err != nil {
		return fault("install the system call filter", err)
	}
	return nil
}

// filterCalls installs the filter, and gives away what is to be asked of it.
func filterCalls(s *Spec) error {
	if !s.Alone {
		_, err := installFilter(Filter(), false)
		return err
	}
	wayOut := s.WayOut != 0
	fd, err := installFilter(FilterAlone(wayOut, syscall.Getpid(), syscall.Gettid()), wayOut)
	if err != nil || !wayOut {
		return err
	}
	defer syscall.Close(fd)
	return handOver(fd)
}

// limit lowers a resource limit, as far as it is not lower already.
func limit(l Rlimit) error {
	var now syscall.Rlimit
	if err := syscall.Getrlimit(l.Resource, &now); err != nil {
		return err
	}
	v := min(l.Value, now.Max)
	return syscall.Setrlimit(l.Resource, &syscall.Rlimit{Cur: v, Max: v})
}

// dropCapabilities leaves this thread none, and no way to get any.
func dropCapabilities() error {
	if _, err := raw(syscall.SYS_PRCTL, prCapAmbient, ambientClearAll, 0, 0, 0); err != nil {
		return err
	}
	for c := uintptr(0); c < 64; c++ {
		_, err := raw(syscall.SYS_PRCTL, prCapBsetDrop, c)
		if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EPERM) {
			// The kernel has no more of them, or another program has taken
			// them from us already; without new privileges no bound is needed.
			break
		}
		if err != nil {
			return err
		}
	}
	const version3 = 0x20080522
	header := struct {
		version uint32
		pid     int32
	}{version: version3}
	var none [6]uint32
	_, _, e := syscall.RawSyscall(syscall.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&none)), 0)
	if e != 0 {
		return e
	}
	return nil
}
