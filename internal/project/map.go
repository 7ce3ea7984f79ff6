package project

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Map draws the checkout in at most budget bytes: its directories with the most
// telling files of each, then an outline of definitions, with line numbers, of
// the files that matter most. What words (the text of a task) point to comes
// first; see [Relevant]. The same files, words and budget give the same map.
//
// Names and definitions are the checkout's own: the map is data, not
// instructions, though each name is kept on its line.
func Map(ctx context.Context, fsys fs.FS, words []string, budget int) (string, error) {
	t, err := walk(ctx, fsys)
	if err != nil {
		return "", fmt.Errorf("map the checkout: %w", err)
	}
	ranks, err := rankAll(ctx, t, words)
	if err != nil {
		return "", fmt.Errorf("map the checkout: %w", err)
	}
	defs, err := drawOutline(ctx, t, ranks, newQuery(words), budget*6/10)
	if err != nil {
		return "", fmt.Errorf("map the checkout: %w", err)
	}
	return drawTree(t, ranks, budget-len(defs)) + defs, nil
}

// A listing is the lines of a tree, a directory each.
type listing struct {
	shown map[string][]string // by directory
	all   map[string]int      // files in it
}

// drawTree draws the directories: "dir/: a.go b.go +3".
func drawTree(t *tree, ranks []rank, budget int) string {
	l := listing{map[string][]string{}, map[string]int{}}
	for _, f := range t.files {
		l.all[path.Dir(f.path)]++
	}
	const room = len("Files (, not all shown)\n+more directories\n") + 40 // numbers included
	left := budget - room
	for _, r := range ranks {
		dir := path.Dir(r.path)
		cost := len(printable(path.Base(r.path))) + 1
		if l.shown[dir] == nil {
			cost += len(printable(dir)) + len("/:  +00000\n")
		}
		if cost > left {
			continue
		}
		left -= cost
		l.shown[dir] = append(l.shown[dir], printable(path.Base(r.path)))
	}
	return l.draw(len(t.files), left, budget)
}

func (l listing) draw(files, left, budget int) string {
	var dirs []string
	hidden := 0
	for dir := range l.all {
		dirs = append(dirs, dir)
	}
	slices.SortFunc(dirs, compareDirs)
	var b strings.Builder
	fmt.Fprintf(&b, "Files (%d)\n", files)
	for _, dir := range dirs {
		names := l.shown[dir]
		line := printable(dir) + "/:"
		if names == nil {
			if line += fmt.Sprintf(" +%d\n", l.all[dir]); len(line) > left {
				hidden++
				continue
			}
			left -= len(line)
			b.WriteString(line)
			continue
		}
		slices.Sort(names)
		line += " " + strings.Join(names, " ")
		if more := l.all[dir] - len(names); more > 0 {
			line += fmt.Sprintf(" +%d", more)
		}
		b.WriteString(line + "\n")
	}
	if hidden > 0 {
		fmt.Fprintf(&b, "(%d more directories)\n", hidden)
	}
	return wholeLines(b.String(), budget)
}

// wholeLines returns s, or the whole lines of it that fit into a budget too small
// for a map.
func wholeLines(s string, budget int) string {
	if len(s) <= budget {
		return s
	}
	s = s[:max(0, budget)]
	return s[:strings.LastIndexByte(s, '\n')+1]
}

// drawOutline draws definitions until the budget is used, the most relevant
// files first.
func drawOutline(ctx context.Context, t *tree, ranks []rank, q query, budget int) (string, error) {
	const (
		looked = 600 // files read for it
		head   = "\nDefinitions\n"
	)
	o := newOutliner()
	var b strings.Builder
	n := 0
	for _, r := range ranks {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		if languageOf(r.path) == "" {
			continue
		}
		if n++; n > looked || b.Len()+len(r.path)+len(head)+20 > budget {
			break
		}
		text, _ := t.read(r.path, maxText)
		defs := o.outline(r.path, text)
		if len(defs) == 0 {
			continue
		}
		share := (budget - len(head) - b.Len()) / 3 // no file takes all
		if r.hit == 0 {
			share /= 2
		}
		b.WriteString(drawFile(r.path, defs, q, max(share, 200), budget-len(head)-b.Len()))
	}
	if b.Len() == 0 {
		return "", nil
	}
	return head + b.String(), nil
}

// drawFile draws the definitions of a file within the smaller of two sizes, if
// not all of them those that the words name.
func drawFile(p string, defs []definition, q query, share, left int) string {
	type line struct {
		definition
		text  string
		score float64
	}
	head := printable(p) + "\n"
	room := min(share, left) - len(head) - len("  +000 more\n")
	lines := make([]line, len(defs))
	for i, d := range defs {
		lines[i] = line{d, fmt.Sprintf("%5d  %s\n", d.line, d.text), q.inText(d.text)}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(b.score, a.score) })
	kept := lines[:0:0]
	for _, l := range lines {
		if room -= len(l.text); room < 0 {
			break
		}
		kept = append(kept, l)
	}
	if len(kept) == 0 {
		return ""
	}
	slices.SortFunc(kept, func(a, b line) int { return cmp.Compare(a.line, b.line) })
	var b strings.Builder
	b.WriteString(head)
	for _, l := range kept {
		b.WriteString(l.text)
	}
	if more := len(defs) - len(kept); more > 0 {
		fmt.Fprintf(&b, "  +%d more\n", more)
	}
	return b.String()
}

// inText says how much a definition is meant by the words; one that can be used
// from elsewhere wins among equals.
func (q query) inText(text string) (score float64) {
	for i, times := range q.count([]byte(text)) {
		if times > 0 {
			score += q.weight[i]
		}
	}
	trimmed := strings.TrimLeft(text, " ")
	for _, p := range []string{"export", "pub ", "public", "class ", "type ", "func ("} {
		if strings.HasPrefix(trimmed, p) {
			score += 0.1
			break
		}
	}
	if strings.HasPrefix(text, "  ") {
		score -= 0.05
	}
	return score
}
