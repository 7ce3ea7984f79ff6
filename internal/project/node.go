package project

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
)

// A nodePackage is the part of a package.json that tells how to work with it.
// Fields of a wrong type are as if they were not there.
type nodePackage struct {
	dir     string
	scripts map[string]string
	needs   bool     // any dependency
	members []string // patterns of workspaces
	manager string   // as in "pnpm@9.1.0"
}

// readNodePackage never fails on odd fields, only on what is no JSON object.
func readNodePackage(text []byte) (p nodePackage, ok bool) {
	var raw map[string]json.RawMessage
	if json.Unmarshal(text, &raw) != nil || raw == nil {
		return p, false
	}
	p.scripts = map[string]string{}
	var scripts map[string]json.RawMessage
	if json.Unmarshal(raw["scripts"], &scripts) == nil {
		for name, body := range scripts {
			var s string
			if json.Unmarshal(body, &s) == nil && strings.TrimSpace(s) != "" {
				p.scripts[name] = s
			}
		}
	}
	for _, key := range []string{"dependencies", "devDependencies", "optionalDependencies", "peerDependencies"} {
		var deps map[string]json.RawMessage
		p.needs = p.needs || json.Unmarshal(raw[key], &deps) == nil && len(deps) > 0
	}
	if json.Unmarshal(raw["packageManager"], &p.manager) != nil {
		p.manager = ""
	}
	if json.Unmarshal(raw["workspaces"], &p.members) != nil {
		var long struct {
			Packages []string `json:"packages"`
		}
		p.members = nil
		if json.Unmarshal(raw["workspaces"], &long) == nil {
			p.members = long.Packages
		}
	}
	return p, true
}

func detectNode(t *tree, f *findings) {
	all := map[string]nodePackage{}
	var dirs []string
	for _, dir := range t.dirsOf("package.json") {
		if dir != "." && testInput(dir) {
			continue
		}
		text, ok := t.manifest(path.Join(dir, "package.json"))
		p, isObject := readNodePackage(text)
		if !ok || !isObject {
			f.note("%s: not a manifest that can be read.", path.Join(dir, "package.json"))
			continue
		}
		p.dir = dir
		p.members = append(p.members, pnpmMembers(t, dir)...)
		all[dir] = p
		dirs = append(dirs, dir)
	}
	dirs = f.units("A package.json", dirs)
	taken := map[string]bool{} // members, dealt with by their root
	var roots []string         // of workspaces
	for _, dir := range dirs {
		if taken[dir] {
			continue
		}
		if root, ok := nearest(dir, roots); ok && t.first(dir, "package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock") == "" {
			f.note("%s is no member of the workspace of %s and has no lock file of its own; no commands.", path.Join(dir, "package.json"), path.Join(root, "package.json"))
			continue
		}
		if len(all[dir].members) > 0 {
			roots = append(roots, dir)
		}
		p, members := all[dir], []nodePackage(nil)
		for _, d := range dirs {
			if d != dir && within(d, dir) && memberOf(relativeTo(dir, d), p.members) {
				members = append(members, all[d])
				taken[d] = true
			}
		}
		nodeCommands(t, f, p, members)
	}
	if len(all) == 0 {
		nodeTestsAlone(t, f)
	}
}

// testInput reports whether a package below a directory of tests is there to be
// read by them.
func testInput(dir string) bool {
	for part := range strings.SplitSeq(dir, "/") {
		if part == "test" || part == "tests" || part == "spec" || part == "__tests__" || part == "__fixtures__" {
			return true
		}
	}
	return false
}

// nodeCommands adds the commands of a package that is installed as one, with
// its members.
func nodeCommands(t *tree, f *findings, root nodePackage, members []nodePackage) {
	from := path.Join(root.dir, "package.json")
	needs := root.needs || slices.ContainsFunc(members, func(p nodePackage) bool { return p.needs })
	m, err := nodeManager(t, root)
	if err != nil {
		if needs || len(root.scripts) > 0 {
			f.note("%s: %v; no commands.", from, err)
		}
		return
	}
	found := len(f.Build) + len(f.Test) + len(f.Lint) + len(f.Format)
	own := kinds{true, true, true, true}.addTo(f, t, root, m.name)
	for _, p := range members {
		own.not().addTo(f, t, p, m.name) // a script of the root is the door to all members
	}
	if !needs || found == len(f.Build)+len(f.Test)+len(f.Lint)+len(f.Format) {
		return // nothing to install, or nothing that would need it
	}
	if m.lock != "" {
		from = m.lock
	}
	f.Setup = append(f.Setup, Command{Run: m.install, Dir: root.dir, From: from})
	f.decides = append(f.decides, inDir(root.dir, "package.json", ".npmrc", ".yarnrc", ".yarnrc.yml", "pnpm-workspace.yaml", ".nvmrc")...)
	f.decides = append(f.decides, m.lock)
	f.makes = append(f.makes, inDir(root.dir, m.makes...)...)
	for _, p := range members {
		f.decides = append(f.decides, path.Join(p.dir, "package.json"))
		f.makes = append(f.makes, path.Join(p.dir, "node_modules"))
	}
}

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

// A manager is what installs the packages.
type manager struct {
	name, lock, install string
	makes               []string
}

// nodeManager decides by the manifest, then by the lock file. Two lock files
// without a word in the manifest are a question for the user.
func nodeManager(t *tree, p nodePackage) (manager, error) {
	locks := map[string]string{
		"npm":  t.first(p.dir, "package-lock.json", "npm-shrinkwrap.json"),
		"pnpm": t.first(p.dir, "pnpm-lock.yaml"),
		"yarn": t.first(p.dir, "yarn.lock"),
		"bun":  t.first(p.dir, "bun.lock", "bun.lockb"),
	}
	name, version, _ := strings.Cut(p.manager, "@")
	if name == "" {
		for _, n := range []string{"npm", "pnpm", "yarn", "bun"} {
			switch {
			case locks[n] == "":
			case name != "":
				return manager{}, fmt.Errorf("both %s and %s are there and packageManager does not choose", locks[name], locks[n])
			default:
				name = n
			}
		}
	}
	lock := locks[name]
	m := manager{name: name, lock: lock, makes: []string{"node_modules"}}
	switch name {
	case "", "npm":
		m.name, m.install = "npm", "npm install --no-package-lock --no-audit --no-fund"
		if lock != "" {
			m.install = "npm ci --no-audit --no-fund"
		}
	case "pnpm", "bun":
		m.install = name + " install"
		if lock != "" {
			m.install += " --frozen-lockfile"
		}
	case "yarn":
		m.install, m.makes = yarnInstall(lock != "", t.has(path.Join(p.dir, ".yarnrc.yml")) || version != "" && !strings.HasPrefix(version, "1."))
	default:
		return manager{}, fmt.Errorf("packageManager is %s, which is not known here", printable(oneLine(name, 40)))
	}
	return m, nil
}

// yarnInstall knows that Yarn from 2 on ("berry") has other flags and may put
// archives and a loader in the place of node_modules.
func yarnInstall(locked, berry bool) (install string, makes []string) {
	makes = []string{"node_modules"}
	if berry {
		makes = append(makes, ".pnp.cjs", ".pnp.loader.mjs", ".yarn/cache", ".yarn/unplugged", ".yarn/install-state.gz")
	}
	switch {
	case !locked:
		return "yarn install", makes
	case berry:
		return "yarn install --immutable", makes
	}
	return "yarn install --frozen-lockfile", makes
}
