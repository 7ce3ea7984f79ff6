package tool

import (
	"errors"
	"fmt"
	"strings"
)

// replace puts a passage in the place of another. If the old passage is not there
// to the letter, it looks once more and forgives differences in indentation, in
// spaces at the end of lines and in line endings, which models often get wrong; the
// new passage is then indented as the place it goes to. It refuses to guess which
// of several places is meant.
func replace(text, old, new string, all bool) (result, how string, err error) {
	switch n := strings.Count(text, old); {
	case old == "":
		return "", "", errors.New("the old passage is empty; to create or replace a whole file use write")
	case old == new:
		return "", "", errors.New("the old and the new passage are the same")
	case n == 1 || n > 1 && all:
		if n > 1 {
			how = fmt.Sprintf(" in %d places", n)
		}
		return strings.ReplaceAll(text, old, endLike(text, new)), how, nil
	case n > 1:
		return "", "", fmt.Errorf("the old passage occurs %d times, at lines %s; quote more of what is around it, or set all", n, places(text, old))
	}
	return replaceLoosely(text, old, new)
}

// endLike gives the lines of a passage the endings of a text that has \r\n
// throughout: models are not shown them.
func endLike(text, passage string) string {
	if n := strings.Count(text, "\n"); n == 0 || n != strings.Count(text, "\r\n") {
		return passage
	}
	return strings.ReplaceAll(strings.ReplaceAll(passage, "\r\n", "\n"), "\n", "\r\n")
}

func replaceLoosely(text, old, new string) (result, how string, err error) {
	lines := strings.SplitAfter(text, "\n")
	want := strings.Split(strings.Trim(old, "\r\n"), "\n")
	at := -1
	for i := 0; i+len(want) <= len(lines); i++ {
		if !alike(lines[i:i+len(want)], want) {
			continue
		}
		if at >= 0 {
			return "", "", fmt.Errorf("the old passage is not there to the letter, and but for white space it is there twice, at lines %d and %d; quote it exactly", at+1, i+1)
		}
		at = i
	}
	if at < 0 {
		return "", "", missing(lines, want)
	}
	found := lines[at : at+len(want)]
	shifted := shift(strings.Trim(new, "\r\n"), indent(want), indent(found))
	ending := lineEnding(found)
	shifted = strings.ReplaceAll(shifted, "\n", ending)
	if strings.HasSuffix(found[len(found)-1], "\n") && shifted != "" {
		shifted += ending
	}
	return strings.Join(lines[:at], "") + shifted + strings.Join(lines[at+len(want):], ""),
		fmt.Sprintf(" at line %d (white space differed from what you quoted)", at+1), nil
}

// alike reports whether lines are the same but for white space around them, and
// are not all blank.
func alike(got, want []string) bool {
	some := false
	for i := range want {
		w := strings.TrimSpace(want[i])
		if strings.TrimSpace(got[i]) != w {
			return false
		}
		some = some || w != ""
	}
	return some
}

// indent returns the white space before the first line that is not blank.
func indent(lines []string) string {
	for _, l := range lines {
		if t := strings.TrimLeft(l, " \t"); strings.TrimSpace(t) != "" {
			return l[:len(l)-len(t)]
		}
	}
	return ""
}

// shift changes the indentation of a text from one to another. Where one is of
// tabs and the other of spaces, lines that are indented further are changed in the
// same proportion.
func shift(text, from, to string) string {
	if from == to {
		return text
	}
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i, l := range lines {
		if rest, ok := strings.CutPrefix(l, from); ok && strings.TrimSpace(l) != "" {
			text := strings.TrimLeft(rest, " \t")
			lines[i] = to + further(rest[:len(rest)-len(text)], from, to) + text
		}
	}
	return strings.Join(lines, "\n")
}

// further changes the indentation that a line has beyond from.
func further(indent, from, to string) string {
	tabs, spaces := "\t", " "
	switch f, t := len(from), len(to); {
	case f == 0 || t == 0:
	case strings.Trim(from, spaces) == "" && strings.Trim(to, tabs) == "" && f%t == 0:
		return strings.ReplaceAll(indent, strings.Repeat(spaces, f/t), tabs)
	case strings.Trim(from, tabs) == "" && strings.Trim(to, spaces) == "" && t%f == 0:
		return strings.ReplaceAll(indent, tabs, strings.Repeat(spaces, t/f))
	}
	return indent
}

func lineEnding(lines []string) string {
	if strings.HasSuffix(lines[0], "\r\n") {
		return "\r\n"
	}
	return "\n"
}

// missing says that a passage is not there, and where something like its first
// line is.
func missing(lines, want []string) error {
	first := strings.TrimSpace(want[0])
	for i, l := range lines {
		if first != "" && strings.Contains(l, first) {
			return fmt.Errorf("the old passage is not there; its first line is at line %d, but what follows differs: read the file again", i+1)
		}
	}
	return errors.New("the old passage is not there, nor is its first line; read the file again")
}

// places lists the lines at which a passage begins.
func places(text, passage string) string {
	var at []string
	for line, from := 1, 0; len(at) < 10; {
		i := strings.Index(text[from:], passage)
		if i < 0 {
			break
		}
		line += strings.Count(text[from:from+i], "\n")
		at = append(at, fmt.Sprint(line))
		line += strings.Count(passage, "\n")
		from += i + len(passage)
	}
	return strings.Join(at, ", ")
}
