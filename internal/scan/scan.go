// Package scan looks for secrets and for dangerous constructs in lines of source, most
// often in the lines that a change adds.
//
// The idea to know: it would rather be silent than wrong. Each rule is a form that has
// hardly any other meaning, with what is not meant taken out, and a line says what it
// means alone or with a line close by. So what it finds is worth a human's time, and
// finding nothing proves nothing.
//
// It parses no language, follows no data, and runs nothing. The lines are a stranger's:
// each is read once by regular expressions of linear time, and what is found is bounded.
package scan

import (
	"iter"
	"regexp"
	"slices"
	"strings"

	"autonoma"
)

// A Line is a line of a file, counted from 1, without its end.
type Line struct {
	Number int
	Text   string
}

// A Finding is something that should not be in a line. It never holds the text of the
// line, which may be a secret.
type Finding struct {
	Path string
	Line int
	Rule string // its name, as in github_token
	What string // in a few words, for people
	Risk autonoma.Risk
}

// maxFindings is how many findings one call returns. Who has that many learns nothing
// from one more.
const maxFindings = 200

// A rule is a form that lines should not have.
type rule struct {
	name, what string
	risk       autonoma.Risk
	in         []string // the languages it is about; all if there are none
	tests      care
	words      []string            // a line without any of them cannot match
	folds      bool                // whether it matches letters of either case; its words are in lower case then
	lowers     bool                // whether the form is matched with the line in lower case, which is much faster than (?i)
	form       *regexp.Regexp      // of a secret, the first group is its value
	unless     *regexp.Regexp      // what makes a line harmless
	also       *regexp.Regexp      // what another line has to hold
	within     int                 // how far away that line may be; 0 for anywhere
	value      func(v string) bool // whether the value is a secret; always if nil
}

// A care is what a rule does with tests and examples, where much is only for show.
type care int

const (
	same   care = iota // tests are like all else
	milder             // in tests it is of low risk
	silent             // it says nothing of tests
)

// A place is a match within a line, of the first group if there is one.
type place struct {
	rule     *rule
	from, to int
}

// around is how much of a line on both sides of a match can make it harmless.
const around = 200

// places yields where rules match a line, rule by rule.
func places(rules []rule, text string) iter.Seq[place] {
	return func(yield func(place) bool) {
		lower := lowered(text)
		for i := range rules {
			r := &rules[i]
			hay, read := text, text
			if r.folds {
				hay = lower
			}
			if r.lowers {
				read = lower
			}
			if !slices.ContainsFunc(r.words, func(w string) bool { return strings.Contains(hay, w) }) {
				continue
			}
			for _, at := range r.form.FindAllStringSubmatchIndex(read, -1) {
				p := place{r, at[0], at[1]}
				if len(at) > 2 && at[2] >= 0 {
					p.from, p.to = at[2], at[3]
				}
				harmless := r.value != nil && !r.value(text[p.from:p.to]) ||
					r.unless != nil && r.unless.MatchString(text[max(0, at[0]-around):min(len(text), at[1]+around)])
				if !harmless && !yield(p) {
					return
				}
			}
		}
	}
}

// lowered returns a text in lower case, each byte where it was.
func lowered(text string) string {
	b := []byte(text)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// find returns what the rules find in lines of a file. Each rule speaks once of a line,
// and of two that mean the same place only the one that comes first in the table.
func find(rules []rule, path string, lines []Line) []Finding {
	var all []Finding
	test := inTests(path)
	for i, l := range lines {
		var told []place
		for p := range places(rules, l.Text) {
			r := p.rule
			known := func(t place) bool { return t.rule == r || p.from < t.to && t.from < p.to }
			if slices.ContainsFunc(told, known) || test && r.tests == silent || !r.borneOut(lines, i) {
				continue
			}
			told = append(told, p)
			f := Finding{path, l.Number, r.name, r.what, r.risk}
			if test && r.tests == milder {
				f.Risk = autonoma.LowRisk
			}
			if all = append(all, f); len(all) == maxFindings {
				return all
			}
		}
	}
	return all
}

// borneOut reports whether the other line that a rule wants is there.
func (r *rule) borneOut(lines []Line, at int) bool {
	if r.also == nil {
		return true
	}
	from, to := 0, len(lines)
	if r.within > 0 {
		from, to = max(0, at-r.within), min(len(lines), at+r.within+1)
	}
	return slices.ContainsFunc(lines[from:to], func(l Line) bool {
		far := l.Number - lines[at].Number
		return (r.within == 0 || -r.within <= far && far <= r.within) && r.also.MatchString(l.Text)
	})
}
