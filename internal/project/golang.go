package project

import (
	"path"
	"slices"
	"strings"
)

// A goModule is what the commands of a module depend on.
type goModule struct {
	dir      string
	requires bool // modules of others
	code     bool
	tests    bool
	aside    bool // holds Go files in vendor or testdata, which are not to be formatted
}

func detectGo(t *tree, f *findings) {
	dirs := t.dirsOf("go.mod")
	works, modules := readGoWorks(t), map[string]bool{}
	for _, d := range dirs {
		modules[d] = true
	}
	product := slices.DeleteFunc(slices.Clone(dirs), func(d string) bool { return d != "." && goIgnores(d) })
	for _, dir := range f.units("A go.mod", product) {
		m, ok := readGoModule(t, dir, modules)
		if !ok {
			f.note("%s: not a module file that can be read.", path.Join(dir, "go.mod"))
			continue
		}
		if !m.code {
			continue
		}
		m.commands(t, f, works)
	}
	if len(dirs) == 0 && hasGoFiles(t) {
		f.note("There are Go files but no go.mod: no commands for Go.")
	}
}

func hasGoFiles(t *tree) bool {
	return slices.ContainsFunc(t.files, func(f file) bool { return strings.HasSuffix(f.path, ".go") && !aside(path.Dir(f.path)) })
}

func readGoModule(t *tree, dir string, modules map[string]bool) (m goModule, ok bool) {
	text, ok := t.manifest(path.Join(dir, "go.mod"))
	if !ok {
		return m, false
	}
	m.dir, ok = dir, false
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "//")
		switch word, _, _ := strings.Cut(strings.TrimSpace(strings.Replace(line, "(", " (", 1)), " "); word {
		case "module":
			ok = true
		case "require":
			m.requires = true
		}
	}
	for _, file := range t.below(dir) {
		if !strings.HasSuffix(file.path, ".go") {
			continue
		}
		if owner, _ := nearest(path.Dir(file.path), modules); owner != dir { // another module's
			continue
		}
		if rel := relativeTo(dir, file.path); goIgnores(rel) {
			m.aside = m.aside || aside(path.Dir(rel))
			continue
		}
		m.code = true
		m.tests = m.tests || strings.HasSuffix(file.path, "_test.go")
	}
	return m, ok
}

// goIgnores reports whether the go command leaves a file out of "./...".
func goIgnores(p string) bool {
	for part := range strings.SplitSeq(p, "/") {
		if part == "testdata" || part == "vendor" || part[0] == '_' || part[0] == '.' {
			return true
		}
	}
	return false
}

func (m goModule) commands(t *tree, f *findings, works []goWork) {
	from, env := path.Join(m.dir, "go.mod"), ""
	work, inside := workOver(works, m.dir)
	if inside && !slices.Contains(work.uses, m.dir) {
		env = "GOWORK=off " // a go.work above that does not name the module makes ./... match nothing
	}
	member := inside && env == ""
	vendored := t.hasUnseen(path.Join(m.dir, "vendor/modules.txt")) && !member ||
		member && t.hasUnseen(path.Join(work.dir, "vendor/modules.txt"))
	if m.requires && !vendored {
		setup := Command{Run: env + "go mod download", Dir: m.dir, From: from}
		if member { // go mod download would ask the network for the other members
			setup = Command{Run: "go list -deps -test ./... > /dev/null", Dir: m.dir, From: path.Join(work.dir, "go.work")}
			f.decides = append(f.decides, inDir(work.dir, "go.work", "go.work.sum")...)
		}
		f.Setup = append(f.Setup, setup)
		if sum := path.Join(m.dir, "go.sum"); !t.has(sum) && !member {
			f.note("%s requires modules but there is no go.sum: Go commands may fail.", from)
		}
	}
	f.decides = append(f.decides, inDir(m.dir, "go.mod", "go.sum")...)
	f.Build = append(f.Build, Command{Run: env + "go build ./...", Dir: m.dir, From: from})
	if m.tests {
		f.Test = append(f.Test, Command{Run: env + "go test ./...", Dir: m.dir, From: from})
	} else {
		f.note("%s: the module has no _test.go file, so no test command.", from)
	}
	f.Lint = append(f.Lint, Command{Run: env + "go vet ./...", Dir: m.dir, From: from})
	f.Format = append(f.Format, Command{Run: m.format(), Fix: env + "go fmt ./...", Dir: m.dir, From: from})
}

// format returns a check that names the files to be formatted and then fails;
// gofmt -l alone succeeds. Left out is what go fmt would leave out too.
func (m goModule) format() string {
	if !m.aside {
		return "! gofmt -l . | grep ."
	}
	return "! find . -name '*.go' -not -path '*/vendor/*' -not -path '*/testdata/*' -not -path '*/[_.]?*/*' -exec gofmt -l {} + | grep ."
}

// A goWork is a workspace file and the directories it names.
type goWork struct {
	dir  string
	uses []string
}

func readGoWorks(t *tree) []goWork {
	var works []goWork
	dirs := t.dirsOf("go.work")
	for _, dir := range dirs[:min(len(dirs), maxUnits)] {
		if text, ok := t.manifest(path.Join(dir, "go.work")); ok {
			works = append(works, goWork{dir, goUses(dir, string(text))})
		}
	}
	return works
}

// goUses returns the directories of the use directives in a go.work file.
func goUses(dir, text string) (uses []string) {
	block := false
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "//")
		words := strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ").Replace(line))
		if len(words) == 0 {
			continue
		}
		switch {
		case words[0] == "use" && len(words) > 1 && words[1] == "(":
			block = true
			words = words[2:]
		case words[0] == "use":
			uses = append(uses, path.Join(dir, strings.Trim(strings.Join(words[1:], " "), "\"`")))
			continue
		case words[0] == ")":
			block = false
		}
		if block && len(words) > 0 && words[0] != ")" {
			uses = append(uses, path.Join(dir, strings.Trim(words[0], "\"`")))
		}
	}
	return uses
}

// workOver returns the workspace file that the go command would find from dir.
func workOver(works []goWork, dir string) (work goWork, ok bool) {
	for _, w := range works {
		if within(dir, w.dir) && (!ok || len(w.dir) > len(work.dir) || work.dir == ".") {
			work, ok = w, true
		}
	}
	return work, ok
}
