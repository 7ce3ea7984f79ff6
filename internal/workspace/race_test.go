package workspace_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"autonoma/internal/sandbox"
	"autonoma/internal/workspace"
	"autonoma/internal/workspace/workspacetest"
)

// restless is the variable by which the test program plays an agent's process that
// does not hold still: it says what is swapped for what.
const restless = "WORKSPACE_RESTLESS"

// pairs are what it swaps, each the next moment the other.
var pairs = [][2]string{
	{"dir", "dir-link"}, {"file", "file-link"}, {"dir/inner", "inner-link"}, {".gitignore", "ignore-link"},
	{".gitattributes", "attributes-link"}, {"file2", "pipe"}, {"deep/a", "deep/b"},
}

// beRestless makes what it swaps, and swaps it until it is killed.
func beRestless(outside string) {
	for _, dir := range []string{"dir/inner", "deep/a/x/y"} {
		_ = os.MkdirAll(dir, 0o755)
	}
	for _, file := range []string{"file", "file2", "dir/secret", "dir/inner/secret", "deep/a/x/y/secret", "deep/b", ".gitignore", ".gitattributes"} {
		_ = os.WriteFile(file, []byte("# mine\n"), 0o644)
	}
	for link, to := range map[string]string{
		"dir-link": outside, "inner-link": outside, "file-link": outside + "/secret", "ignore-link": outside + "/secret", "attributes-link": outside + "/secret",
	} {
		_ = os.Symlink(to, link)
	}
	_ = unix.Mkfifo("pipe", 0o644)
	for round := 0; ; round++ {
		for _, p := range pairs {
			_ = unix.Renameat2(unix.AT_FDCWD, p[0], unix.AT_FDCWD, p[1], unix.RENAME_EXCHANGE)
		}
		_ = unix.Chmod("deep", uint32(0o700*(round&1))) // closed every other time
		if round == 0 {
			_ = os.WriteFile("started", nil, 0o644)
		}
	}
}

// An agent's process goes on while we do everything that we do with a workspace. It
// gets us to read, write, open or remove nothing outside, and to wait for nothing.
func TestWorkspaceThatDoesNotHoldStill(t *testing.T) {
	outside := realTemp(t)
	write(t, outside, "secret", "hunter2\n")
	write(t, outside, "inner/secret", "hunter2\n")
	must(t, os.Mkdir(outside+"/closed", 0o500))
	before := fingerprint(t, outside, nil)

	repo := workspacetest.Repo(t, someFiles)
	s := workspacetest.Store(t)
	base := workspacetest.Prepare(t, s, run, repo)
	w, err := s.Workspace(t.Context(), run, "main", base.Commit)
	must(t, err)
	stop := startRestless(t, w.Dir(), outside)

	var commits []string
	deadline := time.Now().Add(3 * time.Second)
	for time.Now().Before(deadline) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		if cp, _, err := w.Checkpoint(ctx, "moving"); err == nil {
			commits = append(commits, cp.Commit)
		}
		useAll(ctx, t, w)
		_ = w.Restore(ctx, base.Commit) // may find what it removes filled again
		if err := ctx.Err(); err != nil {
			t.Fatalf("something waited: %v", err)
		}
		cancel()
	}
	if len(commits) == 0 {
		t.Error("no checkpoint was made")
	}
	for _, c := range commits {
		var patch bytes.Buffer
		_, err := s.Diff(t.Context(), run, base.Commit, c)
		must(t, errors.Join(err, s.Patch(t.Context(), run, base.Commit, c, &patch)))
		if strings.Contains(patch.String(), "hunter2") {
			t.Fatalf("checkpoint %s holds what is outside", c)
		}
	}
	commit, err := s.Commit(t.Context(), run, workspace.CommitRequest{Checkpoint: w.Head(), Parents: []string{base.Commit}, Message: "Moving"})
	must(t, err)
	_, err = s.Deliver(t.Context(), run, commit, "autonoma/x")
	must(t, err)
	_ = s.Remove(t.Context(), run) // may not come to an end while it is filled again
	stop()
	must(t, s.Remove(t.Context(), run))
	if after := fingerprint(t, outside, nil); after != before {
		t.Errorf("outside is changed:\n%s\nwas\n%s", after, before)
	}
	if left, err := s.Leftovers(); len(left) > 0 || err != nil {
		t.Errorf("left over: %v %v", left, err)
	}
}

// startRestless starts the process in a sandbox, where there is one, and returns what
// ends it.
func startRestless(t *testing.T, dir, outside string) (stop func()) {
	t.Helper()
	box, _, err := sandbox.Open(t.Context(), sandbox.Auto)
	if err != nil {
		box, _, err = sandbox.Open(t.Context(), string(sandbox.None))
	}
	must(t, err)
	exe, err := os.Executable()
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan sandbox.Exit, 1)
	go func() {
		e, err := box.Run(ctx, sandbox.Command{
			Argv: []string{exe}, Workspace: dir, Env: []string{restless + "=" + outside}, Mounts: []sandbox.Mount{{Source: exe, Target: exe}},
		})
		if err != nil {
			t.Error(err)
		}
		ended <- e
	}()
	stop = func() {
		cancel()
		if e := <-ended; e.Reason != sandbox.Cancelled {
			t.Errorf("the process ended by itself: %+v", e)
		}
		ended <- sandbox.Exit{Reason: sandbox.Cancelled}
	}
	t.Cleanup(stop)
	for begin := time.Now(); ; time.Sleep(time.Millisecond) {
		if _, err := os.Lstat(filepath.Join(dir, "started")); err == nil {
			return stop
		}
		if time.Since(begin) > 10*time.Second {
			t.Fatal("the process does not start")
		}
	}
}

// useAll does with a workspace what agents may ask for.
func useAll(ctx context.Context, t *testing.T, w *workspace.Workspace) {
	t.Helper()
	for _, name := range []string{"dir/secret", "file", "inner-link/secret", "dir/inner/secret", "file2", "pipe", ".gitignore", "deep/a/x/y/secret", "deep/b"} {
		if data, err := w.Read(name); err == nil && strings.Contains(string(data), "hunter2") {
			t.Fatalf("read %s: %q", name, data)
		}
		_ = w.Write(name, []byte("# ours\n"))
		_, _ = w.Stat(name)
		_ = w.Room(name+"/x", true)
		_ = w.RemoveEmpty(name)
	}
	for _, dir := range []string{".", "dir", "dir/inner", "deep/a"} {
		entries, _, _ := w.List(dir)
		for _, e := range entries {
			if e.Name() == "closed" {
				t.Fatalf("listed what is outside of %s", dir)
			}
		}
	}
	if found, _, _ := w.Grep(ctx, workspace.GrepQuery{Pattern: "hunter2"}); len(found) > 0 {
		t.Fatalf("found %v", found)
	}
	paths, _, _ := w.Glob(ctx, "**/closed")
	if len(paths) > 0 {
		t.Fatalf("found %v", paths)
	}
	_ = fs.WalkDir(w.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		f, err := w.FS().Open(path)
		if err != nil {
			return nil
		}
		defer f.Close()
		if data, _ := io.ReadAll(io.LimitReader(f, 1<<16)); strings.Contains(string(data), "hunter2") {
			return fmt.Errorf("read %s", path)
		}
		return nil
	})
}

// What an agent can leave to make us stumble is stored or said to be too much, put
// back, and removed, in short time and with few descriptors.
func TestWorkspaceOfExtremes(t *testing.T) {
	for name, tt := range map[string]struct {
		script   string
		tooLarge bool
	}{
		"a deep tree":       {"for i in $(seq 10); do d=$(printf 'd/%.0s' $(seq 100)); mkdir -p $d && cd -P $d; done; echo x > x", true},
		"long names":        {"n=$(printf 'n%.0s' $(seq 255)); mkdir $n && echo x > $n/$n", false},
		"many files":        {"mkdir many && cd many && seq 1000 | xargs touch", false},
		"sparse file":       {"truncate -s 200G sparse; echo x > x", false},
		"pipes and sockets": {"for i in 1 2 3; do mkfifo p$i; done; echo x > x", false},
		"closed all over":   {"mkdir -p a/b/c && echo x > a/b/c/x && chmod 000 a/b/c/x a/b/c a/b a .", false},
		"loops of links":    {"ln -s loop loop; ln -s . here; ln -s .. up; mkdir a && ln -s ../a a/a; echo x > x", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := workspacetest.Store(t)
			base := workspacetest.Prepare(t, s, run, workspacetest.Repo(t, someFiles))
			w, err := s.Workspace(t.Context(), run, "main", base.Commit)
			must(t, err)
			before := contents(t, w)
			sh(t, w, tt.script)
			_, changed, err := w.Checkpoint(t.Context(), "")
			if tooLarge := errors.Is(err, workspace.ErrTooLarge); tooLarge != tt.tooLarge || err == nil && !changed {
				t.Errorf("stored: %v, %v", changed, err)
			}
			var few unix.Rlimit
			must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &few))
			must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 640, Max: few.Max}))
			defer func() { must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &few)) }()
			must(t, w.Restore(t.Context(), base.Commit))
			if after := contents(t, w); after != before {
				t.Errorf("put back to\n%s\nwas\n%s", after, before)
			}
			sh(t, w, tt.script)
			must(t, s.Discard(t.Context(), run, "main"))
			if _, err := os.Lstat(w.Dir()); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("still there: %v", err)
			}
		})
	}
}
