// Package knowledge says what is worth remembering of a repository, and which of it a
// run is told.
//
// What is remembered comes from the repository's history ([OfHistory]), from what runs
// came to ([OfRun]) and from what people did not want ([OfRefusal]). All of it is short,
// without secrets, and data: whoever shows it to a model marks it so.
//
// The package keeps nothing. The same texts make the same knowledge, under the same
// name, so what is found once more takes the place of what was found before.
package knowledge

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"

	"autonoma"
	"autonoma/internal/scan"
)

// name names knowledge by what tells it from others of its kind.
func name(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:12])
}

// Plain makes one line of a text that somebody else wrote: without secrets, and with no
// more than so many bytes.
func Plain(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, scan.Redact(strings.ToValidUTF8(text, "?")))
	text = strings.Join(strings.Fields(text), " ")
	const dots = "…"
	if len(text) <= most {
		return text
	}
	return strings.TrimSpace(strings.ToValidUTF8(text[:max(0, most-len(dots))], "")) + dots
}

// fit cuts the parts of k to what is kept.
func fit(k autonoma.Knowledge) autonoma.Knowledge {
	k.Text = Plain(k.Text, autonoma.MaxKnowledge)
	var paths []string
	for _, p := range k.Paths {
		if len(p) <= autonoma.MaxKnowledgePath && Plain(p, autonoma.MaxKnowledgePath) == p && len(paths) < autonoma.MaxKnowledgePaths {
			paths = append(paths, p)
		}
	}
	k.Paths = paths
	return k
}
