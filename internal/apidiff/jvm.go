package apidiff

import (
	"path"
	"regexp"
	"strings"
)

var (
	javaType   = regexp.MustCompile(`(?m)^\s*public\s+(?:(?:abstract|final|static|sealed|non-sealed|strictfp)\s+)*(class|interface|enum|record|@interface)\s+(\w+)`)
	javaMethod = regexp.MustCompile(`(?m)^\s*public\s+(?:(?:abstract|final|static|synchronized|default|native)\s+)*(?:<[^>\n]+>\s+)?(?:([\w.<>\[\],? ]+?)\s+)?(\w+)\s*\(`)
	javaField  = regexp.MustCompile(`(?m)^\s*public\s+(?:(?:static|final|volatile)\s+)*([\w.<>\[\],? ]+?)\s+(\w+)\s*[=;]`)
	kotlinDef  = regexp.MustCompile(`(?m)^( {0,4})((?:(?:public|private|protected|internal|open|abstract|override|suspend|data|sealed|inline|enum|annotation|operator|infix|final|value|tailrec)\s+)*)(class|interface|object|fun)\s+(?:<[^>\n]+>\s+)?([\w.]+)`)
	annotated  = regexp.MustCompile(`@\w+(?:\([^)]*\))?\s*`)
)

// javaExports adds the public types of a file, and its public methods by name and types
// of parameters, as members of the file's own type.
func javaExports(file, text string, into api) error {
	owner := strings.TrimSuffix(path.Base(file), path.Ext(file))
	types := javaType.FindAllStringSubmatch(text, -1)
	for _, m := range types {
		name := m[2]
		if name != owner {
			name = owner + "." + name
		}
		into[name] = symbol{path: file, kind: "a " + m[1]}
	}
	if len(types) == 0 {
		return nil // what it has is for its package
	}
	for _, at := range javaMethod.FindAllStringSubmatchIndex(text, -1) {
		inside, _, ok := enclosed(text[at[1]-1:], typedQuotes)
		if !ok {
			continue
		}
		s := symbol{path: file, kind: "a method"}
		if at[2] >= 0 {
			s.result = oneLine(text[at[2]:at[3]])
		}
		into[owner+"."+text[at[4]:at[5]]+"("+javaTypes(inside)+")"] = s
	}
	for _, m := range javaField.FindAllStringSubmatch(text, -1) {
		into[owner+"."+m[2]] = symbol{path: file, kind: "a field", result: oneLine(m[1])}
	}
	return nil
}

// javaTypes returns the types of parameters, without their names.
func javaTypes(inside string) string {
	var types []string
	for _, p := range list(annotated.ReplaceAllString(inside, ""), typedQuotes) {
		p = strings.TrimPrefix(oneLine(p), "final ")
		if at := strings.LastIndex(p, " "); at > 0 {
			p = p[:at]
		}
		types = append(types, p)
	}
	return strings.Join(types, ", ")
}

// kotlinExports adds types and functions, at the top and within a type, that are not
// kept to a file or module.
func kotlinExports(file, text string, into api) error {
	owner, hidden := "", false
	for _, at := range kotlinDef.FindAllStringSubmatchIndex(text, -1) {
		modifiers, kind, name := " "+text[at[4]:at[5]], text[at[6]:at[7]], text[at[8]:at[9]]
		kept := strings.Contains(modifiers, "private ") || strings.Contains(modifiers, "internal ") || strings.Contains(modifiers, "protected ")
		switch inner := at[2] < at[3]; {
		case !inner && kind != "fun":
			owner, hidden = name, kept
		case !inner:
			owner, hidden = "", kept
		case owner == "":
			continue // within a function
		default:
			name = owner + "." + name
		}
		if kept || hidden {
			continue
		}
		s := symbol{path: file, kind: "a " + kind}
		if kind == "fun" {
			s.kind = "a function"
			s.params, s.callable = kotlinParams(text[at[9]:])
		}
		into[name] = s
	}
	return nil
}

func kotlinParams(text string) ([]param, bool) {
	if !strings.HasPrefix(text, "(") {
		return nil, false
	}
	inside, _, ok := enclosed(text, typedQuotes)
	if !ok {
		return nil, false
	}
	var all []param
	for _, p := range list(annotated.ReplaceAllString(inside, ""), typedQuotes) {
		head, value, _ := strings.Cut(p, " = ")
		name, kind, _ := strings.Cut(head, ":")
		all = append(all, param{key: oneLine(kind), name: oneLine(name), optional: value != "" || strings.HasPrefix(name, "vararg ")})
	}
	return all, true
}
