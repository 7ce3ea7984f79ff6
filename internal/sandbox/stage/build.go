package stage

import "syscall"

// build makes the command's world and moves into it.
func build(s *Spec) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fault("detach from the host's mounts", err)
	}
	// Everything is opened before the new root covers anything.
	if err := open(s.Ops); err != nil {
		return err
	}
	if err := plant(); err != nil {
		return err
	}
	for i := range s.Ops {
		if err := s.Ops[i].do(s.Ops[:i]); err != nil {
			return fault("make "+s.Ops[i].Target, err)
		}
	}
	if err := enter(); err != nil {
		return err
	}
	if err := syscall.Sethostname([]byte(s.Hostname)); err != nil {
		return fault("set the host name", err)
	}
	if s.Loopback {
		if err := loopbackUp(); err != nil {
			return fault("bring up the loopback interface", err)
		}
	}
	return nil
}

// volunteer makes this process and its children the first to be killed when
// the host runs out of memory, rather than the server or a neighbour. It must
// come before anything that closes /proc/self to its owner.
func volunteer() {
	fd, err := syscall.Open("/proc/self/oom_score_adj", syscall.O_WRONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	_, _ = syscall.Write(fd, []byte("1000"))
	syscall.Close(fd)
}

// become takes on the user that the namespace is made for. Its capabilities
// stay, as there is no root in the namespace to fall from.
func become(uid, gid int) error {
	if uid >= 0 {
		if _, err := raw(syscall.SYS_SETGROUPS, 0, 0); err != nil {
			return fault("leave all groups", err)
		}
		if _, err := raw(syscall.SYS_SETRESGID, uintptr(gid), uintptr(gid), uintptr(gid)); err != nil {
			return fault("change the group", err)
		}
		if _, err := raw(syscall.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); err != nil {
			return fault("change the user", err)
		}
	}
	// Becoming another user takes back the wish to die with the parent, and
	// the parent may have died before it was first said.
	if _, err := raw(syscall.SYS_PRCTL, prSetPdeathsig, uintptr(syscall.SIGKILL)); err != nil {
		return fault("die with the parent", err)
	}
	if hungUp(Control) {
		exit(stageFailed)
	}
	// The command has the same user: nothing of this process, whose other
	// threads keep their capabilities, may be open to it in /proc.
	if _, err := raw(syscall.SYS_PRCTL, prSetDumpable, 0); err != nil {
		return fault("close the stage to others", err)
	}
	return nil
}

// open turns the paths to be bound into detached mounts.
func open(ops []Op) error {
	for i := range ops {
		op := &ops[i]
		if (op.Kind != Bind && op.Kind != OverlayLower && op.Kind != OverlayUpper) || op.FD >= 0 {
			continue
		}
		fd, err := openTree(op.Source)
		if err != nil && op.Maybe {
			continue
		}
		if err != nil {
			return fault("open "+op.Source, err)
		}
		op.FD = fd
		attr := uint64(attrNoSUID)
		if op.Number != BindDevice {
			attr |= attrNoDev
		}
		if op.Number == BindReadOnly {
			attr |= attrReadOnly
		}
		if err := setAttr(fd, attr); err != nil {
			return fault("restrict the mount of "+op.Source, err)
		}
	}
	return nil
}

// plant mounts the new root, over a directory that every system has and that
// is already open, and makes it the working directory.
func plant() error {
	const where = "/usr"
	if err := syscall.Mount("tmpfs", where, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "size=1m,mode=755"); err != nil {
		return fault("mount a new root", err)
	}
	if err := syscall.Chdir(where); err != nil {
		return fault("go to the new root", err)
	}
	syscall.Umask(0)
	return nil
}

// enter makes the working directory the root, lets go of the host's and closes
// the new one to writing.
func enter() error {
	if err := syscall.PivotRoot(".", "."); err != nil {
		return fault("change the root", err)
	}
	if err := syscall.Unmount(".", syscall.MNT_DETACH); err != nil {
		return fault("let go of the host's root", err)
	}
	if err := syscall.Chdir("/"); err != nil {
		return fault("go to the root", err)
	}
	syscall.Umask(0o022)
	flags := uintptr(syscall.MS_REMOUNT | syscall.MS_BIND | syscall.MS_RDONLY | syscall.MS_NOSUID | syscall.MS_NODEV)
	if err := syscall.Mount("", "/", "", flags, ""); err != nil {
		return fault("make the root read-only", err)
	}
	return nil
}

// do carries out one step. Paths are relative to the new root, which is the
// working directory; before are the steps already done.
func (op *Op) do(before []Op) error {
	switch op.Kind {
	case Dir:
		fd, err := descend(op.Target, true)
		if err != nil {
			return err
		}
		defer syscall.Close(fd)
		return syscall.Chmod(fdPath(fd), uint32(op.Number))
	case File:
		return writeFile(op.Target, op.Source, uint32(op.Number))
	case Symlink:
		return inParent(op.Target, func(dir int, name string) error { return symlinkAt(op.Source, dir, name) })
	case Bind:
		if op.FD < 0 {
			return nil
		}
		return op.attach(op.Target)
	case Tmpfs:
		return mountOn(op.Target, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "mode=1777,size="+decimal(op.Number))
	case Proc:
		return mountOn(op.Target, "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC|syscall.MS_RDONLY, "")
	case Pts:
		return mountOn(op.Target, "devpts", syscall.MS_NOSUID|syscall.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620")
	case Overlay:
		return op.overlay(before)
	case OverlayLower, OverlayUpper: // the Overlay that follows takes them
		return nil
	}
	return syscall.EINVAL
}

// attach puts the mount that op has open onto target, which is made if it is
// missing.
func (op *Op) attach(target string) error {
	var st syscall.Stat_t
	if err := syscall.Fstat(op.FD, &st); err != nil {
		return err
	}
	at, err := descend(target, st.Mode&syscall.S_IFMT == syscall.S_IFDIR)
	if err != nil {
		return err
	}
	defer syscall.Close(at)
	if err := moveMount(op.FD, at); err != nil {
		return err
	}
	return syscall.Close(op.FD)
}

// overlay puts the lower and upper tree that precede op together on its
// target. The trees need places in the root while the overlay is made; it holds
// them by itself afterwards.
func (op *Op) overlay(before []Op) error {
	const lower, upper = "/.lower", "/.upper"
	for i := range before {
		o := &before[i]
		if o.Target != op.Target || o.Kind != OverlayLower && o.Kind != OverlayUpper {
			continue
		}
		place := lower
		if o.Kind == OverlayUpper {
			place = upper
		}
		if err := o.attach(place); err != nil {
			return err
		}
	}
	err := mountOn(op.Target, "overlay", syscall.MS_NOSUID|syscall.MS_NODEV,
		"userxattr,lowerdir=.lower,upperdir=.upper/upper,workdir=.upper/work")
	if err != nil {
		return err
	}
	for _, place := range []string{lower, upper} {
		if err := syscall.Unmount(place[1:], syscall.MNT_DETACH); err != nil {
			return err
		}
		if err := syscall.Rmdir(place[1:]); err != nil {
			return err
		}
	}
	return nil
}

// mountOn mounts a new file system on target, which is made if it is missing.
func mountOn(target, kind string, flags uintptr, options string) error {
	at, err := descend(target, true)
	if err != nil {
		return err
	}
	defer syscall.Close(at)
	return syscall.Mount(kind, fdPath(at), kind, flags, options)
}
