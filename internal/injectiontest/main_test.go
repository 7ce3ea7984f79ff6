package injectiontest

import (
	"context"
	"flag"
	"os"
	"sync"
	"testing"

	"autonoma/internal/sandbox"
	"autonoma/internal/tool/mcp/mcptest"
)

var update = flag.Bool("update", false, "rewrite the list of cases in the guide")

func TestMain(m *testing.M) {
	sandbox.Init() // does not return in a process that is a sandbox's own
	mcptest.Main() // nor in one that is a server of tools
	if err := os.Setenv(variable, variableSecret); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// openBox opens the strongest sandbox of this machine, once for all tests.
var openBox = sync.OnceValues(func() (sandbox.Sandbox, error) {
	box, _, err := sandbox.Open(context.Background(), sandbox.Auto)
	return box, err
})

// box returns the sandbox of the tests. Without one there is nothing to show.
func box(t *testing.T) sandbox.Sandbox {
	t.Helper()
	b, err := openBox()
	if err != nil {
		t.Fatal(err)
	}
	return b
}
