package stage

import "syscall"

// descend opens the file or directory at an absolute path in the new root, and
// makes what is missing on the way. It never follows a symbolic link: part of
// the path may lie in what a command has written before.
func descend(path string, dir bool) (int, error) {
	var fd int
	err := inParent(path, func(parent int, name string) error {
		var err error
		fd, err = step(parent, name, dir)
		return err
	})
	return fd, err
}

// inParent calls f with a descriptor of the directory that path lies in, which
// is made if it is missing, and the last element of path.
func inParent(path string, f func(dir int, name string) error) error {
	dir, err := syscall.Open(".", oPath|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { syscall.Close(dir) }()
	for path != "" && path[0] == '/' {
		path = path[1:]
	}
	for {
		name, rest, more := cut(path)
		if name == "" || name == "." || name == ".." {
			return syscall.EINVAL
		}
		if !more {
			return f(dir, name)
		}
		next, err := step(dir, name, true)
		if err != nil {
			return err
		}
		syscall.Close(dir)
		dir, path = next, rest
	}
}

// step opens name in dir, and makes it first if it is missing.
func step(dir int, name string, isDir bool) (int, error) {
	flags := oPath | syscall.O_NOFOLLOW | syscall.O_CLOEXEC
	if isDir {
		flags |= syscall.O_DIRECTORY
	}
	fd, err := syscall.Openat(dir, name, flags, 0)
	if err == syscall.ENOENT {
		if err := create(dir, name, isDir); err != nil {
			return -1, err
		}
		fd, err = syscall.Openat(dir, name, flags, 0)
	}
	if err != nil || isDir {
		return fd, err
	}
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil || st.Mode&syscall.S_IFMT == syscall.S_IFLNK {
		syscall.Close(fd)
		return -1, syscall.ELOOP
	}
	return fd, nil
}

func create(dir int, name string, isDir bool) error {
	if isDir {
		return syscall.Mkdirat(dir, name, 0o755)
	}
	fd, err := syscall.Openat(dir, name, syscall.O_CREAT|syscall.O_EXCL|syscall.O_WRONLY|syscall.O_CLOEXEC, 0o644)
	if err != nil {
		return err
	}
	return syscall.Close(fd)
}

// writeFile makes a file that was not there.
func writeFile(path, content string, perm uint32) error {
	return inParent(path, func(dir int, name string) error {
		fd, err := syscall.Openat(dir, name, syscall.O_CREAT|syscall.O_EXCL|syscall.O_WRONLY|syscall.O_CLOEXEC, perm)
		if err != nil {
			return err
		}
		defer syscall.Close(fd)
		for len(content) > 0 {
			n, err := syscall.Write(fd, []byte(content))
			if err != nil {
				return err
			}
			content = content[n:]
		}
		return nil
	})
}

// cut divides a path after its first element.
func cut(path string) (name, rest string, more bool) {
	for i := range len(path) {
		if path[i] == '/' {
			return path[:i], path[i+1:], true
		}
	}
	return path, "", false
}

func decimal(n uint64) string {
	var b [20]byte
	i := len(b)
	for {
		i--
		b[i] = byte('0' + n%10)
		n /= 10
		if n == 0 {
			return string(b[i:])
		}
	}
}
