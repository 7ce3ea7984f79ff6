package workspace_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"autonoma/internal/workspace"
	"autonoma/internal/workspace/workspacetest"
)

// sh runs a command at the top of a workspace, as an agent does.
func sh(t *testing.T, w *workspace.Workspace, script string) {
	t.Helper()
	cmd := exec.Command("bash", "-c", script)
	cmd.Dir = w.Dir()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// What an agent closes to its owner keeps nobody from storing it, putting it back
// and removing it, and is open for the commands that follow.
func TestTroubleClosed(t *testing.T) {
	for name, script := range map[string]string{
		"the top":                 "echo x >new; chmod 000 .",
		"directories":             "mkdir -p x/y; echo x >x/y/z; chmod 000 dir/deep x/y",
		"all":                     "echo x >new; chmod 000 dir/deep dir .",
		"directories to enter":    "echo x >dir/new; chmod 600 dir; chmod 600 .",
		"directories to write to": "echo x >dir/new; find . -type d -exec chmod 500 {} +",
		"ignored directories":     "mkdir -p node_modules/a/b; echo x >node_modules/a/b/c; echo x >new; find node_modules -depth -type d -exec chmod 500 {} +",
	} {
		t.Run(name, func(t *testing.T) {
			s := workspacetest.Store(t)
			base := workspacetest.Prepare(t, s, run, workspacetest.Repo(t, someFiles))
			w, err := s.Workspace(t.Context(), run, "main", base.Commit)
			must(t, err)
			before := contents(t, w)

			sh(t, w, script)
			must(t, w.Restore(t.Context(), base.Commit))
			if after := contents(t, w); after != before {
				t.Errorf("put back to\n%s\nwas\n%s", after, before)
			}
			sh(t, w, "rm -rf x; test ! -e node_modules || chmod -R 700 node_modules; "+script)
			cp, changed, err := w.Checkpoint(t.Context(), "")
			if !changed || err != nil || len(cp.Skipped) > 0 {
				t.Fatalf("%+v %v %v", cp, changed, err)
			}
			sh(t, w, "touch again; test ! -e x || touch x/y/again; touch dir/again dir/deep/again")

			must(t, w.Close())
			sh(t, w, "chmod 000 dir .")
			w, err = s.Workspace(t.Context(), run, "main", base.Commit)
			must(t, err)
			sh(t, w, "chmod 000 dir .")
			must(t, s.Remove(t.Context(), run))
			if _, err := os.Lstat(w.Dir()); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("still there: %v", err)
			}
		})
	}
}

// A commit has a file where an agent left a closed directory that is ignored.
func TestTroubleInTheWay(t *testing.T) {
	w := workspacetest.New(t, someFiles+"-- build.txt --\nx\n")
	base := w.Head()
	sh(t, w, "rm .gitignore; mkdir build; echo file >build/x")
	cp, _, err := w.Checkpoint(t.Context(), "")
	must(t, err)
	must(t, w.Restore(t.Context(), base))
	sh(t, w, "rm -rf build; mkdir -p build/x/y; chmod 500 build/x/y build/x; chmod 000 build")
	must(t, w.Restore(t.Context(), cp.Commit))
	if b, err := w.Read("build/x"); err != nil || string(b) != "file\n" {
		t.Errorf("it has %q, %v", b, err)
	}
}

// contents returns all that is in a workspace, but for what is ignored.
func contents(t *testing.T, w *workspace.Workspace) string {
	t.Helper()
	cmd := exec.Command("bash", "-c", "find . -name node_modules -prune -o -type d -print -o -type f -print -exec cat {} + | sort")
	cmd.Dir = w.Dir()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// does leaves what a command does.
func does(script string) func(*testing.T, *workspace.Workspace) {
	return func(t *testing.T, w *workspace.Workspace) { t.Helper(); sh(t, w, script) }
}

// nests leaves directories within each other, with a file in the last, of the
// given mode.
func nests(depth int, mode uint32) func(*testing.T, *workspace.Workspace) {
	return func(t *testing.T, w *workspace.Workspace) {
		t.Helper()
		at, err := unix.Open(w.Dir(), unix.O_RDONLY|unix.O_DIRECTORY, 0)
		must(t, err)
		for range depth {
			must(t, unix.Mkdirat(at, "d", 0o755))
			next, err := unix.Openat(at, "d", unix.O_RDONLY|unix.O_DIRECTORY, 0)
			must(t, err)
			must(t, unix.Close(at))
			at = next
		}
		file, err := unix.Openat(at, "file", unix.O_CREAT|unix.O_WRONLY, 0o644)
		must(t, err)
		must(t, unix.Close(file))
		must(t, unix.Fchmod(at, mode))
		must(t, unix.Close(at))
	}
}

// What cannot be stored, or not be checked out again, is refused with the path,
// and goes when the files are put back.
func TestTroubleRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		leave     func(*testing.T, *workspace.Workspace)
		path, why string
	}{
		"nested directories": {nests(600, 0o755), "d/d/d/", "500"},
		"long paths": {func(t *testing.T, w *workspace.Workspace) {
			t.Helper()
			half := strings.TrimSuffix(strings.Repeat(strings.Repeat("l", 200)+"/", 10), "/")
			sh(t, w, "mkdir -p "+half+"; cd "+half+"; mkdir -p "+half+"; cd "+half+"; touch file")
		}, "lllll", "bytes"},
		"closed below":     {nests(600, 0), "d/d/d/", "500"},
		"no encoding":      {does("echo '*.txt working-tree-encoding' >.gitattributes"), ".gitattributes", "true/false"},
		"unknown encoding": {does("echo '*.txt working-tree-encoding=NONE-SUCH' >.gitattributes; echo more >>a.txt"), "a.txt", "NONE-SUCH"},
		"wrong encoding":   {does("echo '*.txt working-tree-encoding=UTF-16' >dir/.gitattributes; echo more >>dir/b.txt"), "dir/b.txt", "BOM"},
	} {
		t.Run(name, func(t *testing.T) {
			s := workspacetest.Store(t)
			base := workspacetest.Prepare(t, s, run, workspacetest.Repo(t, someFiles))
			w, err := s.Workspace(t.Context(), run, "main", base.Commit)
			must(t, err)
			before := contents(t, w)
			tt.leave(t, w)
			for range 2 { // it is not taken for stored
				_, _, err = w.Checkpoint(t.Context(), "")
				wrong, ok := errors.AsType[*workspace.TreeError](err)
				if !ok || !strings.HasPrefix(wrong.Path, tt.path) || !strings.Contains(wrong.Why, tt.why) || len(wrong.Error()) > 300 {
					t.Fatalf("refused with %v", err)
				}
			}
			must(t, w.Restore(t.Context(), base.Commit))
			if after := contents(t, w); after != before {
				t.Errorf("put back to\n%s\nwas\n%s", after, before)
			}
			tt.leave(t, w)
			must(t, s.Remove(t.Context(), run))
			if _, err := os.Lstat(filepath.Dir(w.Dir())); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("still there: %v", err)
			}
		})
	}
}

// A commit that cannot be checked out says so.
func TestTroubleInCommit(t *testing.T) {
	repo := workspacetest.Repo(t, "-- a.txt --\none\n")
	workspacetest.Plant(t, repo, ".gitattributes", "*.txt working-tree-encoding\n")
	s := workspacetest.Store(t)
	base := workspacetest.Prepare(t, s, run, repo)
	_, err := s.Workspace(t.Context(), run, "main", base.Commit)
	if wrong, ok := errors.AsType[*workspace.TreeError](err); !ok || wrong.Path != ".gitattributes" {
		t.Errorf("refused with %v", err)
	}
}

// All that an agent does to permissions weighs more on a server that is not root.
func TestUnprivileged(t *testing.T) {
	if os.Geteuid() != 0 {
		return // the tests above ran as such a user
	}
	const nobody = 4242
	dir, err := os.MkdirTemp("", "autonoma-test-") //nolint:usetesting // that of the test is closed to other users
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	tmp := filepath.Join(dir, "tmp")
	must(t, os.Mkdir(tmp, 0o700))
	must(t, os.Chown(tmp, nobody, nobody))
	self, err := os.Executable()
	must(t, err)
	in, err := os.Open(self)
	must(t, err)
	defer in.Close()
	program, err := os.OpenFile(filepath.Join(dir, "tests"), os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	must(t, err)
	_, err = io.Copy(program, in)
	must(t, errors.Join(err, program.Close()))
	cmd := exec.Command(program.Name(), "-test.run=^(TestTrouble|TestRestore|TestRemove|TestCheckpointHostile)", "-test.count=1")
	cmd.Dir = tmp
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "TMPDIR=") || strings.HasPrefix(v, "HOME=") })
	cmd.Env = append(env, "TMPDIR="+tmp, "HOME="+tmp)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the tests fail as user %d: %v\n%s", nobody, err, out)
	}
}
