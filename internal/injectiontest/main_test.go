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

// openBox opens the strongest sandbox of this machine, once for all tests; where there is
// none, and none is required, commands run without. What models are told is the same.
var openBox = sync.OnceValues(func() (sandbox.Sandbox, error) {
	box, _, err := sandbox.Open(context.Background(), sandbox.Auto)
	if err != nil && os.Getenv("AUTONOMA_TEST_REQUIRE") != "1" {
		box, _, err = sandbox.Open(context.Background(), string(sandbox.None))
	}
	return box, err
})

// box returns the sandbox of tests whose commands do no harm.
func box(t *testing.T) sandbox.Sandbox {
	t.Helper()
	b, err := openBox()
	if err != nil {
		t.Fatal(err)
	}
	return b
}
