package gate_test

import (
	"testing"
	"testing/fstest"

	"autonoma"
	"autonoma/internal/gate"
)

func ran(command string, exit int, ms int64) autonoma.Checked {
	return autonoma.Checked{Command: command, ExitCode: exit, DurationMS: ms}
}

func counted(command string, tests autonoma.Tests) autonoma.Checked {
	return autonoma.Checked{Command: command, Tests: &tests, ExitCode: min(tests.Failed, 1)}
}

func checks(before, after []autonoma.Checked) func(*gate.Facts) {
	return func(f *gate.Facts) { f.Before, f.After, f.Builds = before, after, []string{"make"} }
}

type list = []autonoma.Checked

func TestBaseHealth(t *testing.T) {
	try(t, "base_health", gate.AtStart, []tried{
		{"no checks", "", "", nil, autonoma.GateSkipped, "no checks"},
		{"all pass", "", "", checks(list{ran("a", 0, 1)}, nil), autonoma.GatePassed, "all 1 checks"},
		{"one fails, which may be the task", "", "", checks(list{ran("a", 0, 1), ran("b", 2, 1)}, nil), autonoma.GateWarning, "`b` exits with 2"},
	})
}

func TestBuild(t *testing.T) {
	try(t, "build", gate.AtChange, []tried{
		{"none", "", "", checks(nil, list{ran("test", 0, 1)}), autonoma.GateSkipped, "no build command"},
		{"passes", "", "", checks(nil, list{ran("make", 0, 1)}), autonoma.GatePassed, "all 1"},
		{"fails", "", "", checks(nil, list{ran("make", 2, 1)}), autonoma.GateFailed, "`make` exits with 2"},
	})
}

func TestTests(t *testing.T) {
	try(t, "tests", gate.AtChange, []tried{
		{"none", "", "", checks(nil, list{ran("make", 0, 1)}), autonoma.GateSkipped, "no test command"},
		{"pass", "", "", checks(nil, list{ran("t", 0, 1)}), autonoma.GatePassed, "all 1"},
		{"newly failing", "", "", checks(list{ran("t", 0, 1)}, list{ran("t", 1, 1)}), autonoma.GateFailed, "`t` exits with 1, which it did not before"},
		{"failing as before", "", "", checks(list{ran("t", 1, 1)}, list{ran("t", 1, 1)}), autonoma.GateFailed, "as it did before"},
		{"the failing are named", "", "", checks(nil, list{counted("t", autonoma.Tests{Passed: 1, Failed: 1, Failing: []string{"TestPay"}})}), autonoma.GateFailed, "(TestPay)"},
		{"fewer than before", "", "", checks(list{counted("t", autonoma.Tests{Passed: 5})}, list{counted("t", autonoma.Tests{Passed: 3, Skipped: 2})}), autonoma.GateFailed, "2 tests fewer"},
		{"fewer, as the task says", "-- a_test.py --\ndef test_a():\n    assert a() == 1\n", "-- a_test.py --\n", func(f *gate.Facts) {
			checks(list{counted("t", autonoma.Tests{Passed: 5})}, list{counted("t", autonoma.Tests{Passed: 3})})(f)
			f.Task = "Delete a_test.py."
		}, autonoma.GatePassed, "pass"},
		{"how many passed before is not known", "", "", checks(list{counted("t", autonoma.Tests{Failed: 2, Partial: true})}, list{counted("t", autonoma.Tests{Passed: 1})}), autonoma.GatePassed, "pass"},
		{"more than before", "", "", checks(list{counted("t", autonoma.Tests{Passed: 5})}, list{counted("t", autonoma.Tests{Passed: 6})}), autonoma.GatePassed, "pass"},
	})
}

func TestLint(t *testing.T) {
	style := func(before, after int) func(*gate.Facts) {
		return func(f *gate.Facts) {
			f.Lint = gate.Lint{Before: list{ran("vet", before, 1)}, After: list{ran("vet", after, 1)}}
		}
	}
	try(t, "lint", gate.AtChange, []tried{
		{"none", "", "", nil, autonoma.GateSkipped, "no command"},
		{"failed before", "", "", style(1, 1), autonoma.GateSkipped, "no command"},
		{"still right", "", "", style(0, 0), autonoma.GatePassed, "all 1"},
		{"wrong now", "", "", style(0, 3), autonoma.GateFailed, "`vet` exits with 3 and passed before"},
	})
}

func TestPerformanceCheck(t *testing.T) {
	try(t, "performance_check", gate.AtChange, []tried{
		{"nothing to compare", "", "", checks(list{ran("t", 1, 9)}, list{ran("t", 0, 9)}), autonoma.GateSkipped, "no check passes before and after"},
		{"noise", "", "", checks(list{ran("t", 0, 100)}, list{ran("t", 0, 4000)}), autonoma.GatePassed, "0.1 s before and 4.0 s after"},
		{"much slower", "", "", checks(list{ran("t", 0, 10_000)}, list{ran("t", 0, 20_000)}), autonoma.GateFailed, "10.0 s before and 20.0 s after"},
	})
}

func TestTestCoverage(t *testing.T) {
	try(t, "test_coverage", gate.AtChange, []tried{
		{"no tool", "", "", func(f *gate.Facts) { f.Coverage.Missing = "pytest-cov is not installed" }, autonoma.GateSkipped, "pytest-cov is not installed"},
		{"enough", "", "", func(f *gate.Facts) { f.Coverage.Percent = new(90.0) }, autonoma.GatePassed, "90.0 %"},
		{"too little", "", "", func(f *gate.Facts) { f.Coverage.Percent = new(89.9) }, autonoma.GateFailed, "89.9 %"},
	})
}

// What the tools of languages print is understood; what they print when they cannot
// measure is told.
func TestCoverBy(t *testing.T) {
	pkg := fstest.MapFS{"package.json": {Data: []byte(`{"scripts": {"coverage": "c8 mocha"}}`)}}
	for _, tt := range []struct{ name, test, runs, prints, missing string }{
		{"go", "cd x && go test ./...", `cd x && go test -coverprofile="$HOME/cover.out" ./... && go tool cover -func="$HOME/cover.out" | tail -n 1`,
			"ok  \tx\t0.1s\tcoverage: 10.0% of statements\ntotal:\t\t\t(statements)\t\t42.5%\n", ""},
		{"pytest", "python3 -m pytest -q", "python3 -m pytest -q --cov --cov-report=term", "Name  Stmts  Miss  Cover\na.py  10  1  90%\nTOTAL     40     23    42.5%\n", ""},
		{"pytest without the tool", "pytest", "pytest --cov --cov-report=term", "error: unrecognized arguments: --cov --cov-report=term", "pytest-cov is not installed in the project's environment"},
		{"unittest without the tool", "python3 -m unittest", "python3 -m coverage run -m unittest && python3 -m coverage report", "No module named coverage", "coverage is not installed in the project's environment"},
		{"node", "node --test", "node --test --experimental-test-coverage", "# all files | 42.5 | 50.00 | 60.00 |\n", ""},
		{"npm", "npm test", "npm run --silent coverage", "All files |    42.5 |  3 |\n", ""},
		{"silence", "go test .", `go test -coverprofile="$HOME/cover.out" . && go tool cover -func="$HOME/cover.out" | tail -n 1`, "", "go tool cover told no total"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			by, ok := gate.CoverBy([]string{"make lint", tt.test}, pkg)
			if !ok || by.Command != tt.runs {
				t.Fatalf("it runs %q, want %q", by.Command, tt.runs)
			}
			got := by.Read(tt.prints, true)
			if got.Missing != tt.missing || tt.missing == "" && (got.Percent == nil || *got.Percent != 42.5) {
				t.Errorf("it reads %+v", got)
			}
		})
	}
	if by, ok := gate.CoverBy([]string{"make check", "npm test"}, fstest.MapFS{}); ok {
		t.Errorf("coverage is measured by %q, of which nobody spoke", by.Command)
	}
}
