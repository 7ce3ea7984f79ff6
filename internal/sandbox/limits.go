package sandbox

import (
	"cmp"
	"fmt"
	"time"
)

// Limits bound a command with all it starts. A zero field takes the value of
// [DefaultLimits].
type Limits struct {
	Memory    int64         // bytes, summed over its processes; beyond it, all are killed
	Processes int           // processes and threads at one time
	OpenFiles int           // descriptors that each process may have open
	CPU       float64       // cores it may keep busy; where there is no cgroup, it is not bounded
	IO        int64         // bytes it may read, and may write, in a second; 0: no bound, as where there is no cgroup
	Wall      time.Duration // from start to end
	FileSize  int64         // bytes in any one file it writes
	Tmp       int64         // bytes in /tmp, and in a home that vanishes; /dev/shm has a quarter
	Disk      int64         // bytes it may add to the directories of the host that it may write
	Files     int           // files and directories it may add there
	Free      int64         // bytes that must stay free on their disks, or a twentieth of a small one
}

// DefaultLimits are enough to build and test ordinary projects.
func DefaultLimits() Limits {
	return Limits{
		Memory:    4 << 30,
		Processes: 1024,
		OpenFiles: 8192,
		CPU:       4,
		Wall:      10 * time.Minute,
		FileSize:  4 << 30,
		Tmp:       1 << 30,
		Disk:      10 << 30,
		Files:     1_000_000,
		Free:      1 << 30,
	}
}

// or returns l with its zero fields taken from d.
func (l Limits) or(d Limits) Limits {
	return Limits{
		Memory:    cmp.Or(l.Memory, d.Memory),
		Processes: cmp.Or(l.Processes, d.Processes),
		OpenFiles: cmp.Or(l.OpenFiles, d.OpenFiles),
		CPU:       cmp.Or(l.CPU, d.CPU),
		IO:        cmp.Or(l.IO, d.IO),
		Wall:      cmp.Or(l.Wall, d.Wall),
		FileSize:  cmp.Or(l.FileSize, d.FileSize),
		Tmp:       cmp.Or(l.Tmp, d.Tmp),
		Disk:      cmp.Or(l.Disk, d.Disk),
		Files:     cmp.Or(l.Files, d.Files),
		Free:      cmp.Or(l.Free, d.Free),
	}
}

// check refuses what can bound nothing.
func (l Limits) check() error {
	if l.Memory < 0 || l.Processes < 0 || l.OpenFiles < 0 || !(l.CPU >= 0) || l.IO < 0 || l.Wall < 0 || l.FileSize < 0 ||
		l.Tmp < 0 || l.Disk < 0 || l.Files < 0 || l.Free < 0 {
		return fmt.Errorf("%w: a limit is negative", ErrInvalid)
	}
	return nil
}

// A Reason is why a command was stopped.
type Reason string

// The reasons for which a command is stopped.
const (
	Timeout   Reason = "timeout"   // Limits.Wall
	Memory    Reason = "memory"    // Limits.Memory
	Processes Reason = "processes" // Limits.Processes, where the kernel cannot refuse the fork instead
	FileSize  Reason = "file-size" // Limits.FileSize, when the command did not handle the signal
	Disk      Reason = "disk"      // Limits.Disk
	Files     Reason = "files"     // Limits.Files
	DiskFull  Reason = "disk-full" // Limits.Free, whoever filled the disk
	Cancelled Reason = "cancelled" // ctx ended
)

// Explain says in words what a command that was run within l was stopped for,
// and what can be done about it. What l leaves open is as in [DefaultLimits].
func (r Reason) Explain(l Limits) string {
	l = l.or(DefaultLimits())
	switch r {
	case Timeout:
		return fmt.Sprintf("it took longer than %v, which is all the time it had", l.Wall)
	case Memory:
		return fmt.Sprintf("it took more memory than the %s that all its processes may have together; run less at once", size(l.Memory))
	case Processes:
		return fmt.Sprintf("it had more than %d processes and threads at a time", l.Processes)
	case FileSize:
		return fmt.Sprintf("it wrote a file beyond the %s that one may have", size(l.FileSize))
	case Disk:
		return fmt.Sprintf("it added more than %s of files, which is all that a command may; what it wrote is still there: remove what is not needed", size(l.Disk))
	case Files:
		return fmt.Sprintf("it added more than %d files and directories, which is all that a command may; what it made is still there: remove what is not needed", l.Files)
	case DiskFull:
		return fmt.Sprintf("less than %s would have stayed free on the disk of the server; that may be the doing of others", size(l.Free))
	case Cancelled:
		return "it was cancelled"
	}
	return string(r)
}

// size writes a number of bytes for people.
func size(n int64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	v, i := float64(n), 0
	for v >= 1024 && i < len(units)-1 {
		v, i = v/1024, i+1
	}
	return fmt.Sprintf("%.4g %s", v, units[i])
}
