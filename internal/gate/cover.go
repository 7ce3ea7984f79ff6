package gate

import (
	"encoding/json"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
)

// A CoverCommand measures coverage and how its output tells of it.
type CoverCommand struct {
	Command string
	total   *regexp.Regexp
	absent  *regexp.Regexp // what the output says if the tool is not there
	tool    string
}

var (
	goTest   = regexp.MustCompile(`\bgo test\b`)
	pyTest   = regexp.MustCompile(`\bpytest\b`)
	pyUnit   = regexp.MustCompile(`\bpython3? -m unittest\b`)
	nodeTest = regexp.MustCompile(`\bnode --test\b`)
	npmTest  = regexp.MustCompile(`\bnpm (?:run )?test\b`)

	goTotal   = regexp.MustCompile(`(?m)^total:\s+\(statements\)\s+([\d.]+)%`)
	pyTotal   = regexp.MustCompile(`(?m)^TOTAL\s.*?([\d.]+)%`)
	nodeTotal = regexp.MustCompile(`(?im)all files\s*\|\s*([\d.]+)`)
)

// CoverBy returns how to measure the coverage of the tests that one of the commands
// runs, with the language's own tool. Base are the files that decide on it.
func CoverBy(commands []string, base fs.FS) (CoverCommand, bool) {
	for _, c := range commands {
		switch {
		case goTest.MatchString(c):
			run := goTest.ReplaceAllString(c, `go test -coverprofile="$$HOME/cover.out"`)
			return CoverCommand{run + ` && go tool cover -func="$HOME/cover.out" | tail -n 1`, goTotal, nil, "go tool cover"}, true
		case pyTest.MatchString(c):
			return CoverCommand{c + " --cov --cov-report=term", pyTotal, regexp.MustCompile(`unrecognized arguments: --cov`), "pytest-cov"}, true
		case pyUnit.MatchString(c):
			run := pyUnit.ReplaceAllString(c, "python3 -m coverage run -m unittest")
			return CoverCommand{run + " && python3 -m coverage report", pyTotal, regexp.MustCompile(`No module named coverage`), "coverage"}, true
		case nodeTest.MatchString(c):
			return CoverCommand{nodeTest.ReplaceAllString(c, "node --test --experimental-test-coverage"), nodeTotal, regexp.MustCompile(`bad option`), "node's own coverage"}, true
		case npmTest.MatchString(c) && hasScript(base, "coverage"):
			return CoverCommand{npmTest.ReplaceAllString(c, "npm run --silent coverage"), nodeTotal, nil, "the script coverage"}, true
		}
	}
	return CoverCommand{}, false
}

// hasScript reports whether the project's package.json has a script.
func hasScript(base fs.FS, name string) bool {
	var p struct{ Scripts map[string]string }
	data, err := fs.ReadFile(base, "package.json")
	return err == nil && json.Unmarshal(data, &p) == nil && p.Scripts[name] != ""
}

// Read returns what the output of the command tells.
func (c CoverCommand) Read(output string, ok bool) Coverage {
	got := Coverage{Command: c.Command}
	found := c.total.FindAllStringSubmatch(output, -1)
	switch {
	case c.absent != nil && c.absent.MatchString(output):
		got.Missing = c.tool + " is not installed in the project's environment"
	case !ok:
		got.Missing = "the tests do not pass under " + c.tool
	case len(found) == 0:
		got.Missing = c.tool + " told no total"
	default:
		percent, err := strconv.ParseFloat(strings.TrimSpace(found[len(found)-1][1]), 64)
		if got.Percent = &percent; err != nil {
			got.Percent, got.Missing = nil, c.tool+" told no number"
		}
	}
	return got
}
