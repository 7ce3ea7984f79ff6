package sandbox

import (
	"bytes"
	"context"
	"math"
	"os"
	"strconv"
	"time"
)

// How often the processes of a command are looked at, the first time included:
// most commands are over before. Close to a limit it is more often.
const (
	tick      = 100 * time.Millisecond
	quickTick = 20 * time.Millisecond
	countTick = 5 * time.Millisecond // where only we stand between a fork bomb and the host
)

// A watcher ends a command that takes too long or too much.
type watcher struct {
	pid            int // of the stage
	limits         Limits
	begin          time.Time
	countProcesses bool
	group          *group // which bounds memory and processes by itself, if there is one
	disk           *diskWatch
	kill           func()
	// hidden returns memory of these processes that is in none of them; may be nil.
	hidden func(pids []string) int64

	stop chan struct{}
	done chan verdict
}

// A verdict is why a watcher killed, if it did, and what it saw.
type verdict struct {
	reason Reason
	late   Reason        // found only after the command had ended by itself
	peak   int64         // bytes
	cpu    time.Duration // when it killed
}

// start begins to watch; end must be called when the stage has ended.
func (w *watcher) start(ctx context.Context) {
	w.stop, w.done = make(chan struct{}), make(chan verdict, 1)
	go func() {
		v := w.watch(ctx)
		if v.reason != "" {
			if w.group == nil {
				v.cpu = usage(w.pid, w.most()).cpu
			}
			w.kill()
		}
		w.done <- v
	}()
}

// end stops watching and returns what came of it. A command that was faster than
// the watch is still told that it went beyond what it may add.
func (w *watcher) end() verdict {
	close(w.stop)
	v := <-w.done
	if late := w.disk.look(func() []string { return nil }); late != DiskFull {
		v.late = late
	}
	return v
}

// watch returns when there is a reason to kill, or none any more.
func (w *watcher) watch(ctx context.Context) (v verdict) {
	wall := time.NewTimer(time.Until(w.begin.Add(w.limits.Wall)))
	defer wall.Stop()
	look := time.NewTimer(w.pause(0))
	defer look.Stop()
	for {
		select {
		case <-w.stop:
			return v
		case <-ctx.Done():
			v.reason = Cancelled
			return v
		case <-wall.C:
			v.reason = Timeout
			return v
		case <-look.C:
		}
		var resident int64
		if w.group == nil {
			if resident = w.processes(&v); v.reason != "" {
				return v
			}
		}
		if v.reason = w.disk.look(w.living); v.reason != "" {
			return v
		}
		look.Reset(w.pause(resident))
	}
}

// processes looks at the processes, where nobody else bounds them.
func (w *watcher) processes(v *verdict) (resident int64) {
	u := usage(w.pid, w.most())
	var hidden int64
	if w.hidden != nil {
		hidden = w.hidden(u.pids)
	}
	if u.resident += hidden; u.resident > w.limits.Memory {
		// Pages shared between processes were counted for each of them:
		// before killing, count them once.
		u.resident = u.proportional() + hidden
	}
	v.peak = max(v.peak, u.resident)
	switch {
	case u.resident > w.limits.Memory:
		v.reason = Memory
	case w.countProcesses && u.tasks > w.limits.Processes:
		v.reason = Processes
	}
	return u.resident
}

// living returns the command's processes.
func (w *watcher) living() []string { return usage(w.pid, w.most()).pids }

// pause is how long to wait before looking again.
func (w *watcher) pause(resident int64) time.Duration {
	switch {
	case w.group != nil:
		return tick
	case w.countProcesses:
		return countTick
	case resident > w.limits.Memory/2:
		return quickTick
	}
	return tick
}

// most is how many threads there may be before it is no use to look further.
func (w *watcher) most() int {
	if w.countProcesses {
		return w.limits.Processes
	}
	return math.MaxInt
}

// A use is what the processes of a command take at one moment.
type use struct {
	pids     []string
	resident int64         // bytes
	tasks    int           // threads
	cpu      time.Duration // of all that live, and of all that these have waited for
}

// usage looks at all descendants of a stage. Whatever a command leaves behind
// stays a descendant, as orphans become children of the stage. It stops looking
// when there are more threads than most: they may multiply faster than they can
// be counted.
func usage(stagePID, most int) use {
	var u use
	stage := strconv.Itoa(stagePID)
	u.cpu = status(stage).cpu
	queue := children(stage)
	for len(queue) > 0 && u.tasks+len(queue) <= most {
		pid := queue[0]
		queue = append(queue[1:], children(pid)...)
		s := status(pid)
		if s.tasks == 0 {
			continue // it has ended
		}
		u.pids = append(u.pids, pid)
		u.resident += s.resident
		u.tasks += s.tasks
		u.cpu += s.cpu
	}
	u.tasks += len(queue) // those not looked at count for one each
	return u
}

// numbers are the processes that were seen.
func (u use) numbers() []int {
	var all []int
	for _, pid := range u.pids {
		if n, err := strconv.Atoi(pid); err == nil {
			all = append(all, n)
		}
	}
	return all
}

// status reads what one process takes from /proc/<pid>/stat, see proc(5).
func status(pid string) (u use) {
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return u
	}
	// The name in parentheses may contain anything; what follows may not. The
	// first field after it is the third of the file.
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	field := func(n int) int64 {
		if n-3 >= len(f) {
			return 0
		}
		v, _ := strconv.ParseInt(string(f[n-3]), 10, 64)
		return v
	}
	const hertz = 100 // USER_HZ is the same on all machines that Go knows
	u.cpu = time.Duration(field(14)+field(15)+field(16)+field(17)) * time.Second / hertz
	u.tasks = int(field(20))
	u.resident = field(24) * int64(os.Getpagesize())
	return u
}

// children returns the processes that the threads of pid have started.
func children(pid string) []string {
	dir := "/proc/" + pid + "/task"
	threads, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var pids []string
	for _, t := range threads {
		b, err := os.ReadFile(dir + "/" + t.Name() + "/children")
		if err != nil {
			continue
		}
		for _, f := range bytes.Fields(b) {
			pids = append(pids, string(f))
		}
	}
	return pids
}

// proportional sums the memory with each page divided among those that share it.
func (u use) proportional() int64 {
	var sum int64
	for _, pid := range u.pids {
		b, err := os.ReadFile("/proc/" + pid + "/smaps_rollup")
		if err != nil {
			continue
		}
		for line := range bytes.Lines(b) {
			if rest, ok := bytes.CutPrefix(line, []byte("Pss:")); ok {
				n, _ := strconv.ParseInt(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(rest), []byte("kB")))), 10, 64)
				sum += n << 10
			}
		}
	}
	return sum
}
