package sandbox

import (
	"bytes"
	"context"
	"os"
	"strconv"
	"time"
)

// How often the processes of a command are looked at, the first time included:
// most commands are over before. Close to a limit it is more often.
const (
	tick      = 100 * time.Millisecond
	quickTick = 20 * time.Millisecond
)

// A watcher ends a command that takes too long or too much. It kills the
// stage, which takes everything else with it.
type watcher struct {
	stop chan struct{}
	done chan verdict
}

// A verdict is why a watcher killed, if it did, and what it saw.
type verdict struct {
	reason Reason
	peak   int64 // bytes
}

// watch begins to watch the stage p; end must be called when it has ended.
func watch(ctx context.Context, p *os.Process, l Limits, begin time.Time, countProcesses bool) *watcher {
	w := &watcher{stop: make(chan struct{}), done: make(chan verdict, 1)}
	go func() { w.done <- w.run(ctx, p, l, begin, countProcesses) }()
	return w
}

// end stops watching and returns what came of it.
func (w *watcher) end() verdict {
	close(w.stop)
	return <-w.done
}

func (w *watcher) run(ctx context.Context, p *os.Process, l Limits, begin time.Time, countProcesses bool) (v verdict) {
	wall := time.NewTimer(time.Until(begin.Add(l.Wall)))
	defer wall.Stop()
	pause := tick
	if countProcesses {
		pause = quickTick
	}
	look := time.NewTimer(pause)
	defer look.Stop()
	kill := func(why Reason) verdict {
		v.reason = why
		p.Kill()
		return v
	}
	for {
		select {
		case <-w.stop:
			return v
		case <-ctx.Done():
			return kill(Cancelled)
		case <-wall.C:
			return kill(Timeout)
		case <-look.C:
		}
		u := usage(p.Pid)
		if u.resident > l.Memory {
			// Pages shared between processes were counted for each of them:
			// before killing, count them once.
			u.resident = u.proportional()
		}
		v.peak = max(v.peak, u.resident)
		if u.resident > l.Memory {
			return kill(Memory)
		}
		if countProcesses && u.tasks > l.Processes {
			return kill(Processes)
		}
		next := pause
		if u.resident > l.Memory/2 {
			next = quickTick
		}
		look.Reset(next)
	}
}

// A use is what the processes of a command take at one moment.
type use struct {
	pids     []string
	resident int64 // bytes
	tasks    int   // threads
}

// usage looks at all descendants of a stage. Whatever a command leaves behind
// stays a descendant, as orphans become children of the stage.
func usage(stagePID int) use {
	var u use
	page := int64(os.Getpagesize())
	queue := children(strconv.Itoa(stagePID), &u.tasks)
	u.tasks = 0
	for len(queue) > 0 {
		pid := queue[0]
		queue = append(queue[1:], children(pid, &u.tasks)...)
		b, err := os.ReadFile("/proc/" + pid + "/statm")
		if err != nil {
			continue // it has ended
		}
		u.pids = append(u.pids, pid)
		if f := bytes.Fields(b); len(f) > 1 {
			n, _ := strconv.ParseInt(string(f[1]), 10, 64)
			u.resident += n * page
		}
	}
	return u
}

// children returns the processes that the threads of pid have started, and
// adds the number of threads to tasks.
func children(pid string, tasks *int) []string {
	dir := "/proc/" + pid + "/task"
	threads, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	*tasks += len(threads)
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
