package sandbox

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A tally counts files.
type tally struct {
	since time.Time
	most  int // changed files, after which it is no use to go on
	on    func(dev uint64) bool
	seen  map[inode]bool // of those with several names

	all, fresh amount // all there is, and what of it has changed
	blind      bool   // something could not be looked at
}

type inode struct{ dev, ino uint64 }

// deepest is how many directories may be in each other before it is no use to look.
const deepest = 500

func (t *tally) top(dir string) {
	d, err := os.Open(dir)
	if err != nil {
		t.blind = true
		return
	}
	t.dir(d, deepest)
}

// dir counts what is in a directory, and closes it. No link is followed: whoever
// made these files also makes them while we look.
func (t *tally) dir(d *os.File, depth int) {
	defer d.Close()
	for t.fresh.files <= t.most {
		names, err := d.Readdirnames(1000)
		for _, name := range names {
			t.entry(d, name, depth)
		}
		if err != nil {
			return // most often as there are no more
		}
	}
}

func (t *tally) entry(d *os.File, name string, depth int) {
	var st unix.Stat_t
	err := unix.Fstatat(int(d.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err != nil || !t.on(uint64(st.Dev)) {
		t.blind = t.blind || err != nil && err != unix.ENOENT
		return
	}
	t.add(&st)
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return
	}
	fd, err := unix.Openat(int(d.Fd()), name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	switch {
	case err == nil && depth > 0:
		t.dir(os.NewFile(uintptr(fd), name), depth-1)
	case err == nil:
		unix.Close(fd)
		t.blind = true
	case err != unix.ENOENT && err != unix.ENOTDIR && err != unix.ELOOP:
		t.blind = true
	}
}

// add counts a file by the blocks it has, each of several names as a file.
func (t *tally) add(st *unix.Stat_t) {
	const block = 512
	bytes := st.Blocks * block
	if id := (inode{uint64(st.Dev), st.Ino}); st.Nlink > 1 && st.Mode&unix.S_IFMT != unix.S_IFDIR {
		if t.seen[id] {
			bytes = 0
		}
		t.seen[id] = true
	}
	t.all.bytes += bytes
	t.all.files++
	if !time.Unix(st.Ctim.Unix()).Before(t.since) {
		t.fresh.bytes += bytes
		t.fresh.files++
	}
}

// unlinked returns what files take that processes hold open though they have no
// name any more.
func (t *tally) unlinked(pids []string) (bytes int64) {
	for _, pid := range pids {
		dir := "/proc/" + pid + "/fd"
		fds, err := os.ReadDir(dir)
		if err != nil {
			continue // it has ended
		}
		for _, fd := range fds {
			var st unix.Stat_t
			if unix.Stat(dir+"/"+fd.Name(), &st) != nil || st.Nlink > 0 || st.Mode&unix.S_IFMT != unix.S_IFREG || !t.on(uint64(st.Dev)) {
				continue
			}
			if id := (inode{uint64(st.Dev), st.Ino}); !t.seen[id] {
				t.seen[id] = true
				bytes += st.Blocks * 512
			}
		}
	}
	return bytes
}
