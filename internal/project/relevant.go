package project

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"math"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// Relevant returns at most n paths of source files, those first that words (the
// text of a task, in as many pieces as you like) point to most: by naming the
// file, by words in its path, and by words in its text, of which rare ones
// count more. Files that no word points to are left out. The order is the same
// for the same files and words.
func Relevant(ctx context.Context, fsys fs.FS, words []string, n int) ([]string, error) {
	t, err := walk(ctx, fsys)
	if err != nil {
		return nil, fmt.Errorf("find relevant files: %w", err)
	}
	ranks, err := rankAll(ctx, t, words)
	if err != nil {
		return nil, fmt.Errorf("find relevant files: %w", err)
	}
	var paths []string
	for _, r := range ranks {
		if len(paths) < n && r.hit > 0 {
			paths = append(paths, r.path)
		}
	}
	return paths, nil
}

// A rank is how much a file tells about the project, and about the task.
type rank struct {
	path  string
	hit   float64 // by the words of the task; 0: not at all
	tells float64 // by itself
}

// rankAll ranks the files of a tree, most telling first.
func rankAll(ctx context.Context, t *tree, words []string) ([]rank, error) {
	q := newQuery(words)
	ranks := make([]rank, len(t.files))
	hits, err := q.contents(ctx, t)
	if err != nil {
		return nil, err
	}
	for i, f := range t.files {
		ranks[i] = rank{path: f.path, tells: tells(f)}
		if len(q.weight) > 0 {
			ranks[i].hit = (q.inPath(f.path) + hits[i]) * trust(f.path)
		}
	}
	slices.SortFunc(ranks, func(a, b rank) int {
		return cmp.Or(cmp.Compare(b.hit+b.tells, a.hit+a.tells), cmp.Compare(a.path, b.path))
	})
	return ranks, nil
}

// tells says how much a file says about a project, from its name alone.
func tells(f file) float64 {
	base := strings.ToLower(path.Base(f.path))
	stem, _, _ := strings.Cut(base, ".")
	score := 0.0
	if languageOf(f.path) != "" {
		score = 1 + math.Log10(float64(f.size+1))/4
	}
	switch {
	case stem == "main" || stem == "index" || stem == "app" || stem == "lib" || stem == "mod" || stem == "server" || stem == "cli" || stem == "__main__":
		score += 1
	case manifestName(base):
		score += 2
	case stem == "readme" || stem == "agents" || stem == "claude" || stem == "architecture":
		score += 2
	}
	score -= 0.3 * float64(strings.Count(f.path, "/"))
	return score * trust(f.path)
}

func manifestName(base string) bool {
	switch base {
	case "go.mod", "package.json", "pyproject.toml", "setup.py", "cargo.toml", "pom.xml", "makefile", "build.gradle", "build.gradle.kts",
		"gemfile", "composer.json", "cmakelists.txt", "dockerfile":
		return true
	}
	return false
}

// trust lowers the rank of files that are rarely where work is done.
func trust(p string) float64 {
	lower := strings.ToLower(p)
	base := path.Base(lower)
	switch {
	case aside(path.Dir(lower)) || strings.Contains(base, "generated") || strings.Contains(base, ".pb.") || strings.HasSuffix(base, ".lock"):
		return 0.3
	case strings.Contains(base, "test") || strings.Contains(base, ".spec.") || testInput(path.Dir(lower)):
		return 0.6
	}
	return 1
}

// inPath says how much the words point to a path.
func (q query) inPath(p string) (score float64) {
	lower := strings.ToLower(p)
	for named := range q.paths {
		switch {
		case lower == named || strings.HasSuffix(lower, "/"+named) || strings.HasSuffix(named, "/"+lower):
			score += 40
		case strings.HasPrefix(lower, named+"/") || strings.Contains(lower, "/"+named+"/"):
			score += 8
		}
	}
	seen := map[int]bool{}
	for word := range strings.FieldsFuncSeq(strings.TrimSuffix(p, path.Ext(p)), func(r rune) bool { return !isNameRune(r) }) {
		for _, part := range append(nameParts(word), strings.ToLower(word)) {
			if i, ok := q.number[part]; ok && !seen[i] {
				seen[i] = true
				score += 6 * q.weight[i]
			}
		}
	}
	return score
}

// contents says how much the words occur in the text of each file. A word that
// is in few files counts more, and the tenth time in one file hardly.
func (q query) contents(ctx context.Context, t *tree) ([]float64, error) {
	scores := make([]float64, len(t.files))
	if len(q.weight) == 0 {
		return scores, nil
	}
	counts := make(map[int][]uint32, len(t.files)/4)
	within := make([]int, len(q.weight)) // files that have the word
	buf, read, looked := make([]byte, maxText), 0, 0
	for i, f := range t.files {
		if languageOf(f.path) == "" || read > MaxRead {
			continue
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		n := t.fill(f.path, buf)
		read += n
		looked++
		if c := q.count(buf[:n]); c != nil {
			counts[i] = c
			for w, times := range c {
				if times > 0 {
					within[w]++
				}
			}
		}
	}
	for i, c := range counts {
		for w, times := range c {
			if times > 0 {
				rare := math.Log(1 + float64(looked)/float64(within[w]))
				scores[i] += q.weight[w] * rare * float64(times) / (float64(times) + 2)
			}
		}
	}
	return scores, nil
}

// count returns how often each word is in a text, nil if none is. Words count
// whole and as parts of identifiers.
func (q query) count(text []byte) (counts []uint32) {
	var lower [64]byte
	hit := func(word []byte) {
		if len(word) < 3 || len(word) > len(lower) {
			return
		}
		for i, c := range word {
			if c >= 'A' && c <= 'Z' {
				c += 'a' - 'A'
			}
			lower[i] = c
		}
		if w, ok := q.number[string(lower[:len(word)])]; ok {
			if counts == nil {
				counts = make([]uint32, len(q.weight))
			}
			counts[w]++
		}
	}
	for i := 0; i < len(text); {
		if !nameByte(text[i]) {
			i++
			continue
		}
		start, part, parts := i, i, 0
		for ; i < len(text) && nameByte(text[i]); i++ {
			if i > part && partBegins(text, i) {
				hit(trimUnderscores(text[part:i]))
				part, parts = i, parts+1
			}
		}
		hit(text[start:i])
		if parts > 0 {
			hit(trimUnderscores(text[part:i]))
		}
	}
	return counts
}

func nameByte(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= utf8.RuneSelf
}

// partBegins reports whether a part of an identifier begins at i.
func partBegins(text []byte, i int) bool {
	c, before := text[i], text[i-1]
	upper := c >= 'A' && c <= 'Z'
	return before == '_' || upper && (before >= 'a' && before <= 'z' || i+1 < len(text) && text[i+1] >= 'a' && text[i+1] <= 'z')
}

func trimUnderscores(word []byte) []byte {
	for len(word) > 0 && word[len(word)-1] == '_' {
		word = word[:len(word)-1]
	}
	return word
}
