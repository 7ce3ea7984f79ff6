package project

import (
	"bytes"
	"path"
	"slices"
	"strings"
)

// A pythonPlan is how the dependencies of a Python project get into a virtual
// environment inside the checkout: by the tool whose lock file is there, else
// by pip.
type pythonPlan struct {
	tool     string // the whole line of a tool that makes .venv itself; empty: pip
	reqs     []string
	hashed   bool     // a requirement file has hashes: pip then wants them of all it is told at once
	env      string   // variables that installing the project needs, with a space behind
	local    bool     // a requirement file names a directory, which is installed by its own means
	self     string   // how the project itself is installed: ".", ".[test]"
	extra    []string // further requirements
	declared []string // names of all packages that are asked for by name
	from     string
	decides  []string
}

func (p pythonPlan) installs(name string) bool { return slices.Contains(p.declared, name) }

// line returns the set-up command, "" when there is nothing to install.
func (p pythonPlan) line() string {
	if p.tool != "" {
		return p.tool
	}
	var groups [][]string // each for one call of pip
	for _, r := range p.reqs {
		groups = append(groups, []string{"-r", quoted(r)})
	}
	rest := []string{}
	if p.self != "" {
		rest = append(rest, "-e", quoted(p.self))
	}
	for _, e := range p.extra {
		rest = append(rest, quoted(e))
	}
	if len(rest) > 0 {
		groups = append(groups, rest)
	}
	if len(groups) == 0 {
		return ""
	}
	if !p.hashed {
		groups = [][]string{slices.Concat(groups...)}
	}
	line := "python3 -m venv .venv"
	for _, g := range groups {
		line += " && " + p.env + ".venv/bin/pip install " + strings.Join(g, " ")
	}
	return line
}

// plan decides how to install.
func (p pythonProject) plan(t *tree, f *findings) pythonPlan {
	plan := pythonPlan{from: p.from}
	plan.decides = inDir(p.dir, "pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "Pipfile", "Pipfile.lock", "uv.lock",
		"poetry.lock", "pdm.lock", ".python-version")
	for _, file := range t.below(p.dir) { // files that others include
		if rel := relativeTo(p.dir, file.path); isRequirements(rel) || strings.HasPrefix(rel, "constraints") && path.Ext(rel) == ".txt" {
			plan.decides = append(plan.decides, file.path)
		}
	}
	extras := p.extras()
	groupNames, groups := p.groups()
	plan.declare(p.own()...)
	plan.declare(extras.requirements...)
	plan.declare(groups...)
	plan.declare(stringsOf(lookup(p.pyproject, "tool", "uv", "dev-dependencies"))...)
	if p.lockTool(t, &plan, extras.names, groupNames) {
		return plan
	}
	for _, r := range p.reqs {
		plan.include(t, p.dir, r)
	}
	if p.installable(t) {
		plan.self, plan.env = ".", p.versionEnv(t)
		if len(extras.names) > 0 {
			plan.self += "[" + strings.Join(extras.names, ",") + "]"
		}
	}
	if plan.self == "" {
		groups = slices.Concat(p.own(), extras.requirements, groups) // a manifest that only lists dependencies
	}
	for _, r := range slices.Concat(groups, p.toxDeps(t, &plan), p.hatchDeps()) {
		if packageName(r) == "" {
			f.note("%s: the requirement %s is not understood and left out.", p.name(), printable(oneLine(r, 60)))
			continue
		}
		plan.declare(r)
		if !slices.Contains(plan.extra, r) {
			plan.extra = append(plan.extra, r)
		}
	}
	return plan
}

// include adds a requirement file, if there is one of that name.
func (p *pythonPlan) include(t *tree, dir, file string) {
	if t.has(path.Join(dir, file)) && !slices.Contains(p.reqs, file) {
		p.reqs = append(p.reqs, file)
		p.readRequirements(t, path.Join(dir, file), map[string]bool{})
	}
}

// readRequirements notes what a requirement file, and those it includes, name.
func (p *pythonPlan) readRequirements(t *tree, file string, seen map[string]bool) {
	text, whole := t.read(file, maxManifest)
	if !whole || seen[file] {
		return
	}
	seen[file] = true
	p.decides = append(p.decides, file)
	p.hashed = p.hashed || strings.Contains(string(text), "--hash=")
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		p.local = p.local || strings.HasPrefix(line, ".") || strings.HasPrefix(line, "-e") || strings.HasPrefix(line, "--editable")
		other, ok := strings.CutPrefix(line, "-r")
		if !ok {
			p.declare(line)
			continue
		}
		p.readRequirements(t, path.Join(path.Dir(file), strings.TrimSpace(strings.TrimLeft(other, "= "))), seen)
	}
}

func (p *pythonPlan) declare(requirements ...string) {
	for _, r := range requirements {
		if n := packageName(r); n != "" {
			p.declared = append(p.declared, n)
		}
	}
}

// lockTool fills in the plan of a project that is managed by a tool of its own,
// each told to make .venv in the checkout.
func (p pythonProject) lockTool(t *tree, plan *pythonPlan, extras, groups []string) bool {
	flags := func(flag string, names []string) (line string) {
		for _, n := range names {
			line += " " + flag + " " + quoted(n)
		}
		return line
	}
	at := func(name string) bool {
		file := path.Join(p.dir, name)
		if t.has(file) {
			plan.from = file
			return true
		}
		return false
	}
	switch {
	case at("uv.lock"):
		plan.tool = p.versionEnv(t) + "uv sync --frozen" + flags("--extra", extras) + flags("--group", groups)
	case at("poetry.lock") || lookup(p.pyproject, "tool", "poetry", "group") != nil:
		plan.tool = "POETRY_VIRTUALENVS_IN_PROJECT=true poetry install --no-interaction" + flags("--extras", extras)
		plan.declare(p.poetryNames()...)
	case at("pdm.lock"):
		plan.tool = "PDM_IGNORE_ACTIVE_VENV=1 pdm sync -G :all"
	case at("Pipfile.lock"):
		plan.tool = "PIPENV_VENV_IN_PROJECT=1 pipenv sync --dev"
		pipfile, _ := readTOML(t, path.Join(p.dir, "Pipfile"))
		for _, table := range []string{"packages", "dev-packages"} {
			plan.declare(keys(lookup(pipfile, table))...)
		}
	}
	return plan.tool != ""
}

// installable reports whether pip can install the directory as a package.
// Without a build system named, setuptools guesses what belongs to it, and
// gives up when there are several packages side by side.
func (p pythonProject) installable(t *tree) bool {
	if t.has(path.Join(p.dir, "setup.py")) || lookup(p.pyproject, "build-system") != nil {
		return true
	}
	packages := 0
	for _, d := range t.dirsOf("__init__.py") {
		if rel := relativeTo(p.dir, d); within(d, p.dir) && !strings.HasPrefix(rel, "test") && !strings.Contains(strings.TrimPrefix(rel, "src/"), "/") {
			packages++
		}
	}
	return lookup(p.pyproject, "project", "name") != nil && packages == 1
}

// buildsItself reports whether installing the project runs code of its own: a
// setup.py, a build backend in the checkout, or a hook that a backend is told of.
func (p pythonProject) buildsItself(t *tree) bool {
	if t.has(path.Join(p.dir, "setup.py")) || lookup(p.pyproject, "build-system", "backend-path") != nil {
		return true
	}
	for _, table := range [][]string{
		{"tool", "hatch", "build", "hooks"}, {"tool", "hatch", "metadata", "hooks"},
		{"tool", "hatch", "build", "targets", "wheel", "hooks"}, {"tool", "hatch", "build", "targets", "sdist", "hooks"},
		{"tool", "poetry", "build"}, {"tool", "pdm", "build"}, {"tool", "setuptools", "cmdclass"},
		{"tool", "setuptools", "dynamic"}, // which may name a variable of a module
	} {
		if lookup(p.pyproject, table...) != nil {
			return true
		}
	}
	text, _ := t.manifest(path.Join(p.dir, "setup.cfg"))
	return bytes.Contains(text, []byte("attr:")) // as above
}

// versionEnv returns the variable that gives a version to a project which takes
// its own from tags: a checkout without its repository has none. A high one
// satisfies packages that want a newer project than some.
func (p pythonProject) versionEnv(t *tree) string {
	for _, name := range []string{"pyproject.toml", "setup.py", "setup.cfg"} {
		text, _ := t.manifest(path.Join(p.dir, name))
		for _, tool := range []string{"setuptools_scm", "setuptools-scm", "hatch-vcs"} {
			if strings.Contains(string(text), tool) {
				return "SETUPTOOLS_SCM_PRETEND_VERSION=999.0.0 "
			}
		}
	}
	return ""
}

// own returns what the project itself requires.
func (p pythonProject) own() []string {
	return stringsOf(lookup(p.pyproject, "project", "dependencies"))
}

// pythonExtras are the optional dependencies meant for development.
type pythonExtras struct{ names, requirements []string }

func (p pythonProject) extras() (e pythonExtras) {
	optional, _ := lookup(p.pyproject, "project", "optional-dependencies").(map[string]any)
	cfg := p.ini["setup.cfg"]["options.extras_require"]
	for _, name := range developmentNames() {
		if list := stringsOf(optional[name]); len(list) > 0 {
			e.names = append(e.names, name)
			e.requirements = append(e.requirements, list...)
		} else if cfg[name] != "" {
			e.names = append(e.names, name)
			e.requirements = append(e.requirements, strings.Split(cfg[name], "\n")...)
		}
	}
	return e
}

// developmentNames are what projects call the dependencies of their tests.
func developmentNames() []string {
	return []string{"dev", "develop", "development", "test", "tests", "testing", "lint"}
}

// groups returns the requirements of the dependency groups (PEP 735) that are
// meant for development, with the groups they include.
func (p pythonProject) groups() (names, requirements []string) {
	all, _ := lookup(p.pyproject, "dependency-groups").(map[string]any)
	seen := map[string]bool{}
	var add func(name string)
	add = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		list, _ := all[name].([]any)
		for _, item := range list {
			switch item := item.(type) {
			case string:
				requirements = append(requirements, item)
			case map[string]any:
				if include, ok := item["include-group"].(string); ok {
					add(include)
				}
			}
		}
	}
	for _, name := range developmentNames() {
		if _, ok := all[name]; ok {
			names = append(names, name)
			add(name)
		}
	}
	return names, requirements
}

// poetryNames returns the packages in the tables that Poetry reads.
func (p pythonProject) poetryNames() []string {
	names := keys(lookup(p.pyproject, "tool", "poetry", "dependencies"))
	names = append(names, keys(lookup(p.pyproject, "tool", "poetry", "dev-dependencies"))...)
	for _, group := range keys(lookup(p.pyproject, "tool", "poetry", "group")) {
		names = append(names, keys(lookup(p.pyproject, "tool", "poetry", "group", group, "dependencies"))...)
	}
	return names
}

// toxDeps returns what tox would install for every environment. Lines that
// depend on the environment, or substitute, are left out.
func (p pythonProject) toxDeps(t *tree, plan *pythonPlan) (requirements []string) {
	for line := range strings.SplitSeq(p.ini["tox.ini"]["testenv"]["deps"], "\n") {
		line, _, _ = strings.Cut(strings.ReplaceAll(line, "{toxinidir}/", ""), " #")
		line = strings.TrimSpace(line)
		if file, ok := strings.CutPrefix(line, "-r"); ok {
			plan.include(t, p.dir, path.Clean(strings.TrimSpace(file)))
			continue
		}
		if factor, _, conditional := strings.Cut(line, ": "); line == "" || conditional && !strings.Contains(factor, ";") || strings.ContainsAny(line, "{}") || line[0] == '-' {
			continue
		}
		requirements = append(requirements, line)
	}
	return requirements
}

func (p pythonProject) hatchDeps() (requirements []string) {
	for _, env := range []string{"default", "test", "hatch-test"} {
		for _, key := range []string{"dependencies", "extra-dependencies"} {
			requirements = append(requirements, stringsOf(lookup(p.pyproject, "tool", "hatch", "envs", env, key))...)
		}
	}
	return requirements
}
