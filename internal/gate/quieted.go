package gate

import (
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"
)

// runsTests reports whether a file says how tests are run.
func runsTests(p string) bool { return path.Base(p) == "package.json" || isMakefile(p) }

func isMakefile(p string) bool {
	return slices.Contains([]string{"makefile", "gnumakefile"}, strings.ToLower(path.Base(p)))
}

// quieted tells whether a file that says how tests are run says now that none are.
func quieted(p string, was, now []byte) []string {
	switch {
	case path.Base(p) == "package.json":
		return silenced(was, now)
	case isMakefile(p):
		return idle(p, string(was), string(now))
	}
	return nil
}

// nothing is a command that passes whatever the code does.
var nothing = regexp.MustCompile(`^\s*(?:true|:|exit 0|echo\b[^&|;]*|node -e ['"]?['"]?)\s*$|\|\|\s*(?:true|exit 0|:)\s*$`)

// silenced tells whether the test script of a package was made to pass whatever happens.
func silenced(was, now []byte) []string {
	var before, after struct{ Scripts map[string]string }
	if json.Unmarshal(was, &before) != nil || json.Unmarshal(now, &after) != nil {
		return nil
	}
	old, script := before.Scripts["test"], after.Scripts["test"]
	if old != "" && !nothing.MatchString(old) && (script == "" || nothing.MatchString(script)) {
		return []string{"package.json: the script test runs no tests any more"}
	}
	return nil
}

// target is the line of a Makefile that begins the rules of a target that checks.
var target = regexp.MustCompile(`^(tests?|check|ci|verify)\s*::?(?:[^=]|$)`)

// A recipe is what a target of a Makefile needs first, and the lines that it runs.
type recipe struct{ needs, lines []string }

// idle tells which targets of a Makefile that check something run nothing any more. One
// that has got others to do it runs those.
func idle(p, was, now string) []string {
	before, after := recipes(was), recipes(now)
	var places []string
	for _, name := range []string{"test", "tests", "check", "ci", "verify"} {
		had, has := before[name], after[name]
		others := slices.ContainsFunc(has.needs, func(n string) bool { return !slices.Contains(had.needs, n) })
		if had.works() && !has.works() && !others {
			places = append(places, p+": the target "+name+" runs nothing any more")
		}
	}
	return places
}

func (r recipe) works() bool {
	return slices.ContainsFunc(r.lines, func(line string) bool { return !nothing.MatchString(line) })
}

// recipes returns the targets that check, by their names.
func recipes(text string) map[string]recipe {
	all := map[string]recipe{}
	name := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		r, run := all[name], ""
		switch m := target.FindStringSubmatch(line); {
		case m != nil:
			name = m[1]
			r = all[name]
			_, needs, _ := strings.Cut(line, ":")
			needs, run, _ = strings.Cut(strings.TrimLeft(needs, ":"), ";")
			r.needs = append(r.needs, strings.Fields(needs)...)
		case strings.HasPrefix(line, "\t"):
			run = line
		case strings.TrimSpace(line) != "" && line[0] != '#':
			name = ""
		}
		if run = strings.Trim(run, " \t@-+"); run != "" && run[0] != '#' {
			r.lines = append(r.lines, run)
		}
		if name != "" {
			all[name] = r
		}
	}
	return all
}
