package apidiff

import (
	"regexp"
	"strings"
)

var (
	rustItem  = regexp.MustCompile(`(?m)^([ \t]*)(?:(pub)\s+(?:(?:const|async|unsafe|extern\s+"[^"]*")\s+)*(fn|struct|enum|union|trait|const|static|type|mod)\s+(?:mut\s+)?(\w+)|pub\s+(\w+)\s*:\s*([^,\n]+),|(?:unsafe\s+)?impl\b([^{\n]*))`)
	rustOwner = regexp.MustCompile(`(?:\bfor\s+)?(\w+)(?:<[^{]*>)?\s*(?:where\b.*)?$`)
)

// rustExports adds what is pub in a file: items, methods with their types, and fields.
// What is pub(crate) is not.
func rustExports(file, text string, into api) error {
	owner := ""
	for _, at := range rustItem.FindAllStringSubmatchIndex(text, -1) {
		group := func(i int) string {
			if at[2*i] < 0 {
				return ""
			}
			return text[at[2*i]:at[2*i+1]]
		}
		indented, kind, name := group(1) != "", group(3), group(4)
		switch {
		case at[14] >= 0: // impl
			owner = ""
			if m := rustOwner.FindStringSubmatch(strings.TrimSpace(group(7))); m != nil {
				owner = m[1]
			}
			continue
		case group(5) != "": // a field
			if owner != "" && indented {
				into[owner+"."+group(5)] = symbol{path: file, kind: "a field", result: oneLine(group(6))}
			}
			continue
		case !indented:
			owner = ""
			if kind == "struct" || kind == "union" {
				owner = name
			}
		case owner != "":
			name = owner + "." + name
		}
		s := symbol{path: file, kind: "a " + kind}
		if kind == "fn" {
			s.params, s.result, s.callable = rustParams(text[at[9]:])
		}
		into[name] = s
	}
	return nil
}

// rustParams returns the types of parameters and of the result; a receiver is one.
func rustParams(text string) (all []param, result string, ok bool) {
	open := strings.IndexByte(text, '(')
	if open < 0 || open > 500 {
		return nil, "", false
	}
	inside, rest, ok := enclosed(text[open:], typedQuotes)
	if !ok {
		return nil, "", false
	}
	for _, p := range list(inside, typedQuotes) {
		name, kind, typed := strings.Cut(p, ":")
		if !typed {
			kind = name // self
		}
		all = append(all, param{key: oneLine(kind), name: oneLine(name)})
	}
	rest = rest[:min(len(rest), 500)]
	if at := strings.IndexAny(rest, "{;"); at >= 0 {
		rest = rest[:at]
	}
	rest, _, _ = strings.Cut(rest, "where")
	return all, "(" + strings.TrimSpace(strings.TrimPrefix(oneLine(rest), "->")) + ")", true
}
