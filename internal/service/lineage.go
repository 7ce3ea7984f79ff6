package service

import (
	"slices"

	"autonoma"
)

// A lineage knows which commits of a run came from which.
type lineage struct {
	all     []autonoma.Execution
	parents map[string][]string
}

func lineageOf(all []autonoma.Execution) lineage {
	l := lineage{all: all, parents: map[string][]string{}}
	for _, e := range all {
		r := e.Result
		if e.Status != autonoma.StepCompleted || r == nil {
			continue
		}
		from := r.Merged
		if len(from) == 0 {
			from = []string{e.Base}
			if e.Base == "" {
				from = []string{r.Base}
			}
		}
		for _, p := range from {
			if p != r.Commit {
				l.parents[r.Commit] = append(l.parents[r.Commit], p)
			}
		}
	}
	return l
}

func (l *lineage) add(e autonoma.Execution) { l.all = append(l.all, e) }

// result returns what a step came to in its last round; nil if it was not completed.
func (l *lineage) result(step string) *autonoma.Result {
	for _, e := range slices.Backward(l.all) {
		if e.Step == step && e.Status == autonoma.StepCompleted {
			return e.Result
		}
	}
	return nil
}

// left returns the commits that the steps left. A step that was skipped left what
// those before it did, and so did a candidate: what it made is left, if at all, by the
// step that chose it.
func (l *lineage) left(run *autonoma.Run, steps ...string) []string {
	var commits []string
	seen := map[string]bool{}
	for len(steps) > 0 {
		s := run.Step(steps[0])
		steps = steps[1:]
		if seen[s.ID] {
			continue
		}
		seen[s.ID] = true
		if s.Status == autonoma.StepSkipped || s.Candidate != "" {
			steps = append(slices.Clone(steps), s.Needs...)
		} else if r := l.result(s.ID); r != nil {
			commits = append(commits, r.Commit)
		}
	}
	return commits
}

// tips returns those of the commits that hold something which no other of them
// does, each once.
func (l *lineage) tips(commits []string) []string {
	var tips []string
	for _, c := range commits {
		within := slices.ContainsFunc(commits, func(o string) bool { return o != c && l.descends(o, c) })
		if !within && !slices.Contains(tips, c) {
			tips = append(tips, c)
		}
	}
	return tips
}

// descends reports whether a commit came from another.
func (l *lineage) descends(commit, from string) bool {
	seen, next := map[string]bool{}, []string{commit}
	for len(next) > 0 {
		c := next[0]
		next = next[1:]
		for _, p := range l.parents[c] {
			if p == from {
				return true
			}
			if !seen[p] {
				seen[p] = true
				next = append(next, p)
			}
		}
	}
	return false
}

// Head returns the commits in which a run that is over, or cut short, left what its
// completed steps made: one, if they were brought together. What candidates made does
// not count.
func Head(run *autonoma.Run, all []autonoma.Execution) []string {
	l := lineageOf(all)
	var commits []string
	for _, s := range run.Steps {
		if r := l.result(s.ID); r != nil && s.Candidate == "" {
			commits = append(commits, r.Commit)
		}
	}
	return l.tips(commits)
}

// Within reports whether a commit that a run left holds another one.
func Within(all []autonoma.Execution, commit, other string) bool {
	l := lineageOf(all)
	return commit == other || l.descends(commit, other)
}
