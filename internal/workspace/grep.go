package workspace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

// A Match is a line that matches.
type Match struct {
	Path string
	Line int    // from 1
	Text string // without its end; long ones are cut
}

// A GrepQuery says what to look for.
type GrepQuery struct {
	Pattern    string // of package regexp; ^ and $ are ends of lines
	Glob       string // of the files to look at; empty: all
	IgnoreCase bool
	Limit      int // of matches; 0: MaxFound
}

// Grep returns the lines that match, by path and line, and whether there are
// more. It searches the files [Workspace.Glob] would find, except binary and
// very large ones.
func (w *Workspace) Grep(ctx context.Context, q GrepQuery) (matches []Match, more bool, err error) {
	expr, err := compilePattern(q)
	if err != nil {
		return nil, false, err
	}
	match, err := compileGlob(q.Glob)
	if err != nil {
		return nil, false, err
	}
	limit := q.Limit
	if limit <= 0 || limit > MaxFound {
		limit = MaxFound
	}
	g := grepper{expr: expr, limit: limit}
	if prefix, whole := expr.LiteralPrefix(); whole || prefix != "" {
		g.literal = []byte(prefix)
	}
	err = w.eachFile(ctx, match, func(path string, f *os.File) bool {
		g.search(path, f)
		return !g.more
	}, true)
	return g.matches, g.more, err
}

func compilePattern(q GrepQuery) (*regexp.Regexp, error) {
	if len(q.Pattern) > maxPattern {
		return nil, fmt.Errorf("the pattern is %w: at most %d bytes", ErrTooLarge, maxPattern)
	}
	flags := "(?m)"
	if q.IgnoreCase {
		flags = "(?mi)"
	}
	plain, err := regexp.Compile(q.Pattern)
	if err != nil {
		return nil, fmt.Errorf("the pattern is not understood (syntax of Go's regexp, without look-around and back-references): %w", err)
	}
	if !strings.ContainsAny(q.Pattern, "^$") && !q.IgnoreCase {
		return plain, nil // without flags, so that its literal prefix is found
	}
	return regexp.Compile(flags + q.Pattern)
}

type grepper struct {
	expr    *regexp.Regexp
	literal []byte // what every match begins with
	limit   int
	buf     []byte

	matches []Match
	more    bool
}

func (g *grepper) search(path string, f *os.File) {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxGrepFile {
		return
	}
	if int64(cap(g.buf)) <= info.Size() {
		g.buf = make([]byte, info.Size()+1)
	}
	n, err := io.ReadFull(f, g.buf[:info.Size()])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return
	}
	data := g.buf[:n]
	if bytes.IndexByte(data[:min(n, 8000)], 0) >= 0 || g.literal != nil && !bytes.Contains(data, g.literal) {
		return
	}
	g.lines(path, data)
}

// lines finds the matching lines of a text. A match that spans lines counts
// for the first.
func (g *grepper) lines(path string, data []byte) {
	line, counted := 1, 0
	for at := 0; at < len(data); {
		loc := g.expr.FindIndex(data[at:])
		if loc == nil {
			return
		}
		start := at + loc[0]
		if start == len(data) && data[start-1] == '\n' {
			return // the empty line after the last
		}
		begin := bytes.LastIndexByte(data[:start], '\n') + 1
		end := len(data)
		if i := bytes.IndexByte(data[start:], '\n'); i >= 0 {
			end = start + i
		}
		if len(g.matches) == g.limit {
			g.more = true
			return
		}
		line += bytes.Count(data[counted:begin], []byte("\n"))
		counted = begin
		g.matches = append(g.matches, Match{path, line, shorten(data[begin:end])})
		at = end + 1
	}
}

func shorten(line []byte) string {
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) > maxMatchLine {
		return strings.ToValidUTF8(string(line[:maxMatchLine]), "") + "…"
	}
	return string(line)
}
