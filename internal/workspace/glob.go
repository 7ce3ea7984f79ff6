package workspace

import (
	"fmt"
	"regexp"
	"strings"
)

// globExpr translates a pattern of git's, in which * and ? stop at slashes and
// ** as a whole name does not, into an expression over bytes as runes. An
// expression matches in linear time, whatever a stranger wrote. A pattern that
// can match nothing is not valid.
func globExpr(glob string) (*regexp.Regexp, bool) {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	for i := 0; i < len(glob); {
		n, ok := globToken(&b, glob, i)
		if !ok {
			return nil, false
		}
		i += n
	}
	b.WriteString(`\z`)
	expr, err := regexp.Compile(b.String())
	return expr, err == nil
}

// globToken translates what begins at i and returns how long that is.
func globToken(b *strings.Builder, glob string, i int) (n int, ok bool) {
	switch c := glob[i]; c {
	case '*':
		return stars(b, glob, i), true
	case '?':
		b.WriteString(`[^/]`)
		return 1, true
	case '[':
		return class(b, glob, i)
	case '\\':
		if i+1 == len(glob) {
			return 0, false
		}
		literalByte(b, glob[i+1])
		return 2, true
	default:
		literalByte(b, c)
		return 1, true
	}
}

func literalByte(b *strings.Builder, c byte) {
	if c < 0x80 {
		b.WriteString(regexp.QuoteMeta(string(rune(c))))
		return
	}
	fmt.Fprintf(b, `\x{%x}`, c)
}

// stars translates the run of stars at i. Two or more are special only if they
// are a whole name.
func stars(b *strings.Builder, glob string, i int) int {
	n := 1
	for i+n < len(glob) && glob[i+n] == '*' {
		n++
	}
	rest := glob[i+n:]
	alone := n >= 2 && (i == 0 || glob[i-1] == '/')
	switch {
	case alone && rest == "":
		b.WriteString(`.*`)
	case alone && strings.HasPrefix(rest, "/"):
		b.WriteString(`(?:.*/)?`)
		n++
	default:
		b.WriteString(`[^/]*`)
	}
	return n
}

var posixClasses = map[string]string{
	"alpha": "A-Za-z", "digit": "0-9", "alnum": "A-Za-z0-9", "upper": "A-Z", "lower": "a-z",
	"space": `\t-\r `, "blank": `\t `, "punct": "!-/:-@\\[-`{-~", "xdigit": "0-9A-Fa-f",
	"cntrl": `\x00-\x1f\x7f`, "graph": "!-~", "print": " -~",
}

// class translates the bracket expression at i. It never matches a slash.
func class(b *strings.Builder, glob string, i int) (n int, ok bool) {
	j := i + 1
	negated := j < len(glob) && (glob[j] == '!' || glob[j] == '^')
	if negated {
		j++
	}
	var set [256]bool
	for first := true; ; first = false {
		if j >= len(glob) {
			return 0, false
		}
		if glob[j] == ']' && !first {
			break
		}
		if name, size := posixClass(glob[j:]); size > 0 {
			if name == "" {
				return 0, false
			}
			addClass(&set, name)
			j += size
			continue
		}
		from, size, valid := classByte(glob[j:])
		if !valid {
			return 0, false
		}
		j += size
		to := from
		if j+1 < len(glob) && glob[j] == '-' && glob[j+1] != ']' {
			if to, size, valid = classByte(glob[j+1:]); !valid {
				return 0, false
			}
			j += 1 + size
		}
		for c := int(from); c <= int(to); c++ {
			set[c] = true
		}
	}
	writeSet(b, &set, negated)
	return j + 1 - i, true
}

func classByte(s string) (c byte, size int, ok bool) {
	if s == "" {
		return 0, 0, false
	}
	if s[0] != '\\' {
		return s[0], 1, true
	}
	if len(s) < 2 {
		return 0, 0, false
	}
	return s[1], 2, true
}

// posixClass returns the translation of a [:name:] that s begins with, and its
// length; the translation is empty if there is no such class.
func posixClass(s string) (ranges string, size int) {
	if !strings.HasPrefix(s, "[:") {
		return "", 0
	}
	name, _, found := strings.Cut(s[2:], ":]")
	if !found || strings.ContainsAny(name, "]") {
		return "", 0
	}
	return posixClasses[name], len(name) + 4
}

func addClass(set *[256]bool, ranges string) {
	expr := regexp.MustCompile("[" + ranges + "]") // one of posixClasses
	for c := range 128 {
		if expr.MatchString(string(rune(c))) {
			set[c] = true
		}
	}
}

func writeSet(b *strings.Builder, set *[256]bool, negated bool) {
	b.WriteByte('[')
	empty := true
	for c := range 256 {
		if set[c] != negated && c != '/' {
			fmt.Fprintf(b, `\x{%x}`, c)
			empty = false
		}
	}
	if empty { // a class without members matches nothing
		b.WriteString(`^\x{0}-\x{10FFFF}`)
	}
	b.WriteByte(']')
}
