package systemtest_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"autonoma"
	"autonoma/internal/model/modeltest"
	"autonoma/internal/model/script"
	"autonoma/internal/sandbox"
	"autonoma/internal/systemtest"
	"autonoma/internal/workspace/workspacetest"
)

func TestMain(m *testing.M) {
	sandbox.Init()
	os.Exit(m.Run())
}

// messy is a run whose commands leave all that they can: processes, directories that
// are closed, deep or full, links, pipes and a long output.
const messy = `
name: messy
conversations:
  - turns:
      - calls: [{name: bash, args: {command: "(setsid sh -c 'trap \"\" TERM HUP; sleep MARK' &) ; mkdir -p a/b/c $TMPDIR/x $HOME/y/z && touch a/b/c/d && chmod 000 a/b/c a/b $TMPDIR/x $HOME/y/z; ln -s /etc link; mkfifo pipe; echo 'a/' > .gitignore"}}]
      - calls: [{name: bash, args: {command: "for i in $(seq 10); do d=$(printf 'd/%.0s' $(seq 70)); mkdir -p $d && cd -P $d || exit; done"}}]
      - calls: [{name: bash, args: {command: "rm -rf d; yes | head -c 3000000; echo done > notes.txt"}}]
      - calls: [{name: finish, args: {summary: It is done., confidence: 0.9}}]
`

// Whole runs, eight at a time, leave nothing but what is kept of them: no process,
// mount, descriptor or goroutine, and no directory that an agent wrote to.
func TestManyRunsLeaveNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	mark := "86400." + strconv.Itoa(os.Getpid()) // by which the processes are found again
	box, _, err := sandbox.Open(t.Context(), sandbox.Auto)
	if err != nil && os.Getenv("AUTONOMA_TEST_REQUIRE") != "1" {
		box, _, err = sandbox.Open(t.Context(), string(sandbox.None))
	}
	if err != nil {
		t.Fatal(err)
	}
	repo := workspacetest.Repo(t, "-- notes.txt --\nto do\n")
	s := systemtest.Open(t, systemtest.Config{Box: box, Root: repo, Slots: 8, Model: script.New(modeltest.Script(t, strings.ReplaceAll(messy, "MARK", mark)))})
	runs := 12
	if os.Getenv("AUTONOMA_TEST_REQUIRE") == "1" {
		runs = 50
	}
	carryOut(t, s, repo, 8) // what is made once is not lost
	const spare = 4
	var before, after left
	settled(t, "the first runs leave what they leave", func() bool { before = lookFor(t, s, mark); return before.ofRuns == 0 })
	carryOut(t, s, repo, runs)
	settled(t, "as much is there as before", func() bool {
		after = lookFor(t, s, mark)
		// Connections to the database come and go.
		return after.ofRuns == 0 && after.processes <= before.processes && after.mounts == before.mounts && after.temporary == before.temporary &&
			after.descriptors <= before.descriptors+spare && after.goroutines <= before.goroutines+spare
	}, func() any { return after })
	t.Logf("%d runs; before %+v, after %+v", runs, before, after)
}

// carryOut has tasks done, all submitted at once.
func carryOut(t *testing.T, s *systemtest.System, repo string, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	var ids []autonoma.RunID
	for range n {
		run, err := s.Tasks.Submit(ctx, s.Owner, autonoma.Request{
			Task: "Do the notes.", Capabilities: []autonoma.Capability{autonoma.Build}, Scope: autonoma.Demo, Source: repo,
		})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, run.ID)
	}
	for _, id := range ids {
		events, err := s.Tasks.Follow(ctx, s.Owner, id, 0, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range events {
			if err != nil {
				t.Fatal(err)
			}
		}
		if run, err := s.Tasks.Get(ctx, s.Owner, id); err != nil || run.Status != autonoma.Completed {
			t.Fatalf("%s is %s, %+v, %v", id, run.Status, run.Error, err)
		}
	}
}

// What is there, of the process and of its files.
type left struct {
	processes, mounts, descriptors, goroutines int
	temporary                                  int // files for the moment
	ofRuns                                     int // directories that agents wrote to, and views of sources
}

func lookFor(t *testing.T, s *systemtest.System, mark string) left {
	t.Helper()
	l := left{goroutines: runtime.NumGoroutine()}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		at := strings.Fields(line)[4]
		others := strings.HasPrefix(at, "/tmp/") || strings.HasPrefix(at, "/var/lib/") // of other programs of this machine
		if !others || strings.HasPrefix(at, os.TempDir()) || strings.HasPrefix(at, s.Data) {
			l.mounts++
		}
	}
	for pattern, n := range map[string]*int{
		"/proc/self/fd/*": &l.descriptors,
		filepath.Join(s.Data, "workspaces", "runs", "*", "trees", "*"): &l.ofRuns,
		filepath.Join(s.Data, "workspaces", "sources", "view-*"):       &l.ofRuns,
	} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		*n += len(found)
	}
	err = filepath.WalkDir(os.TempDir(), func(_ string, _ fs.DirEntry, err error) error {
		l.temporary++
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is well-formed
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && strings.Contains(string(b), mark) {
			l.processes++
		}
	}
	return l
}

// settled waits for what comes after a run, such as the removal of its workspaces.
func settled(t *testing.T, what string, ok func() bool, now ...func() any) {
	t.Helper()
	for begin := time.Now(); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Since(begin) > 30*time.Second {
			for _, f := range now {
				t.Logf("there is %+v", f())
			}
			t.Fatalf("not so: %s", what)
		}
	}
}
