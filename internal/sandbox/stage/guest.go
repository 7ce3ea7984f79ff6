package stage

import "syscall"

// guest is the life of process 1 of a world that another program has made with a
// user 0: it starts a stage as an ordinary user of a namespace of its own, which
// that user's files belong to, reaps what is left behind, and ends with the stage.
func guest() {
	keepSignalsOut()
	self := []syscall.SysProcIDMap{{ContainerID: GuestID, HostID: syscall.Getuid(), Size: 1}}
	group := []syscall.SysProcIDMap{{ContainerID: GuestID, HostID: syscall.Getgid(), Size: 1}}
	pid, err := syscall.ForkExec("/proc/self/exe", []string{"autonoma-sandbox"}, &syscall.ProcAttr{
		Env:   []string{Marker + "=" + Nested, "GOMAXPROCS=1", "GOGC=off"},
		Files: []uintptr{0, 1, 2, Control},
		Sys:   &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, UidMappings: self, GidMappings: group},
	})
	if err != nil {
		fail(fault("become an ordinary user", err))
	}
	syscall.Close(Control)
	wait(pid)
	exit(0)
}

// GuestID is the user, and the group, that a guest's command is.
const GuestID = 1000
