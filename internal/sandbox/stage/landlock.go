package stage

import (
	"errors"
	"syscall"
	"unsafe"
)

// Access rights of Landlock, see landlock(7).
const (
	llExecute   = 1 << 0
	llWriteFile = 1 << 1
	llReadFile  = 1 << 2
	llReadDir   = 1 << 3
	llMakeChar  = 1 << 6
	llMakeBlock = 1 << 11
	llTruncate  = 1 << 14
	llIoctlDev  = 1 << 15

	llBindTCP    = 1 << 0
	llConnectTCP = 1 << 1

	llFirst      = 1<<13 - 1 // the rights of ABI 1
	llRefer      = 1 << 13   // ABI 2
	llScopeBoth  = 1<<0 | 1<<1
	llOfAFile    = llExecute | llWriteFile | llReadFile | llTruncate | llIoctlDev
	llVersion    = 1
	llBeneath    = 1
	llAlwaysRead = llExecute | llReadFile | llReadDir
)

// LandlockAlone is the first version that can stand alone: older ones do not keep
// signals and abstract sockets apart.
const LandlockAlone = 6

// LandlockABI returns the version of Landlock that the kernel offers, or 0.
func LandlockABI() int {
	v, err := raw(sysLandlockMake, 0, 0, llVersion)
	if err != nil {
		return 0
	}
	return int(v)
}

// landlock lets this thread, and what it starts, write nowhere but below the
// given paths and to devices, and reach no process and no abstract socket
// outside. Where there are mounts it is a second wall behind them, and where the
// kernel has no Landlock the first one stands alone. Network rules are left out
// there: in a network namespace they would only forbid the command its own
// loopback.
func landlock(s *Spec) error {
	abi := LandlockABI()
	if abi < LandlockAlone && s.Alone {
		return syscall.ENOSYS
	}
	if abi == 0 {
		return nil
	}
	attr := struct{ fs, net, scoped uint64 }{fs: handled(abi)}
	size := uintptr(8)
	if abi >= 6 {
		attr.scoped, size = llScopeBoth, 24
	}
	if s.Alone {
		attr.net = llBindTCP | llConnectTCP
	}
	set, _, e := syscall.RawSyscall(sysLandlockMake, uintptr(unsafe.Pointer(&attr)), size, 0)
	if e != 0 {
		return e
	}
	defer syscall.Close(int(set))
	if err := allowReading(int(set), s, attr.fs); err != nil {
		return err
	}
	for _, path := range s.Writable {
		if err := allow(int(set), path, attr.fs&^(llMakeChar|llMakeBlock)); err != nil {
			return err
		}
	}
	_, err := raw(sysLandlockSelf, set, 0)
	return err
}

// allowReading allows what a command may do to all that it sees, or to what it may
// see of the host.
func allowReading(set int, s *Spec, fs uint64) error {
	const use = llWriteFile | llTruncate | llIoctlDev
	if !s.Alone {
		if err := allow(set, "/", llAlwaysRead); err != nil {
			return err
		}
		return allow(set, "/dev", fs&use)
	}
	for _, path := range s.Readable {
		if err := allow(set, path, llAlwaysRead); err != nil && !errors.Is(err, syscall.ENOENT) {
			return err
		}
	}
	for _, path := range s.Devices {
		if err := allow(set, path, fs&(use|llReadFile)); err != nil && !errors.Is(err, syscall.ENOENT) {
			return err
		}
	}
	return nil
}

// handled returns the rights that the kernel can restrict.
func handled(abi int) uint64 {
	rights := uint64(llFirst)
	if abi >= 2 {
		rights |= llRefer
	}
	if abi >= 3 {
		rights |= llTruncate
	}
	if abi >= 5 {
		rights |= llIoctlDev
	}
	return rights
}

// allow adds to a rule set that rights are given beneath path.
func allow(set int, path string, rights uint64) error {
	fd, err := syscall.Open(path, oPath|syscall.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&syscall.S_IFMT != syscall.S_IFDIR {
		rights &= llOfAFile
	}
	// The kernel's structure is packed: 12 bytes, without padding at its end.
	rule := struct {
		rights uint64
		fd     int32
	}{rights, int32(fd)}
	_, _, e := syscall.RawSyscall6(sysLandlockRule, uintptr(set), llBeneath, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if e != 0 {
		return e
	}
	return nil
}
