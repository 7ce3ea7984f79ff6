package stage

import (
	"errors"
	"syscall"
)

// stageFailed is the exit code of a stage that could not do its part.
const stageFailed = 125

// A Result is what a stage reports in the end.
type Result struct {
	Fault   *Fault             // what kept the command from being run, or nil
	Status  syscall.WaitStatus // how the command ended
	CPU     int64              // microseconds, user and system, of all that was waited for
	PeakRSS int64              // bytes, of the largest process
}

// A Fault is a step that failed.
type Fault struct {
	Kind  FaultKind
	What  string
	Errno syscall.Errno
}

// A FaultKind says whose fault it was.
type FaultKind uint64

// The kinds of Fault.
const (
	NotBuilt   FaultKind = iota // the sandbox could not be made
	NotStarted                  // the command could not be started in it
	NotFound                    // there is no such program in it
)

func (f *Fault) Error() string { return f.What + ": " + f.Errno.Error() }

// Unwrap returns the system's error.
func (f *Fault) Unwrap() error { return f.Errno }

func fault(what string, err error) error { return &Fault{NotBuilt, what, errno(err)} }

func errno(err error) syscall.Errno {
	var e syscall.Errno
	if errors.As(err, &e) {
		return e
	}
	return syscall.EINVAL
}

// fail reports a fault and ends the stage.
func fail(err error) {
	var f *Fault
	if !errors.As(err, &f) {
		f = &Fault{NotBuilt, "make the sandbox", errno(err)}
	}
	var b buffer
	b.flag(false)
	b.number(uint64(f.Kind))
	b.text(f.What)
	b.number(uint64(f.Errno))
	_, _ = syscall.Write(Control, b.b) // nobody else is there to be told
	exit(stageFailed)
}

// report tells how the command ended.
func report(status syscall.WaitStatus) {
	var ru syscall.Rusage
	const children = -1
	_ = syscall.Getrusage(children, &ru)
	var b buffer
	b.flag(true)
	b.number(uint64(status))
	b.number(uint64(micros(ru.Utime) + micros(ru.Stime)))
	b.number(uint64(ru.Maxrss) << 10)
	_, _ = syscall.Write(Control, b.b) // nobody else is there to be told
}

func micros(t syscall.Timeval) int64 { return int64(t.Sec)*1e6 + int64(t.Usec) }

// DecodeResult reads what a stage reported; false means that it ended before
// it could.
func DecodeResult(p []byte) (Result, bool) {
	b := buffer{b: p}
	var r Result
	if b.readNumber() == 0 {
		r.Fault = &Fault{FaultKind(b.readNumber()), b.readText(), syscall.Errno(b.readNumber())}
	} else {
		r.Status = syscall.WaitStatus(b.readNumber())
		r.CPU = int64(b.readNumber())
		r.PeakRSS = int64(b.readNumber())
	}
	return r, !b.bad
}
