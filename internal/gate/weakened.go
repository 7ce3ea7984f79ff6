package gate

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// A language is how tests are written in one.
type language struct {
	exts   []string
	every  bool           // tests stand in any file, not only in files of tests
	begins *regexp.Regexp // the first line of a test; its last group is the name
	mark   *regexp.Regexp // what must stand above it, if anything
	skips  *regexp.Regexp
	claims *regexp.Regexp // a line that can make it fail
}

// languages are those whose tests are understood.
var languages = sync.OnceValue(func() []language {
	r := regexp.MustCompile
	return []language{
		{[]string{".go"}, false, r(`^func ((?:Test|Fuzz|Example)\w*)\(`), nil,
			r(`\.Skip(?:f|Now)?\(|^//go:build |^// \+build `), r(`\.(?:Error|Errorf|Fatal|Fatalf|Fail|FailNow)\(|assert\.|require\.|// Output:|panic\(|\w*[cC]heck\w*\(|\w*[mM]ust\w*\(|\w*[wW]ant\w*\(`)},
		{[]string{".py"}, false, r(`^\s*(?:async )?def (test\w*)\(`), nil,
			r(`@(?:pytest\.mark|unittest)\.(?:skip|xfail|expectedFailure)|pytest\.(?:skip|xfail)\(|\.skipTest\(|pytestmark\s*=.*skip|raise (?:unittest\.)?SkipTest`), r(`\bassert|\braises\(|\w*check\w*\(|\w*verify\w*\(|\.fail\(`)},
		{[]string{".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs"}, false, r("^\\s*(?:[xf]?(?:it|test|describe)|suite)(?:\\.\\w+)*\\(\\s*(?:['\"`])(.*?)['\"`]"), nil,
			r(`\b(?:it|test|describe|suite)(?:\.\w+)*\.(?:skip|only|todo|failing)\b|^\s*(?:xit|xtest|xdescribe|fit|fdescribe)\(|\bskip:\s*(?:true|['"])|\bt\.skip\(`), r(`\bexpect\w*[(.]|\bassert|\bshould\b|\bt\.(?:is|equal|deepEqual|ok|true|false|throws)|\w*[cC]heck\w*\(|\bthrow\b`)},
		{[]string{".rs"}, true, r(`^\s*(?:pub )?(?:async )?fn (\w+)`), r(`#\[(?:\w+::)?test\b`),
			r(`#\[ignore`), r(`\bassert|panic!|\.unwrap\(|\.expect\(|\?;|should_panic`)},
		{[]string{".java", ".kt"}, false, r(`^\s*(?:(?:public|private|protected|internal|static|final) )*(?:fun|void|[\w<>]+) (\w+|` + "`[^`]+`" + `)\s*\(`), r(`@(?:\w+\.)*(?:Test|ParameterizedTest|Property)\b`),
			r(`@(?:\w+\.)*(?:Disabled|Ignore)\b|\bassume\w*\(`), r(`\bassert|\bverify\(|\bexpect|\bfail\(|\bshould`)},
		{[]string{".rb"}, false, r(`^\s*(?:x?(?:it|specify|test|describe|context)\s+['"](.*?)['"]|def (test_\w+))`), nil,
			r(`^\s*(?:skip|pending)\b|^\s*(?:xit|xdescribe|xcontext|xspecify)\b|,\s*skip:`), r(`\bexpect|\bassert|\brefute|\bshould|\bmust_|\braise_error`)},
	}
})

// A test is one test as its file holds it.
type test struct {
	name, path string
	line       int
	first      string   // the line with its name
	body       []string // the others, with what stands above the first
}

func (t test) lines() []string { return append(t.body[:len(t.body):len(t.body)], t.first) }

// lang returns the language of a file that may hold tests.
func lang(p string) (language, bool) {
	for _, l := range languages() {
		if slices.Contains(l.exts, path.Ext(p)) && (l.every || isTest(p)) {
			return l, true
		}
	}
	return language{}, false
}

// elsewhere is a file of Go tests that other machines alone run, by its name. Ours are
// those that checks are run on.
var elsewhere = regexp.MustCompile(`_(?:aix|android|darwin|dragonfly|freebsd|illumos|ios|js|netbsd|openbsd|plan9|solaris|wasip1|windows|386|arm|loong64|mips|mipsle|mips64|mips64le|ppc64|ppc64le|riscv64|s390x|wasm)_test\.go$`)

// off reports whether a file is where its tests are not run, though they may have been
// where it was before.
func off(p, before string) bool {
	if _, ok := lang(p); !ok {
		return true
	}
	aside := func(p string) bool {
		return elsewhere.MatchString(p) || slices.ContainsFunc(strings.Split(path.Dir(p), "/"), func(dir string) bool {
			return dir == "testdata" || dir == "vendor" || len(dir) > 1 && (dir[0] == '_' || dir[0] == '.') && !strings.HasPrefix(dir, "__")
		})
	}
	return path.Ext(p) == ".go" && aside(p) && !aside(before)
}

// whence is where a file was, if anywhere.
func whence(file File) string {
	if file.Status == Added {
		return ""
	}
	return file.Old
}

// tests cuts a file into its tests. What stands before the first is a test without
// a name.
func (l language) tests(path, text string) []test {
	all := []test{{path: path, line: 1}}
	for n, line := range strings.Split(text, "\n") {
		last := &all[len(all)-1]
		if m := l.begins.FindStringSubmatch(line); m != nil {
			above := len(last.body)
			for above > 0 && decorates(last.body[above-1]) {
				above--
			}
			if head := last.body[above:]; l.mark == nil || slices.ContainsFunc(head, l.mark.MatchString) {
				head = slices.Clone(head)
				last.body = last.body[:above]
				all = append(all, test{name: first(m[1:]), path: path, line: n + 1, first: line, body: head})
				continue
			}
		}
		last.body = append(last.body, line)
	}
	return all
}

func first(texts []string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func decorates(line string) bool {
	line = strings.TrimSpace(line)
	return strings.HasPrefix(line, "@") || strings.HasPrefix(line, "#[")
}

// weakened returns the places where tests were taken away, are skipped now, or check
// nothing any more.
func (f *Facts) weakened(ctx context.Context) ([]string, error) {
	c, err := f.changes(ctx)
	if err != nil || !slices.ContainsFunc(c.Files, mayWeaken) {
		return nil, err
	}
	base, head, err := f.both(ctx)
	if err != nil {
		return nil, err
	}
	var there afterwards // a test may have moved to another file
	for _, file := range c.Files {
		if l, ok := lang(file.Path); ok && file.Status != Deleted && !off(file.Path, whence(file)) {
			there.add(l, l.tests(file.Path, string(content(head, file.Path))))
		}
	}
	var places []string
	for _, file := range c.Files {
		if file.Status == Modified {
			places = append(places, quieted(file.Path, content(base, file.Old), content(head, file.Path))...)
		}
		if muted(content(base, file.Old), content(head, file.Path)) && isTest(file.Path) && !f.spoken(file.Path, "TestMain") {
			places = append(places, file.Path+": TestMain runs no tests")
		}
		l, ok := lang(file.Old)
		if file.Status == Added || !ok || f.spoken(file.Old, "") {
			continue
		}
		now := content(head, file.Path)
		if file.Status == Deleted || off(file.Path, file.Old) {
			now = nil
		}
		places = append(places, f.lost(l, file, string(content(base, file.Old)), string(now), there)...)
	}
	return places, nil
}

func mayWeaken(file File) bool {
	_, ok := lang(file.Old)
	return ok && (file.Status != Added || path.Ext(file.Path) == ".go") || file.Status != Added && runsTests(file.Path)
}

// lost compares the tests of a file before and after.
func (f *Facts) lost(l language, file File, was, now string, there afterwards) []string {
	var places []string
	after := map[string]test{}
	for _, t := range l.tests(file.Path, now) {
		after[t.name] = t
	}
	had := map[string]bool{}
	for _, t := range l.tests(file.Old, was) {
		had[t.name] = true
	}
	gone := 0
	for _, t := range l.tests(file.Old, was) {
		same, stays := after[t.name]
		if !stays && t.name != "" {
			same, stays = there.find(l, t, had)
		}
		switch {
		case t.name != "" && (f.spoken(file.Old, t.name) || !stays && f.obsolete(t)):
		case !stays && l.hollow(t): // the tests of a group are looked at one by one
		case !stays:
			gone++
			places = append(places, fmt.Sprintf("%s: the test %s is gone", file.Old, t.name))
		case l.counts(same, l.skips) > l.counts(t, l.skips):
			places = append(places, strings.TrimSpace(fmt.Sprintf("%s:%d: skipped now: %s", same.path, same.line, same.name)))
		case t.name != "" && l.checks(t) && !l.checks(same):
			places = append(places, fmt.Sprintf("%s:%d: the test %s checks nothing any more", same.path, same.line, same.name))
		}
	}
	if file.Status == Deleted && gone > 0 {
		return []string{fmt.Sprintf("%s is deleted, and with it %d tests", file.Old, gone)}
	}
	return places
}

// counts returns how many lines of a test match.
func (l language) counts(t test, what *regexp.Regexp) int {
	n := 0
	for _, line := range t.lines() {
		if what.MatchString(line) {
			n++
		}
	}
	return n
}

// hollow is a line that looks as if it could make a test fail.
var hollow = regexp.MustCompile(`^\s*(?:assert (?:True|1|not False)|(?:self\.)?assertTrue\([Tt]rue\)|assert!\(true\)|(?:assert(?:\.ok)?|expect\(true\)\.toBe)\(true\)|expect\(true\)\.toBeTruthy\(\));?\s*(?:(?:#|//).*)?$`)

// checks reports whether a test has a line that can make it fail.
func (l language) checks(t test) bool {
	return slices.ContainsFunc(reached(t.body), func(line string) bool { return l.claims.MatchString(line) && !hollow.MatchString(line) })
}

// ends is a line after which nothing of a test is run, if no condition stands before it.
var ends = regexp.MustCompile(`^(?:return\b|raise \w*SkipTest|panic\(nil\)|(?:os\.Exit|sys\.exit|process\.exit)\(0?\))`)

// reached returns the lines of a test up to one that ends it, indented as its first is.
func reached(body []string) []string {
	indent := ""
	for i, line := range body {
		text := strings.TrimLeft(line, " \t")
		if text == "" || decorates(line) {
			continue
		}
		if indent == "" {
			indent = line[:len(line)-len(text)]
		}
		if indent != "" && strings.HasPrefix(line, indent) && ends.MatchString(line[len(indent):]) {
			return body[:i+1]
		}
	}
	return body
}

// main is what Go runs in place of all tests of a package.
var main = regexp.MustCompile(`(?m)^func TestMain\(`)

// muted reports whether a file of Go tests keeps those of its package from being run,
// which it did not before.
func muted(was, now []byte) bool {
	mute := func(text []byte) bool { return main.Match(text) && !bytes.Contains(text, []byte(".Run(")) }
	return mute(now) && !mute(was)
}
