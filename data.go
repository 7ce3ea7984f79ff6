package autonoma

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Letters of other scripts that look like those of a mark. They are those that fonts
// draw nearly alike; 1D400 to 1D7FF are the letters of mathematics.
const (
	likeLess  = `[<\x{ff1c}\x{fe64}\x{2039}\x{2329}\x{3008}\x{27e8}\x{276e}\x{276c}\x{02c2}\x{1438}\x{227a}\x{00ab}]`
	likeSlash = `[/\x{ff0f}\x{2215}\x{2044}\x{29f8}\x{2571}\x{ff3c}\\]`
	likeD     = `[d\x{ff44}\x{ff24}\x{0501}\x{0500}\x{217e}\x{216e}\x{056a}\x{13a0}\x{15de}\x{1d400}-\x{1d7ff}]\p{M}*`
	likeA     = `[a\x{ff41}\x{ff21}\x{0430}\x{0410}\x{0251}\x{03b1}\x{0391}\x{13aa}\x{15c5}\x{1d400}-\x{1d7ff}]\p{M}*`
	likeT     = `[t\x{ff54}\x{ff34}\x{0442}\x{0422}\x{03c4}\x{03a4}\x{13a2}\x{1d400}-\x{1d7ff}]\p{M}*`
)

// dataMark is what begins or ends a block of data, or looks like it, and must not do so
// within one.
var dataMark = regexp.MustCompile(`(?i)` + likeLess + `([\s\p{Z}]*` + likeSlash + `?[\s\p{Z}]*` + likeD + likeA + likeT + likeA + `)`)

// Data marks text for a prompt as data: what agents may use and must not obey. The block
// ends at its own mark and nowhere before: what would end it or begin another is made
// harmless, and so is what only looks like that. What nobody sees is shown as by
// [Visible].
func Data(from, text string) string {
	return fmt.Sprintf("<data from=%q>%s</data>", from, dataMark.ReplaceAllString(Visible(text), "&lt;$1"))
}

// colour is how a program tells a terminal to write in another colour.
var colour = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// mostUnseen is how many unseen characters in a row are shown one by one.
const mostUnseen = 16

// Visible shows the characters of a text that a reader does not see, or that change how
// others are seen, as in \u{202e}: controls other than tabs and ends of lines, those that
// turn the direction of writing, those of no width, tags. A long row of them is told by
// its length. Changes of colour are left out, and what joins letters and emoji stays.
func Visible(text string) string {
	if strings.IndexFunc(text, unseen) < 0 {
		return text
	}
	text = colour.ReplaceAllString(text, "")
	var b strings.Builder
	for text != "" {
		seen := until(text, unseen)
		b.WriteString(text[:seen])
		text = text[seen:]
		row := until(text, func(r rune) bool { return !unseen(r) })
		show(&b, text[:row])
		text = text[row:]
	}
	return b.String()
}

// until returns where the first character of a kind stands, or the length of the text.
func until(text string, kind func(rune) bool) int {
	if i := strings.IndexFunc(text, kind); i >= 0 {
		return i
	}
	return len(text)
}

// show writes a row of unseen characters so that they are seen.
func show(b *strings.Builder, row string) {
	switch n := utf8.RuneCountInString(row); {
	case n <= 2 && until(row, func(r rune) bool { return !joins(r) }) == len(row): // a row of more may be a text of its own
		b.WriteString(row)
	case n > mostUnseen:
		r, _ := utf8.DecodeRuneInString(row)
		fmt.Fprintf(b, `\u{%x}… (%d characters that are not seen)`, r, n)
	default:
		for _, r := range row {
			fmt.Fprintf(b, `\u{%x}`, r)
		}
	}
}

// unseen reports whether a reader does not see a character.
func unseen(r rune) bool {
	switch {
	case r == '\t' || r == '\n' || r == '\r':
		return false
	case r < utf8.RuneSelf:
		return r < ' ' || r == 0x7f
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) &&
		!unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

// joins reports whether a character joins the letters of a script or the parts of an
// emoji, or chooses how one is drawn.
func joins(r rune) bool { return r == 0x200c || r == 0x200d || r == 0xfe0e || r == 0xfe0f }
