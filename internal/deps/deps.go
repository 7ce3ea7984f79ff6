// Package deps tells what a project depends on, by its manifests and lock files, what a
// change does to that, which of it is known to be vulnerable, and under which licence it
// comes.
//
// The idea to know: nothing is resolved. A dependency has a version because a file says
// so, or it has none, which is a [Problem] of its own where it matters. All files are a
// stranger's: only regular files are read, within bounds, and nothing is run or fetched.
//
// Ecosystems are called as OSV calls them (https://ossf.github.io/osv-schema/), packages
// as their registry does; a package of Maven is group:artifact.
//
// # What is read
//
//	Go         go.mod; go.sum only tells whether it changed along
//	npm        package.json with package-lock.json, npm-shrinkwrap.json, pnpm-lock.yaml or yarn.lock;
//	           bun.lock only tells whether it changed along
//	PyPI       requirements*.txt, pyproject.toml (PEP 621, groups, Poetry) with poetry.lock, uv.lock or pdm.lock
//	crates.io  Cargo.toml with Cargo.lock
//	Maven      pom.xml, build.gradle and build.gradle.kts with coordinates in quotes
//	RubyGems   Gemfile with Gemfile.lock
//	Packagist  composer.json with composer.lock
//
// A lock file counts for its directory and those below it, as workspaces have it.
package deps

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"autonoma"
)

// The ecosystems.
const (
	Go        = "Go"
	NPM       = "npm"
	PyPI      = "PyPI"
	Crates    = "crates.io"
	Maven     = "Maven"
	RubyGems  = "RubyGems"
	Packagist = "Packagist"
)

// A Dep is a dependency as a file names it.
type Dep struct {
	Ecosystem string
	Name      string
	Version   string // "" if no file says which
	File      string // where it is named: the lock file if there is one
	Direct    bool   // whether a manifest asks for it, and not only another dependency
	Was       string // of an update, the version before
}

// A Problem is something about dependencies that a human should know.
type Problem struct {
	File, What string
	Risk       autonoma.Risk

	custom string // what the file has of the kind, should that be its custom; "" if it is none
}

// A Set is what a tree of files depends on.
type Set struct {
	Deps []Dep // in order of ecosystem, name, version and file

	manifests []manifest
	locks     []lock
	problems  []Problem
}

// A manifest is a file in which people write what they want.
type manifest struct {
	file, ecosystem string
	wants           []want
	noLock          bool // whether such a manifest never has a lock file
}

// A want is a line of a manifest.
type want struct {
	name, spec string // the spec as written
	version    string // if the spec leaves only one
	indirect   bool
	own        bool          // whether it lies in the tree: then it is no dependency
	elsewhere  string        // why it does not come from the registry, "" if it does
	risk       autonoma.Risk // of that
}

// A lock is a file in which a program wrote what was chosen.
type lock struct {
	file, ecosystem, digest string
	pins                    []pin // none if the manifest has the versions itself
}

type pin struct{ name, version string }

// Bounds of what is read. Beyond them a tree is not looked at, which is a problem.
const (
	maxEntries = 200_000 // files and directories
	maxFiles   = 1_000   // manifests and lock files
	maxFile    = 32 << 20
	maxTotal   = 256 << 20 // bytes of all files
	maxDeps    = 100_000
)

// skipped are directories that hold the dependencies themselves, or what tests read.
var skipped = []string{"vendor", "node_modules", "testdata", ".git", ".venv", "venv", "site-packages", "__pycache__", ".tox"}

// Read returns what a tree depends on. It fails only if the tree cannot be read at all:
// a file that cannot be understood is a problem of the set.
func Read(fsys fs.FS) (Set, error) {
	var s Set
	entries, files, total := 0, 0, int64(0)
	err := fs.WalkDir(fsys, ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			if p == "." {
				return err
			}
			return nil // what cannot be opened has nothing to say
		}
		if entries++; entries > maxEntries || files > maxFiles || total > maxTotal {
			s.problem(p, autonoma.MediumRisk, "the tree is too large to read all its dependencies")
			return fs.SkipAll
		}
		if e.IsDir() && slices.Contains(skipped, e.Name()) {
			return fs.SkipDir
		}
		if parse := parserOf(e.Name()); parse != nil && e.Type().IsRegular() {
			files++
			if info, err := e.Info(); err == nil {
				total += min(info.Size(), maxFile)
			}
			s.parse(fsys, p, parse)
		}
		return nil
	})
	if err != nil {
		return Set{}, fmt.Errorf("read dependencies: %w", err)
	}
	s.resolve()
	return s, nil
}

// A parser adds what a file says to a set.
type parser func(s *Set, file string, text []byte) error

// parserOf returns the parser for files of a name, nil for most.
func parserOf(name string) parser {
	switch name {
	case "go.mod":
		return goMod
	case "package.json":
		return packageJSON
	case "package-lock.json", "npm-shrinkwrap.json":
		return packageLock
	case "yarn.lock":
		return yarnLock
	case "pnpm-lock.yaml":
		return pnpmLock
	case "pyproject.toml":
		return pyproject
	case "poetry.lock", "uv.lock", "pdm.lock":
		return tomlLock(PyPI)
	case "Cargo.toml":
		return cargoToml
	case "Cargo.lock":
		return tomlLock(Crates)
	case "pom.xml":
		return pom
	case "build.gradle", "build.gradle.kts":
		return gradle
	case "Gemfile":
		return gemfile
	case "Gemfile.lock":
		return gemfileLock
	case "composer.json":
		return composerJSON
	case "composer.lock":
		return composerLock
	case "go.sum":
		return unread(Go)
	case "bun.lock", "bun.lockb":
		return unread(NPM)
	}
	if strings.HasPrefix(name, "requirements") && strings.HasSuffix(name, ".txt") {
		return requirements
	}
	return nil
}

// unread takes note of a lock file of which only counts whether it changed along.
func unread(ecosystem string) parser {
	return func(s *Set, file string, _ []byte) error { s.lock(file, ecosystem, nil); return nil }
}

func (s *Set) parse(fsys fs.FS, file string, parse parser) {
	text, err := readFile(fsys, file, maxFile)
	if err == nil {
		err = parse(s, file, text)
	}
	if err != nil {
		s.problem(file, autonoma.MediumRisk, "its dependencies cannot be read")
		return
	}
	if n := len(s.locks); n > 0 && s.locks[n-1].file == file {
		s.locks[n-1].digest = fmt.Sprintf("%x", sha256.Sum256(text))
	}
}

// readFile reads a regular file of at most so many bytes.
func readFile(fsys fs.FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = errors.New("too large")
	}
	return text, err
}

func (s *Set) manifest(file, ecosystem string, wants []want) {
	s.manifests = append(s.manifests, manifest{file: file, ecosystem: ecosystem, wants: wants, noLock: ecosystem == Maven})
}

func (s *Set) lock(file, ecosystem string, pins []pin) {
	s.locks = append(s.locks, lock{file: file, ecosystem: ecosystem, pins: pins})
}

func (s *Set) problem(file string, risk autonoma.Risk, format string, args ...any) {
	s.problems = append(s.problems, Problem{File: file, What: fmt.Sprintf(format, args...), Risk: risk})
}

// lockOf returns the lock file that a manifest goes by: that of the nearest directory.
func (s *Set) lockOf(m manifest) *lock {
	var nearest *lock
	if strings.HasPrefix(path.Base(m.file), "requirements") {
		return nil
	}
	for i := range s.locks {
		l := &s.locks[i]
		if dir := path.Dir(l.file); l.ecosystem != m.ecosystem || !within(path.Dir(m.file), dir) ||
			l.ecosystem == Go && dir != path.Dir(m.file) || nearest != nil && len(dir) <= len(path.Dir(nearest.file)) {
			continue
		}
		nearest = l
	}
	return nearest
}

// within reports whether a directory is another or below it.
func within(dir, parent string) bool {
	return parent == "." || dir == parent || strings.HasPrefix(dir, parent+"/")
}

// resolve makes the list of dependencies out of what the files said.
func (s *Set) resolve() {
	wanted := map[string]map[string]bool{} // names, by lock file
	for _, m := range s.manifests {
		l := s.lockOf(m)
		for _, w := range m.wants {
			name := canonical(m.ecosystem, w.name)
			if w.own {
				continue
			}
			if l != nil && len(l.pins) > 0 {
				if wanted[l.file] == nil {
					wanted[l.file] = map[string]bool{}
				}
				wanted[l.file][name] = true
				continue
			}
			s.Deps = append(s.Deps, Dep{Ecosystem: m.ecosystem, Name: name, Version: w.version, File: m.file, Direct: !w.indirect})
		}
	}
	for _, l := range s.locks {
		for _, p := range l.pins {
			name := canonical(l.ecosystem, p.name)
			s.Deps = append(s.Deps, Dep{Ecosystem: l.ecosystem, Name: name, Version: p.version, File: l.file, Direct: wanted[l.file][name]})
		}
	}
	slices.SortFunc(s.Deps, func(a, b Dep) int {
		return cmp.Or(cmp.Compare(a.Ecosystem, b.Ecosystem), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version), cmp.Compare(a.File, b.File))
	})
	s.Deps = slices.Compact(s.Deps)
	if len(s.Deps) > maxDeps {
		s.problem(s.Deps[maxDeps].File, autonoma.MediumRisk, "there are too many dependencies to look at all of them")
		s.Deps = s.Deps[:maxDeps]
	}
}

// canonical returns the one spelling of a name by which a registry knows it.
func canonical(ecosystem, name string) string {
	switch ecosystem {
	case PyPI: // PEP 503
		name = strings.ToLower(name)
		return strings.Join(strings.FieldsFunc(name, func(r rune) bool { return r == '-' || r == '_' || r == '.' }), "-")
	case Packagist:
		return strings.ToLower(name)
	}
	return name
}
