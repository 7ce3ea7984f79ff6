package workspace

import (
	"regexp"
	"strings"
)

// ignored reports whether git ignores the untracked thing at path, given that
// it does not ignore the directory path is in.
func (s *scope) ignored(path, name string, isDir bool) bool {
	for ; s != nil; s = s.above {
		for i := len(s.ignore) - 1; i >= 0; i-- {
			if p := &s.ignore[i]; p.matches(path[len(s.path):], name, isDir) {
				return !p.negated
			}
		}
	}
	return false
}

// A pattern is a line of a .gitignore.
type pattern struct {
	negated bool // the line began with !
	dirOnly bool // it ended in a slash
	whole   bool // it is compared with the path, not with the last name in it

	literal string         // what it has to equal, or
	suffix  string         // what it has to end in, or
	expr    *regexp.Regexp // what it has to match
}

func (p *pattern) matches(path, name string, isDir bool) bool {
	if p.dirOnly && !isDir {
		return false
	}
	subject := name
	if p.whole {
		subject = path
	}
	switch {
	case p.expr != nil:
		return p.expr.MatchString(bytewise(subject))
	case p.suffix != "":
		return strings.HasSuffix(subject, p.suffix)
	}
	return subject == p.literal
}

// parseIgnore reads a .gitignore.
func parseIgnore(data []byte) []pattern {
	var patterns []pattern
	text := strings.TrimPrefix(string(data), "\uFEFF")
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		line = strings.TrimSuffix(line, "\r")
		if p, ok := parsePattern(line); ok {
			patterns = append(patterns, p)
		}
	}
	return patterns
}

func parsePattern(line string) (p pattern, ok bool) {
	if line == "" || line[0] == '#' {
		return p, false
	}
	if line[0] == '!' {
		p.negated, line = true, line[1:]
	}
	line = trimSpaces(line)
	if strings.HasSuffix(line, "/") {
		p.dirOnly, line = true, line[:len(line)-1]
	}
	if line == "" {
		return p, false
	}
	p.whole = strings.Contains(line, "/")
	line = strings.TrimPrefix(line, "/")
	switch {
	case !strings.ContainsAny(line, `*?[\`):
		p.literal = line
	case !p.whole && line[0] == '*' && len(line) > 1 && !strings.ContainsAny(line[1:], `*?[\`):
		p.suffix = line[1:]
	default:
		expr, valid := globExpr(line)
		if !valid {
			return p, false
		}
		p.expr = expr
	}
	return p, true
}

// trimSpaces removes spaces at the end that no backslash protects.
func trimSpaces(line string) string {
	end := len(line)
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case ' ':
			continue
		case '\\':
			i++
		}
		end = min(i+1, len(line))
	}
	if strings.Trim(line, " ") == "" {
		end = 0
	}
	return line[:end]
}

// bytewise returns s with a rune for each byte, so that an expression sees
// bytes, as git does, whatever the encoding.
func bytewise(s string) string {
	for i := range len(s) {
		if s[i] >= 0x80 {
			runes := make([]rune, len(s))
			for i := range len(s) {
				runes[i] = rune(s[i])
			}
			return string(runes)
		}
	}
	return s
}
