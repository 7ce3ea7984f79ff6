package forge

import (
	"regexp"
	"strings"
	"unicode"
)

// gap is a space without width: it is not seen, and nothing is recognised across it.
const gap = "\u200b"

// What forges act on in the text of a pull request, with the place for a gap: people
// who are mentioned are told, issues that are named are linked and closed, lines that
// begin with a slash are orders, and what a link or an image leads to is loaded.
var acts = []struct {
	form *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`&([A-Za-z#])`), "&" + gap + "$1"}, // signs by their names in HTML
	{regexp.MustCompile(`@`), "@" + gap},
	{regexp.MustCompile(`([#!&$%~])(\d)`), "$1" + gap + "$2"},       // issues, merge requests, and the like
	{regexp.MustCompile(`\b([A-Za-z]\w*-)(\d)`), "$1" + gap + "$2"}, // GH-1, and issues of trackers elsewhere
	{regexp.MustCompile(`(?m)^(\W*)/`), "$1" + gap + "/" + gap},     // orders
	{regexp.MustCompile(`//`), "/" + gap + "/"},                     // URLs
	{regexp.MustCompile(`(?i)\b(www)\.`), "$1" + gap + "."},
	{regexp.MustCompile(`\]([(\[:])`), "]" + gap + "$1"}, // links with a text
	{regexp.MustCompile(`<`), "<" + gap},                 // HTML
	{regexp.MustCompile(`\[([ xX])\]`), "[" + gap + "$1]"},
}

// Quiet returns a text, fit to stand in the title or the body of a pull request
// without a forge acting on it. It reads the same to people, and its Markdown is
// kept, but for links, images, HTML and boxes to tick.
func Quiet(text string) string {
	text = strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && !unicode.IsGraphic(r) { // control characters, and those that turn the direction of text
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	for _, a := range acts {
		text = a.form.ReplaceAllString(text, a.with)
	}
	return text
}
