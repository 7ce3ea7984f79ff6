package scan

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"autonoma"
)

// Weaknesses returns dangerous constructs in lines of a file, by what it is written in.
// Comments are left out; in tests and examples all is of low risk, for there much is
// wrong on purpose. Two rules want another line (a permissive CORS, a workflow for
// foreign pull requests that checks them out): they see it if it is among the lines.
func Weaknesses(path string, lines []Line) []Finding {
	lang := language(path)
	if lang == "" {
		return nil
	}
	code := slices.DeleteFunc(slices.Clone(lines), func(l Line) bool { return commented(lang, l.Text) })
	return find(rulesFor(lang), path, code)
}

// weaknessRules is the whole table, compiled at first use.
var weaknessRules = sync.OnceValue(func() []rule {
	return slices.Concat(goRules(), pythonRules(), scriptRules(), jvmRules(), rubyRules(), phpRules(), rustRules(), shellRules(), workflowRules(), anywhere())
})

// rulesFor returns the rules about a language.
func rulesFor(lang string) []rule {
	var all []rule
	for _, r := range weaknessRules() {
		if len(r.in) == 0 || slices.Contains(r.in, lang) {
			all = append(all, r)
		}
	}
	return all
}

// weakness makes a rule. In forms, SQL stands for the beginning of a statement, and VALUE
// for what comes before a value in one: not a table or columns, which are often constants.
func weakness(name, what string, risk autonoma.Risk, in, form, unless string, words ...string) rule {
	form = strings.NewReplacer(
		"SQL", `(?i:select\s|insert\s+into\s|update\s|delete\s+from\s|drop\s|alter\s|with\s|replace\s+into\s|call\s|where\s)`,
		"VALUE", `(?:[='%<>]|(?i:\slike|\sin|\svalues|\sby|\slimit)\s*\(?)\s*'?`,
	).Replace(form)
	r := rule{name: name, what: what, risk: risk, in: strings.Fields(in), tests: milder, words: words, folds: true,
		form: regexp.MustCompile(form)}
	if unless != "" {
		r.unless = regexp.MustCompile(unless)
	}
	return r
}

// near makes a rule want another line, at most so many lines away; 0 for anywhere.
func (r rule) near(also string, within int) rule {
	r.also, r.within = regexp.MustCompile(also), within
	return r
}
