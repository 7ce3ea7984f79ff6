package sandbox

import (
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"autonoma/internal/sandbox/stage"
)

// An attempt is one try to break a promise.
type attempt struct {
	promise promise
	attack  string
	args    []string
	bare    who // that it succeeds without a sandbox, which the tests show
}

// A who is for whom an attempt succeeds on a bare host.
type who int

const (
	untried who = iota // it would do harm there, or needs what the host has not
	anybody
	onlyRoot
)

// attempts are all that is tried at each level that promises to withstand it.
func (h host) attempts() []attempt {
	var all []attempt
	try := func(p promise, bare who, attack string, targets ...string) {
		if len(targets) == 0 {
			all = append(all, attempt{p, attack, nil, bare})
		}
		for _, target := range targets {
			all = append(all, attempt{p, attack, strings.Fields(target), bare})
		}
	}

	try(hostFiles, anybody, "read", h.secret, h.database, h.run, "link-to-secret", "link-to-link", "links/credentials")
	try(hostFiles, anybody, "list", h.dir, filepath.Dir(h.run))
	try(hostFiles, anybody, "hard link", h.secret)
	try(hostFiles, onlyRoot, "read", "/etc/shadow")
	try(hostFiles, untried, "read", "/proc/1/environ", "/proc/1/root/etc/shadow", "/proc/kmsg", "/proc/kcore", "/dev/mem", "/dev/kmem", "/dev/port", "/dev/kmsg", "/dev/vda", "/dev/sda",
		"/proc/self/cwd/../../etc/shadow", "/sys/kernel/notes", "/proc/1/cwd/etc/shadow", "/proc/1/task/1/root/etc/shadow")
	try(hostFiles, untried, "environment", "SSH_AUTH_SOCK", "DBUS_SESSION_BUS_ADDRESS", "OPENAI_API_KEY", playServer)
	try(hostFiles, untried, "list", "/root", "/run/user", "/var/lib", "/mnt", "/sys/fs", "/proc/1/root/root")

	try(hostFiles, untried, "read", "/proc/slabinfo", "/proc/timer_list", "/proc/vmallocinfo", "/proc/pagetypeinfo", "/proc/kpagecount", "/sys/firmware/acpi/tables/DSDT")

	try(readOnlyRest, anybody, "create", h.dir+"/x", filepath.Dir(h.run)+"/x", "links/x")
	try(readOnlyRest, onlyRoot, "write", "/etc/passwd", "/usr/bin/env", "/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches")
	try(readOnlyRest, untried, "write", "/proc/sysrq-trigger", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/hotplug", "/proc/sys/fs/binfmt_misc/register",
		"/sys/kernel/uevent_helper", "/sys/fs/cgroup/release_agent", "/sys/fs/cgroup/memory/release_agent",
		"/proc/self/uid_map", "/proc/self/gid_map", "/proc/self/setgroups")
	try(readOnlyRest, untried, "create", "/x", "/usr/x", "/etc/x", "/dev/x", "/home/x", "/run/x", "/var/x", "/proc/x", "../x", "/etc/ld.so.preload")
	try(readOnlyRest, untried, "loosen", "/usr/x", "/x")

	try(hostProcesses, anybody, "signal", h.victim, h.us, "-1")
	try(hostProcesses, anybody, "find", h.victim)
	try(hostProcesses, anybody, "read", "/proc/"+h.victim+"/environ", "/proc/"+h.victim+"/maps", "/proc/"+h.us+"/cmdline")
	try(hostProcesses, anybody, "list", "/proc/"+h.victim+"/root", "/proc/"+h.victim+"/fd", "/proc/"+h.victim+"/cwd")
	try(hostProcesses, anybody, "limit", h.victim)
	try(hostProcesses, untried, "ptrace", h.victim)
	try(hostProcesses, untried, "read memory", h.victim)

	try(noNetwork, anybody, "tcp", h.tcp, h.tcp6)
	try(noNetwork, untried, "tcp", "169.254.169.254:80", "192.0.2.1:53", "10.0.2.2:80", "[fd00:ec2::254]:80")
	try(noNetwork, untried, "dns", "example.com", "metadata.google.internal")
	try(pathSockets, anybody, "unix", h.path)
	try(pathSockets, untried, "unix", "/run/docker.sock", "/var/run/docker.sock", "/run/dbus/system_bus_socket", "/run/containerd/containerd.sock")
	try(namedSockets, anybody, "unix", h.abstract)

	try(noPrivileges, anybody, "privileges")
	try(noPrivileges, anybody, "child user")
	try(noPrivileges, anybody, "overlay")
	try(noPrivileges, onlyRoot, "child mounts")
	try(noPrivileges, untried, "raise limits")
	try(noPrivileges, untried, "interface")   // it would take down the host's
	try(noPrivileges, untried, "become root") // root is, already
	try(noPrivileges, untried, "set user program", "/usr/bin/su")

	try(fewCalls, anybody, "old calls")
	try(fewCalls, onlyRoot, "filter anew", "keyctl")
	try(fewCalls, anybody, "type")
	try(fewCalls, anybody, "type wide")
	try(fewCalls, anybody, "paste")
	try(fewCalls, untried, "socket", "packet", "vsock", "alg", "mptcp", "raw", "key", "rds", "tipc", "can", "xdp")
	try(fewCalls, anybody, "from memory", "child user")

	try(closedStage, untried, "read", "/proc/1/environ", "/proc/1/mem", "/proc/1/maps", "/proc/1/exe", "/proc/1/fd/3", "/proc/1/auxv", "/proc/1/syscall", "/proc/1/stack")
	try(closedStage, untried, "write", "/proc/1/mem", "/proc/1/exe", "/proc/self/exe", "/proc/1/oom_score_adj", "/proc/1/fd/3", stagePath)
	try(closedStage, untried, "follow", "/proc/1/fd/0", "/proc/1/fd/3", "/proc/1/cwd", "/proc/1/root", "/proc/1/exe", "/proc/1/ns/mnt")
	try(closedStage, untried, "list", "/proc/1/cwd", "/proc/1/root", "/proc/1/map_files")
	try(closedStage, untried, "descriptors")
	try(closedStage, untried, "ptrace", "1")
	try(closedStage, untried, "read memory", "1")
	try(closedStage, untried, "take descriptor", "1")

	try(plainFiles, onlyRoot, "device")
	try(plainFiles, onlyRoot, "char device")
	for _, way := range []string{"", " at", " at2", " fd", " new", " how", " node"} {
		try(plainFiles, anybody, "set user"+way)
	}
	try(plainFiles, untried, "immutable")
	return all
}

// worksFor tells whether an attempt succeeds on a bare host for the user of the tests.
func (a attempt) worksFor() bool {
	return a.bare == anybody || a.bare == onlyRoot && os.Geteuid() == 0
}

func (a attempt) String() string { return strings.Join(append([]string{a.attack}, a.args...), " ") }

// harmless tells whether it is no harm that an attempt succeeds at a level.
func (a attempt) harmless(l Level) bool {
	switch l {
	case Landlock: // commands of root have its name, without its powers, which the report of the level says
		rootOnly := slices.ContainsFunc(rootOnly(), func(op stage.Op) bool { return a.String() == "read "+op.Target })
		return os.Geteuid() == 0 && (a.attack == "become root" || rootOnly)
	case GVisor: // these are its own, and the shell that makes the attempts
		return slices.Contains([]string{"list /sys/fs", "write /proc/sysrq-trigger", "write /proc/self/uid_map", "write /proc/self/gid_map",
			"write /proc/self/setgroups", "create /dev/x", "signal -1"}, a.String())
	case Container: // the directory is empty, and where attempts are made together there is the shell that makes them
		return a.String() == "list /sys/fs" || a.String() == "signal -1"
	}
	return false
}

// command is the attempt, in a workspace with links that lead out.
func (a attempt) command(t *testing.T, h host) Command {
	t.Helper()
	c := attacking(t, a.attack, a.args...)
	for name, to := range map[string]string{"link-to-secret": h.secret, "link-to-link": "link-to-secret", "links": h.dir} {
		if err := os.Symlink(to, filepath.Join(c.Workspace, name)); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestEscape(t *testing.T) {
	for _, name := range []string{"SSH_AUTH_SOCK", "DBUS_SESSION_BUS_ADDRESS", "OPENAI_API_KEY"} {
		t.Setenv(name, "secret")
	}
	h := newHost(t)
	by := map[promise][]attempt{}
	for _, a := range h.attempts() {
		by[a.promise] = append(by[a.promise], a)
	}
	for _, p := range slices.Sorted(maps.Keys(by)) {
		t.Run(string(p), func(t *testing.T) {
			promised(t, p, func(t *testing.T, s Sandbox) {
				tried := slices.DeleteFunc(slices.Clone(by[p]), func(a attempt) bool { return a.harmless(s.Level()) })
				if dear(s) {
					attemptTogether(t, s, h, tried)
					return
				}
				for _, a := range tried {
					got := run(t, s, a.command(t, h))
					// To call as programs of 32 bits do is no call that can be refused.
					killed := a.attack == "old calls" && got.Code > 128 && got.Reason == ""
					if !killed && (got.Code != 1 || !strings.Contains(got.out, "refused:")) {
						t.Errorf("%s: %+v %s", a, got.Exit, got.out)
					}
				}
			})
		})
	}
}

// attemptTogether makes all attempts in one command, one after the other, at levels
// where a command takes its time.
func attemptTogether(t *testing.T, s Sandbox, h host, attempts []attempt) {
	t.Helper()
	c := attempts[0].command(t, h)
	script := "exec 2>&1\n"
	for _, a := range attempts {
		script += playAttacker + "='" + a.attack + "' '" + strings.Join(append([]string{c.Argv[0]}, a.args...), "' '") + "'; echo \"code $?\"\n"
	}
	c.Argv = []string{"/bin/sh", "-c", script}
	got := run(t, s, c)
	answers := strings.SplitAfter(got.out, "code ")
	if len(answers) != len(attempts)+1 {
		t.Fatalf("%d answers to %d attempts: %+v %s", len(answers)-1, len(attempts), got.Exit, got.out)
	}
	for i, a := range attempts {
		code, _, _ := strings.Cut(answers[i+1], "\n")
		killed := a.attack == "old calls" && len(code) == 3
		if !killed && (code != "1" || !strings.Contains(answers[i], "refused:")) {
			t.Errorf("%s: code %s, %s", a, code, answers[i])
		}
	}
}

// The attempts are real: without a sandbox they succeed, where that does no harm.
func TestAttemptsSucceedOnABareHost(t *testing.T) {
	h := newHost(t)
	level(t, []Level{None}, func(t *testing.T, s Sandbox) {
		for _, a := range h.attempts() {
			if !a.worksFor() {
				continue
			}
			if got := run(t, s, a.command(t, h)); got.Code != 0 || !strings.HasSuffix(got.out, "done\n") {
				t.Errorf("%s: %+v %s", a, got.Exit, got.out)
			}
		}
	})
}

// No call of the list gets to the kernel, and on a bare host those of root do.
func TestCallsAreRefused(t *testing.T) {
	names := slices.Concat(slices.Sorted(maps.Keys(calls())), slices.Sorted(maps.Keys(callsOfThisMachine())))
	answers := func(t *testing.T, s Sandbox) map[string]string {
		t.Helper()
		got := run(t, s, attacking(t, "calls", names...))
		m := map[string]string{}
		for line := range strings.Lines(got.out) {
			if name, answer, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
				m[name] = answer
			}
		}
		if got.Code != 1 || len(m) < len(names) {
			t.Fatalf("%d answers to %d calls: %+v %s", len(m), len(names), got.Exit, got.out)
		}
		return m
	}
	promised(t, fewCalls, func(t *testing.T, s Sandbox) {
		m := answers(t, s)
		for _, name := range names {
			if m[name] != "refused" {
				t.Errorf("%s: %s", name, m[name])
			}
		}
	})
	level(t, []Level{None}, func(t *testing.T, s Sandbox) {
		if os.Geteuid() != 0 {
			return // to others the kernel refuses most of them by itself
		}
		var refused []string
		for name, answer := range answers(t, s) {
			if answer == "refused" {
				refused = append(refused, name)
			}
		}
		// A kernel may be built without some of them.
		if len(refused) > len(names)/4 {
			t.Errorf("%d of %d calls are refused on a bare host: %v", len(refused), len(names), refused)
		}
	})
}

// Datagrams are not answered, so the host is asked whether it heard any.
func TestEscapeByDatagram(t *testing.T) {
	hears := func(t *testing.T, s Sandbox) bool {
		t.Helper()
		l, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		run(t, s, attacking(t, "udp", l.LocalAddr().String()))
		l.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		_, _, err = l.ReadFrom(make([]byte, 1))
		return err == nil
	}
	promised(t, noNetwork, func(t *testing.T, s Sandbox) {
		if hears(t, s) {
			t.Error("the host heard it")
		}
	})
	level(t, []Level{None}, func(t *testing.T, s Sandbox) {
		if !hears(t, s) {
			t.Error("without a sandbox the host does not hear it either")
		}
	})
}

// A command may start in a directory of the workspace, which may be a link: it
// leads to nothing of the host, and to no descriptor of the stage.
func TestDirectoryThatIsALink(t *testing.T) {
	promised(t, hostFiles, func(t *testing.T, s Sandbox) {
		ws := closedDir(t)
		links := []string{"/proc/1/root", "/proc/self/cwd", "/root", "/oldroot", "/proc/self/root/root"}
		if dear(s) {
			links = links[:1]
		}
		for fd := range 24 {
			if dear(s) && fd > 4 {
				break
			}
			links = append(links, fmt.Sprintf("/proc/self/fd/%d", fd))
		}
		for _, to := range links {
			link := filepath.Join(ws, "link")
			os.Remove(link)
			if err := os.Symlink(to, link); err != nil {
				t.Fatal(err)
			}
			c := Command{Argv: []string{"/bin/sh", "-c", "cat ../etc/shadow ../../etc/shadow ../../../etc/shadow ../../../../../etc/shadow"}, Workspace: ws, Dir: "link"}
			if e, err := s.Run(t.Context(), c); err == nil && e.OK() {
				t.Errorf("read it from %s", to)
			}
		}
	})
}

// What the server gives as input and output may be files of the host: a command
// cannot open them anew for more than they were given for.
func TestOutputIsNoWayToItsFile(t *testing.T) {
	promised(t, hostFiles, func(t *testing.T, s Sandbox) {
		name := filepath.Join(publicDir(t), "log")
		write(t, name, "of others\n")
		if err := os.Chmod(name, 0o666); err != nil {
			t.Fatal(err)
		}
		in, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		out, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		sh(t, s, "cat /proc/self/fd/1 > seen; : > /proc/self/fd/1; : > /proc/self/fd/0; exec 5<>/proc/self/fd/0; echo forged >&5", Command{Stdin: in, Stdout: out, Stderr: out})
		if got := read(t, name); !strings.HasPrefix(got, "of others\n") || strings.Contains(got, "forged") {
			t.Errorf("the file became %q", got)
		}
	})
}

// No signal and no limit put on the stage from inside frees a command, or keeps it
// from ending as it should.
func TestStageCannotBeShaken(t *testing.T) {
	promised(t, closedStage, func(t *testing.T, s Sandbox) {
		m := mark(t)
		script := `sig=1; while [ $sig -le 64 ]; do kill -$sig 1 2>/dev/null; sig=$((sig+1)); done
			prlimit --pid 1 --nproc=1 --nofile=0 --as=4096 --fsize=0 2>/dev/null
			renice -n 19 1 >/dev/null 2>&1
			setsid sleep ` + m + ` & exit 7`
		got := sh(t, s, script, Command{Limits: Limits{Wall: 20 * time.Second}})
		if got.Code != 7 || got.Reason != "" {
			t.Errorf("ended with %+v %s", got.Exit, got.out)
		}
		if left := processes(m); len(left) > 0 {
			t.Errorf("left %v", left)
		}
		// 32 to 34 are those that C libraries set themselves, if they use them.
		got = sh(t, s, "exec sed -n s/SigIgn:.//p /proc/self/status", Command{})
		if ignored, err := strconv.ParseUint(strings.TrimSpace(got.out), 16, 64); err != nil || ignored&^(7<<31) != 0 {
			t.Errorf("a command does not get signals that its stage ignores: %s, %v", got.out, err)
		}
	})
}

// Where the stage is a process beside the command, and of the same user, the command
// can end neither it nor one of its threads, and is ended by it all the same.
func TestStageBesideCannotBeEnded(t *testing.T) {
	level(t, []Level{Landlock}, func(t *testing.T, s Sandbox) {
		m := mark(t)
		got := sh(t, s, `for pid in $PPID $(ls /proc/$PPID/task); do for sig in KILL STOP TERM SEGV; do kill -$sig $pid 2>/dev/null && echo ended; done; done
			(setsid sleep `+m+` &); exit 7`, Command{Limits: Limits{Wall: 20 * time.Second}})
		if got.Code != 7 || got.out != "" {
			t.Errorf("ended with %+v %s", got.Exit, got.out)
		}
		if left := processes(m); len(left) > 0 {
			t.Errorf("left %v", left)
		}
	})
}

// What a command may not write it changes in no other way, even if to the host it is the
// owner. Landlock has no rule for that, which SECURITY.md says.
func TestModesAndTimesOfTheSystem(t *testing.T) {
	level(t, mapping, func(t *testing.T, s Sandbox) {
		for _, change := range []string{"chmod a+r /usr/bin/env", "chmod a+rx /usr", "touch -cam /usr/bin/env", "chown $(id -u) /usr/bin/env"} {
			if got := sh(t, s, change, Command{}); got.Code == 0 {
				t.Errorf("%s: %s", change, got.out)
			}
		}
	})
}

// Where a command is a user of the host, it takes the processor from none of what else
// that user runs.
func TestOthersOfTheUserKeepTheirTurn(t *testing.T) {
	host := newHost(t)
	level(t, []Level{Landlock}, func(t *testing.T, s Sandbox) {
		for _, name := range []string{"yield for all", "pin", "put to sleep"} {
			if got := run(t, s, attacking(t, name, host.victim)); got.Code != 1 {
				t.Errorf("%s: %+v %s", name, got.Exit, got.out)
			}
		}
	})
}

// A program that crashes starts no crash handler of the host: with this limit the
// kernel starts none, though it would with zero.
func TestNoCoreIsHandedToTheHost(t *testing.T) {
	level(t, all, func(t *testing.T, s Sandbox) {
		got := sh(t, s, "grep 'Max core' /proc/self/limits", Command{})
		if f := strings.Fields(got.out); len(f) < 6 || f[4] != "1" || f[5] != "1" {
			t.Errorf("the limits are %q", got.out)
		}
	})
}

// To the host a command is a user who owns nothing.
func TestNobodyToTheHost(t *testing.T) {
	promised(t, nobodyAtAll, func(t *testing.T, s Sandbox) {
		if n, ok := s.(*namespaces); ok && os.Geteuid() == 0 && !n.ids.mapped() {
			t.Log("owners cannot be mapped here, which the report of the level says")
			return
		}
		m := mark(t)
		var uid string
		seen := make(chan struct{})
		go func() {
			defer close(seen)
			for t.Context().Err() == nil && uid == "" {
				for _, pid := range processes("sleep\x00" + m) {
					uid = field(pid, "Uid:")
				}
				time.Sleep(5 * time.Millisecond)
			}
		}()
		sh(t, s, "exec sleep "+m, Command{Limits: Limits{Wall: time.Second}})
		<-seen
		if uid == "0" || uid == "" {
			t.Errorf("it is user %q", uid)
		}
	})
}

// field returns the first value of a line of what the kernel says of a process.
func field(pid, name string) string {
	b, _ := os.ReadFile("/proc/" + pid + "/status") // it may have ended
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == name {
			return f[1]
		}
	}
	return ""
}
