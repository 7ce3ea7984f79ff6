package sandbox

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestExit(t *testing.T) {
	for _, tt := range []struct {
		name, script, stdin string
		env                 []string
		code                int
		out                 string
	}{
		{name: "success", script: "echo hello", out: "hello\n"},
		{name: "failure", script: "echo to stderr >&2; exit 7", code: 7, out: "to stderr\n"},
		{name: "highest code", script: "exit 255", code: 255},
		{name: "ended by a signal", script: "kill -TERM $$", code: 128 + 15},
		{name: "killed by itself", script: "kill -KILL $$", code: 128 + 9},
		{name: "nothing to read", script: "cat", out: ""},
		{name: "input", script: "cat", stdin: "some input", out: "some input"},
		{name: "input not read", script: "exit 3", stdin: strings.Repeat("x", 1<<20), code: 3},
		{name: "environment", script: "echo $GREETING", env: []string{"GREETING=hi"}, out: "hi\n"},
		{name: "stronger environment", script: "echo $LANG", env: []string{"LANG=de"}, out: "de\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			level(t, all, func(t *testing.T, s Sandbox) {
				c := Command{Env: tt.env}
				if tt.stdin != "" {
					c.Stdin = strings.NewReader(tt.stdin)
				}
				got := sh(t, s, tt.script, c)
				if got.Code != tt.code || got.out != tt.out || got.Reason != "" {
					t.Errorf("ended with %+v, said %q; want code %d and %q", got.Exit, got.out, tt.code, tt.out)
				}
			})
		})
	}
}

// What is started has its world made as promised, and measured.
func TestWorld(t *testing.T) {
	level(t, mapping, func(t *testing.T, s Sandbox) {
		t.Setenv("AUTONOMA_TEST_SECRET", "secret")
		ws := closedDir(t)
		if err := os.Mkdir(filepath.Join(ws, "sub"), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct{ name, script, want string }{
			{"user", "id -u; id -g; id -un", "1000\n1000\nagent\n"},
			{"groups", "id -G | tr ' ' '\\n' | sort -u | grep -v 65534", "1000\n"},
			{"directory", "pwd", "/workspace/sub\n"},
			{"home", "echo $HOME; touch ~/x && echo yes", "/home/agent\nyes\n"},
			{"temporary files", "touch $TMPDIR/x /dev/shm/x && echo yes", "yes\n"},
			{"environment", "env | cut -d= -f1 | grep -v -e ^_ -e ^OLDPWD -e ^SHLVL | sort | tr '\\n' ' '", "HOME LANG LOGNAME PATH PWD TMPDIR USER "},
			{"descriptors", "ls /proc/self/fd | wc -l", "4\n"}, // with the one by which they are listed
			{"root", "ls -d /workspace /usr /root /var/lib /mnt /data /work 2>/dev/null", "/usr\n/workspace\n"},
			{"network", "grep -c : /proc/net/dev", "1\n"}, // lo
			{"terminal", "tty", "not a tty\n"},
			{"host name", "cat /proc/sys/kernel/hostname", "sandbox\n"},
			{"mounts", "grep -c ' /\\.' /proc/mounts", "0\n"},
		} {
			t.Run(tt.name, func(t *testing.T) {
				got := sh(t, s, tt.script, Command{Workspace: ws, Dir: "sub"})
				if got.out != tt.want {
					t.Errorf("%s: got %q, want %q", tt.script, got.out, tt.want)
				}
			})
		}
	})
}

// A command talks to itself over the network, though to nobody else.
func TestOwnLoopback(t *testing.T) {
	level(t, mapping, func(t *testing.T, s Sandbox) {
		got := run(t, s, attacking(t, "talk to itself"))
		if !strings.Contains(got.out, "done") {
			t.Errorf("a server and its client in one sandbox: %+v %s", got.Exit, got.out)
		}
	})
}

func TestFilesBelongToTheServer(t *testing.T) {
	promised(t, ownFiles, func(t *testing.T, s Sandbox) {
		ws, home := closedDir(t), closedDir(t)
		write(t, filepath.Join(ws, "mine"), "before")
		if err := os.Chmod(filepath.Join(ws, "mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		got := sh(t, s, "cat mine && echo after > mine && mkdir -p d/e && echo x > d/e/f && chmod 700 d && echo y > ~/h", Command{Workspace: ws, Home: home})
		if !got.OK() {
			t.Fatalf("%+v %s", got.Exit, got.out)
		}
		if s := read(t, filepath.Join(ws, "mine")); s != "after\n" {
			t.Errorf("the file has %q", s)
		}
		for _, path := range []string{filepath.Join(ws, "mine"), filepath.Join(ws, "d"), filepath.Join(ws, "d/e/f"), filepath.Join(home, "h")} {
			fi, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if uid, ok := owner(fi); !ok || uid != os.Geteuid() {
				t.Errorf("%s belongs to user %d, want %d", path, uid, os.Geteuid())
			}
		}
		if err := os.RemoveAll(filepath.Join(ws, "d")); err != nil {
			t.Error(err)
		}
	})
}

func TestMounts(t *testing.T) {
	level(t, mapping, func(t *testing.T, s Sandbox) {
		src := closedDir(t)
		write(t, filepath.Join(src, "f"), "content")
		mount := func(target string, mode Mode) []Mount { return []Mount{{Source: src, Target: target, Mode: mode}} }

		t.Run("read-only", func(t *testing.T) {
			got := sh(t, s, "cat /cache/f; touch /cache/g || touch /cache/f || rm /cache/f", Command{Mounts: mount("/cache", ReadOnly)})
			if !strings.HasPrefix(got.out, "content") || got.Code == 0 {
				t.Errorf("%+v %s", got.Exit, got.out)
			}
		})
		t.Run("writable", func(t *testing.T) {
			got := sh(t, s, "echo new > /cache/deep/g", Command{Mounts: []Mount{{Source: filepath.Join(src, "f"), Target: "/cache/f"}, {Source: closedDir(t), Target: "/cache/deep", Mode: Writable}}})
			if !got.OK() {
				t.Errorf("%+v %s", got.Exit, got.out)
			}
		})
		t.Run("in the workspace", func(t *testing.T) {
			got := sh(t, s, "cat deps/x/f", Command{Mounts: mount("/workspace/deps/x", ReadOnly)})
			if got.out != "content" {
				t.Errorf("%+v %s", got.Exit, got.out)
			}
		})
		t.Run("missing", func(t *testing.T) {
			c := Command{Argv: []string{"true"}, Workspace: closedDir(t), Mounts: []Mount{{Source: src + "/no", Target: "/cache"}}}
			if e, err := s.Run(t.Context(), c); err == nil {
				t.Errorf("ran with a mount of nothing: %+v", e)
			}
		})
	})
}

// A workspace may hold a link where a mount is to be: it must lead neither the
// mount nor what is made for it to the host's file. Bubblewrap has the host below
// /oldroot while it makes mounts.
func TestMountThroughLink(t *testing.T) {
	level(t, confining, func(t *testing.T, s Sandbox) {
		file := filepath.Join(closedDir(t), "f")
		write(t, file, "")
		for _, from := range []string{"", "/oldroot", "../../oldroot"} {
			ws, victim := closedDir(t), publicDir(t)
			if err := os.Symlink(from+victim, filepath.Join(ws, "deps")); err != nil {
				t.Fatal(err)
			}
			for target, source := range map[string]string{"/workspace/deps": closedDir(t), "/workspace/deps/inner": closedDir(t), "/workspace/deps/file": file} {
				_, err := s.Run(t.Context(), Command{Argv: []string{"true"}, Workspace: ws, Mounts: []Mount{{Source: source, Target: target}}})
				if err == nil {
					t.Errorf("mounted at %s through a link", target)
				}
			}
			if left, _ := os.ReadDir(victim); len(left) > 0 {
				t.Errorf("made %s where the link leads", left[0].Name())
			}
		}
	})
}

// A command that still runs swaps a directory for a link while others are started
// with a mount there: what the link leads to stays as it is.
func TestMountWhileSwapped(t *testing.T) {
	level(t, []Level{Namespaces}, func(t *testing.T, s Sandbox) {
		ws, victim, deps := closedDir(t), publicDir(t), closedDir(t)
		if err := errors.Join(os.Mkdir(filepath.Join(ws, "a"), 0o755), os.Symlink(victim, filepath.Join(ws, "b"))); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		swapping := make(chan Exit)
		go func() {
			e, err := s.Run(ctx, Command{Argv: []string{"/bin/sh", "-c", "while :; do mv -T a c; mv -T b a; mv -T a b; mv -T c a; done"}, Workspace: ws})
			if err != nil {
				t.Error(err)
			}
			swapping <- e
		}()
		mounted := 0
		for range 60 {
			if _, err := s.Run(t.Context(), Command{Argv: []string{"true"}, Workspace: ws, Mounts: []Mount{{Source: deps, Target: "/workspace/a/inner"}}}); err == nil {
				mounted++
			}
		}
		cancel()
		if e := <-swapping; e.Reason != Cancelled {
			t.Errorf("swapping ended with %+v", e)
		}
		if left, _ := os.ReadDir(victim); len(left) > 0 {
			t.Errorf("made %s where the link leads", left[0].Name())
		}
		t.Logf("%d of 60 found a directory", mounted)
	})
}

func TestOverlay(t *testing.T) {
	level(t, mapping, func(t *testing.T, s Sandbox) {
		lower, upper := closedDir(t), filepath.Join(closedDir(t), "made", "here")
		write(t, filepath.Join(lower, "keep"), "lower")
		write(t, filepath.Join(lower, "change"), "lower")
		write(t, filepath.Join(lower, "remove"), "lower")
		write(t, filepath.Join(lower, "dir/a"), "lower")
		c := Command{Workspace: closedDir(t), Argv: []string{"true"}, Mounts: []Mount{{Source: lower, Target: "/cache", Mode: Overlay, Upper: upper}}}
		if _, err := s.Run(t.Context(), c); errors.Is(err, ErrNoOverlay) && !Overlays(s) {
			return // that it says so is what is promised
		}
		got := sh(t, s, "cd /cache && echo new > change && rm remove && echo new > add && rm -r dir && mkdir dir && echo new > dir/b", c)
		if !got.OK() {
			t.Fatalf("%+v %s", got.Exit, got.out)
		}
		got = sh(t, s, "cd /cache && cat keep change add dir/b && ls -R", c)
		if want := "lowernew\nnew\nnew\n.:\nadd\nchange\ndir\nkeep\n\n./dir:\nb\n"; got.out != want {
			t.Errorf("the next command sees %q, want %q", got.out, want)
		}
		for _, name := range []string{"keep", "change", "remove", "dir/a"} {
			if s := read(t, filepath.Join(lower, name)); s != "lower" {
				t.Errorf("below the overlay %s became %q", name, s)
			}
		}
		if s := read(t, filepath.Join(upper, "upper", "add")); s != "new\n" {
			t.Errorf("the upper directory has %q", s)
		}
		if err := os.RemoveAll(upper); err != nil {
			t.Errorf("the server cannot remove the upper directory: %v", err)
		}
	})
}

func TestRefused(t *testing.T) {
	ok := func() Command { return Command{Argv: []string{"true"}, Workspace: t.TempDir()} }
	for _, tt := range []struct {
		name   string
		change func(*Command)
	}{
		{"nothing to run", func(c *Command) { c.Argv = nil }},
		{"workspace by a relative path", func(c *Command) { c.Workspace = "." }},
		{"no workspace", func(c *Command) { c.Workspace = "/does/not/exist" }},
		{"out of the workspace", func(c *Command) { c.Dir = "../x" }},
		{"zero byte", func(c *Command) { c.Argv = []string{"echo", "a\x00b"} }},
		{"environment without a value", func(c *Command) { c.Env = []string{"PATH"} }},
		{"negative limit", func(c *Command) { c.Limits.Memory = -1 }},
		{"mount on the system", func(c *Command) { c.Mounts = []Mount{{Source: "/opt", Target: "/usr"}} }},
		{"mount on /proc", func(c *Command) { c.Mounts = []Mount{{Source: "/opt", Target: "/proc/sys"}} }},
		{"mount by a crooked path", func(c *Command) { c.Mounts = []Mount{{Source: "/opt", Target: "/a/../b"}} }},
		{"mount from a relative path", func(c *Command) { c.Mounts = []Mount{{Source: "opt", Target: "/opt"}} }},
		{"overlay without an upper directory", func(c *Command) { c.Mounts = []Mount{{Source: "/opt", Target: "/opt", Mode: Overlay}} }},
		{"unknown mode", func(c *Command) { c.Mounts = []Mount{{Source: "/opt", Target: "/opt", Mode: "rw"}} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			level(t, all, func(t *testing.T, s Sandbox) {
				c := ok()
				tt.change(&c)
				if e, err := s.Run(t.Context(), c); !errors.Is(err, ErrInvalid) {
					t.Errorf("got %+v, %v; want ErrInvalid", e, err)
				}
			})
		})
	}
}

func TestNotFound(t *testing.T) {
	level(t, all, func(t *testing.T, s Sandbox) {
		for _, name := range []string{"no-such-program", "/no/such/program"} {
			_, err := s.Run(t.Context(), Command{Argv: []string{name}, Workspace: t.TempDir()})
			if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: got %v, want ErrNotFound that names it", name, err)
			}
		}
	})
}

func TestNoSuchDirectory(t *testing.T) {
	level(t, all, func(t *testing.T, s Sandbox) {
		_, err := s.Run(t.Context(), Command{Argv: []string{"true"}, Workspace: t.TempDir(), Dir: "missing"})
		if err == nil || errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "/missing") {
			t.Errorf("got %v, want an error that names the directory", err)
		}
	})
}

// Where root cannot map owners, commands have the host's user 0 without any
// power, and all else holds. For others this is the level as always.
func TestWithoutMappedOwners(t *testing.T) {
	if _, _, err := Open(t.Context(), string(Namespaces)); err != nil {
		t.Log(err)
		return // reported by the other tests
	}
	s := &namespaces{system: append(system(), rootOnly()...)}
	checks, err := proveLevel(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range checks {
		if !c.OK {
			t.Errorf("%+v", c)
		}
	}
	for _, path := range []string{"/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches", "/proc/sysrq-trigger", "/etc/passwd", "/usr/bin/env"} {
		if got := run(t, s, attacking(t, "write", path)); got.Code != 1 {
			t.Errorf("write %s: %+v %s", path, got.Exit, got.out)
		}
	}
	for _, path := range []string{"/proc/slabinfo", "/proc/timer_list", "/proc/vmallocinfo", "/proc/pagetypeinfo", "/etc/shadow"} {
		if got := run(t, s, attacking(t, "read", path)); got.Code != 1 {
			t.Errorf("read %s: %+v %s", path, got.Exit, got.out)
		}
	}
	m := mark(t)
	script := "i=0; while [ $i -lt 300 ]; do sleep " + m + " & i=$((i+1)); done; sleep 1; echo all started"
	got := sh(t, s, script, Command{Limits: Limits{Processes: 40}})
	if strings.Contains(got.out, "all started") {
		t.Errorf("started 300 processes: %+v", got.Exit)
	}
}

func TestNoneRefusesMounts(t *testing.T) {
	level(t, []Level{None}, func(t *testing.T, s Sandbox) {
		c := Command{Argv: []string{"true"}, Workspace: t.TempDir()}
		c.Mounts = []Mount{{Source: "/usr", Target: "/cache"}}
		if _, err := s.Run(t.Context(), c); !errors.Is(err, ErrMounts) {
			t.Errorf("another path: %v, want ErrMounts", err)
		}
		c.Mounts = []Mount{{Source: "/opt", Target: "/opt", Mode: Overlay, Upper: t.TempDir()}}
		if _, err := s.Run(t.Context(), c); !errors.Is(err, ErrNoOverlay) {
			t.Errorf("overlay: %v, want ErrNoOverlay", err)
		}
		c.Mounts = []Mount{{Source: "/opt", Target: "/opt"}}
		if _, err := s.Run(t.Context(), c); err != nil {
			t.Errorf("the same path: %v", err)
		}
		if MapsPaths(s) {
			t.Error("claims to map paths")
		}
	})
}

func TestOpen(t *testing.T) {
	t.Run("auto", func(t *testing.T) {
		s, r, err := Open(t.Context(), Auto)
		if err != nil {
			if os.Getenv(require) == "1" || !errors.Is(err, ErrUnavailable) {
				t.Fatal(err)
			}
			return
		}
		if s.Level() == None || !r.OK || r.Level != s.Level() || len(r.Checks) < proofs {
			t.Errorf("chose %s by %+v", s.Level(), r)
		}
		t.Logf("%s proven in %s", r.Level, r.Took.Round(time.Millisecond))
	})
	t.Run("unknown", func(t *testing.T) {
		if _, _, err := Open(t.Context(), "docker"); !errors.Is(err, ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := Open(ctx, Auto); err == nil {
			t.Error("opened after the end")
		}
	})
}

// A reader that blocks does not keep a command that has ended.
func TestInputThatBlocks(t *testing.T) {
	level(t, all, func(t *testing.T, s Sandbox) {
		r, w := io.Pipe()
		defer w.Close()
		if got := sh(t, s, "exit 0", Command{Stdin: r}); !got.OK() {
			t.Errorf("%+v", got.Exit)
		}
	})
}

// What a command wrote arrives, however much, and does not stay in memory.
func TestMuchOutput(t *testing.T) {
	level(t, []Level{Namespaces}, func(t *testing.T, s Sandbox) {
		var n counter
		got := sh(t, s, "head -c 1073741824 /dev/zero", Command{Stdout: &n, Stderr: io.Discard})
		if !got.OK() || n != 1<<30 {
			t.Errorf("%+v, %d bytes", got.Exit, n)
		}
	})
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
