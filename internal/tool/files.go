package tool

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Bounds of what the file tools read and show.
const (
	shown     = 30_000 // bytes of a file that are shown at once
	pageLines = 1_000  // lines, likewise
	longLine  = 2_000  // bytes of a line
)

// Read shows a file.
func Read(d Desk) Tool {
	type args struct {
		Path   string `json:"path" jsonschema:"file, relative to the top of the checkout"`
		Offset int    `json:"offset,omitempty" jsonschema:"first line to show, from 1"`
		Limit  int    `json:"limit,omitempty" jsonschema:"how many lines to show"`
	}
	return New("read", func(_ context.Context, in args) (string, error) {
		b, err := d.ReadFile(in.Path)
		if err != nil {
			return "", err
		}
		if strings.ContainsRune(string(b[:min(len(b), 8000)]), 0) {
			return "", fmt.Errorf("%s is not text; it has %d bytes", in.Path, len(b))
		}
		return page(string(b), max(in.Offset, 1), in.Limit), nil
	})
}

// page renders lines of a text with their numbers, from the given one on.
func page(text string, first, limit int) string {
	if limit <= 0 || limit > pageLines {
		limit = pageLines
	}
	if text == "" {
		return "(the file is empty)"
	}
	lines := strings.SplitAfter(text, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	if first > len(lines) {
		return fmt.Sprintf("(the file has only %d lines)", len(lines))
	}
	var b strings.Builder
	n := first
	for ; n <= len(lines) && n < first+limit && b.Len() < shown; n++ {
		fmt.Fprintf(&b, "%6d\t%s\n", n, clip(strings.TrimRight(lines[n-1], "\r\n"), longLine))
	}
	if n <= len(lines) {
		fmt.Fprintf(&b, "(lines %d to %d of %d; go on with offset %d)\n", first, n-1, len(lines), n)
	}
	return b.String()
}

// Write creates or replaces a file.
func Write(d Desk) Tool {
	type args struct {
		Path    string `json:"path" jsonschema:"file, relative to the top of the checkout"`
		Content string `json:"content" jsonschema:"the whole new content"`
	}
	t := New("write", func(_ context.Context, in args) (string, error) {
		if err := d.WriteFile(in.Path, []byte(in.Content)); err != nil {
			return "", err
		}
		return fmt.Sprintf("wrote %s (%d bytes)", in.Path, len(in.Content)), nil
	})
	t.Changes = true
	return t
}

// Edit replaces a passage in a file.
func Edit(d Desk) Tool {
	type args struct {
		Path string `json:"path" jsonschema:"file, relative to the top of the checkout"`
		Old  string `json:"old" jsonschema:"passage to replace, exactly as in the file, long enough to occur once"`
		New  string `json:"new" jsonschema:"what to put in its place"`
		All  bool   `json:"all,omitempty" jsonschema:"replace every occurrence"`
	}
	t := New("edit", func(_ context.Context, in args) (string, error) {
		b, err := d.ReadFile(in.Path)
		if err != nil {
			return "", err
		}
		text, how, err := replace(string(b), in.Old, in.New, in.All)
		if err != nil {
			return "", fmt.Errorf("%s: %w", in.Path, err)
		}
		if err := d.WriteFile(in.Path, []byte(text)); err != nil {
			return "", err
		}
		return fmt.Sprintf("edited %s%s", in.Path, how), nil
	})
	t.Changes = true
	return t
}

// clip cuts text to at most n bytes, at a rune, and says so.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}
