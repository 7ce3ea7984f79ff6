package sandbox

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What a killed process left of a proof is removed by the next one, and what
// somebody is using, or is not ours, stays.
func TestScratchDir(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	leave := func(name string, age time.Duration) string {
		dir := filepath.Join(os.TempDir(), name)
		if err := os.MkdirAll(filepath.Join(dir, "workspace"), 0o700); err != nil {
			t.Fatal(err)
		}
		when := time.Now().Add(-age)
		if err := os.Chtimes(dir, when, when); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	old, young, other := leave("autonoma-proof-1", time.Hour), leave("autonoma-proof-2", 0), leave("others", time.Hour)
	link := filepath.Join(os.TempDir(), privatePrefix+"link")
	if err := os.Symlink(other, link); err != nil {
		t.Fatal(err)
	}
	made, err := scratchDir()
	if err != nil {
		t.Fatal(err)
	}
	for dir, stays := range map[string]bool{old: false, young: true, other: true, other + "/workspace": true, link: true, made: true} {
		if _, err := os.Stat(dir); (err == nil) != stays {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

// A server that is killed leaves the temporary files of its commands where they have
// no file system of their own. The next one removes them when it starts, whatever the
// commands did to them, and leaves those of commands that run.
func TestWhatAKilledServerLeft(t *testing.T) {
	tmp := t.TempDir()
	m, ws := mark(t), closedDir(t)
	server := exec.CommandContext(t.Context(), self(t))
	server.Env = append(os.Environ(), playServer+"="+ws, "AUTONOMA_TEST_LEVEL=none", "AUTONOMA_TEST_MARK="+m, "TMPDIR="+tmp)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the command runs", func() bool {
		_, err := os.Stat(filepath.Join(ws, "started"))
		return err == nil
	})
	if err := server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	server.Wait()
	eventually(t, "the command ends with its server", func() bool { return len(processes(m)) == 0 })
	left, err := filepath.Glob(filepath.Join(tmp, privatePrefix+"*"))
	if err != nil || len(left) != 1 {
		t.Fatalf("a killed server left %v, %v", left, err)
	}
	if err := errors.Join(os.MkdirAll(left[0]+"/a/b", 0o700), os.Chmod(left[0]+"/a", 0)); err != nil {
		t.Fatal(err)
	}

	t.Setenv("TMPDIR", tmp)
	s, _, err := Open(t.Context(), string(None))
	if err != nil {
		t.Fatal(err)
	}
	aged := func(dir string) {
		long := time.Now().Add(-time.Hour)
		if err := os.Chtimes(dir, long, long); err != nil {
			t.Error(err)
		}
	}
	for _, dir := range left {
		aged(dir)
	}
	var out writerFunc = func(p []byte) (int, error) { // the command says where its files are
		used := strings.TrimSpace(string(p))
		aged(used)
		if _, _, err := Open(t.Context(), string(None)); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(used); err != nil {
			t.Errorf("the files of a command that runs: %v", err)
		}
		return len(p), nil
	}
	if e, err := s.Run(t.Context(), Command{Argv: []string{"/bin/sh", "-c", "echo $TMPDIR; exec cat"}, Workspace: ws, Stdin: strings.NewReader(""), Stdout: out}); err != nil || !e.OK() {
		t.Errorf("%+v, %v", e, err)
	}
	if entries, err := os.ReadDir(tmp); len(entries) > 0 || err != nil {
		t.Errorf("there is %v, %v", entries, err)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
