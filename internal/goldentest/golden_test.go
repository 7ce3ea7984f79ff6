package goldentest

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"autonoma"
	"autonoma/internal/model/script"
	"autonoma/internal/sandbox"
	"autonoma/internal/systemtest"
)

var update = flag.Bool("update", false, "rewrite golden files with what the code produces")

func TestMain(m *testing.M) {
	sandbox.Init() // does not return in a process that is a sandbox's own
	os.Exit(m.Run())
}

// openBox opens the sandbox that AUTONOMA_SANDBOX names, or the strongest of this
// machine, once for all tests; where there is none, and none is required, commands run
// without. What is compared is the same at every level.
var openBox = sync.OnceValues(func() (sandbox.Sandbox, error) {
	level := os.Getenv("AUTONOMA_SANDBOX")
	if level == "" {
		level = sandbox.Auto
	}
	box, _, err := sandbox.Open(context.Background(), level)
	if err != nil && os.Getenv("AUTONOMA_TEST_REQUIRE") != "1" {
		box, _, err = sandbox.Open(context.Background(), string(sandbox.None))
	}
	return box, err
})

// box returns the sandbox of the tests.
func box(t *testing.T) sandbox.Sandbox {
	t.Helper()
	b, err := openBox()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestGolden plays every capability at every scope.
func TestGolden(t *testing.T) {
	var mu sync.Mutex
	bills := map[played]bill{}
	t.Run("play", func(t *testing.T) {
		for _, c := range autonoma.Capabilities {
			for _, scope := range autonoma.Scopes {
				name := strings.ToLower(string(c)) + "-" + string(scope)
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					seen, cost := carryOut(t, c, scope)
					mu.Lock()
					bills[played{c, scope}] = cost
					mu.Unlock()
					compare(t, filepath.Join("testdata", name+".golden"), seen)
				})
			}
		}
	})
	if len(bills) == len(autonoma.Capabilities)*len(autonoma.Scopes) { // not only some were asked for
		document(t, "steps", stepsTable(t, bills))
	}
}

// carryOut plays a capability at a scope and returns all that is to be seen of it, and
// what it cost.
func carryOut(t *testing.T, c autonoma.Capability, scope autonoma.Scope) ([]byte, bill) {
	t.Helper()
	p := readPlay(t, c)
	repo := p.repository(t)
	s := systemtest.Open(t, systemtest.Config{
		Box: box(t), Root: repo, Slots: 1, Model: script.New(p.script(t, systemtest.Catalog(t).Flow(c))),
	})
	run := s.Do(t, autonoma.Request{
		Task: p.task, Capabilities: []autonoma.Capability{c}, Scope: scope, Source: repo, Verify: []string{"sh test.sh"},
	})
	log := s.Events(t, run.ID)
	return tell(t, run, log, map[string]string{repo: "REPO", s.Data: "DATA"}), billed(t, run, log)
}

// most is how long a golden file may be, so that people read what changes in it.
const most = 26_000

// compare holds what was seen against a file, or writes the file.
func compare(t *testing.T, file string, got []byte) {
	t.Helper()
	if len(got) > most {
		t.Errorf("%s has %d bytes; at most %d, so that it is read: leave out what says nothing", file, len(got), most)
	}
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; write it with -update", err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("%s is not what comes of it now; if that is meant, go test ./internal/goldentest -update (-want +got):\n%s", file, cmp.Diff(string(want), string(got)))
	}
}
