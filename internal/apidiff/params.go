package apidiff

import "strings"

// What strings stand between. In the second kind of languages ' means something else.
const (
	scriptQuotes = "\"'`"
	typedQuotes  = `"`
)

// enclosed returns what stands between the bracket that a text begins with and the one
// that closes it, and what follows. Without a closing one it is not ok.
func enclosed(text, quotes string) (inside, rest string, ok bool) {
	depth := 0
	quote := byte(0)
	for i := range min(len(text), 8_000) {
		c := text[i]
		switch {
		case quote != 0:
			if c == quote && text[i-1] != '\\' {
				quote = 0
			}
		case strings.IndexByte(quotes, c) >= 0:
			quote = c
		case strings.IndexByte("([{", c) >= 0:
			depth++
		case strings.IndexByte(")]}", c) >= 0:
			if depth--; depth == 0 {
				return text[1:i], text[i+1:], true
			}
		}
	}
	return "", "", false
}

// list cuts a list at the commas that are not within brackets or strings.
func list(text, quotes string) []string {
	var all []string
	depth, start := 0, 0
	quote := byte(0)
	for i := range len(text) {
		switch c := text[i]; {
		case quote != 0:
			if c == quote && text[i-1] != '\\' {
				quote = 0
			}
		case strings.IndexByte(quotes, c) >= 0:
			quote = c
		case strings.IndexByte("([{<", c) >= 0:
			depth++
		case c == '>' && i > 0 && (text[i-1] == '=' || text[i-1] == '-'): // an arrow
		case strings.IndexByte(")]}>", c) >= 0:
			depth--
		case c == ',' && depth == 0:
			all = append(all, strings.TrimSpace(text[start:i]))
			start = i + 1
		}
	}
	if last := strings.TrimSpace(text[start:]); last != "" {
		all = append(all, last)
	}
	return all
}

// oneLine collapses white space.
func oneLine(s string) string {
	return strings.Join(strings.Fields(s), " ")
}
