package project

import (
	"bufio"
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// pythonTests is what the files of tests look like.
type pythonTests struct {
	files  []string        // as paths in the checkout
	pytest bool            // some of them are written for pytest
	loose  map[string]bool // directories with tests that unittest cannot reach from above, relative
	above  bool            // some tests can be reached
}

// findPythonTests looks at the files of tests below dir.
func findPythonTests(t *tree, dir string) pythonTests {
	const looked = 300
	tests := pythonTests{loose: map[string]bool{}}
	for _, file := range t.below(dir) {
		rel := relativeTo(dir, file.path)
		base := path.Base(rel)
		if aside(path.Dir(rel)) || path.Ext(base) != ".py" {
			continue
		}
		if base == "conftest.py" {
			tests.pytest = true
			continue
		}
		if base != "tests.py" && !strings.HasPrefix(base, "test_") && !strings.HasSuffix(base, "_test.py") {
			continue
		}
		tests.files = append(tests.files, file.path)
		if len(tests.files) > looked {
			continue
		}
		text, _ := t.read(file.path, maxText)
		tests.pytest = tests.pytest || writtenForPytest(text)
		if top := looseTop(t, dir, path.Dir(rel)); top != "" {
			tests.loose[top] = true
		} else {
			tests.above = true
		}
	}
	return tests
}

// writtenForPytest reports whether unittest would not find all tests in text.
func writtenForPytest(text []byte) bool {
	for line := range bytes.Lines(text) {
		for _, begin := range []string{"import pytest", "from pytest", "def test_", "async def test_"} {
			if bytes.HasPrefix(line, []byte(begin)) {
				return true
			}
		}
	}
	return false
}

// looseTop returns the outermost directory from which unittest finds the tests
// in rel when it cannot do so from dir: packages lead from there to rel.
func looseTop(t *tree, dir, rel string) string {
	top := rel
	for at := rel; at != "."; at = path.Dir(at) {
		if !t.has(path.Join(dir, at, "__init__.py")) {
			return at
		}
		top = path.Dir(at)
	}
	if top == "." {
		return ""
	}
	return top
}

// start returns the directory for unittest to begin at, "" for the one it is
// started in, if there is one from which it reaches all.
func (p pythonTests) start() (dir string, ok bool) {
	switch {
	case len(p.loose) == 0:
		return "", true
	case len(p.loose) == 1 && !p.above:
		for d := range p.loose {
			return d, true
		}
	}
	return "", false
}

// requirementFiles picks the files that name what running and testing needs.
func requirementFiles(t *tree, dir string) (files []string) {
	for _, n := range []string{"requirements.txt", "requirements/requirements.txt", "requirements/base.txt", "requirements/main.txt"} {
		if t.has(path.Join(dir, n)) {
			files = append(files, n)
			break
		}
	}
	for _, name := range developmentNames() {
		for _, n := range []string{"requirements-" + name, "requirements_" + name, name + "-requirements", name + "_requirements", "requirements/" + name} {
			if t.has(path.Join(dir, n+".txt")) {
				files = append(files, n+".txt")
			}
		}
	}
	return files
}

// isRequirements recognises the name of a requirement file, relative to its
// project.
func isRequirements(rel string) bool {
	dir, base := path.Split(rel)
	ext := path.Ext(base)
	return (ext == ".txt" || ext == ".in") && (dir == "requirements/" || dir == "" && strings.Contains(base, "requirements"))
}

// packageName returns the normalised name at the beginning of a requirement
// (PEP 508), "" if it is none: an option, an address, a comment.
func packageName(requirement string) string {
	requirement = strings.TrimSpace(requirement)
	end := strings.IndexFunc(requirement, func(r rune) bool {
		return !asciiAlnum(r) && r != '.' && r != '_' && r != '-'
	})
	if end < 0 {
		end = len(requirement)
	}
	name, rest := requirement[:end], strings.TrimSpace(requirement[end:])
	if name == "" || strings.ContainsAny(name[:1], "-._") || rest != "" && !strings.ContainsAny(rest[:1], "[<>=!~;@(#,\\") {
		return ""
	}
	return strings.ToLower(strings.NewReplacer("_", "-", ".", "-").Replace(name))
}

// An iniFile is sections with their keys; values of several lines are joined by
// newlines. Sections and keys that are not well-formed are left out.
type iniFile map[string]map[string]string

func readINI(text string) iniFile {
	file := iniFile{}
	header := regexp.MustCompile(`^\[([^\]]+)\]`)
	var section map[string]string
	key := ""
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		line := lines.Text()
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';':
		case header.MatchString(line):
			name := header.FindStringSubmatch(line)[1]
			if file[name] == nil {
				file[name] = map[string]string{}
			}
			section, key = file[name], ""
		case line[0] == ' ' || line[0] == '\t':
			if section != nil && key != "" {
				section[key] += "\n" + trimmed
			}
		case section != nil:
			i := strings.IndexAny(line, "=:")
			if key = ""; i > 0 {
				key = strings.TrimSpace(line[:i])
				section[key] = strings.TrimSpace(line[i+1:])
			}
		}
	}
	return file
}

// readTOML reads a manifest; ok is false when it is not valid.
func readTOML(t *tree, p string) (table map[string]any, ok bool) {
	text, ok := t.manifest(p)
	if !ok || toml.Unmarshal(text, &table) != nil {
		return nil, false
	}
	return table, true
}

// lookup walks down tables; what is not there is nil.
func lookup(table map[string]any, keys ...string) any {
	var v any = table
	for _, k := range keys {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[k]
	}
	return v
}

// keys returns the sorted keys of a table, nothing for any other value.
func keys(v any) []string {
	m, _ := v.(map[string]any)
	names := make([]string, 0, len(m))
	for k := range m {
		names = append(names, k)
	}
	slices.Sort(names)
	return names
}

// stringsOf returns the strings of a list, nothing for any other value.
func stringsOf(v any) (list []string) {
	items, _ := v.([]any)
	for _, item := range items {
		if s, ok := item.(string); ok {
			list = append(list, s)
		}
	}
	return list
}
