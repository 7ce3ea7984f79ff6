package project

import (
	"bytes"
	"path"
	"slices"
	"strings"
)

// kinds is a choice of kinds of command.
type kinds struct{ build, test, lint, format bool }

// not returns the other kinds.
func (k kinds) not() kinds { return kinds{!k.build, !k.test, !k.lint, !k.format} }

// addTo adds the commands of p of the kinds in k, and returns those it has.
func (k kinds) addTo(f *findings, t *tree, p nodePackage, manager string) (has kinds) {
	from := path.Join(p.dir, "package.json")
	run := func(name string) string { return manager + " run " + quoted(name) }
	if name := p.script(f, "build", "compile"); name != "" && k.build {
		f.Build, has.build = append(f.Build, Command{Run: run(name), Dir: p.dir, From: from}), true
	}
	if k.test {
		if c, ok := p.test(t, f, manager); ok {
			c.Dir, c.From = p.dir, from
			f.Test, has.test = append(f.Test, c), true
		}
	}
	if k.lint {
		for _, names := range [][]string{{"lint", "lint:check", "eslint"}, {"typecheck", "type-check", "check-types", "check:types"}} {
			if name := p.script(f, names...); name != "" {
				fix := p.script(f, name+":fix", name+"-fix")
				if fix != "" {
					fix = run(fix)
				}
				f.Lint, has.lint = append(f.Lint, Command{Run: run(name), Fix: fix, Dir: p.dir, From: from}), true
			}
		}
	}
	if k.format {
		has.format = p.formatting(f, run, from)
	}
	return has
}

func (p nodePackage) formatting(f *findings, run func(string) string, from string) bool {
	check := p.script(f, "format:check", "check:format", "format-check", "check-format", "fmt:check", "prettier:check", "format:ci")
	fix := p.script(f, "format", "format:fix", "format:write", "fmt", "prettier", "prettier:fix", "prettier:write")
	if check == "" && fix != "" && onlyChecks(p.scripts[fix]) {
		check, fix = fix, ""
	}
	if check == "" {
		if fix != "" {
			f.note("%s: the script %s changes files; there is none that only checks the format.", from, printable(fix))
		}
		return false
	}
	c := Command{Run: run(check), Dir: p.dir, From: from}
	if fix != "" && !onlyChecks(p.scripts[fix]) {
		c.Fix = run(fix)
	}
	f.Format = append(f.Format, c)
	return true
}

func onlyChecks(script string) bool {
	for _, w := range strings.Fields(script) {
		if w == "--check" || w == "-c" || w == "--list-different" || w == "-l" {
			return true
		}
	}
	return false
}

// script returns the first of the names that is a script which can run to its
// end in a sandbox without a network.
func (p nodePackage) script(f *findings, names ...string) string {
	for _, n := range names {
		body, ok := p.scripts[n]
		if !ok || placeholder(body) {
			continue
		}
		if why := unfit(p.whole(n)); why != "" {
			f.note("%s: the script %s %s; it is not used.", path.Join(p.dir, "package.json"), printable(n), why)
			continue
		}
		return n
	}
	return ""
}

// placeholder recognises the test script that npm init writes.
func placeholder(script string) bool {
	return strings.Contains(script, "no test specified") || strings.TrimSpace(script) == "exit 0" || strings.TrimSpace(script) == "true"
}

// unfit says why a script cannot be a check, "" if nothing speaks against it.
func unfit(script string) string {
	if word := reachesOut(script); word != "" {
		return "needs " + word
	}
	for _, w := range strings.Fields(script) {
		switch w {
		case "--watch", "--watchAll", "--watch=true", "--watchAll=true", "nodemon", "watch":
			return "keeps watching"
		}
	}
	return ""
}

// whole returns the text of a script with those that run before, after and
// within it, a line each.
func (p nodePackage) whole(name string) string {
	var text strings.Builder
	seen := map[string]bool{}
	queue := []string{"pre" + name, name, "post" + name}
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		body, ok := p.scripts[n]
		if !ok || seen[n] {
			continue
		}
		seen[n] = true
		text.WriteString(body + "\n")
		words := strings.FieldsFunc(body, func(r rune) bool { return strings.ContainsRune(" \t\n;&|()", r) })
		for i, w := range words {
			if i > 0 && (words[i-1] == "run" || words[i-1] == "yarn" || words[i-1] == "npm" || words[i-1] == "pnpm") {
				queue = append(queue, w)
			}
		}
	}
	return text.String()
}

// test returns the command for the tests of p. CI=true makes the usual runners
// run once, and not write snapshots.
func (p nodePackage) test(t *tree, f *findings, manager string) (Command, bool) {
	switch name := p.script(f, "test", "test:ci", "test:run", "test:unit", "unit"); {
	case name == "test":
		return Command{Run: "CI=true " + manager + " test"}, true
	case name != "":
		return Command{Run: "CI=true " + manager + " run " + quoted(name)}, true
	}
	if _, ok := p.scripts["test"]; (!ok || placeholder(p.scripts["test"])) && usesNodeTest(t, p.dir) != "" {
		return Command{Run: "node --test"}, true
	}
	f.note("%s: no script runs the tests once, so no test command.", path.Join(p.dir, "package.json"))
	return Command{}, false
}

// nodeTestsAlone is for tests by Node's own runner without any manifest.
func nodeTestsAlone(t *tree, f *findings) {
	if from := usesNodeTest(t, "."); from != "" {
		f.Test = append(f.Test, Command{Run: "node --test", Dir: ".", From: from})
	}
}

// usesNodeTest returns a file below dir that node --test would run and that is
// written for it.
func usesNodeTest(t *tree, dir string) string {
	const looked = 200
	n := 0
	for _, file := range t.below(dir) {
		rel := relativeTo(dir, file.path)
		if aside(path.Dir(rel)) || !nodeTestName(rel) {
			continue
		}
		if n++; n > looked {
			break
		}
		text, _ := t.read(file.path, maxText)
		if bytes.Contains(text, []byte("'node:test'")) || bytes.Contains(text, []byte(`"node:test"`)) {
			return file.path
		}
	}
	return ""
}

func nodeTestName(p string) bool {
	ext := path.Ext(p)
	if ext != ".js" && ext != ".mjs" && ext != ".cjs" {
		return false
	}
	stem := strings.TrimSuffix(path.Base(p), ext)
	return slices.Contains(strings.Split(path.Dir(p), "/"), "test") || stem == "test" || strings.HasPrefix(stem, "test-") ||
		strings.HasSuffix(stem, ".test") || strings.HasSuffix(stem, "-test") || strings.HasSuffix(stem, "_test")
}
