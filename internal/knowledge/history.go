package knowledge

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"autonoma"
	"autonoma/internal/workspace"
)

// What a history has to show before it says anything, and how much is taken from it.
const (
	leastCommits = 10  // of which parts can be told in percent
	leastChanges = 5   // of a file that is to be spoken of
	leastHot     = 0.2 // of the commits change a file that is hot
	leastCoupled = 0.5 // of the commits that change one of two files change both
	leastCommon  = 0.6 // of the subjects follow a convention
	mostHot      = 5
	mostCoupled  = 8
	mostFiles    = 30 // of a commit that says that they belong together
	mostPrefixes = 4  // named of a convention
)

// OfHistory returns what the past of a repository tells: the files that change often,
// those that change together, and how commits are described.
func OfHistory(h workspace.History) []autonoma.Knowledge {
	if len(h.Commits) < leastCommits {
		return nil
	}
	changes := map[string]int{}
	for _, c := range h.Commits {
		for _, f := range c.Files {
			if !h.Gone[f] {
				changes[f]++
			}
		}
	}
	all := hotSpots(changes, len(h.Commits))
	all = append(all, couplings(h.Commits, changes)...)
	all = append(all, conventions(h.Commits)...)
	for i := range all {
		all[i] = fit(all[i])
	}
	return all
}

// hotSpots returns the files that change most often.
func hotSpots(changes map[string]int, commits int) []autonoma.Knowledge {
	var found []autonoma.Knowledge
	for file, n := range changes {
		part := float64(n) / float64(commits)
		if n < leastChanges || part < leastHot {
			continue
		}
		found = append(found, autonoma.Knowledge{
			Kind: autonoma.HotSpot, Name: name(file), Type: autonoma.ObservedPattern, Paths: []string{file}, Confidence: part,
			Text: fmt.Sprintf("%s changed in %s of the last %d commits.", file, percent(part), commits),
		})
	}
	return surest(found, mostHot)
}

// couplings returns the pairs of files that mostly change together.
func couplings(commits []workspace.PastCommit, changes map[string]int) []autonoma.Knowledge {
	type pair struct{ a, b string }
	together := map[pair]int{}
	for _, c := range commits {
		if len(c.Files) > mostFiles {
			continue
		}
		files := slices.DeleteFunc(slices.Sorted(slices.Values(c.Files)), func(f string) bool { return changes[f] < leastChanges })
		for i, a := range files {
			for _, b := range files[i+1:] {
				together[pair{a, b}]++
			}
		}
	}
	var found []autonoma.Knowledge
	for p, n := range together {
		part := float64(n) / float64(changes[p.a]+changes[p.b]-n)
		if n < leastChanges || part < leastCoupled {
			continue
		}
		found = append(found, autonoma.Knowledge{
			Kind: autonoma.Coupling, Name: name(p.a, p.b), Type: autonoma.ObservedPattern, Paths: []string{p.a, p.b}, Confidence: part,
			Text: fmt.Sprintf("%s and %s changed together in %s of the commits that changed either.", p.a, p.b, percent(part)),
		})
	}
	return surest(found, mostCoupled)
}

// forms are how subjects of commits may begin, the strictest first.
var forms = []struct {
	name, shown string
	prefix      *regexp.Regexp // its first group is what comes again
}{
	{"types", "begin with a type, as in %s", regexp.MustCompile(`^((?:feat|fix|docs|style|refactor|perf|test|build|ci|chore|revert)(?:\([^)]*\))?!?:) `)},
	{"tickets", "name a ticket first, as in %s", regexp.MustCompile(`^\[?([A-Z][A-Z0-9]+-)[0-9]+\b`)},
	{"places", "begin with the place that changes, as in %s", regexp.MustCompile(`^([a-z0-9][A-Za-z0-9_./-]*(?:, [A-Za-z0-9_./-]+)*:) `)},
}

// scopes are what may stand between a type and its colon.
var scopes = regexp.MustCompile(`\([^)]*\)|!`)

// conventions returns how most people describe their commits here.
func conventions(commits []workspace.PastCommit) []autonoma.Knowledge {
	for _, form := range forms {
		prefixes, matched, people := map[string]int{}, 0, 0
		for _, c := range commits {
			if c.Ours {
				continue
			}
			people++
			if m := form.prefix.FindStringSubmatch(c.Subject); m != nil {
				matched++
				prefixes[scopes.ReplaceAllString(m[1], "")]++
			}
		}
		part := float64(matched) / float64(max(1, people))
		if people < leastCommits || part < leastCommon {
			continue
		}
		return []autonoma.Knowledge{{
			Kind: autonoma.Convention, Name: name(form.name), Type: autonoma.ObservedPattern, Confidence: part,
			Text: fmt.Sprintf("%s of the subjects of the last %d commits "+form.shown+".", percent(part), people, strings.Join(mostOften(prefixes), " ")),
		}}
	}
	return nil
}

// mostOften returns the prefixes that come most often.
func mostOften(prefixes map[string]int) []string {
	var all []string
	for p := range prefixes {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(prefixes[b]-prefixes[a], strings.Compare(a, b)) })
	return all[:min(len(all), mostPrefixes)]
}

// surest returns at most n of what was found, the surest first.
func surest(found []autonoma.Knowledge, n int) []autonoma.Knowledge {
	slices.SortFunc(found, func(a, b autonoma.Knowledge) int {
		return cmp.Or(cmp.Compare(b.Confidence, a.Confidence), strings.Compare(a.Text, b.Text))
	})
	return found[:min(len(found), n)]
}

func percent(part float64) string { return fmt.Sprintf("%.0f %%", 100*part) }
