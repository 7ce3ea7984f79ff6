package stage

import "syscall"

// each calls f with the names in a directory.
func each(dir string, f func(name string)) {
	fd, err := syscall.Open(dir, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer syscall.Close(fd)
	buf := make([]byte, 8<<10)
	for {
		n, err := syscall.ReadDirent(fd, buf)
		if err != nil || n <= 0 {
			return
		}
		_, _, names := syscall.ParseDirent(buf[:n], -1, nil)
		for _, name := range names {
			f(name)
		}
	}
}

// readFile returns the content of a file, or nothing.
func readFile(path string) string {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer syscall.Close(fd)
	var all []byte
	buf := make([]byte, 4<<10)
	for {
		n, err := syscall.Read(fd, buf)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return string(all)
		}
		all = append(all, buf[:n]...)
	}
}

// number reads a decimal number; what is not one is 0.
func number(s string) (n int) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' || n > 1<<31 {
			return 0
		}
		n = 10*n + int(s[i]-'0')
	}
	return n
}
