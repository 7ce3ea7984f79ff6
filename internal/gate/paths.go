package gate

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// testFile is how files of tests are called, by the customs of their languages.
var testFile = regexp.MustCompile(`(?:_test\.(?:go|py|rb|exs|dart)|_spec\.rb|\.(?:test|spec)\.[cm]?[jt]sx?|(?:Test|Tests|IT|Spec)\.(?:java|kt|cs|php|scala|swift))$`)

// code are the endings of files that hold programs.
var code = []string{
	".go", ".py", ".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".rs", ".java", ".kt", ".rb", ".php", ".cs", ".c", ".h",
	".cc", ".cpp", ".hpp", ".swift", ".scala", ".sh", ".sql", ".vue", ".svelte",
}

// isTest reports whether a path is that of tests.
func isTest(p string) bool {
	dir, base := path.Split(p)
	if testFile.MatchString(base) || strings.HasSuffix(base, ".py") && (strings.HasPrefix(base, "test_") || base == "conftest.py") {
		return true
	}
	for _, d := range strings.Split(dir, "/") {
		switch d {
		case "test", "tests", "__tests__", "spec", "specs":
			return slices.Contains(code, path.Ext(base))
		}
	}
	return false
}

var lockFiles = []string{
	"go.sum", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "Cargo.lock", "poetry.lock",
	"uv.lock", "Pipfile.lock", "pdm.lock", "Gemfile.lock", "composer.lock", "gradle.lockfile", "packages.lock.json", "mix.lock",
}

// isLock reports whether a program writes the file from a manifest.
func isLock(p string) bool { return slices.Contains(lockFiles, path.Base(p)) }

var manifests = []string{
	"go.mod", "go.work", "package.json", "Cargo.toml", "pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "Pipfile",
	"Gemfile", "composer.json", "pom.xml", "build.gradle", "build.gradle.kts", "CMakeLists.txt", "Makefile",
}

func isManifest(p string) bool { return slices.Contains(manifests, path.Base(p)) }

var docNames = regexp.MustCompile(`(?i)^(?:readme|changelog|changes|history|news|contributing)\b`)

// isDoc reports whether a file is there for people to read.
func isDoc(p string) bool {
	ext := strings.ToLower(path.Ext(p))
	return docNames.MatchString(path.Base(p)) || ext == ".md" || ext == ".rst" || ext == ".adoc" || under(p, "docs") || under(p, "doc")
}

// under reports whether one of the directories of a path has the name.
func under(p string, names ...string) bool {
	parts := strings.Split(path.Dir(p), "/")
	return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(parts, n) })
}

var generatedMark = regexp.MustCompile(`(?m)^\W*(?:Code generated .* DO NOT EDIT|@generated\b|.{0,60}\bauto-?generated\b.{0,60}\bdo not (?:edit|modify)\b)`)

// isGenerated reports whether a file says that a program writes it.
func isGenerated(data []byte) bool {
	return generatedMark.Match(data[:min(len(data), 2000)])
}

// word is what may be the name of a file in a text.
var word = regexp.MustCompile(`[\w./@+-]*\w`)

// mentions returns the words of a text that may name files.
func mentions(text string) map[string]bool {
	words := map[string]bool{}
	for _, w := range word.FindAllString(text, -1) {
		if strings.ContainsAny(w, "./") {
			w = strings.TrimPrefix(strings.TrimPrefix(w, "./"), "/workspace/")
			words[strings.TrimRight(w, "/")] = true
		}
	}
	return words
}

// named reports whether one of the words is the path, its last part, or one of its
// directories.
func named(words map[string]bool, p string) bool {
	if words[p] || words[path.Base(p)] && strings.Contains(path.Base(p), ".") {
		return true
	}
	for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
		if words[dir] && strings.Contains(dir, "/") {
			return true
		}
	}
	return false
}
