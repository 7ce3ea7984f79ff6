package deps

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"autonoma"
)

// A Change is what a change of files does to the dependencies. Which versions of a
// package there are counts; in which file they are named, and how often, does not.
type Change struct {
	Added, Updated, Removed []Dep
	Problems                []Problem // those that were not there before
}

// Diff compares two sets.
func Diff(base, head Set) Change {
	var c Change
	before, after := byName(base.Deps), byName(head.Deps)
	for _, key := range sortedKeys(after) {
		had, has := before[key], after[key]
		gone := missing(had, has)
		for _, d := range missing(has, had) {
			switch {
			case len(had) == 0:
				c.Added = append(c.Added, d)
			case len(gone) > 0:
				d.Was, gone = gone[0].Version, gone[1:]
				c.Updated = append(c.Updated, d)
			default: // one more version beside those there are
				d.Was = had[len(had)-1].Version
				c.Updated = append(c.Updated, d)
			}
		}
	}
	for _, key := range sortedKeys(before) {
		if len(after[key]) == 0 {
			c.Removed = append(c.Removed, missing(before[key], nil)...)
		}
	}
	c.Problems = newProblems(base, head, c.Added)
	return c
}

func byName(deps []Dep) map[string][]Dep {
	all := map[string][]Dep{}
	for _, d := range deps {
		all[d.Ecosystem+" "+d.Name] = append(all[d.Ecosystem+" "+d.Name], d)
	}
	return all
}

// missing returns the dependencies whose version is not among others, each version once.
func missing(deps, among []Dep) []Dep {
	seen := map[string]bool{}
	for _, d := range among {
		seen[d.Version] = true
	}
	var all []Dep
	for _, d := range deps {
		if !seen[d.Version] {
			seen[d.Version] = true
			all = append(all, d)
		}
	}
	return all
}

// newProblems returns what is wrong with the head and was not with the base.
func newProblems(base, head Set, added []Dep) []Problem {
	known := map[Problem]bool{}
	customs := map[[2]string]bool{}
	for _, p := range base.Problems() {
		known[p], customs[[2]string{p.File, p.custom}] = true, p.custom != ""
	}
	var all []Problem
	for _, p := range head.Problems() {
		if known[p] {
			continue
		}
		if customs[[2]string{p.File, p.custom}] { // it is done as the project does it
			p.Risk = autonoma.LowRisk
		}
		all = append(all, p)
	}
	all = append(all, stale(base, head)...)
	for _, d := range added {
		if like := lookalike(d); like != "" {
			all = append(all, Problem{File: d.File, What: fmt.Sprintf("%s is called almost like %s: make sure that it is meant", d.Name, like), Risk: autonoma.HighRisk})
		}
	}
	slices.SortFunc(all, compareProblems)
	return slices.Compact(all)
}

func compareProblems(a, b Problem) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.What, b.What), cmp.Compare(a.Risk, b.Risk))
}

// stale tells manifests whose wants changed while their lock file did not.
func stale(base, head Set) []Problem {
	var all []Problem
	for _, m := range head.manifests {
		l := head.lockOf(m)
		was := manifest{ecosystem: m.ecosystem}
		if i := slices.IndexFunc(base.manifests, func(b manifest) bool { return b.file == m.file }); i >= 0 {
			was = base.manifests[i]
		}
		if l == nil || sameWants(was, m) {
			continue
		}
		for _, was := range base.locks {
			if was.file == l.file && was.digest == l.digest {
				all = append(all, Problem{File: m.file, What: fmt.Sprintf("its dependencies changed, but %s did not: update it too", path.Base(l.file)), Risk: autonoma.MediumRisk})
			}
		}
	}
	return all
}

// sameWants reports whether the lock file of two states of a manifest may be the same.
// That of Cargo holds what was chosen and not what was asked for.
func sameWants(a, b manifest) bool {
	specs := func(m manifest) map[string]bool {
		all := map[string]bool{}
		for _, w := range m.wants {
			if w.own {
				continue
			}
			if m.ecosystem == Crates {
				w.spec = ""
			}
			all[w.name+" "+w.spec] = true
		}
		return all
	}
	x, y := specs(a), specs(b)
	for k := range y {
		if !x[k] {
			return false
		}
	}
	return len(x) == len(y)
}

// moving are specs that leave every version open.
var moving = regexp.MustCompile(`(?i)^(?:|\*|x|latest|next|latest\.\w+|\+|any|release|>=?\s*0?[0-9.]*|dev-\w+|.*-SNAPSHOT|@dev)$`)

// Problems returns what is wrong with the dependencies of a set, whatever was before:
// files that cannot be read, places other than the registry, and versions that nothing
// pins down.
func (s Set) Problems() []Problem {
	all := slices.Clone(s.problems)
	for _, m := range s.manifests {
		l := s.lockOf(m)
		for _, w := range m.wants {
			name := canonical(m.ecosystem, w.name)
			switch spec := strings.Trim(strings.TrimSpace(w.spec), `"'`); {
			case w.elsewhere != "":
				all = append(all, Problem{File: m.file, What: cmp.Or(name, "a dependency") + ": " + w.elsewhere, Risk: w.risk})
			case w.version != "" && !moving.MatchString(w.version), l != nil, m.ecosystem == Go, w.own:
			case m.noLock && spec == "": // a parent or a catalogue says which
			case moving.MatchString(spec):
				all = append(all, Problem{m.file, name + " may be of any version, and no lock file says which", autonoma.MediumRisk, "any version"})
			case !m.noLock || strings.ContainsAny(spec, "[(+"):
				all = append(all, Problem{File: m.file, What: name + " may be of several versions, and no lock file says which", Risk: autonoma.LowRisk})
			}
		}
	}
	slices.SortFunc(all, compareProblems)
	return slices.Compact(all)
}
