// Package testlog finds in the output of a test runner how many tests there were, by
// outcome, and which of them failed.
//
// It reads while the command runs, line by line, and keeps a few numbers and names.
// It knows runners by how their summaries look, not by what the command was called,
// so it sees through make and shell scripts; several runners in one output are added
// up. Where no runner says anything that it knows, there is nothing, which is not
// the same as no tests.
//
// The output is that of a stranger's program, which can print whatever it likes. What
// is found here explains; whether a command passed is said by its exit code alone.
package testlog

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"autonoma"
)

const (
	longestLine = 4 << 10 // bytes of a line that are looked at
	mostNames   = 20      // tests that are named
	longestName = 200     // bytes of a name
)

// A Log finds the tests in what is written to it. The zero value is ready. It is
// used by one goroutine at a time.
type Log struct {
	line  []byte // the last one, not at its end yet
	tests autonoma.Tests
	told  bool // whether a runner said something
	full  bool // whether one said how many passed

	mocha []string // what is named as failing if it turns out to be mocha's
	goRun bool     // whether go test -v says each test
}

// Write implements [io.Writer]. It never fails.
func (l *Log) Write(p []byte) (int, error) {
	n := len(p)
	for {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			l.append(p)
			return n, nil
		}
		l.append(p[:end])
		l.look(string(l.line))
		l.line, p = l.line[:0], p[end+1:]
	}
}

func (l *Log) append(p []byte) {
	l.line = append(l.line, p[:min(len(p), longestLine-len(l.line))]...)
}

// Tests returns what the output so far tells; nil: nothing.
func (l *Log) Tests() *autonoma.Tests {
	l.look(string(l.line))
	l.line = l.line[:0]
	if !l.told {
		return nil
	}
	t := l.tests
	t.Failing = slices.Clone(t.Failing)
	t.Partial = !l.full
	return &t
}

var escape = regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]")

// look lets each runner's reader see a line.
func (l *Log) look(line string) {
	if line == "" {
		return
	}
	if strings.IndexByte(line, '\x1b') >= 0 {
		line = escape.ReplaceAllString(line, "")
	}
	line = strings.TrimRight(line, " \t\r")
	for _, r := range readers {
		if !strings.Contains(line, r.hint) {
			continue
		}
		if m := r.form.FindStringSubmatch(line); m != nil {
			r.read(l, m)
			return
		}
	}
}

// count adds to what is known. It is told by a runner that tells all.
func (l *Log) count(passed, failed, skipped int) {
	l.told, l.full = true, true
	l.tests.Passed, l.tests.Failed, l.tests.Skipped = l.tests.Passed+passed, l.tests.Failed+failed, l.tests.Skipped+skipped
}

// name keeps the name of a test that failed, once.
func (l *Log) name(name string) {
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(strings.TrimSpace(name), ""))
	if len(name) > longestName {
		name = strings.ToValidUTF8(name[:longestName], "") + "…"
	}
	if name != "" && len(l.tests.Failing) < mostNames && !slices.Contains(l.tests.Failing, name) {
		l.tests.Failing = append(l.tests.Failing, name)
	}
}

// number reads a count; none is 0, and so is one that is absurd.
func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > 1_000_000_000 {
		return 0
	}
	return n
}

// counts reads pairs of a number and a word, as in "1 failed, 2 passed".
func counts(text string) map[string]int {
	found := map[string]int{}
	for _, m := range pair.FindAllStringSubmatch(text, -1) {
		found[strings.TrimSuffix(m[2], "s")] += number(m[1])
	}
	return found
}

var pair = regexp.MustCompile(`(\d+) ([a-z]+)`)
