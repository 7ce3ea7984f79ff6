package gate

import (
	"cmp"
	"slices"
	"strings"
)

// An afterwards is the tests that there are after a change, to find those again that
// moved or have a new name.
type afterwards struct {
	named map[string][]test
	doing map[string][]test // by each line of what they do
}

func (a *afterwards) add(l language, tests []test) {
	if a.named == nil {
		a.named, a.doing = map[string][]test{}, map[string][]test{}
	}
	for _, t := range tests {
		a.named[t.name] = append(a.named[t.name], t)
		for _, line := range l.does(t) {
			a.doing[line] = append(a.doing[line], t)
		}
	}
}

// find returns a test as it is now: by its name, or by most of its lines under a name
// that is new. One that is not skipped comes before others.
func (a *afterwards) find(l language, t test, had map[string]bool) (found test, ok bool) {
	take := func(other test) {
		if !ok || l.counts(other, l.skips) < l.counts(found, l.skips) {
			found, ok = other, true
		}
	}
	for _, other := range a.named[t.name] {
		take(other)
	}
	if ok {
		return found, ok
	}
	lines := l.does(t)
	rare := slices.SortedFunc(slices.Values(lines), func(x, y string) int { return cmp.Compare(len(a.doing[x]), len(a.doing[y])) })
	left := 200 // tests that are compared: what many have in common says little
	for _, line := range rare {
		for _, other := range a.doing[line] {
			if left--; left < 0 {
				return found, ok
			}
			if other.name != "" && !had[other.name] && alike(lines, l.does(other)) {
				take(other)
			}
		}
	}
	return found, ok
}

// alike reports whether most of some lines are also among others.
func alike(was, now []string) bool {
	left := map[string]int{}
	for _, line := range now {
		left[line]++
	}
	kept := 0
	for _, line := range was {
		if left[line] > 0 {
			left[line]--
			kept++
		}
	}
	return kept*10 >= len(was)*6
}

// does returns what a test does, whatever it is called: its lines without the first,
// unless that is all. Groups of tests are all alike.
func (l language) does(t test) []string {
	if l.hollow(t) {
		return []string{""}
	}
	var lines []string
	for _, line := range t.body {
		if telling(line) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if len(lines) == 0 {
		lines = []string{strings.Replace(t.first, t.name, "", 1)}
	}
	return lines
}

// hollow reports whether a test is nothing but its name, as a group of others is.
func (l language) hollow(t test) bool {
	return !slices.ContainsFunc(t.body, telling) && !l.claims.MatchString(t.first)
}

// telling reports whether a line is more than the end of something.
func telling(line string) bool { return len(strings.TrimSpace(line)) >= 4 }
