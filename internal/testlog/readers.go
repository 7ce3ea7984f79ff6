package testlog

import (
	"regexp"
	"slices"
	"strings"
)

// A reader understands lines of one form. All of them hold the hint: that tells most
// lines apart much faster than the form does.
type reader struct {
	hint string
	form *regexp.Regexp
	read func(l *Log, m []string)
}

func on(hint, form string, read func(l *Log, m []string)) reader {
	return reader{hint, regexp.MustCompile(form), read}
}

// readers are all forms that are known. The first that fits a line has it.
var readers = slices.Concat(goTest, python, cargo, nodeTest, javascript, jvm)

// go test names what fails and says nothing of what passes, unless it is told to be
// verbose. Tests are counted at the top level; what is named is the subtest. A package
// that does not build is named, as none of its tests ran.
var goTest = []reader{
	on("=== RUN", `^=== RUN\s`, func(l *Log, _ []string) { l.goRun, l.told, l.full = true, true, true }),
	on("--- ", `^( *)--- (PASS|FAIL|SKIP): (\S+) \([0-9.]+s\)$`, func(l *Log, m []string) {
		inner, outcome, name := m[1] != "", m[2], m[3]
		if outcome != "FAIL" {
			if !inner && l.goRun {
				l.count(btoi(outcome == "PASS"), 0, btoi(outcome == "SKIP"))
			}
			return
		}
		l.told = true
		if !inner {
			l.tests.Failed++
		}
		if parent := strings.LastIndexByte(name, '/'); parent > 0 {
			l.tests.Failing = slices.DeleteFunc(l.tests.Failing, func(n string) bool { return n == name[:parent] })
		}
		l.name(name)
	}),
	on(" failed]", `^FAIL\t(\S+) \[(build|setup) failed\]$`, func(l *Log, m []string) {
		l.told = true
		l.tests.Failed++
		l.name(m[1] + " (" + m[2] + " failed)")
	}),
}

var python = []reader{
	// pytest: "=== 1 failed, 2 passed in 0.12s ===", with -q without the signs.
	on(" in ", `^=*\s*((?:\d+ [a-z]+(?:, )?)+) in [0-9.]+s(?: \([0-9:]+\))?\s*=*$`, func(l *Log, m []string) {
		n := counts(m[1])
		if n["passed"]+n["failed"]+n["error"]+n["skipped"]+n["xfailed"]+n["xpassed"] > 0 {
			l.count(n["passed"]+n["xpassed"], n["failed"]+n["error"], n["skipped"]+n["xfailed"])
		}
	}),
	on(".py", `^(?:FAILED|ERROR) (\S+(?:::\S.*?|\.py))(?: - .*)?$`, func(l *Log, m []string) { l.name(m[1]) }),
	// unittest: "Ran 3 tests in 0.001s", and then OK or FAILED with what did not pass.
	on("Ran ", `^Ran (\d+) tests? in [0-9.]+s$`, func(l *Log, m []string) { l.count(number(m[1]), 0, 0) }),
	on("=", `^(?:OK|FAILED) \(((?:[a-z ]+=\d+(?:, )?)+)\)$`, func(l *Log, m []string) {
		n := map[string]int{}
		for _, part := range strings.Split(m[1], ", ") {
			word, count, _ := strings.Cut(part, "=")
			n[word] = number(count)
		}
		bad, skipped := n["failures"]+n["errors"]+n["unexpected successes"], n["skipped"]+n["expected failures"]
		if l.told && l.tests.Passed >= bad+skipped {
			l.count(-bad-skipped, bad, skipped)
		}
	}),
	on(": ", `^(?:FAIL|ERROR): (\w+) \(([\w.]+)\)$`, func(l *Log, m []string) {
		name := m[2]
		if !strings.HasSuffix(name, "."+m[1]) { // before Python 3.11
			name += "." + m[1]
		}
		l.name(name)
	}),
}

var cargo = []reader{
	on("test result: ", `^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored;`, func(l *Log, m []string) {
		l.count(number(m[1]), number(m[2]), number(m[3]))
	}),
	on("... FAILED", `^test (.+) \.\.\. FAILED$`, func(l *Log, m []string) { l.name(m[1]) }),
}

// node --test, as TAP and as it shows people.
var nodeTest = []reader{
	on("", `^[#ℹ] (pass|fail|cancelled|skipped|todo) (\d+)$`, func(l *Log, m []string) {
		n := number(m[2])
		switch m[1] {
		case "pass":
			l.count(n, 0, 0)
		case "fail", "cancelled":
			l.count(0, n, 0)
		default:
			l.count(0, 0, n)
		}
	}),
	on("not ok ", `^\s*not ok \d+ - (.+)$`, func(l *Log, m []string) {
		if !strings.Contains(m[1], " # TODO") && !strings.Contains(m[1], " # SKIP") {
			l.name(m[1])
		}
	}),
	on("✖ ", `^\s*✖ (.+) \([0-9.]+ms\)$`, func(l *Log, m []string) { l.name(m[1]) }),
}

var javascript = []reader{
	// jest: "Tests:       1 failed, 1 skipped, 2 passed, 4 total".
	on("Tests:", `^Tests:\s+(.+ total)$`, func(l *Log, m []string) {
		n := counts(m[1])
		l.count(n["passed"], n["failed"], n["skipped"]+n["todo"])
	}),
	on("● ", `^\s+● (.+ › .+)$`, func(l *Log, m []string) { l.name(m[1]) }),
	// vitest: " Tests  1 failed | 2 passed (3)".
	on("Tests ", `^\s*Tests\s+((?:\d+ [a-z]+(?: \| )?)+) \(\d+\)$`, func(l *Log, m []string) {
		n := counts(m[1])
		l.count(n["passed"], n["failed"], n["skipped"]+n["todo"])
	}),
	on("FAIL ", `^\s*FAIL\s+(\S+ > .+)$`, func(l *Log, m []string) { l.name(m[1]) }),
	// mocha: "  2 passing (5ms)", and then "  1 pending" and "  1 failing". Before that,
	// each test that fails has a number of its own.
	on(" passing (", `^\s+(\d+) (passing) \([0-9]+[a-z]+\)$`, func(l *Log, m []string) {
		l.count(number(m[1]), 0, 0)
		for _, name := range l.mocha {
			l.name(name)
		}
		l.mocha = nil
	}),
	on("ing", `^\s+(\d+) (pending|failing)$`, func(l *Log, m []string) {
		if m[2] == "failing" {
			l.count(0, number(m[1]), 0)
			return
		}
		l.count(0, 0, number(m[1]))
	}),
	on(") ", `^\s+\d+\) (\S.*[^:])$`, func(l *Log, m []string) {
		if len(l.mocha) < mostNames {
			l.mocha = append(l.mocha, m[1])
		}
	}),
}

var jvm = []reader{
	// surefire: a line for each class, with its time, and one for the module, without.
	on("Tests run: ", `^(?:\[\w+\]\s+)?Tests run: (\d+), Failures: (\d+), Errors: (\d+), Skipped: (\d+)$`, func(l *Log, m []string) {
		bad, skipped := number(m[2])+number(m[3]), number(m[4])
		l.count(max(number(m[1])-bad-skipped, 0), bad, skipped)
	}),
	on("Time elapsed: ", `^(?:\[ERROR\]\s+)?(\S+)\s+(?:-- )?Time elapsed: .*<<< (?:FAILURE|ERROR)!`, func(l *Log, m []string) { l.name(m[1]) }),
	// The console of JUnit: "[         3 tests successful      ]".
	on(" tests ", `^\[\s*(\d+) tests (successful|failed|skipped)\s*\]$`, func(l *Log, m []string) {
		n := number(m[1])
		l.count(n*btoi(m[2] == "successful"), n*btoi(m[2] == "failed"), n*btoi(m[2] == "skipped"))
	}),
	// Gradle says this only if something failed: "4 tests completed, 1 failed, 1 skipped".
	on(" completed", `^(\d+) tests? completed(?:, (\d+) failed)?(?:, (\d+) skipped)?$`, func(l *Log, m []string) {
		bad, skipped := number(m[2]), number(m[3])
		l.count(max(number(m[1])-bad-skipped, 0), bad, skipped)
	}),
	on(" FAILED", `^(\S+ > .+) FAILED$`, func(l *Log, m []string) { l.name(m[1]) }),
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
