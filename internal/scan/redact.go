package scan

import (
	"regexp"
	"slices"
	"strings"
)

// keyBlock is a private key over several lines, whole or cut off.
var keyBlock = regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----(?:[^-]*-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|(?:(?:\s|\\[nr])*[A-Za-z0-9+/=]{16,})+)`)

// Redact returns the text with each secret in it replaced by the name of its rule. It
// knows no path, so it takes for a secret what Secrets would in a source file.
func Redact(text string) string {
	text = keyBlock.ReplaceAllString(text, "[redacted: private_key]")
	var b strings.Builder
	b.Grow(len(text))
	for line := range strings.Lines(text) {
		b.WriteString(redactLine(line))
	}
	return b.String()
}

func redactLine(line string) string {
	all := slices.Collect(places(secretRules(), line))
	slices.SortStableFunc(all, func(a, b place) int { return a.from - b.from })
	var b strings.Builder
	done := 0
	for _, p := range all {
		if p.rule.also != nil {
			continue // a key block, which is gone already
		}
		if p.from >= done {
			b.WriteString(line[done:p.from] + "[redacted: " + p.rule.name + "]")
		}
		done = max(done, p.to)
	}
	return b.String() + line[done:]
}
