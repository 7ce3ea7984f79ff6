package sandbox

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"autonoma/internal/sandbox/stage"
)

// Auto asks [Open] for the strongest level that works and costs a command little,
// else for the strongest that works; never for None.
const Auto = "auto"

// Choices are what may be asked of [Open].
func Choices() []string {
	all := []string{Auto}
	for _, d := range drivers() {
		all = append(all, string(d.level))
	}
	return all
}

// A Report is what trying a level has shown.
type Report struct {
	Level   Level
	OK      bool    // every claim of the level was proven
	Checks  []Check // what was tried, in order
	Problem string  // what is wrong, if not OK
	Fix     string  // what to do about it
	Took    time.Duration
}

// A Check is one claim and its proof.
type Check struct {
	Name   string
	OK     bool
	Detail string
	// Optional marks a defence that strengthens a level and is not promised by
	// it; the level is used without it, and the report says so.
	Optional bool
}

// Init must be the first call in main, and in TestMain of packages that run
// commands. In a process that was started as the sandbox's own stage it never
// returns; in any other it does nothing.
func Init() { stage.Enter() }

// Open returns a sandbox of the level that is wanted: Auto, or the name of a
// level. It is given out only when it has proven itself. Auto tries all but None,
// in the order of drivers; if none holds, the error wraps [ErrUnavailable] and says
// what to do. The report is that of the level that was chosen, or of the first
// that was tried.
func Open(ctx context.Context, want string) (Sandbox, Report, error) {
	var failed []Report
	for _, d := range drivers() {
		if want != string(d.level) && (want != Auto || !d.auto) {
			continue
		}
		s, r := d.try(ctx)
		if r.OK {
			return s, r, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, r, fmt.Errorf("try sandbox %s: %w", d.level, context.Cause(ctx))
		}
		failed = append(failed, r)
	}
	if failed == nil {
		return nil, Report{}, fmt.Errorf("%w: unknown level %q: choose one of %s", ErrUnavailable, want, strings.Join(Choices(), ", "))
	}
	var why []string
	for _, r := range failed {
		why = append(why, fmt.Sprintf("%s: %s; %s", r.Level, r.Problem, r.Fix))
	}
	if want == Auto {
		why = append(why, fmt.Sprintf("or choose %s or %s by name: %s; %s", Landlock, None, Landlock.Weakness(), None.Weakness()))
	}
	return nil, failed[0], fmt.Errorf("%w: %s", ErrUnavailable, strings.Join(why, "; "))
}

// Probe tries every level and reports what it found, in the order of [Auto].
func Probe(ctx context.Context) []Report {
	var reports []Report
	for _, d := range drivers() {
		_, r := d.try(ctx)
		reports = append(reports, r)
	}
	return reports
}

// A driver makes sandboxes of one level.
type driver struct {
	level Level
	auto  bool // may be chosen without being named
	open  func(context.Context) (Sandbox, []Check, error)
	fix   string
}

// drivers lists the levels in the order in which Auto tries them: those that cost a
// command less than 25 ms, strongest first, then those that cost more. What promises
// less is used by explicit word alone.
func drivers() []driver {
	return []driver{
		{Namespaces, true, openNamespaces, fixNamespaces},
		{Bubblewrap, true, openBubblewrap, fixBubblewrap},
		{GVisor, true, openGVisor, fixGVisor},
		{Container, true, openContainer, fixContainer},
		{Landlock, false, openLandlock, fixLandlock},
		{None, false, openNone, ""},
	}
}

// try opens a level and reports on it.
func (d driver) try(ctx context.Context) (Sandbox, Report) {
	begin := time.Now()
	s, checks, err := d.open(ctx)
	r := Report{Level: d.level, OK: err == nil, Checks: checks, Took: time.Since(begin)}
	if err != nil {
		r.Problem, r.Fix = err.Error(), d.fix
		return nil, r
	}
	for _, c := range checks {
		if !c.OK && !c.Optional {
			r.OK = false
			r.Problem, r.Fix = fmt.Sprintf("%s: %s", c.Name, c.Detail), d.fix
			return nil, r
		}
	}
	return s, r
}

// find returns where a program is that makes worlds, and where our own is, which runs
// in them.
func find(name string) (program, self string, err error) {
	if program, err = exec.LookPath(name); err != nil {
		return "", "", fmt.Errorf("%s is not installed", name)
	}
	if program, err = filepath.Abs(program); err != nil {
		return "", "", fmt.Errorf("find %s: %w", name, err)
	}
	if self, err = os.Executable(); err != nil {
		return "", "", fmt.Errorf("find our own program: %w", err)
	}
	return program, self, nil
}

// asHostRoot is the check of levels at which commands of a server that is root are
// root to the host as well.
func asHostRoot() Check {
	return Check{Name: "not the host's root", Optional: true,
		Detail: "commands run with the host's user 0, without its capabilities; run the server as an unprivileged user"}
}

const (
	fixNamespaces = "allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces>0; " +
		"on Ubuntu 24.04 and later an AppArmor profile with `userns,` for this program) on Linux 5.12 or later"
	fixBubblewrap = "install bubblewrap (apt-get install bubblewrap, dnf install bubblewrap) and allow it user namespaces"
	fixGVisor     = "install runsc (https://gvisor.dev/docs/user_guide/install, or go install gvisor.dev/gvisor/runsc@latest), of 2025 or later"
	fixContainer  = "install podman 4.3 or later with crun (apt-get install podman crun, dnf install podman)"
	fixLandlock   = "run on Linux 6.12 or later with Landlock (boot with lsm=landlock,…)"
)
