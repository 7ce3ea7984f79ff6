package stage

import "syscall"

// OutDir is where a guest finds the socket that leads out, named "socket".
const OutDir = "/run/autonoma-out"

// forward listens where the command looks for its way out, and leads each
// connection to the socket that leads out. A socket of another kernel cannot be
// handed over, so the stage stays between.
func forward(port int) error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return err
	}
	if err := syscall.Listen(fd, 512); err != nil {
		return err
	}
	go func() {
		for {
			in, _, err := syscall.Accept4(fd, syscall.SOCK_CLOEXEC)
			if err == syscall.EINTR || err == syscall.ECONNABORTED {
				continue
			}
			if err != nil {
				return
			}
			go lead(in)
		}
	}()
	return nil
}

// lead copies both ways between a connection and the socket that leads out.
func lead(in int) {
	out, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		syscall.Close(in)
		return
	}
	if err := syscall.Connect(out, &syscall.SockaddrUnix{Name: OutDir + "/socket"}); err == nil {
		done := make(chan struct{})
		go func() {
			defer close(done)
			pour(in, out)
		}()
		pour(out, in)
		<-done
	}
	syscall.Close(in)
	syscall.Close(out)
}

// pour copies what comes from one socket to another, and its end.
func pour(from, to int) {
	buf := make([]byte, 32<<10)
	for {
		n, err := syscall.Read(from, buf)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			break
		}
		for p := buf[:n]; len(p) > 0; {
			n, err := syscall.Write(to, p)
			if err == syscall.EINTR {
				continue
			}
			if err != nil {
				_ = syscall.Shutdown(from, syscall.SHUT_RD)
				return
			}
			p = p[n:]
		}
	}
	_ = syscall.Shutdown(to, syscall.SHUT_WR) // or it is gone
}
