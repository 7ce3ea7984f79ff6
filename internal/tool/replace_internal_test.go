package tool

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestReplace(t *testing.T) {
	for _, tt := range []struct {
		name           string
		text, old, new string
		all            bool
		want           string // the text then
		says           string // part of what is told: of how it was done, or of the error
	}{
		{name: "exact", text: "a\nb\nc\n", old: "b", new: "B", want: "a\nB\nc\n"},
		{name: "several lines", text: "a\nb\nc\n", old: "a\nb\n", new: "x\n", want: "x\nc\n"},
		{name: "within a line", text: "x = f(1)\n", old: "f(1)", new: "f(2)", want: "x = f(2)\n"},
		{name: "nothing in its place", text: "a\nb\n", old: "a\n", new: "", want: "b\n"},
		{name: "all", text: "a b a\n", old: "a", new: "c", all: true, want: "c b c\n", says: "in 2 places"},
		{name: "all of one", text: "a b\n", old: "a", new: "c", all: true, want: "c b\n"},
		{name: "what it puts in may hold what it takes out", text: "a\n", old: "a", new: "aa", want: "aa\n"},

		{name: "several, one is meant", text: "a\nb\na\nb\n", old: "a\n", new: "c\n", says: "occurs 2 times, at lines 1, 3; quote more"},
		{name: "an empty passage", text: "a\n", old: "", new: "b", says: "use write"},
		{name: "no change", text: "a\n", old: "a", new: "a", says: "are the same"},
		{name: "not there", text: "a\n", old: "b", new: "c", says: "nor is its first line; read the file again"},
		{name: "only its first line", text: "x\na\nb\n", old: "a\nc", new: "d", says: "first line is at line 2, but what follows differs"},
		{name: "longer than the text", text: "a\n", old: "a\nb\nc\nd", new: "", says: "first line is at line 1"},
		{name: "blank lines", text: "a\n\n\nb\n", old: "\n\n\n\n", new: "x", says: "read the file again"},

		{name: "spaces for tabs", text: "f {\n\tg()\n}\n", old: "    g()", new: "    h()", want: "f {\n\th()\n}\n", says: "at line 2 (white space differed"},
		{name: "deeper spaces for tabs", text: "f {\n\tg()\n}\n", old: "    g()", new: "    if x {\n        h()\n    }", want: "f {\n\tif x {\n\t\th()\n\t}\n}\n"},
		{name: "tabs for spaces", text: "f:\n  g\n", old: "\tg", new: "\th:\n\t\ti", want: "f:\n  h:\n    i\n"},
		{name: "no indentation quoted", text: "f {\n\t\tg()\n\t\th()\n}\n", old: "g()\nh()", new: "g()\n\ni()", want: "f {\n\t\tg()\n\n\t\ti()\n}\n"},
		{name: "too much indentation quoted", text: "g()\n", old: "    g()", new: "    g()\n      h()", want: "g()\n  h()\n"},
		{name: "spaces at the end", text: "a  \nb\n", old: "a\nb", new: "c\nd", want: "c\nd\n"},
		{name: "spaces at the end of the quote", text: "a\nb\n", old: "a \nb", new: "c\nb", want: "c\nb\n"},
		{name: "line feeds quoted of carriage returns", text: "a\r\nb\r\nc\r\n", old: "a\nb", new: "x\ny\nz", want: "x\r\ny\r\nz\r\nc\r\n"},
		{name: "a line put into carriage returns", text: "a\r\nb\r\n", old: "b", new: "b\nc", want: "a\r\nb\r\nc\r\n"},
		{name: "mixed endings stay", text: "a\r\nb\n", old: "b", new: "b\nc", want: "a\r\nb\nc\n"},
		{name: "the last line has no end", text: "a\n\tb", old: "  b", new: "  c", want: "a\n\tc"},
		{name: "lines deleted loosely", text: "a\n\tb\nc\n", old: "    b\n", new: "", want: "a\nc\n"},
		{name: "loosely there twice", text: "\ta\nx\n  a\n", old: "    a\n", new: "b\n", says: "twice, at lines 1 and 3; quote it exactly"},
		{name: "loosely there twice, all asked", text: "\ta\nx\n  a\n", old: "    a\n", new: "b\n", all: true, says: "twice, at lines 1 and 3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, how, err := replace(tt.text, tt.old, tt.new, tt.all)
			if err != nil {
				how = err.Error()
			}
			if (err != nil) != (tt.want == "") || got != tt.want || !strings.Contains(how, tt.says) {
				t.Errorf("got %q (%s), %v; want %q (%s)", got, how, err, tt.want, tt.says)
			}
		})
	}
}

// A passage that is there once is replaced, and nothing beside it changes; one
// that is there more often, or not at all, changes nothing.
func TestReplaceAnything(t *testing.T) {
	text := rapid.StringMatching(`[ab \t\n]{0,30}`)
	rapid.Check(t, func(t *rapid.T) {
		in, old, new := text.Draw(t, "text"), text.Draw(t, "old"), text.Draw(t, "new")
		got, _, err := replace(in, old, new, false)
		switch n := strings.Count(in, old); {
		case err != nil && got != "":
			t.Fatalf("%v, and %q", err, got)
		case old != "" && old != new && n == 1 && (err != nil || got != strings.Replace(in, old, new, 1)):
			t.Fatalf("got %q, %v", got, err)
		case (old == "" || old == new || n > 1) && err == nil:
			t.Fatalf("%q was replaced %d times: %q", old, n, got)
		case n == 0 && err == nil && len(strings.Fields(got)) > len(strings.Fields(in))+len(strings.Fields(new)):
			t.Fatalf("more came of it than was there: %q", got)
		}
	})
}
