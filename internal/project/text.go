package project

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// quoted returns s as one word for sh. What comes out of a manifest must never
// become more than a word of the command it is put into.
func quoted(s string) string {
	odd := func(r rune) bool { return !asciiAlnum(r) && !strings.ContainsRune("_-./:@+,%=", r) }
	if s != "" && strings.IndexFunc(s, odd) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func asciiAlnum(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// printable returns a name that may come from anywhere as one that cannot break
// out of its line.
func printable(name string) string {
	if utf8.ValidString(name) && strings.IndexFunc(name, func(r rune) bool { return !unicode.IsPrint(r) || r == '`' || r == '"' }) < 0 {
		return name
	}
	return strconv.Quote(name)
}

// oneLine collapses white space and cuts s to at most limit bytes.
func oneLine(s string, limit int) string {
	s = strings.ToValidUTF8(strings.Join(strings.Fields(s), " "), "\ufffd")
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '\ufffd'
	}, s)
	if len(s) <= limit {
		return s
	}
	return cutRunes(s, max(0, limit-len("…"))) + "…"
}

// cutRunes returns the longest beginning of s that has at most n bytes and ends
// between runes.
func cutRunes(s string, n int) string {
	if n >= len(s) {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
