package benchtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"autonoma/internal/sandbox"
)

// bench is what the benchmarks of one run share.
var bench shared

// shared is the programs that were built and the figures that were found.
type shared struct {
	dir   string
	table table

	mu    sync.Mutex
	built map[string]string // by package
}

func TestMain(m *testing.M) {
	sandbox.Init() // does not return in a process that is a sandbox's own
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "autonoma-bench-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bench = shared{dir: dir, built: map[string]string{}}
	code := m.Run()
	bench.table.print(os.Stdout)
	return code
}

// program builds a program once and returns its path.
func program(b *testing.B, pkg string) string {
	b.Helper()
	bench.mu.Lock()
	defer bench.mu.Unlock()
	if path := bench.built[pkg]; path != "" {
		return path
	}
	path := filepath.Join(bench.dir, filepath.Base(pkg))
	cmd := exec.CommandContext(b.Context(), "go", "build", "-o", path, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("go build %s: %v\n%s", pkg, err, out)
	}
	bench.built[pkg] = path
	return path
}

// lacking ends a benchmark that this machine cannot carry out: with a reason, or
// with a failure where everything optional is required.
func lacking(b *testing.B, format string, args ...any) {
	b.Helper()
	if os.Getenv("AUTONOMA_TEST_REQUIRE") == "1" {
		b.Fatalf(format, args...)
	}
	b.Skipf(format, args...)
}
