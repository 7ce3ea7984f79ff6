package sandbox

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"

	"autonoma/internal/sandbox/stage"
)

// hostUser is who commands are on the host, as user and group, when the server
// is root: a number in the highest range that distributions leave alone, which
// owns nothing.
const hostUser = 0x7A700000

// An idmap mounts directories so that what root owns there belongs to hostUser,
// and what hostUser makes there belongs to root. The zero value maps nothing.
type idmap struct {
	users *os.File // a user namespace: 0 is hostUser
}

func (m idmap) mapped() bool { return m.users != nil }

// newIDMap makes a user namespace to map by, and tries it on a temporary
// directory. Its descriptor is kept as long as the map is.
func newIDMap(ctx context.Context) (idmap, error) {
	m := idmap{}
	control, theirs, err := socketPair()
	if err != nil {
		return m, err
	}
	defer control.Close()
	defer theirs.Close()
	// A stage that is waiting for its orders lends its namespace.
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Env = stageEnv(stage.Confiner)
	cmd.ExtraFiles = []*os.File{theirs}
	self := []syscall.SysProcIDMap{{ContainerID: 0, HostID: hostUser, Size: 1}}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWPID, UidMappings: self, GidMappings: self}
	if err := cmd.Start(); err != nil {
		return m, fmt.Errorf("mapping users is refused: %w", err)
	}
	users, err := os.Open(fmt.Sprintf("/proc/%d/ns/user", cmd.Process.Pid))
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // it was killed
	if err != nil {
		return m, fmt.Errorf("mapping users is refused: %w", err)
	}
	m.users = users
	dir, err := scratchDir()
	if err == nil {
		defer os.Remove(dir)
		var f *os.File
		if f, err = m.tree(dir, Writable); err == nil {
			f.Close()
			return m, nil
		}
	}
	users.Close()
	return idmap{}, err
}

// tree returns a detached mount of what is at source, mapped if mode asks for
// the owner's view.
func (m idmap) tree(source string, mode Mode) (*os.File, error) {
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV}
	if mode != Writable {
		attr.Attr_set |= unix.MOUNT_ATTR_RDONLY
	}
	if mode == Public {
		return cloneTree(source, &attr, unix.AT_RECURSIVE)
	}
	mapped := attr
	mapped.Attr_set |= unix.MOUNT_ATTR_IDMAP
	mapped.Userns_fd = uint64(m.users.Fd())

	f, err := cloneTree(source, &mapped, unix.AT_RECURSIVE)
	if err == nil {
		return f, nil
	}
	// One of the file systems mounted below may be why: then leave them out.
	if f, err := cloneTree(source, &mapped, 0); err == nil {
		return f, nil
	}
	if mode != Writable {
		// What others may read needs no mapping.
		return cloneTree(source, &attr, unix.AT_RECURSIVE)
	}
	return nil, fmt.Errorf("map the owner of %s (keep it on ext4, xfs, btrfs or tmpfs, or run the server as an unprivileged user): %w", source, err)
}

// cloneTree returns a detached mount of source with the attributes given.
func cloneTree(source string, attr *unix.MountAttr, recursive uint) (*os.File, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, source, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|recursive)
	if err != nil {
		return nil, &os.PathError{Op: "open_tree", Path: source, Err: err}
	}
	if err := mountSetattr(fd, recursive, attr); err != nil {
		unix.Close(fd)
		return nil, &os.PathError{Op: "mount_setattr", Path: source, Err: err}
	}
	return os.NewFile(uintptr(fd), source), nil
}

func mountSetattr(fd int, flags uint, attr *unix.MountAttr) error {
	return unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH|flags, attr)
}

// owner returns the user that a file belongs to.
func owner(fi os.FileInfo) (int, bool) {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return -1, false
	}
	return int(st.Uid), true
}
