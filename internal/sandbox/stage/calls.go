package stage

import (
	"syscall"
	"unsafe"
)

// System calls that package syscall does not have. Their numbers are the same
// on all architectures.
const (
	sysOpenTree     = 428
	sysPidfdOpen    = 434
	sysMoveMount    = 429
	sysCloseRange   = 436
	sysMountSetattr = 442
	sysLandlockMake = 444
	sysLandlockRule = 445
	sysLandlockSelf = 446
)

const (
	atFDCWD     = -100
	atEmptyPath = 0x1000
	atRecursive = 0x8000
	oPath       = 0x200000

	openTreeClone   = 1
	moveEmptySource = 0x4
	moveEmptyTarget = 0x40

	attrReadOnly = 0x1
	attrNoSUID   = 0x2
	attrNoDev    = 0x4

	prSetPdeathsig  = 1
	prSetDumpable   = 4
	prCapBsetDrop   = 24
	prSetNoNewPrivs = 38
	prCapAmbient    = 47
	ambientClearAll = 4
)

// raw makes a system call that takes numbers.
func raw(nr uintptr, a ...uintptr) (uintptr, error) {
	var v [6]uintptr
	copy(v[:], a)
	r, _, e := syscall.RawSyscall6(nr, v[0], v[1], v[2], v[3], v[4], v[5])
	if e != 0 {
		return r, e
	}
	return r, nil
}

// openTree returns a detached copy of the mounts at path.
func openTree(path string) (int, error) {
	p, err := syscall.BytePtrFromString(path)
	if err != nil {
		return -1, err
	}
	flags := uintptr(openTreeClone | syscall.O_CLOEXEC | atRecursive)
	cwd := atFDCWD
	fd, _, e := syscall.Syscall(sysOpenTree, uintptr(cwd), uintptr(unsafe.Pointer(p)), flags)
	if e != 0 {
		return -1, e
	}
	return int(fd), nil
}

// moveMount puts a detached mount onto target.
func moveMount(mount, target int) error {
	var empty [1]byte
	_, _, e := syscall.Syscall6(sysMoveMount, uintptr(mount), uintptr(unsafe.Pointer(&empty)),
		uintptr(target), uintptr(unsafe.Pointer(&empty)), moveEmptySource|moveEmptyTarget, 0)
	if e != 0 {
		return e
	}
	return nil
}

// setAttr adds attributes to a mount and all below it.
func setAttr(mount int, attr uint64) error {
	var empty [1]byte
	a := struct{ set, clr, propagation, userns uint64 }{set: attr}
	_, _, e := syscall.Syscall6(sysMountSetattr, uintptr(mount), uintptr(unsafe.Pointer(&empty)),
		atEmptyPath|atRecursive, uintptr(unsafe.Pointer(&a)), unsafe.Sizeof(a), 0)
	if e != 0 {
		return e
	}
	return nil
}

// closeOnExec lets no descriptor but the first three get to the command.
func closeOnExec() error {
	const setCloexec = 4
	_, err := raw(sysCloseRange, 3, ^uintptr(0)>>32, setCloexec)
	return err
}

// hungUp tells whether the other end of a socket is gone.
func hungUp(fd int) bool {
	p := struct {
		fd              int32
		events, revents int16
	}{fd: int32(fd)}
	var now syscall.Timespec
	const hup = 0x10
	n, _, e := syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&p)), 1, uintptr(unsafe.Pointer(&now)), 0, 8, 0)
	return e == 0 && n == 1 && p.revents&hup != 0
}

// loopbackUp brings up lo in the current network namespace.
func loopbackUp() error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	ifreq := struct {
		name  [16]byte
		flags uint16
		_     [22]byte
	}{flags: syscall.IFF_UP | syscall.IFF_RUNNING}
	copy(ifreq.name[:], "lo")
	_, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&ifreq)))
	if e != 0 {
		return e
	}
	return nil
}

// symlinkAt makes a symbolic link to old by name in dir.
func symlinkAt(old string, dir int, name string) error {
	o, err := syscall.BytePtrFromString(old)
	if err != nil {
		return err
	}
	n, err := syscall.BytePtrFromString(name)
	if err != nil {
		return err
	}
	_, _, e := syscall.Syscall(syscall.SYS_SYMLINKAT, uintptr(unsafe.Pointer(o)), uintptr(dir), uintptr(unsafe.Pointer(n)))
	if e != 0 {
		return e
	}
	return nil
}

func fdPath(fd int) string { return "/proc/self/fd/" + decimal(uint64(fd)) }
