package sandbox

import (
	"cmp"
	"math"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// How the disk is watched. What a file system has lost costs nothing to ask, and is
// asked at every look. Only when that is a share of what a command may add are its
// directories walked, and so seldom that walks take a thirtieth of one core, unless
// what was lost could be all that the command had left.
const (
	diskShare = 8
	diskRest  = 30
	// Where files may be added without the file system losing anything that can be
	// asked for, they are walked as often as this.
	diskBlind = 2 * time.Second
	diskSlow  = 30 * time.Second // and elsewhere, for what others set free meanwhile
)

// A diskWatch finds out how much a command has added to the directories of the
// host that it may write.
type diskWatch struct {
	dirs       []string
	bytes      int64
	files      int
	free       int64
	begin      time.Time
	systems    []*fileSystem
	blind      bool      // a file system does not say how many files there may be
	walked     time.Time // when the last walk ended
	cost       time.Duration
	base       *amount // what was there before, known from the first walk on
	last       amount  // what was added by the last walk
	lostWalked amount  // what had been lost by then
}

// An amount is of files.
type amount struct {
	bytes int64
	files int
}

// A fileSystem is one that a command may write to.
type fileSystem struct {
	dir    string
	dev    uint64
	before amount // free when the command was started
	now    amount
	least  amount // that must stay free
}

// writable lists the directories of the host that a command may write.
func (c Command) writable() []string {
	dirs := []string{c.Workspace}
	if c.Home != "" {
		dirs = append(dirs, c.Home)
	}
	for _, m := range c.Mounts {
		switch m.Mode {
		case Writable:
			dirs = append(dirs, m.Source)
		case Overlay:
			dirs = append(dirs, filepath.Join(m.Upper, "upper"))
		default: // shown, and not to be written
		}
	}
	return dirs
}

// newDiskWatch begins to watch; the command must not have been started yet.
func newDiskWatch(dirs []string, l Limits) *diskWatch {
	// The kernel's clock for files lags by up to a tick.
	w := &diskWatch{dirs: dirs, bytes: l.Disk, files: l.Files, free: l.Free, begin: time.Now().Add(-10 * time.Millisecond), walked: time.Now()}
	for _, dir := range dirs {
		var st unix.Stat_t
		var fs unix.Statfs_t
		if unix.Stat(dir, &st) != nil || unix.Statfs(dir, &fs) != nil || w.on(uint64(st.Dev)) {
			continue
		}
		s := &fileSystem{dir: dir, dev: uint64(st.Dev), before: freeOn(fs)}
		s.now = s.before
		s.least = amount{bytes: min(l.Free, int64(fs.Blocks)*unit(fs)/20), files: int(min(10_000, fs.Files/20))}
		w.blind = w.blind || fs.Files == 0
		w.systems = append(w.systems, s)
	}
	return w
}

// unit is what a file system counts in, which where a server keeps the files is not
// always what it reads and writes in.
func unit(fs unix.Statfs_t) int64 { return cmp.Or(fs.Frsize, fs.Bsize) }

func freeOn(fs unix.Statfs_t) amount {
	return amount{bytes: int64(fs.Bavail) * unit(fs), files: int(fs.Ffree)}
}

// on reports whether a file system is one of those that are watched.
func (w *diskWatch) on(dev uint64) bool {
	for _, s := range w.systems {
		if s.dev == dev {
			return true
		}
	}
	return false
}

// full reports whether a disk has less free than must stay so.
func (w *diskWatch) full() bool {
	for _, s := range w.systems {
		if s.now.bytes < s.least.bytes || s.now.files < s.least.files {
			return true
		}
	}
	return false
}

// look returns why the command has to be stopped, if it has to. Processes returns
// the command's.
func (w *diskWatch) look(processes func() []string) Reason {
	for _, s := range w.systems {
		var fs unix.Statfs_t
		if unix.Statfs(s.dir, &fs) == nil {
			s.now = freeOn(fs)
		}
	}
	if w.full() {
		return DiskFull
	}
	if w.due() {
		w.walk(processes())
	}
	switch {
	case w.last.bytes > w.bytes:
		return Disk
	case w.last.files > w.files:
		return Files
	}
	return ""
}

// lost is what the file systems have less than at the start.
func (w *diskWatch) lost() (sum amount) {
	for _, s := range w.systems {
		sum.bytes += max(0, s.before.bytes-s.now.bytes)
		sum.files += max(0, s.before.files-s.now.files)
	}
	return sum
}

// due decides whether to walk.
func (w *diskWatch) due() bool {
	lost, since := w.lost(), time.Since(w.walked)
	bytes, files := lost.bytes-w.lostWalked.bytes, lost.files-w.lostWalked.files
	byteShare, fileShare := w.bytes/diskShare, w.files/diskShare
	if bytes > max(byteShare, w.bytes-w.last.bytes) || files > max(fileShare, w.files-w.last.files) {
		return true
	}
	if since < diskRest*w.cost {
		return false
	}
	return bytes > byteShare || files > fileShare || since > diskSlow || w.blind && since > diskBlind
}

// walk finds out what the command has added. What is there in all does not say it,
// as nobody counted before. Two things are never less than what was added: what has
// changed since the start, and what the file system lost. The lesser of them, at the
// first walk, tells what must have been there before.
func (w *diskWatch) walk(pids []string) {
	begin := time.Now()
	lost := w.lost()
	t := tally{since: w.begin, most: math.MaxInt, on: w.on, seen: map[inode]bool{}}
	if lost.files > w.files {
		t.most = w.files
	}
	for _, dir := range w.dirs {
		t.top(dir)
	}
	open := t.unlinked(pids)
	switch {
	case t.fresh.files > t.most: // both say that it is too much
	case t.blind: // what is hidden from us is counted by what it takes
		t.fresh.bytes = lost.bytes
		if !w.blind {
			t.fresh.files = lost.files
		}
	default:
		t.fresh = w.added(t, lost)
	}
	w.last = amount{t.fresh.bytes + open, t.fresh.files}
	w.lostWalked, w.walked = lost, time.Now()
	w.cost = w.walked.Sub(begin)
}

// added returns what was added of what was found, with the help of what was found
// before.
func (w *diskWatch) added(t tally, lost amount) amount {
	if w.base == nil {
		changed := amount{min(t.fresh.bytes, lost.bytes), t.fresh.files}
		if !w.blind {
			changed.files = min(changed.files, lost.files)
		}
		w.base = &amount{t.all.bytes - changed.bytes, t.all.files - changed.files}
	}
	return amount{min(t.fresh.bytes, t.all.bytes-w.base.bytes), min(t.fresh.files, t.all.files-w.base.files)}
}
