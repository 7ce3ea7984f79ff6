package sandbox

import (
	"context"
	"errors"
	"io"
	"net"
	"time"
)

// A Level says how a command is confined. [Levels] ranks them.
type Level string

// The levels of confinement.
const (
	GVisor     Level = "gvisor"     // a kernel of its own, in user space, by the program runsc
	Namespaces Level = "namespaces" // our own stage in new namespaces, Landlock, seccomp
	Bubblewrap Level = "bubblewrap" // the same by the program bwrap, without mapped owners
	Container  Level = "container"  // a container, by podman
	Landlock   Level = "landlock"   // rules for files and a system call filter, in the host's namespaces
	None       Level = "none"       // not confined at all
)

// Where a command finds its things at the levels that map paths.
const (
	WorkspacePath = "/workspace"
	HomePath      = "/home/agent"
)

// A Sandbox runs commands at one level. It may be used by many goroutines.
type Sandbox interface {
	// Level tells how the commands are confined.
	Level() Level

	// Run runs a command to its end and leaves no process of it behind. A
	// command that fails, is stopped by a limit or by the end of ctx is an
	// Exit; an error means that it could not be run at all. When ctx ends,
	// everything the command started is killed at once.
	Run(ctx context.Context, c Command) (Exit, error)
}

// MapsPaths tells whether s shows a command other paths than the host's: its
// workspace at [WorkspacePath], its home at [HomePath], and any [Mount]. Where
// it is false, a command runs in the host's directories, and Run refuses mounts
// with [ErrMounts], except read-only ones that change no path.
func MapsPaths(s Sandbox) bool { return s.Level() != None && s.Level() != Landlock }

// Overlays tells whether s can show a [Mount] of mode [Overlay]. Where it is false,
// Run refuses one with [ErrNoOverlay].
func Overlays(s Sandbox) bool {
	o, ok := s.(interface{ overlaying() bool })
	return ok && o.overlaying()
}

// A Command is what to run, on what, and within which limits.
type Command struct {
	Argv      []string // the program, by path or to be found in PATH, and its arguments
	Workspace string   // host directory, absolute: writable at WorkspacePath
	Dir       string   // where to start, relative to the workspace; it may not lead out of it
	Env       []string // KEY=value; added to, and stronger than, PATH, HOME, LANG, TMPDIR, USER and LOGNAME
	Mounts    []Mount
	Home      string // host directory, writable at HomePath; empty for one that vanishes with the command
	Limits    Limits

	// Egress is the command's only way out, nil for none: it finds an HTTP proxy
	// in the variables that programs look for one in, which are the sandbox's to
	// set, and all that connects there arrives at the listener. Egress is called
	// once, beside the command. The listener is closed when the command has ended;
	// Run waits for Egress to return then, so it must let go of what is left.
	// A listener that more than the command can reach has a method
	// ProxyAuthorization, which returns the value of that header to insist on.
	Egress func(net.Listener)

	// Stdin may be nil, which reads as empty. What the command has not read
	// when it ends stays unread or is lost; a Read that blocks is left behind
	// until it returns.
	Stdin io.Reader
	// Stdout and Stderr get all that is written; nil discards. They may be the
	// same writer, which is then written to by one goroutine.
	Stdout, Stderr io.Writer
}

// A Mount shows a file or directory of the host to a command.
type Mount struct {
	Source string // on the host, absolute; symbolic links are followed
	Target string // for the command, absolute and clean; made if missing, never through a symbolic link
	Mode   Mode
	// Upper is where the changes of an Overlay are kept: a directory of the
	// host, private to one run, made if missing, with the changed files in its
	// subdirectory "upper". It must not lie in Source. One command at a time may
	// use it; the next one that does sees the changes of the last.
	Upper string
}

// A Mode says what a command may do with a Mount.
type Mode string

// The modes of a mount. The zero Mode is ReadOnly.
const (
	ReadOnly Mode = "read-only"
	Writable Mode = "writable"
	Overlay  Mode = "overlay" // reads Source, writes to Upper; Source is never changed
	// Public is ReadOnly, but when commands run as another user of the host than
	// the server, which is root, they read only what is open to everybody. The
	// other modes show them Source as its owner sees it.
	Public Mode = "public"
)

// An Exit is how a command ended.
type Exit struct {
	Code       int    // its exit code; 128+n if signal n ended it, thus 137 if it was stopped for a Reason
	Reason     Reason // why it was stopped, or what it was found to have exceeded at its end; else empty
	Duration   time.Duration
	CPU        time.Duration // user and system time: of all, by cgroup; otherwise of all that has been waited for
	PeakMemory int64         // bytes: the most at one time, by cgroup, files in memory included; otherwise at least that much
}

// OK tells whether the command ended by itself and with success.
func (e Exit) OK() bool { return e.Code == 0 && e.Reason == "" }

// What Run refuses.
var (
	// ErrInvalid: the command contradicts the documentation of its fields.
	ErrInvalid = errors.New("invalid command")
	// ErrNotFound: there is no such program in the sandbox.
	ErrNotFound = errors.New("program not found in the sandbox")
	// ErrMounts: this level cannot show a path elsewhere than it is.
	ErrMounts = errors.New("this level of sandbox has no mounts")
	// ErrNoOverlay: this level cannot keep changes apart from their source.
	ErrNoOverlay = errors.New("this level of sandbox has no overlays")
)

// ErrUnavailable is wrapped by what Open returns when there is no sandbox of
// the kind that is wanted; the text says what to install or allow.
var ErrUnavailable = errors.New("no sandbox available")
