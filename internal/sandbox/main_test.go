package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The test program plays other parts than that of the tests, by these
// variables: an attacker inside, and a server that is killed.
const (
	playAttacker = "AUTONOMA_TEST_ATTACK"
	playServer   = "AUTONOMA_TEST_SERVER"
	require      = "AUTONOMA_TEST_REQUIRE" // 1: every level has to be there
	inner        = "AUTONOMA_TEST_INNER"   // the tests run again as another user
	apart        = "AUTONOMA_TEST_APART"   // the tests run again for the container level alone, without the second tree of control groups
)

func TestMain(m *testing.M) {
	Init()
	if os.Getenv(apart) == "1" {
		leaveUnified()
	}
	if name := os.Getenv(playAttacker); name != "" {
		attack(name)
	}
	if dir := os.Getenv(playServer); dir != "" {
		serve(dir)
	}
	os.Exit(m.Run())
}

// TestUnprivileged runs all the tests again as a user who is nobody, if they
// run as root.
func TestUnprivileged(t *testing.T) {
	if os.Geteuid() != 0 {
		return // they do already
	}
	const nobody = 4242
	dir := publicDir(t)
	program := filepath.Join(dir, "tests")
	copyFile(t, program, self(t))
	tmp := filepath.Join(dir, "tmp")
	if err := os.Mkdir(tmp, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(tmp, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	args := []string{"-test.run=^Test", "-test.count=1"}
	if testing.Verbose() {
		args = append(args, "-test.v")
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = tmp
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp, "HOME="+tmp, inner+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil || testing.Verbose() {
		t.Logf("as user %d:\n%s", nobody, out)
	}
	if err != nil {
		t.Fatalf("the tests fail as user %d: %v", nobody, err)
	}
}

// level runs f with a sandbox of each of the levels that this machine offers.
func level(t *testing.T, wanted []Level, f func(t *testing.T, s Sandbox)) {
	t.Helper()
	for _, l := range wanted {
		if l == Container && hybrid() || l != Container && os.Getenv(apart) != "" {
			continue
		}
		// The kernel of the guest is too old for the one, and the programs are not in it.
		if os.Getenv(inGuest) != "" && (l == Landlock || l == GVisor || l == Container) {
			continue
		}
		t.Run(string(l), func(t *testing.T) {
			s, r, err := opened(l)
			if err != nil {
				if os.Getenv(require) == "1" || l == None {
					t.Fatal(err)
				}
				t.Logf("not on this machine: %s", r.Problem)
				return
			}
			f(t, s)
		})
	}
}

// hybrid tells whether there is a second tree of control groups beside the first:
// the programs for containers refuse to work with both.
func hybrid() bool {
	b, _ := os.ReadFile("/proc/self/mountinfo") // else the level fails, and says so
	return strings.Contains(string(b), " "+unified+" ")
}

const unified = "/sys/fs/cgroup/unified"

// leaveUnified starts this program again where there is only the first tree.
func leaveUnified() {
	runtime.LockOSThread()
	err := unix.Unshare(unix.CLONE_NEWNS)
	if err == nil {
		err = unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	}
	if err == nil {
		err = unix.Unmount(unified, unix.MNT_DETACH)
	}
	if err == nil {
		os.Setenv(apart, "2")
		err = unix.Exec("/proc/self/exe", os.Args, os.Environ())
	}
	fmt.Fprintln(os.Stderr, "leave the second tree of control groups:", err)
	os.Exit(1)
}

// TestContainersApart runs the tests of the container level where there is one tree of
// control groups, on machines that have two.
func TestContainersApart(t *testing.T) {
	if !hybrid() || os.Geteuid() != 0 {
		return // they run with the others, or cannot
	}
	args := []string{"-test.run=^Test", "-test.count=1"}
	if testing.Verbose() {
		args = append(args, "-test.v")
	}
	cmd := exec.CommandContext(t.Context(), self(t), args...)
	cmd.Env = append(os.Environ(), apart+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || testing.Verbose() {
		t.Logf("%s", out)
	}
	if err != nil {
		t.Fatalf("the tests of the container level fail: %v", err)
	}
}

// dear tells whether a command at this level takes so long that tests make few.
func dear(s Sandbox) bool { return s.Level() == GVisor || s.Level() == Container }

// opened opens a level once for all tests: to prove some takes a second.
func opened(l Level) (Sandbox, Report, error) {
	type result struct {
		s   Sandbox
		r   Report
		err error
	}
	open, _ := levels.LoadOrStore(l, sync.OnceValue(func() result {
		s, r, err := Open(context.Background(), string(l))
		return result{s, r, err}
	}))
	got := open.(func() result)()
	return got.s, got.r, got.err
}

var levels sync.Map // of what has been opened, by Level

var (
	// mapping levels show a command a world of its own.
	mapping   = []Level{Namespaces, Bubblewrap, GVisor, Container}
	confining = append(slices.Clone(mapping), Landlock)
	all       = append(slices.Clone(confining), None)
	// watchable levels run commands as processes that the host sees.
	watchable = slices.DeleteFunc(slices.Clone(all), func(l Level) bool { return l == GVisor })
)

// A ran is what came of a command.
type ran struct {
	Exit
	out string // both outputs
}

// run runs a command in a workspace that only the server's user can reach.
func run(t *testing.T, s Sandbox, c Command) ran {
	t.Helper()
	var out bytes.Buffer
	if c.Workspace == "" {
		c.Workspace = closedDir(t)
	}
	if c.Stdout == nil {
		c.Stdout, c.Stderr = &out, &out
	}
	e, err := s.Run(t.Context(), c)
	if err != nil {
		t.Fatalf("run %q: %v", c.Argv, err)
	}
	return ran{e, out.String()}
}

// sh runs a script.
func sh(t *testing.T, s Sandbox, script string, c Command) ran {
	t.Helper()
	c.Argv = []string{"/bin/sh", "-c", script}
	return run(t, s, c)
}

// closedDir returns a directory whose parent is closed to all other users, as
// the server's data directory is.
func closedDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "closed", "workspace")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// publicDir returns a directory that all users can reach.
func publicDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "autonoma-test-") //nolint:usetesting // that of the test is closed to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func self(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

func copyFile(t *testing.T, to, from string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// processes returns the processes whose command line contains mark.
func processes(mark string) (pids []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && strings.Contains(string(b), mark) {
			pids = append(pids, filepath.Base(filepath.Dir(f)))
		}
	}
	return pids
}

// eventually waits for what another process does.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("after 10 s not yet: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// serve is a server that is to be killed: it runs a command that leaves
// others, and never gets to see its end.
func serve(dir string) {
	s, _, err := Open(context.Background(), os.Getenv("AUTONOMA_TEST_LEVEL"))
	if err == nil {
		script := fmt.Sprintf("setsid sh -c 'trap \"\" TERM HUP; sleep %[1]s' & touch started; sleep %[1]s", os.Getenv("AUTONOMA_TEST_MARK"))
		_, err = s.Run(context.Background(), Command{Argv: []string{"/bin/sh", "-c", script}, Workspace: dir})
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
