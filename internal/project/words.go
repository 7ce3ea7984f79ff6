package project

import (
	"strings"
	"unicode"
)

const maxWords = 200

// A query is the words of a task, in the forms in which they may occur in a
// checkout.
type query struct {
	number map[string]int // lower-case word to its place
	weight []float64
	paths  map[string]bool // words that look like paths, lower-case
}

// newQuery takes apart texts: paths and identifiers whole, and identifiers in
// camelCase or snake_case into their parts as well.
func newQuery(texts []string) query {
	q := query{number: map[string]int{}, paths: map[string]bool{}}
	for _, text := range texts {
		for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !isNameRune(r) && !strings.ContainsRune("./-\\", r) }) {
			word = strings.Trim(word, "./-\\")
			if strings.ContainsAny(word, "./\\") {
				q.paths[strings.ToLower(strings.ReplaceAll(word, "\\", "/"))] = true
			}
			for name := range strings.FieldsFuncSeq(word, func(r rune) bool { return !isNameRune(r) }) {
				q.add(strings.ToLower(name), 1)
				if parts := nameParts(name); len(parts) > 1 {
					for _, p := range parts {
						q.add(p, 0.4)
					}
				}
			}
		}
	}
	return q
}

func (q *query) add(word string, weight float64) {
	if len(word) < 3 || common(word) {
		return
	}
	i, ok := q.number[word]
	if !ok {
		if len(q.weight) == maxWords {
			return
		}
		i = len(q.weight)
		q.number[word] = i
		q.weight = append(q.weight, 0)
	}
	q.weight[i] = max(q.weight[i], weight)
}

func isNameRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// nameParts splits an identifier at underscores and changes of case, and
// returns the parts in lower case.
func nameParts(name string) (parts []string) {
	runes := []rune(name)
	start := 0
	flush := func(end int) {
		if end > start {
			parts = append(parts, strings.ToLower(string(runes[start:end])))
		}
	}
	for i, r := range runes {
		switch {
		case r == '_':
			flush(i)
			start = i + 1
		case i > start && unicode.IsUpper(r) && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])):
			flush(i)
			start = i
		}
	}
	flush(len(runes))
	return parts
}

// common tells the words that say nothing about where to look.
func common(word string) bool {
	switch word {
	case "the", "and", "for", "that", "this", "with", "from", "into", "not", "are", "was", "were", "has", "have", "had", "but",
		"you", "your", "our", "its", "all", "any", "can", "may", "must", "should", "would", "could", "will", "when", "then",
		"than", "there", "which", "what", "where", "who", "why", "how", "please", "make", "makes", "add", "adds", "fix", "fixes",
		"bug", "use", "uses", "using", "new", "now", "also", "only", "get", "set", "let", "does", "doesn", "don", "instead", "like",
		"code", "file", "files", "implement", "change", "return", "returns", "func", "function", "def", "class", "const", "var", "import",
		"package", "public", "static", "void", "int", "string", "true", "false", "nil", "null", "none", "self", "err", "error":
		return true
	}
	return false
}
