package sandbox

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A broker makes the sockets of a command that shares the host's network, and
// connects them to one address, or not at all. The command's own calls for that
// never get to the kernel: its filter turns them into questions.
//
// Landlock could only allow a port, which is open on any machine that wants to be
// called. And nothing that the command changes while it is looked at can lead a
// socket elsewhere: the address it gave is read only to refuse others.
type broker struct {
	filter int
	to     netip.AddrPort
	made   map[uint64]int // sockets not yet connected: our descriptor, by number of the file
	done   map[uint64]bool
}

// brokered serves egress with l and answers the questions of a filter. The function
// it returns ends both.
func brokered(filter *os.File, l *sharedListener, egress func(net.Listener)) (end func(), err error) {
	stop, stopping, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("watch a filter: %w", err)
	}
	b := &broker{filter: int(filter.Fd()), to: l.Addr().(*net.TCPAddr).AddrPort(), made: map[uint64]int{}, done: map[uint64]bool{}}
	over := make(chan struct{})
	go func() {
		defer close(over)
		b.answer(int(stop.Fd()))
	}()
	endEgress := serveWayOut(egress, l)
	return func() {
		stopping.Close()
		<-over
		stop.Close()
		filter.Close()
		endEgress()
	}, nil
}

// answer answers until nobody is left who could ask, or stop is hung up.
func (b *broker) answer(stop int) {
	defer func() {
		for _, fd := range b.made {
			unix.Close(fd)
		}
	}()
	for {
		fds := []unix.PollFd{{Fd: int32(b.filter), Events: unix.POLLIN}, {Fd: int32(stop)}}
		if _, err := again(func() (int, error) { return unix.Poll(fds, -1) }); err != nil || fds[1].Revents != 0 || fds[0].Revents&unix.POLLIN == 0 {
			return
		}
		var q question
		if err := control(b.filter, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&q)); err != nil {
			continue // who asked is gone
		}
		if q.call == unix.SYS_CONNECT {
			b.reply(q, b.connect(q))
			continue
		}
		if err := b.socket(q); err != nil {
			b.reply(q, err)
		}
	}
}

// A question is the kernel's struct seccomp_notif.
type question struct {
	id        uint64
	pid       uint32 // of the thread that waits for the answer
	_         uint32
	call      int32
	_         uint32
	_         uint64
	arguments [6]uint64
}

// mostSockets of a command may wait to be connected, each held by the server as well:
// of more, some have been closed there, or worse. mostDone connections are remembered.
const mostSockets, mostDone = 128, 4096

// socket makes what is asked for and puts a copy into the command.
func (b *broker) socket(q question) error {
	for ino, old := range b.made {
		if len(b.made) < mostSockets {
			break
		}
		unix.Close(old)
		delete(b.made, ino)
	}
	kind := int(q.arguments[1])
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|kind&unix.SOCK_NONBLOCK, unix.IPPROTO_TCP)
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return err
	}
	const send = 2 // SECCOMP_ADDFD_FLAG_SEND: the new descriptor is the answer
	give := struct {
		id                        uint64
		flags, source, fd, fdMode uint32
	}{q.id, send, uint32(fd), 0, uint32(kind & unix.SOCK_CLOEXEC)}
	if err := control(b.filter, unix.SECCOMP_IOCTL_NOTIF_ADDFD, unsafe.Pointer(&give)); err != nil {
		unix.Close(fd)
		return err
	}
	if old, ok := b.made[st.Ino]; ok {
		unix.Close(old)
	}
	b.made[st.Ino] = fd
	delete(b.done, st.Ino)
	return nil
}

// connect connects the socket that is meant to the one address there is, if that is
// what was asked for.
func (b *broker) connect(q question) error {
	file, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", q.pid, int32(q.arguments[0])))
	if err != nil {
		return unix.EBADF
	}
	var number uint64
	if _, err := fmt.Sscanf(file, "socket:[%d]", &number); err != nil {
		return unix.ENOTSOCK
	}
	if b.done[number] {
		return nil // asked again after a signal
	}
	if to, err := address(q); err != nil || to != b.to {
		return unix.EACCES
	}
	fd, ok := b.made[number]
	if !ok {
		return unix.EACCES // it came by another way
	}
	// The listener is ours and close by; if it does not answer, nobody waits for long.
	patience := unix.NsecToTimeval((2 * time.Second).Nanoseconds())
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &patience)
	ip := b.to.Addr().As4()
	err = unix.Connect(fd, &unix.SockaddrInet4{Port: int(b.to.Port()), Addr: ip})
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &unix.Timeval{})
	// From now on it is the command's alone, which decides when it is closed.
	unix.Close(fd)
	delete(b.made, number)
	if len(b.done) >= mostDone {
		clear(b.done)
	}
	b.done[number] = true
	return err
}

// address reads where a command wants to connect to from its memory.
func address(q question) (netip.AddrPort, error) {
	const size = unix.SizeofSockaddrInet4
	if q.arguments[2] < size {
		return netip.AddrPort{}, unix.EINVAL
	}
	memory, err := os.Open("/proc/" + strconv.Itoa(int(q.pid)) + "/mem")
	if err != nil {
		return netip.AddrPort{}, err
	}
	defer memory.Close()
	var raw [size]byte
	if _, err := memory.ReadAt(raw[:], int64(q.arguments[1])); err != nil {
		return netip.AddrPort{}, err
	}
	if binary.NativeEndian.Uint16(raw[:]) != unix.AF_INET {
		return netip.AddrPort{}, unix.EAFNOSUPPORT
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(raw[4:8])), binary.BigEndian.Uint16(raw[2:])), nil
}

// reply answers a question with success or an error.
func (b *broker) reply(q question, err error) {
	answer := struct {
		id    uint64
		value int64
		errno int32
		flags uint32
	}{id: q.id}
	if err != nil {
		number := unix.EACCES
		_ = errors.As(err, &number) // or it is refused
		answer.errno = -int32(number)
	}
	_ = control(b.filter, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&answer)) // or who asked is gone
}

func control(fd int, request uint, argument unsafe.Pointer) error {
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(request), uintptr(argument)); e != 0 {
		return e
	}
	return nil
}
