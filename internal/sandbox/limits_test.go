package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// inGuest says whether control groups have to be there, in a machine that was made
// for it.
const inGuest = "AUTONOMA_TEST_CGROUP"

// groupsOf returns what bounds the commands of a sandbox.
func groupsOf(s Sandbox) *groups {
	switch s := s.(type) {
	case *namespaces:
		return s.groups
	case *bubblewrap:
		return s.groups
	case none:
		return s.groups
	}
	return nil
}

// What a command adds to the directories it may write is bounded, however it hides it.
func TestDiskLimits(t *testing.T) {
	const fill = "i=0; while [ $i -lt 100 ]; do head -c 4000000 /dev/zero > f$i; i=$((i+1)); done; "
	const more = "i=0; while [ $i -lt 100 ]; do head -c 4000000 /dev/zero >&3; i=$((i+1)); done; sleep 100"
	level(t, all, func(t *testing.T, s Sandbox) {
		for _, tt := range []struct {
			name, script string
			limits       Limits
			want         Reason
		}{
			{"fill", fill + "sleep 100", Limits{Disk: 20 << 20}, Disk},
			{"fill the home", "cd; " + fill + "sleep 100", Limits{Disk: 20 << 20}, Disk},
			{"fast", "fallocate -l 40M f", Limits{Disk: 20 << 20}, Disk},
			{"no name", "touch g; exec 3>f; rm f; " + more, Limits{Disk: 20 << 20}, Disk},
			{"behind a closed door", "mkdir d; cd d; exec 3>f; chmod 0 .; " + more, Limits{Disk: 20 << 20}, Disk},
			{"deep", "p=$(seq 600 | sed 's/.*/d/' | tr '\\n' /); mkdir -p $p && cd $p || exit 1; " + fill + "sleep 100", Limits{Disk: 20 << 20}, Disk},
			{"sparse", "truncate -s 100G f; sleep 0.3", Limits{Disk: 20 << 20, FileSize: 1 << 40}, ""},
			{"many names", "head -c 4000000 /dev/zero > f; i=0; while [ $i -lt 50 ]; do ln f f$i; i=$((i+1)); done; sleep 0.3", Limits{Disk: 20 << 20}, ""},
			{"tiny files", "i=0; while :; do : > f$i; i=$((i+1)); done", Limits{Files: 500}, Files},
			{"tiny directories", "i=1; while :; do mkdir $(seq $i $((i+499))); i=$((i+500)); done", Limits{Files: 600}, Files},
			{"little", "head -c 4000000 /dev/zero > f; sleep 0.3", Limits{Disk: 20 << 20}, ""},
		} {
			t.Run(tt.name, func(t *testing.T) {
				c := Command{Workspace: closedDir(t), Home: closedDir(t), Limits: tt.limits}
				c.Limits.Wall = time.Minute
				got := sh(t, s, tt.script, c)
				_ = os.Chmod(filepath.Join(c.Workspace, "d"), 0o700) // for those who remove it
				if got.Reason != tt.want || got.Duration > 50*time.Second {
					t.Errorf("ended with %+v %s", got.Exit, got.out)
				}
				if tt.want != "" && taken(t, c.Workspace)+taken(t, c.Home) == 0 {
					t.Error("what was written is gone")
				}
			})
		}
	})
}

// taken counts what is in a directory.
func taken(t *testing.T, dir string) (entries int) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// What was there before is not what a command added, even if it touches all of it. In
// memory, as nobody else writes there meanwhile.
func TestDiskBefore(t *testing.T) {
	level(t, all, func(t *testing.T, s Sandbox) {
		ws, err := os.MkdirTemp("/dev/shm", "autonoma-test-") //nolint:usetesting // that of the test is on the disk
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(ws) })
		for i := range 20 {
			write(t, filepath.Join(ws, "before", strconv.Itoa(i)), strings.Repeat("x", 5_000_000))
		}
		got := sh(t, s, "chmod -R go+r before; mv before after; head -c 30000000 /dev/zero > f; sleep 0.3; rm -r f after/1*; head -c 30000000 /dev/zero > f; sleep 0.5",
			Command{Workspace: ws, Limits: Limits{Disk: 60 << 20, Wall: time.Minute}})
		if !got.OK() {
			t.Errorf("ended with %+v %s", got.Exit, got.out)
		}
	})
}

// The changes to what is shown by an overlay are on the host's disk too.
func TestDiskOfOverlays(t *testing.T) {
	level(t, confining, func(t *testing.T, s Sandbox) {
		if !Overlays(s) {
			return
		}
		c := Command{Workspace: closedDir(t), Limits: Limits{Disk: 20 << 20, Wall: time.Minute},
			Mounts: []Mount{{Source: closedDir(t), Target: "/cache", Mode: Overlay, Upper: closedDir(t)}}}
		got := sh(t, s, "cd /cache; i=0; while [ $i -lt 100 ]; do head -c 4000000 /dev/zero > f$i; i=$((i+1)); done; sleep 100", c)
		if got.Reason != Disk {
			t.Errorf("ended with %+v %s", got.Exit, got.out)
		}
	})
}

// Before the disk is full, commands are stopped, whoever fills it.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	w := newDiskWatch([]string{dir}, Limits{Disk: 1 << 40, Files: 1 << 40, Free: 1})
	w.systems[0].least.bytes = w.systems[0].now.bytes - 20<<20
	nobody := func() []string { return nil }
	if reason := w.look(nobody); reason != "" {
		t.Fatalf("stopped for %q with nothing written", reason)
	}
	write(t, filepath.Join(dir, "big"), strings.Repeat("x", 60<<20))
	if reason := w.look(nobody); reason != DiskFull {
		t.Errorf("went on, for %q", reason)
	}
}

// Walks are rare, unless what was lost could be all that is left.
func TestDiskIsSeldomWalked(t *testing.T) {
	for _, tt := range []struct {
		name     string
		lost     amount
		last     amount // added, by the walk before
		cost     time.Duration
		since    time.Duration
		blind    bool
		want     bool
		lostThen amount
	}{
		{name: "nothing lost", since: 20 * time.Second},
		{name: "nothing lost for long", since: time.Minute, want: true},
		{name: "little lost", lost: amount{bytes: 100}, since: 20 * time.Second},
		{name: "a share lost", lost: amount{bytes: 126}, since: time.Second, want: true},
		{name: "a share of files lost", lost: amount{files: 13}, since: time.Second, want: true},
		{name: "a share lost after a dear walk", lost: amount{bytes: 126}, cost: time.Second, since: 10 * time.Second},
		{name: "a share lost long after a dear walk", lost: amount{bytes: 126}, cost: time.Second, since: 31 * time.Second, want: true},
		{name: "all lost after a dear walk", lost: amount{bytes: 1001}, cost: time.Minute, want: true},
		{name: "all that was left lost", lost: amount{bytes: 401}, last: amount{bytes: 600}, cost: time.Minute, want: true},
		{name: "lost before the walk", lost: amount{bytes: 1100}, lostThen: amount{bytes: 1000}, since: time.Second},
		{name: "files are not told", since: 3 * time.Second, blind: true, want: true},
		{name: "files are not told after a dear walk", since: 3 * time.Second, cost: time.Second, blind: true},
	} {
		w := diskWatch{bytes: 1000, files: 100, blind: tt.blind, walked: time.Now().Add(-tt.since), cost: tt.cost, last: tt.last, lostWalked: tt.lostThen,
			systems: []*fileSystem{{before: tt.lost}}}
		if got := w.due(); got != tt.want {
			t.Errorf("%s: walks: %v", tt.name, got)
		}
	}
}

// A process gets no more descriptors than it may have, and the machine keeps its own.
func TestOpenFiles(t *testing.T) {
	level(t, all, func(t *testing.T, s Sandbox) {
		got := run(t, s, Command{Argv: []string{"bash", "-c", "for i in $(seq 10 5000); do eval \"exec $i</dev/null\" || break; done 2>/dev/null; ls /proc/$$/fd | wc -l"},
			Limits: Limits{OpenFiles: 200}})
		if n, err := strconv.Atoi(strings.TrimSpace(got.out)); err != nil || n < 100 || n > 200 {
			t.Errorf("has %q descriptors: %+v", got.out, got.Exit)
		}
	})
}

// A line without an end goes through, and does not stay in the server's memory.
func TestOutputFlood(t *testing.T) {
	level(t, all, func(t *testing.T, s Sandbox) {
		var n counter
		got := sh(t, s, "exec head -c 100000000 /dev/zero", Command{Stdout: &n, Stderr: &n})
		if !got.OK() || n != 100_000_000 {
			t.Errorf("%+v, %d bytes", got.Exit, n)
		}
		if peak := figure("/proc/self", "status", "VmHWM:"); peak > 512<<10 { // kB
			t.Errorf("the server took %d kB", peak)
		}
	})
}

// A report says what bounds commands, and the kernel does it where it can.
func TestGroups(t *testing.T) {
	level(t, all, func(t *testing.T, s Sandbox) {
		_, r, err := Open(t.Context(), string(s.Level()))
		if err != nil {
			t.Fatal(err)
		}
		var check Check
		for _, c := range r.Checks {
			if c.Name == "limits by cgroup" {
				check = c
			}
		}
		g := groupsOf(s)
		if check.OK != (g != nil) || !check.Optional || check.Detail == "" || check.OK != strings.Contains(check.Detail, "memory, pids") {
			t.Errorf("reported as %+v", check)
		}
		if want := os.Getenv(inGuest); want != "" && want != strconv.FormatBool(check.OK) || want == "false" && !strings.Contains(check.Detail, "not delegated") {
			t.Fatalf("control groups: %+v", check)
		}
		if g == nil {
			return // its commands are bounded by the watch, see TestLimits
		}
		t.Run("cpu", func(t *testing.T) { slowed(t, s) })
		t.Run("memory at once", func(t *testing.T) { outOfMemory(t, s) })
		t.Run("files in memory", func(t *testing.T) {
			got := sh(t, s, "test $TMPDIR != /tmp || dd if=/dev/zero of=/tmp/x bs=1M count=100; exit 0",
				Command{Limits: Limits{Memory: 64 << 20, Tmp: 1 << 30, Wall: time.Minute}})
			if MapsPaths(s) && got.Reason != Memory {
				t.Errorf("ended with %+v %s", got.Exit, got.out)
			}
		})
		t.Run("input and output", func(t *testing.T) { throttled(t, s, g) })
		t.Run("forks", func(t *testing.T) { refusedForks(t, s) })
		t.Run("killer of its stage", func(t *testing.T) { killsStage(t, s) })
		t.Run("sweep", func(t *testing.T) { swept(t, s, g) })
		if left, _ := filepath.Glob(filepath.Join(g.dir, commandGroup+"*")); len(left) > 0 {
			t.Errorf("left %q", left)
		}
	})
}

// slowed has more processes be busy than there is CPU for.
func slowed(t *testing.T, s Sandbox) {
	busy := "while :; do :; done & while :; do :; done & wait"
	got := sh(t, s, busy, Command{Limits: Limits{CPU: 0.25, Wall: 3 * time.Second}})
	share := got.CPU.Seconds() / got.Duration.Seconds()
	if got.Reason != Timeout || share < 0.1 || share > 0.4 {
		t.Errorf("used %.2f of a core: %+v", share, got.Exit)
	}
}

// throttled writes 3 MiB past all caches at 1 MiB in a second.
func throttled(t *testing.T, s Sandbox, g *groups) {
	c := Command{Workspace: closedDir(t), Limits: Limits{IO: 1 << 20, Wall: time.Minute}}
	if blockDevice(c.Workspace) == "" || !slices.Contains(g.controllers, "io") {
		t.Logf("what %s is on cannot be named", c.Workspace)
		return
	}
	got := sh(t, s, "dd if=/dev/zero of=f bs=256k count=12 oflag=direct 2>/dev/null", c)
	if !got.OK() || got.Duration < 1500*time.Millisecond {
		t.Errorf("ended with %+v %s", got.Exit, got.out)
	}
}

// outOfMemory takes memory faster than a watch would see.
func outOfMemory(t *testing.T, s Sandbox) {
	m := mark(t)
	got := sh(t, s, "(setsid sleep "+m+" &); exec dd if=/dev/zero of=/dev/null bs=200M count=1", Command{Limits: Limits{Memory: 64 << 20, Wall: time.Minute}})
	if got.Reason != Memory || got.PeakMemory > 64<<20 || got.PeakMemory < 60<<20 {
		t.Errorf("ended with %+v %s", got.Exit, got.out)
	}
	if left := processes(m); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

// refusedForks runs a fork bomb at full speed: the kernel refuses, at every level.
func refusedForks(t *testing.T, s Sandbox) {
	m := mark(t)
	got := sh(t, s, "bomb() { sleep "+m+" & bomb & bomb & wait; }; bomb 2>/dev/null & while :; do :; done",
		Command{Limits: Limits{Processes: 60, Wall: time.Second}})
	if got.Reason != Timeout {
		t.Errorf("ended with %+v", got.Exit)
	}
	if left := processes(m); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

// killsStage ends the process that would end what is left; the group does.
func killsStage(t *testing.T, s Sandbox) {
	m := mark(t)
	e, err := s.Run(t.Context(), Command{Argv: []string{"/bin/sh", "-c", "setsid sleep " + m + " >/dev/null 2>&1 & sleep 0.2; kill -9 $PPID; sleep " + m},
		Workspace: closedDir(t), Limits: Limits{Wall: 3 * time.Second}})
	if s.Level() != None && (err != nil || e.Reason != Timeout) { // process 1 hears no signal from inside
		t.Errorf("ended with %+v, %v", e, err)
	}
	if left := processes(m); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

// swept leaves a group as a killed server does, with a process in it, and another
// that a living one holds.
func swept(t *testing.T, s Sandbox, g *groups) {
	left, err := g.make(DefaultLimits(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	held, err := g.make(DefaultLimits(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer held.end()
	m := mark(t)
	p, err := os.StartProcess("/usr/bin/sleep", []string{"sleep", m}, &os.ProcAttr{Sys: left.in(&syscall.SysProcAttr{})})
	if err != nil {
		t.Fatal(err)
	}
	left.file.Close()
	if _, _, err := Open(t.Context(), string(s.Level())); err != nil {
		t.Fatal(err)
	}
	if st, err := p.Wait(); err != nil || st.ExitCode() != -1 {
		t.Errorf("the process in it ended with %v, %v", st, err)
	}
	if _, err := os.Stat(left.dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", left.dir, err)
	}
	if _, err := os.Stat(held.dir); err != nil {
		t.Errorf("that of a living server is gone: %v", err)
	}
}

// Which group is ours is found in the files of proc.
func TestLocateGroup(t *testing.T) {
	const v2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
	for _, tt := range []struct{ name, member, mounts, own, fails string }{
		{"service", "0::/system.slice/a.service\n", v2, "/sys/fs/cgroup/system.slice/a.service", ""},
		{"container", "0::/\n", v2, "/sys/fs/cgroup", ""},
		{"hybrid", "4:memory:/\n0::/x\n", "31 23 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n", "/sys/fs/cgroup/unified/x", ""},
		{"bound subtree", "0::/docker/1/x\n", "30 23 0:26 /docker/1 /sys/fs/cgroup ro - cgroup2 cgroup rw\n", "/sys/fs/cgroup/x", ""},
		{"outside of the namespace", "0::/../other\n", v2, "", "outside"},
		{"version 1", "4:memory:/\n", v2, "", "version 1"},
		{"not mounted", "0::/\n", "30 23 0:26 / /proc rw - proc proc rw\n", "", "not mounted"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			own, _, err := locateGroup(tt.member, tt.mounts)
			if own != tt.own || (err != nil) != (tt.fails != "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("found %q, %v", own, err)
			}
		})
	}
}

// Each reason is told in words, with the limit.
func TestExplain(t *testing.T) {
	l := Limits{Memory: 1 << 30, Processes: 7, Wall: time.Minute, FileSize: 3 << 20, Disk: 5 << 30, Files: 42, Free: 1536 << 20}
	for reason, want := range map[Reason]string{
		Timeout: "1m0s", Memory: "1 GiB", Processes: "7", FileSize: "3 MiB", Disk: "5 GiB", Files: "42", DiskFull: "1.5 GiB", Cancelled: "cancelled",
	} {
		if got := reason.Explain(l); !strings.Contains(got, want) {
			t.Errorf("%s is told as %q", reason, got)
		}
	}
	if a, b := size(1023), size(1<<40); a != "1023 bytes" || b != "1 TiB" {
		t.Errorf("sizes are %s and %s", a, b)
	}
}
