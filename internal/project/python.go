package project

import (
	"path"
	"slices"
	"strings"
)

// A pythonProject is what the manifests of one directory tell.
type pythonProject struct {
	dir       string
	from      string // the most telling manifest
	pyproject map[string]any
	ini       map[string]iniFile // by file name: setup.cfg, tox.ini, pytest.ini …
	reqs      []string           // requirement files for set-up, relative to dir
	tests     pythonTests
}

func detectPython(t *tree, f *findings) {
	dirs := t.dirsOf("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "Pipfile", "tox.ini", "pytest.ini")
	dirs = slices.DeleteFunc(dirs, func(d string) bool { return d != "." && (testInput(d) || path.Base(d) == "docs") })
	dirs = topmost(dirs)
	if len(dirs) == 0 && slices.ContainsFunc(t.files, func(f file) bool { return path.Ext(f.path) == ".py" }) {
		dirs = []string{"."}
	}
	for _, dir := range f.units("Python in a directory of its own", dirs) {
		p, ok := readPython(t, f, dir)
		if !ok {
			continue
		}
		p.commands(t, f)
	}
}

func readPython(t *tree, f *findings, dir string) (p pythonProject, ok bool) {
	p = pythonProject{dir: dir, ini: map[string]iniFile{}}
	p.from = t.first(dir, "pyproject.toml", "setup.py", "setup.cfg", "Pipfile", "requirements.txt", "tox.ini", "pytest.ini")
	if name := path.Join(dir, "pyproject.toml"); t.has(name) {
		if p.pyproject, ok = readTOML(t, name); !ok {
			f.note("%s: not a manifest that can be read; no commands for Python here.", name)
			return p, false
		}
	}
	for _, n := range []string{"setup.cfg", "tox.ini", "pytest.ini", ".pytest.ini", ".flake8", "mypy.ini", ".mypy.ini"} {
		if text, ok := t.manifest(path.Join(dir, n)); ok {
			p.ini[n] = readINI(string(text))
		}
	}
	p.reqs = requirementFiles(t, dir)
	p.tests = findPythonTests(t, dir)
	return p, p.from != "" || len(p.tests.files) > 0
}

// configured reports whether a tool has a table of its own in a manifest.
func (p pythonProject) configured(table []string, sections ...string) bool {
	if len(table) > 0 && lookup(p.pyproject, table...) != nil {
		return true
	}
	for _, s := range sections {
		file, section, _ := strings.Cut(s, ":")
		if ini, ok := p.ini[file]; ok && (section == "" || ini[section] != nil) {
			return true
		}
	}
	return false
}

func (p pythonProject) commands(t *tree, f *findings) {
	plan := p.plan(t, f)
	pytest := p.usesPytest(plan)
	runner := "python3"
	if pytest && plan.tool == "" && !plan.installs("pytest") {
		plan.extra = append(plan.extra, "pytest")
	}
	if setup := plan.line(); setup != "" {
		runner = `PATH="$PWD/.venv/bin:$PATH" python` // tests start installed programs by name
		f.Setup = append(f.Setup, Command{Run: setup, Dir: p.dir, From: plan.from})
		f.makes = append(f.makes, path.Join(p.dir, ".venv"))
		f.decides = append(f.decides, plan.decides...)
		f.runsOwn = f.runsOwn || plan.local || (plan.self != "" || plan.tool != "") && p.buildsItself(t)
	}
	if c, ok := p.testCommand(t, f, runner, pytest); ok {
		f.Test = append(f.Test, c)
	}
	p.lintCommands(t, f, plan)
}

func (p pythonProject) usesPytest(plan pythonPlan) bool {
	return p.configured([]string{"tool", "pytest"}, "pytest.ini:", ".pytest.ini:", "tox.ini:pytest", "setup.cfg:tool:pytest") ||
		plan.installs("pytest") || p.tests.pytest
}

// testCommand decides between pytest, Django's runner and unittest. It gives
// none when there is no test to be found: a runner that finds nothing fails.
func (p pythonProject) testCommand(t *tree, f *findings, runner string, pytest bool) (Command, bool) {
	from := p.from
	if from == "" || !pytest && len(p.tests.files) > 0 {
		from = firstOf(p.tests.files, from)
	}
	c := Command{Dir: p.dir, From: from}
	manage := path.Join(p.dir, "manage.py")
	djangoOwn := t.has(manage) && !p.configured([]string{"tool", "pytest"}, "pytest.ini:", "tox.ini:pytest", "setup.cfg:tool:pytest")
	switch {
	case len(p.tests.files) == 0:
		if t.has(manage) || p.from != "" {
			f.note("%s: no file of tests (test_*.py, *_test.py) was found, so no test command.", p.name())
		}
		return c, false
	case djangoOwn && !p.tests.pytest:
		c.Run, c.From = runner+" manage.py test", manage
	case pytest:
		c.Run = runner + " -m pytest"
	default:
		start, ok := p.tests.start()
		if !ok {
			f.note("%s: tests for unittest lie in several directories that are no packages; no test command.", p.name())
			return c, false
		}
		c.Run = runner + " -m unittest discover"
		if start != "" {
			c.Run += " -s " + quoted(start)
		}
	}
	return c, true
}

func (p pythonProject) name() string {
	if p.from != "" {
		return printable(p.from)
	}
	return "Python"
}

func firstOf(names []string, otherwise string) string {
	if len(names) > 0 {
		return names[0]
	}
	return otherwise
}

// lintCommands adds the tools that are both configured and installed by set-up:
// one without the other would only ever fail.
func (p pythonProject) lintCommands(t *tree, f *findings, plan pythonPlan) {
	own := func(names ...string) bool { return t.first(p.dir, names...) != "" }
	bin := func(line string) string { return ".venv/bin/" + line }
	use := func(tool string, configured bool) bool {
		if configured && !plan.installs(tool) {
			f.note("%s: %s is configured but not among the dependencies; it is not run.", p.name(), tool)
		}
		return configured && plan.installs(tool)
	}
	if use("ruff", p.configured([]string{"tool", "ruff"}) || own("ruff.toml", ".ruff.toml")) {
		f.Lint = append(f.Lint, Command{Run: bin("ruff check ."), Fix: bin("ruff check --fix ."), Dir: p.dir, From: p.from})
		if p.configured([]string{"tool", "ruff", "format"}) {
			f.Format = append(f.Format, Command{Run: bin("ruff format --check ."), Fix: bin("ruff format ."), Dir: p.dir, From: p.from})
		}
	}
	if use("flake8", p.configured(nil, ".flake8:", "setup.cfg:flake8", "tox.ini:flake8")) {
		f.Lint = append(f.Lint, Command{Run: bin("flake8 --extend-exclude=.venv"), Dir: p.dir, From: p.from})
	}
	if use("mypy", p.mypyKnowsFiles()) {
		f.Lint = append(f.Lint, Command{Run: bin("mypy"), Dir: p.dir, From: p.from})
	}
	if use("black", p.configured([]string{"tool", "black"})) {
		f.Format = append(f.Format, Command{Run: bin("black --check ."), Fix: bin("black ."), Dir: p.dir, From: p.from})
	}
}

// mypyKnowsFiles reports whether mypy can be started without naming files.
func (p pythonProject) mypyKnowsFiles() bool {
	for _, key := range []string{"files", "packages", "modules"} {
		if lookup(p.pyproject, "tool", "mypy", key) != nil {
			return true
		}
		for _, n := range []string{"mypy.ini", ".mypy.ini", "setup.cfg"} {
			if p.ini[n]["mypy"][key] != "" {
				return true
			}
		}
	}
	return false
}
