package project

import (
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"
)

// A nodePackage is the part of a package.json that tells how to work with it.
// Fields of a wrong type are as if they were not there.
type nodePackage struct {
	dir     string
	scripts map[string]string
	needs   bool     // any dependency
	local   bool     // one that lies in the checkout
	members []string // patterns of workspaces
	manager string   // as in "pnpm@9.1.0"
}

// localVersion tells dependencies that lie in the checkout, whose scripts run too.
var localVersion = regexp.MustCompile(`^"(?:file|link|portal|exec):`)

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
		for _, version := range deps {
			p.local = p.local || localVersion.Match(version)
		}
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
	candidates := slices.DeleteFunc(t.dirsOf("package.json"), func(d string) bool { return d != "." && testInput(d) })
	for _, dir := range f.units("A package.json", candidates) {
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
	taken := map[string]bool{} // members, dealt with by their root
	roots := map[string]bool{} // of workspaces
	for _, dir := range dirs {
		if taken[dir] {
			continue
		}
		if root, ok := nearest(dir, roots); ok && t.first(dir, "package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock") == "" {
			f.note("%s is no member of the workspace of %s and has no lock file of its own; no commands.", path.Join(dir, "package.json"), path.Join(root, "package.json"))
			continue
		}
		if len(all[dir].members) > 0 {
			roots[dir] = true
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

// clientRunsOwn reports whether the client is told to run code of the project, by
// settings that stand for more than they say.
func clientRunsOwn(t *tree, dir string) bool {
	for _, name := range []string{".npmrc", ".yarnrc", ".yarnrc.yml"} {
		if text, _ := t.manifest(path.Join(dir, name)); clientHooks.Match(text) {
			return true
		}
	}
	return t.first(dir, ".pnpmfile.cjs", ".pnpmfile.mjs") != ""
}

// clientHooks are settings of npm, of Yarn and of Yarn from 2 on that name programs.
var clientHooks = regexp.MustCompile(`(?m)^\s*(?:(?:node-options|script-shell|onload-script|git)\s*=|"?yarn-path"?\s|(?:yarnPath|plugins)\s*:)`)

// scripted reports whether installing the package runs code of its own.
func (p nodePackage) scripted(t *tree) bool {
	for _, name := range []string{"preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare", "dependencies", "pnpm:devPreinstall"} {
		if p.scripts[name] != "" {
			return true
		}
	}
	return p.local || t.has(path.Join(p.dir, "binding.gyp")) // which is built without being asked for
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
	f.runsOwn = f.runsOwn || clientRunsOwn(t, root.dir) || root.scripted(t) || slices.ContainsFunc(members, func(p nodePackage) bool { return p.scripted(t) })
	f.makes = append(f.makes, inDir(root.dir, m.makes...)...)
	if len(root.members) == 0 {
		return
	}
	for _, d := range t.dirsOf("package.json") { // also those beyond maxUnits
		if rel := relativeTo(root.dir, d); within(d, root.dir) && memberOf(rel, root.members) {
			f.decides = append(f.decides, path.Join(d, "package.json"))
			f.makes = append(f.makes, path.Join(d, "node_modules"))
		}
	}
}
