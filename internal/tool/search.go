package tool

import (
	"context"
	"fmt"
	"strings"
)

// Bounds of what the search tools show.
const (
	mostPaths = 200
	mostLines = 100
	lineWidth = 300 // bytes
)

// Glob lists files.
func Glob(d Desk) Tool {
	type args struct {
		Pattern string `json:"pattern" jsonschema:"as in **/*_test.go"`
	}
	return New("glob", func(ctx context.Context, in args) (string, error) {
		paths, more, err := d.Glob(ctx, in.Pattern)
		if err != nil {
			return "", err
		}
		if len(paths) > mostPaths {
			paths, more = paths[:mostPaths], true
		}
		if len(paths) == 0 {
			return "(no file matches)", nil
		}
		text := strings.Join(paths, "\n")
		if more {
			text += fmt.Sprintf("\n(only the first %d; narrow the pattern)", len(paths))
		}
		return text, nil
	})
}

// Grep searches in files.
func Grep(d Desk) Tool {
	type args struct {
		Pattern string `json:"pattern" jsonschema:"regular expression (RE2)"`
		Glob    string `json:"glob,omitempty" jsonschema:"only in files whose path matches, as in *.go"`
	}
	return New("grep", func(ctx context.Context, in args) (string, error) {
		lines, more, err := d.Grep(ctx, in.Pattern, in.Glob, mostLines)
		if err != nil {
			return "", err
		}
		if len(lines) == 0 {
			return "(no line matches)", nil
		}
		var b strings.Builder
		for _, l := range lines {
			fmt.Fprintf(&b, "%s:%d:%s\n", l.Path, l.Number, clip(l.Text, lineWidth))
		}
		if more {
			fmt.Fprintf(&b, "(only the first %d; narrow the pattern)\n", len(lines))
		}
		return b.String(), nil
	})
}
