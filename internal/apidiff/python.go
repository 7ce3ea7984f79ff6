package apidiff

import (
	"path"
	"regexp"
	"strings"
)

var (
	pyDef    = regexp.MustCompile(`(?m)^( {4}|\t)?(?:async\s+)?(def|class)\s+([A-Za-z_]\w*)`)
	pyAll    = regexp.MustCompile(`(?m)^__all__\s*(?::[^=\n]*)?\+?=\s*[\[(]([^\])]*)[\])]`)
	pyImport = regexp.MustCompile(`(?m)^from\s+(\S+)\s+import\s+(?:\(([^)]*)\)|([^\n(#]+))`)
	pyQuoted = regexp.MustCompile(`["'](\w+)["']`)
)

// pythonExports adds the functions, classes and methods at the top of a module whose
// names have no underscore; if it has __all__, those that are in it. Parameters count by
// name, for callers may use it. What a module imports can be had of it as well, which
// keeps what was moved; a package offers what its __init__.py imports from within it.
func pythonExports(file, text string, into api) error {
	named := map[string]bool{}
	for _, m := range pyAll.FindAllStringSubmatch(text, -1) {
		for _, q := range pyQuoted.FindAllStringSubmatch(m[1], -1) {
			named[q[1]] = true
		}
	}
	public := func(name string) bool {
		return len(named) > 0 && named[name] || len(named) == 0 && !strings.HasPrefix(name, "_")
	}
	owner := ""
	for _, at := range pyDef.FindAllStringSubmatchIndex(text, -1) {
		name, kind := text[at[6]:at[7]], text[at[4]:at[5]]
		inner := at[2] >= 0
		switch {
		case !inner:
			owner = ""
			if kind == "class" {
				owner = name
			}
			if !public(name) {
				continue
			}
		case owner == "" || !public(owner) || strings.HasPrefix(name, "_") && name != "__init__":
			continue
		default:
			name = owner + "." + name
		}
		s := symbol{path: file, kind: map[string]string{"def": "a function", "class": "a class"}[kind]}
		if kind == "def" {
			s.params, s.callable = pyParams(text[at[7]:], inner)
		}
		into[name] = s
	}
	for name := range named {
		if _, ok := into[name]; !ok {
			into[name] = symbol{path: file}
		}
	}
	for _, m := range pyImport.FindAllStringSubmatch(text, -1) {
		for _, n := range list(m[2]+m[3], scriptQuotes) {
			n = scriptName(n)
			if _, ok := into[n]; !ok && n != "" && public(n) {
				into[n] = symbol{path: file, imported: !(strings.HasPrefix(m[1], ".") && path.Base(file) == "__init__.py")}
			}
		}
	}
	return nil
}

func pyParams(text string, method bool) ([]param, bool) {
	open := strings.IndexByte(text, '(')
	if open < 0 || open > 200 {
		return nil, false
	}
	inside, _, ok := enclosed(text[open:], scriptQuotes)
	if !ok {
		return nil, false
	}
	var all []param
	byName := false
	for i, p := range list(inside, scriptQuotes) {
		head, value, _ := strings.Cut(p, "=")
		name, _, _ := strings.Cut(head, ":")
		name = strings.TrimSpace(name)
		rest := strings.HasPrefix(name, "*") // of all others, or a mere sign that names follow
		if !(method && i == 0 && (name == "self" || name == "cls") || name == "*" || name == "/") {
			all = append(all, param{key: name, name: name, optional: value != "" || rest, byName: byName || rest})
		}
		byName = byName || rest
	}
	return all, true
}
