package workspace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
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
	g := grepper{ctx: ctx, expr: expr, steps: steps(expr), limit: limit}
	if prefix, whole := expr.LiteralPrefix(); whole || prefix != "" {
		g.literal = []byte(prefix)
	}
	err = w.eachFile(ctx, match, func(path string, f *os.File) bool {
		g.search(path, f)
		return !g.more && ctx.Err() == nil
	}, true)
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return g.matches, g.more, err
}

// steps is about how many steps a search takes for each byte, at worst.
func steps(expr *regexp.Regexp) int {
	parsed, err := syntax.Parse(expr.String(), syntax.Perl)
	if err != nil {
		return 1 // it was parsed before
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return 1
	}
	return len(prog.Inst)
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
	ctx     context.Context
	expr    *regexp.Regexp
	steps   int
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
		loc := g.find(data[at:])
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

// find returns the first match. A search that may take long looks now and then
// whether it is still wanted; that makes it slower, so others do not.
func (g *grepper) find(data []byte) []int {
	const quick = 1 << 25 // steps: well below a second
	if g.steps*len(data) < quick {
		return g.expr.FindIndex(data)
	}
	skip := 0
	if g.literal != nil {
		if skip = bytes.Index(data, g.literal); skip < 0 {
			return nil
		}
	}
	loc := g.expr.FindReaderIndex(&runes{ctx: g.ctx, data: data[skip:]})
	if loc == nil || g.ctx.Err() != nil {
		return nil
	}
	return []int{skip + loc[0], skip + loc[1]}
}

// runes reads a text, which ends when ctx does.
type runes struct {
	ctx  context.Context
	data []byte
	read int
}

// ReadRune implements [io.RuneReader].
func (r *runes) ReadRune() (rune, int, error) {
	const often = 1 << 12
	if r.read++; len(r.data) == 0 || r.read%often == 0 && r.ctx.Err() != nil {
		return 0, 0, io.EOF
	}
	c, n := utf8.DecodeRune(r.data)
	r.data = r.data[n:]
	return c, n, nil
}

func shorten(line []byte) string {
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) > maxMatchLine {
		return strings.ToValidUTF8(string(line[:maxMatchLine]), "") + "…"
	}
	return string(line)
}
