package knowledge_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"autonoma"
	"autonoma/internal/knowledge"
	"autonoma/internal/workspace"
)

// past makes a history of so many commits, each as make says for its number.
func past(n int, make func(i int) (subject, files string)) workspace.History {
	var h workspace.History
	for i := range n {
		subject, files := make(i)
		h.Commits = append(h.Commits, workspace.PastCommit{Subject: subject, Files: strings.Fields(files)})
	}
	return h
}

// either is one of two texts, by whether i is below n.
func either(i, n int, below, otherwise string) string {
	if i < n {
		return below
	}
	return otherwise
}

func TestOfHistory(t *testing.T) {
	var crowd []string
	for i := range 31 {
		crowd = append(crowd, fmt.Sprintf("f%02d", i))
	}
	gone := past(20, func(int) (string, string) { return "Say", "a.go" })
	gone.Gone = map[string]bool{"a.go": true}
	ours := past(30, func(i int) (string, string) { return either(i, 15, "fix: it", "Say it"), "" })
	for i := range 15 {
		ours.Commits[i].Ours = true
	}
	for _, tt := range []struct {
		name string
		past workspace.History
		want []string
	}{
		{"nothing", workspace.History{}, nil},
		{"too little", past(9, func(int) (string, string) { return "feat: x", "a.go b.go" }), nil},
		{"a hot spot", past(100, func(i int) (string, string) { return "Say", either(i, 45, "a.go", fmt.Sprint(i)) }),
			[]string{"hot_spot 0.45 [a.go] a.go changed in 45 % of the last 100 commits."}},
		{"not hot", past(100, func(i int) (string, string) { return "Say", either(i, 19, "a.go", "") }), nil},
		{"in percent of few", past(16, func(i int) (string, string) { return "Say", either(i, 4, "a.go", "") }), nil},
		{"what is gone is not hot", gone, nil},
		{"a coupling", past(100, func(i int) (string, string) { return "Say", either(i, 14, "b.go a.go", either(i, 18, "a.go", "")) }),
			[]string{"coupling 0.78 [a.go b.go] a.go and b.go changed together in 78 % of the commits that changed either."}},
		{"what changes with everything is coupled with nothing", past(100, func(i int) (string, string) { return "Say", "log " + either(i, 14, "a.go", "") }),
			[]string{"hot_spot 1.00 [log] log changed in 100 % of the last 100 commits."}},
		{"a commit of everything couples nothing", past(100, func(i int) (string, string) { return "Say", either(i, 14, strings.Join(crowd, " "), "") }), nil},
		{"types", past(100, func(i int) (string, string) {
			return either(i, 50, "feat(api)!: x", either(i, 80, "fix: y", either(i, 92, "chore: z", "Oops"))), ""
		}), []string{"convention 0.92 [] 92 % of the subjects of the last 100 commits begin with a type, as in feat: fix: chore:."}},
		{"tickets", past(10, func(int) (string, string) { return "[PAY-12] Round up", "" }),
			[]string{"convention 1.00 [] 100 % of the subjects of the last 10 commits name a ticket first, as in PAY-."}},
		{"places", past(10, func(i int) (string, string) { return either(i, 7, "internal/x, cmd: mend", "Mend: it"), "" }),
			[]string{"convention 0.70 [] 70 % of the subjects of the last 10 commits begin with the place that changes, as in internal/x, cmd:."}},
		{"no convention", past(100, func(i int) (string, string) { return either(i, 59, "fix: x", "Mend it"), "" }), nil},
		{"what we wrote is nobody's convention", ours, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, k := range knowledge.OfHistory(tt.past) {
				got = append(got, fmt.Sprintf("%s %.2f %v %s", k.Kind, k.Confidence, k.Paths, k.Text))
				if k.Name == "" || k.Type != autonoma.ObservedPattern {
					t.Errorf("%+v", k)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// However much there is to tell, little of it is told, and the same is always named
// alike.
func TestOfLongHistory(t *testing.T) {
	h := past(500, func(i int) (string, string) {
		var files []string
		for f := range 25 {
			if i%(f/5+1) == 0 {
				files = append(files, fmt.Sprintf("dir/f%02d.go", f))
			}
		}
		return "fix: x", strings.Join(files, " ")
	})
	first := knowledge.OfHistory(h)
	count := map[autonoma.KnowledgeKind]int{}
	names := map[string]bool{}
	for i, k := range first {
		count[k.Kind]++
		names[string(k.Kind)+k.Name] = true
		if again := knowledge.OfHistory(h)[i]; again.Name != k.Name || again.Text != k.Text {
			t.Errorf("%q, and once more %q", k.Text, again.Text)
		}
	}
	if count[autonoma.HotSpot] != 5 || count[autonoma.Coupling] != 8 || count[autonoma.Convention] != 1 || len(names) != len(first) {
		t.Errorf("%v of %d, under %d names", count, len(first), len(names))
	}
}

// The guide shows the sentences that are made.
func TestGuide(t *testing.T) {
	guide, err := os.ReadFile("../../docs/guide/knowledge.md")
	if err != nil {
		t.Fatal(err)
	}
	h := past(500, func(i int) (string, string) {
		files := either(i, 225, "internal/pay/round.go ", "")
		return either(i, 200, "feat: x", either(i, 350, "fix: x", either(i, 460, "chore: x", "Oops"))), files + either(i, 28, "api/a.yaml api/gen.go", either(i, 36, "api/a.yaml", ""))
	})
	made := knowledge.OfHistory(h)
	failing := []autonoma.Checked{{Command: "go test ./...", After: autonoma.Failing, Tests: &autonoma.Tests{Failing: []string{"TestRound"}}}}
	run := ended(autonoma.Failed, autonoma.NotVerified, failing, nil)
	run.Request.Task = "Round up"
	outcome, _ := knowledge.OfRun(run, nil)
	made = append(made, outcome, knowledge.OfRefusal(run, "not on a Friday"))
	if len(made) != 5 {
		t.Errorf("%+v", made)
	}
	for _, k := range made {
		if !strings.Contains(string(guide), "| `"+string(k.Kind)+"` |") || !strings.Contains(string(guide), k.Text) {
			t.Errorf("the guide does not show %s: %s", k.Kind, k.Text)
		}
	}
}
