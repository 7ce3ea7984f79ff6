package testlog_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"autonoma"
	"autonoma/internal/testlog"
)

// read returns what a log finds in a text that comes in pieces of the given size.
func read(t *testing.T, text string, piece int) *autonoma.Tests {
	t.Helper()
	var l testlog.Log
	for len(text) > 0 {
		n := min(piece, len(text))
		if wrote, err := l.Write([]byte(text[:n])); wrote != n || err != nil {
			t.Fatalf("wrote %d of %d: %v", wrote, n, err)
		}
		text = text[n:]
	}
	return l.Tests()
}

// Outputs are as the runners printed them.
func TestRunners(t *testing.T) {
	for name, want := range map[string]*autonoma.Tests{
		"go passes":       nil,
		"go fails":        {Failed: 2, Failing: []string{"TestBad/in/deep", "a/b (build failed)"}, Partial: true},
		"go verbose":      {Passed: 1, Failed: 2, Skipped: 1, Failing: []string{"TestBad/in/deep", "a/b (build failed)"}},
		"pytest":          {Passed: 1, Failed: 3, Skipped: 2, Failing: []string{"test_p.py::test_bad", "test_p.py::test_par[x y]", "test_p.py::test_err"}},
		"pytest quiet":    {Passed: 1, Failed: 3, Skipped: 2, Failing: []string{"test_p.py::test_err"}},
		"pytest passes":   {Passed: 12},
		"pytest broken":   {Failed: 1, Failing: []string{"test_p.py"}},
		"unittest":        {Passed: 1, Failed: 2, Skipped: 1, Failing: []string{"test_u.T.test_err", "test_u.T.test_bad"}},
		"unittest older":  {Passed: 0, Failed: 1, Failing: []string{"test_u.T.test_bad"}},
		"unittest passes": {Passed: 4},
		"cargo":           {Passed: 3, Failed: 1, Skipped: 1, Failing: []string{"tests::bad"}},
		"node tap":        {Passed: 1, Failed: 3, Skipped: 1, Failing: []string{"bad", "inner", "suite"}},
		"node spec":       {Passed: 1, Failed: 3, Skipped: 1, Failing: []string{"bad", "inner", "suite"}},
		"jest":            {Passed: 2, Failed: 1, Skipped: 1, Failing: []string{"sum › adds numbers"}},
		"vitest":          {Passed: 2, Failed: 1, Failing: []string{"src/sum.test.ts > sum > adds numbers"}},
		"mocha":           {Passed: 2, Failed: 1, Skipped: 1, Failing: []string{"adds numbers"}},
		"surefire":        {Passed: 3, Failed: 2, Skipped: 1, Failing: []string{"com.example.AppTest.testBad", "com.example.AppTest.testErr"}},
		"junit console":   {Passed: 3, Failed: 1},
		"gradle":          {Passed: 2, Failed: 1, Skipped: 1, Failing: []string{"AppTest > testBad()"}},
		"two runners":     {Passed: 6, Failed: 0},
		"no runner":       nil,
	} {
		t.Run(name, func(t *testing.T) {
			text := output(t, name)
			for _, piece := range []int{1, 7, 1 << 20} {
				if diff := cmp.Diff(want, read(t, text, piece)); diff != "" {
					t.Fatalf("in pieces of %d:\n%s", piece, diff)
				}
			}
			coloured := strings.NewReplacer("failed", "\x1b[31mfailed\x1b[0m", "\n", "\r\n").Replace(text)
			if diff := cmp.Diff(want, read(t, coloured, 1<<20)); diff != "" {
				t.Errorf("coloured:\n%s", diff)
			}
		})
	}
}

// output returns the captured output of that name.
func output(t *testing.T, name string) string {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata", "outputs.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	t.Fatalf("there is no output %q", name)
	return ""
}

// What is never a runner's is not taken for one, and nothing grows without end.
func TestHostile(t *testing.T) {
	var many strings.Builder
	for i := range 1000 {
		many.WriteString("--- FAIL: Test" + strings.Repeat("x", i) + " (0.00s)\n")
	}
	got := read(t, many.String(), 1<<20)
	if got.Failed != 1000 || len(got.Failing) != 20 {
		t.Errorf("%d failed, of which %d are named", got.Failed, len(got.Failing))
	}
	if got := read(t, strings.Repeat("x", 1<<22)+"\nRan 3 tests in 0.1s\n", 1<<16); got == nil || got.Passed != 3 {
		t.Errorf("after a long line: %+v", got)
	}
	if got := read(t, "99999999999999999999 passed in 1.0s\n-5 passed in 1.0s\nFAILED (failures=7)\n", 100); got != nil && (got.Passed != 0 || got.Failed != 0) {
		t.Errorf("absurd counts: %+v", got)
	}
	if got := read(t, "--- FAIL: Test\x1b[2J\u202eevil (0.00s)\n", 100); got != nil && len(got.Failing) > 0 && strings.ContainsAny(got.Failing[0], "\x1b\u202e") {
		t.Errorf("control characters: %q", got.Failing)
	}
}

// FuzzLog: whatever is printed, counts are not negative and names are few.
func FuzzLog(f *testing.F) {
	seed, err := os.ReadFile(filepath.Join("testdata", "outputs.txtar"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, text []byte) {
		got := read(t, string(text), 64)
		if got != nil && (got.Passed < 0 || got.Failed < 0 || got.Skipped < 0 || len(got.Failing) > 20) {
			t.Errorf("%+v", got)
		}
	})
}
