package knowledge

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"autonoma"
)

// Choose returns what a run is told that has to do a task: what matters most, and what
// the task's words point to, in no more than so many bytes of [Text].
func Choose(all []autonoma.Knowledge, task string, now time.Time, most int) []autonoma.Knowledge {
	match := matches(all, task)
	type ranked struct {
		autonoma.Knowledge
		rank float64
	}
	order := make([]ranked, len(all))
	for i, k := range all {
		order[i] = ranked{k, k.Relevance(now) + match[i]}
	}
	slices.SortFunc(order, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(b.rank, a.rank), strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.Text, b.Text))
	})
	var chosen []autonoma.Knowledge
	for _, k := range order {
		if size := len(line(k.Knowledge)); size <= most {
			chosen, most = append(chosen, k.Knowledge), most-size
		}
	}
	return chosen
}

// matches returns for each how much the words of the task point to it, from 0 to 1. A
// word counts the more, the fewer it points to: one that is everywhere says nothing.
func matches(all []autonoma.Knowledge, task string) []float64 {
	has := make([]map[string]bool, len(all))
	in := map[string]int{}
	for i, k := range all {
		has[i] = words(k.Text + " " + strings.Join(k.Paths, " "))
		for w := range has[i] {
			in[w]++
		}
	}
	weight := func(w string) float64 { return 1 - float64(in[w])/float64(len(all)) }
	whole := 0.0
	asked := slices.Sorted(maps.Keys(words(task)))
	for _, w := range asked {
		if in[w] > 0 {
			whole += weight(w)
		}
	}
	match := make([]float64, len(all))
	for i := range all {
		for _, w := range asked {
			if has[i][w] && whole > 0 {
				match[i] += weight(w) / whole
			}
		}
	}
	return match
}

// words returns the words of a text, in lower case.
func words(text string) map[string]bool {
	const least = 3 // letters
	all := map[string]bool{}
	for w := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if len(w) >= least {
			all[strings.ToLower(w)] = true
		}
	}
	return all
}

// Text is how what was chosen is told, a line each.
func Text(chosen []autonoma.Knowledge) string {
	var b strings.Builder
	for _, k := range chosen {
		b.WriteString(line(k))
	}
	return b.String()
}

// line tells one thing, and of a person's note the files that it is about: other texts
// name theirs.
func line(k autonoma.Knowledge) string {
	text := "- " + k.Text
	if k.Kind == autonoma.Note && len(k.Paths) > 0 {
		text += " (" + strings.Join(k.Paths, ", ") + ")"
	}
	return text + "\n"
}
