// Package stage is process 1 of a sandbox: it makes the command's world from
// the inside, confines itself, starts the command and waits for it.
//
// The one idea: it obeys. What the world looks like is decided by the process
// that starts it and comes as a [Spec] over a socket; the stage carries it out
// or ends with a report of what failed. Nothing of the command runs before the
// last step has been taken.
//
// It imports nothing but errors, runtime and syscall, and does its work while the program is still
// being initialised: a program of many packages spends several milliseconds on
// making tables that a stage never uses, for each command that it confines. As
// packages are initialised in the order of their paths as soon as their own
// imports are, this one is among the first. That is why it must stay without
// other imports; TestImports keeps it so.
//
// It does not choose limits or paths, kill for time or memory, or log.
package stage

import (
	"errors"
	"runtime"
	"syscall"
)

// Marker is the environment variable that makes a process a stage, together
// with being process 1 or, to reap without namespaces, the value Reaper.
const Marker = "AUTONOMA_SANDBOX_STAGE"

// The values of Marker.
const (
	Confiner = "confine" // process 1 of new namespaces: obeys a Spec
	Guest    = "guest"   // process 1 of a world made by another program, as its user 0
	Nested   = "nested"  // what a guest starts: obeys a Spec
	Reaper   = "reap"    // an ordinary process: starts a command and ends all it leaves
	Prover   = "prove"   // inside a sandbox: tries what it must not be able to do
)

// Control is the descriptor of the socket to the process that started a stage.
// Descriptors handed in for mounts follow it.
const Control = 3

func init() { Enter() }

// Enter turns a process that was started as a stage into one, and then does
// not return. In any other process it does nothing.
func Enter() {
	kind, ok := syscall.Getenv(Marker)
	if !ok {
		return
	}
	// What is done to this thread must be what the command inherits.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	switch {
	case kind == Confiner && syscall.Getpid() == 1:
		confine()
	case kind == Guest && syscall.Getpid() == 1:
		guest()
	case kind == Nested && isSocket(Control):
		confine()
	case kind == Reaper && isSocket(Control):
		reap()
	case kind == Prover:
		prove()
	}
}

// isSocket keeps a marker left in somebody's environment from turning a
// program into a stage.
func isSocket(fd int) bool {
	var st syscall.Stat_t
	return syscall.Fstat(fd, &st) == nil && st.Mode&syscall.S_IFMT == syscall.S_IFSOCK
}

// confine is the life of process 1.
func confine() {
	keepSignalsOut()
	spec, err := receive(Control)
	if err != nil {
		// Whoever started us is gone, or is not who we think.
		exit(stageFailed)
	}
	volunteer()
	if err := become(spec.UID, spec.GID); err != nil {
		fail(err)
	}
	// Without steps the world is already there: another program has made it.
	if len(spec.Ops) > 0 {
		if err := build(spec); err != nil {
			fail(err)
		}
	}
	if spec.WayOut != 0 {
		if err := openWayOut(spec.WayOut); err != nil {
			fail(fault("open the way out", err))
		}
	}
	if spec.Forward != 0 {
		if err := forward(spec.Forward); err != nil {
			fail(fault("open the way out", err))
		}
	}
	if err := restrict(spec); err != nil {
		fail(err)
	}
	pid, err := launch(spec)
	if err != nil {
		fail(err)
	}
	status := wait(pid)
	// The kernel kills whatever is left when process 1 ends.
	report(status)
	exit(0)
}

// wait reaps children until pid is among them.
func wait(pid int) syscall.WaitStatus {
	for {
		var status syscall.WaitStatus
		got, err := syscall.Wait4(-1, &status, 0, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			fail(fault("wait for the command", err))
		}
		if got == pid {
			return status
		}
	}
}

// launch starts the command as a child, which inherits the confinement of this
// very thread.
func launch(s *Spec) (int, error) {
	if s.Yield {
		const process, nicest = 0, 19
		if _, err := raw(syscall.SYS_SETPRIORITY, process, 0, nicest); err != nil {
			return 0, fault("yield to others", err)
		}
	}
	if err := syscall.Chdir(s.Dir); err != nil {
		return 0, &Fault{NotStarted, "go to " + s.Dir, errno(err)}
	}
	path, err := find(s.Argv[0], s.Env)
	if err != nil {
		return 0, err
	}
	files := []uintptr{0, 1, 2}
	for i := range s.Hand {
		files = append(files, uintptr(Control+1+i))
	}
	pid, err := syscall.ForkExec(path, s.Argv, &syscall.ProcAttr{
		Env:   s.Env,
		Files: files,
	})
	if err != nil {
		kind := NotStarted
		if errors.Is(err, syscall.ENOENT) {
			kind = NotFound
		}
		return 0, &Fault{kind, "start " + path, errno(err)}
	}
	return pid, nil
}

// find looks for a program the way execvp does, with the command's own PATH.
func find(name string, env []string) (string, error) {
	for i := range len(name) {
		if name[i] == '/' {
			return name, nil
		}
	}
	path := ""
	for _, kv := range env {
		if len(kv) > 5 && kv[:5] == "PATH=" {
			path = kv[5:]
		}
	}
	for len(path) > 0 {
		dir := path
		path = ""
		for i := range len(dir) {
			if dir[i] == ':' {
				dir, path = dir[:i], dir[i+1:]
				break
			}
		}
		file := dir + "/" + name
		var st syscall.Stat_t
		if dir == "" || syscall.Stat(file, &st) != nil || st.Mode&syscall.S_IFMT != syscall.S_IFREG {
			continue
		}
		const executable = 1
		if syscall.Faccessat(-100, file, executable, 0) == nil {
			return file, nil
		}
	}
	return "", &Fault{NotFound, "find " + name + " in PATH", syscall.ENOENT}
}

func exit(code int) {
	for {
		syscall.Exit(code)
	}
}
