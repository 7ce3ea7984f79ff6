package stage

import "syscall"

// Listening is the byte with which a stage hands over, as a descriptor beside it,
// what serves [Spec.WayOut]: the socket that it listens at or, if it is Alone, its
// filter's. No Result begins with it.
const Listening = 2

// openWayOut listens in the network namespace, where no other process is yet, and
// gives the socket away: whoever gets it accepts connections there from outside.
func openWayOut(port int) error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return err
	}
	if err := syscall.Listen(fd, 512); err != nil {
		return err
	}
	return handOver(fd)
}

func handOver(fd int) error {
	return syscall.Sendmsg(Control, []byte{Listening}, syscall.UnixRights(fd), nil, syscall.MSG_NOSIGNAL)
}
