package apidiff

import (
	"regexp"
	"strings"
)

var (
	scriptExport = regexp.MustCompile(`(?m)^export\s+(?:declare\s+)?(default\s+)?(?:abstract\s+)?(async\s+)?(function|class|interface|type|enum|const\s+enum|const|let|var|namespace)\b\s*\*?\s*([A-Za-z_$][\w$]*)`)
	scriptNames  = regexp.MustCompile(`(?m)^export\s+(?:type\s+)?\{([^}]*)\}`)
	scriptOld    = regexp.MustCompile(`(?m)^(?:module\.)?exports\.([A-Za-z_$][\w$]*)\s*=[^=]`)
	scriptWhole  = regexp.MustCompile(`(?m)^module\.exports\s*=\s*\{([^}]*)\}`)
	scriptAny    = regexp.MustCompile(`(?m)^export\s+default\b`)
	arrow        = regexp.MustCompile(`^\s*=\s*(?:async\s*)?\(`)
)

// scriptExports adds what a module of JavaScript or TypeScript exports by name, and its
// default. Of functions the types of parameters count, and how many must be given.
func scriptExports(file, text string, into api) error {
	for _, at := range scriptExport.FindAllStringSubmatchIndex(text, -1) {
		s := symbol{path: file, kind: strings.Join(strings.Fields("a "+text[at[6]:at[7]]), " ")}
		name := text[at[8]:at[9]]
		if at[2] >= 0 {
			name = "default"
		}
		rest := text[at[9]:]
		if at := arrow.FindStringIndex(rest); at != nil && s.kind == "a const" {
			s.kind, rest = "a function", rest[at[1]-1:]
		}
		if s.kind == "a function" {
			s.params, s.callable = scriptParams(rest)
		} else if s.kind == "a let" || s.kind == "a var" || s.kind == "a const" {
			s.kind = "a value"
		}
		if had, ok := into[name]; !ok || !had.callable || len(s.params) > len(had.params) {
			into[name] = s // of overloads the one that takes most
		}
	}
	if _, ok := into["default"]; !ok && scriptAny.MatchString(text) {
		into["default"] = symbol{path: file}
	}
	for _, pattern := range []*regexp.Regexp{scriptNames, scriptWhole} {
		for _, m := range pattern.FindAllStringSubmatch(text, -1) {
			for _, n := range list(m[1], scriptQuotes) {
				if name := scriptName(n); name != "" {
					into[name] = symbol{path: file}
				}
			}
		}
	}
	for _, m := range scriptOld.FindAllStringSubmatch(text, -1) {
		into[m[1]] = symbol{path: file}
	}
	return nil
}

var word = regexp.MustCompile(`^[A-Za-z_$][\w$]*$`)

// scriptName returns the name under which an entry of a list is exported: a, a as b,
// type a, a: value.
func scriptName(entry string) string {
	entry = strings.TrimPrefix(oneLine(entry), "type ")
	if _, as, ok := strings.Cut(entry, " as "); ok {
		entry = as
	}
	entry, _, _ = strings.Cut(entry, ":")
	if !word.MatchString(entry) {
		return ""
	}
	return entry
}

func scriptParams(text string) ([]param, bool) {
	open := strings.IndexByte(text, '(')
	if open < 0 || open > 500 {
		return nil, false
	}
	inside, _, ok := enclosed(text[open:], scriptQuotes)
	if !ok {
		return nil, false
	}
	var all []param
	for _, p := range list(inside, scriptQuotes) {
		head, value, _ := strings.Cut(p, "=")
		if strings.HasPrefix(value, ">") { // an arrow within a type
			head, value = p, ""
		}
		name, kind, _ := strings.Cut(head, ":")
		if strings.HasPrefix(p, "{") || strings.HasPrefix(p, "[") {
			name, kind = "", ""
		}
		name = strings.TrimSpace(name)
		all = append(all, param{key: oneLine(kind), name: strings.TrimSuffix(name, "?"),
			optional: value != "" || strings.HasSuffix(name, "?") || strings.HasPrefix(name, "...")})
	}
	return all, true
}
