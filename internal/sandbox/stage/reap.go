package stage

import "syscall"

// reap is the life of a stage without namespaces: it becomes the parent of
// every orphan among its descendants, so that it can end them all when the
// command has ended, and when whoever started it lets go of the control socket
// or is killed.
func reap() {
	spec, err := receive(Control)
	if err != nil {
		exit(stageFailed)
	}
	const setChildSubreaper = 36
	if _, err := raw(syscall.SYS_PRCTL, setChildSubreaper, 1); err != nil {
		fail(fault("become the parent of orphans", err))
	}
	if err := closeOnExec(); err != nil {
		fail(fault("keep descriptors to ourselves", err))
	}
	pid, err := launchBeside(spec)
	if err != nil {
		fail(err)
	}
	go func() {
		var b [1]byte
		for {
			if n, err := syscall.Read(Control, b[:]); n == 0 || err != nil && err != syscall.EINTR {
				break
			}
		}
		for {
			killTree(self)
			pause := syscall.Timespec{Nsec: 2e6}
			_ = syscall.Nanosleep(&pause, nil)
		}
	}()
	status := wait(pid)
	for {
		killTree(self)
		if _, err := syscall.Wait4(-1, nil, 0, nil); err == syscall.ECHILD {
			report(status)
			exit(0)
		}
	}
}

// launchBeside starts the command, confined by rules or not at all.
func launchBeside(s *Spec) (int, error) {
	if s.Alone {
		return launchAlone(s)
	}
	for _, l := range s.Limits {
		if err := limit(l); err != nil {
			return 0, fault("limit resource "+decimal(uint64(l.Resource)), err)
		}
	}
	return launch(s)
}

const self = "self"

// killTree kills all descendants of a process, parents before their children.
func killTree(pid string) {
	each("/proc/"+pid+"/task", func(tid string) {
		list := readFile("/proc/" + pid + "/task/" + tid + "/children")
		for list != "" {
			child := list
			for i := range len(list) {
				if list[i] == ' ' {
					child = list[:i]
					break
				}
			}
			list = list[min(len(child)+1, len(list)):]
			if n := number(child); n > 1 {
				_ = syscall.Kill(n, syscall.SIGSTOP) // so that it makes no more of them
				killTree(child)
				_ = syscall.Kill(n, syscall.SIGKILL)
			}
		}
	})
}
