package effect

import (
	"path"
	"slices"
	"strings"

	"autonoma"
)

// OfChecks returns the effects of files that the commands name by which a change is
// checked: who changes them changes what the checks are.
func OfChecks(files []File, commands []string) []autonoma.Effect {
	var words []string
	for _, c := range commands {
		for _, word := range strings.FieldsFunc(c, func(r rune) bool { return strings.ContainsRune(" \t\n;&|()<>'\"", r) }) {
			switch word {
			case "make", "gmake":
				words = append(words, "Makefile", "makefile", "GNUmakefile")
			default:
				words = append(words, path.Clean(word))
			}
		}
	}
	var found []autonoma.Effect
	for _, f := range files {
		if slices.ContainsFunc(words, func(w string) bool { return f.Path == w || f.OldPath == w || strings.HasSuffix(f.Path, "/"+w) }) {
			found = append(found, autonoma.Effect{
				Kind: "checks", What: autonoma.Visible(strings.ToValidUTF8(f.Path, "�")), Why: "it decides what the checks of this very change do", Risk: autonoma.HighRisk,
			})
		}
	}
	return unique(found)
}
