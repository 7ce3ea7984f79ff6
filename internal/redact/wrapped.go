package redact

import "strings"

// narrow is the least width of lines that are taken for a text that was wrapped, as
// programs for base64 do at 64 and 76 letters.
const narrow = 40

// wrapped takes the secrets out of those parts of a text in which letters go on over
// the ends of lines. A mark takes the place of those ends as well.
func (r *Redactor) wrapped(text string) string {
	var b strings.Builder
	done := 0
	for from, to := block(text, 0); from >= 0; from, to = block(text, to) {
		part := text[from:to]
		joined := strings.NewReplacer("\r\n", "", "\n", "").Replace(part)
		if at, _ := r.next(joined, 0); at < 0 {
			continue
		}
		b.WriteString(text[done:from])
		b.WriteString(r.rejoined(part, joined))
		done = to
	}
	if done == 0 {
		return text
	}
	b.WriteString(text[done:])
	return b.String()
}

// rejoined is a part without the secrets that are in it once its lines are joined.
func (r *Redactor) rejoined(part, joined string) string {
	var b strings.Builder
	in, out := 0, 0 // how far it was gone through, as it is and joined
	copyTo := func(n int, keep bool) {
		for out < n {
			c := part[in]
			in++
			if c != '\n' && c != '\r' {
				out++
			}
			if keep {
				b.WriteByte(c)
			}
		}
	}
	for at, found := r.next(joined, 0); at >= 0; at, found = r.next(joined, out) {
		copyTo(at, true)
		b.WriteString(found.mark)
		copyTo(at+len(found.text), false)
	}
	b.WriteString(part[in:])
	return b.String()
}

// block returns where, from an index on, the next part of a text is in which letters
// go on over the ends of lines, or -1.
func block(text string, from int) (start, end int) {
	for at := from; ; {
		n := strings.IndexByte(text[at:], '\n')
		if n < 0 {
			return -1, 0
		}
		at += n + 1
		if start = wide(strings.TrimSuffix(text[from:at-1], "\r")); start < 0 || at >= len(text) || !letter(text[at]) {
			continue
		}
		for end = at; end < len(text) && (letter(text[end]) || text[end] == '\n' || text[end] == '\r'); {
			end++
		}
		return from + start, end
	}
}

// folded reports whether there could be such a part in a string of a document.
func folded(doc string) bool {
	for from := 0; ; {
		n := strings.Index(doc[from:], `\n`)
		if n < 0 {
			return false
		}
		if wide(strings.TrimSuffix(doc[from:from+n], `\r`)) >= 0 {
			return true
		}
		from += n + len(`\n`)
	}
}

// wide returns where the letters begin with which a text ends, or -1 if they are fewer
// than are worth to be wrapped.
func wide(text string) int {
	start := len(text)
	for start > 0 && letter(text[start-1]) {
		start--
	}
	if len(text)-start < narrow {
		return -1
	}
	return start
}

// letter reports whether c is one of base64 or of what is percent-encoded.
func letter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '+' || c == '/' || c == '-' || c == '_' || c == '=' || c == '%'
}
