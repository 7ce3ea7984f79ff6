package goldentest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/tools/txtar"

	"autonoma"
	"autonoma/internal/agent"
	"autonoma/internal/model/script"
	"autonoma/internal/systemtest"
)

// atMost is how many times the tokens of a single agent a small fix may take at the
// lowest tier and the default scope. What a team finds out beyond that must be worth it.
const atMost = 2.5

// TestTokens makes one small fix at every scope and tier, and alone.
func TestTokens(t *testing.T) {
	text, err := os.ReadFile("testdata/fix/repo.txtar")
	if err != nil {
		t.Fatal(err)
	}
	archive := txtar.Parse(text)
	p := play{task: strings.TrimSpace(string(archive.Comment)), repo: archive.Files}
	says, err := script.Load("testdata/fix/script.yaml")
	if err != nil {
		t.Fatal(err)
	}
	alone := p.alone(t, says)
	team := p.everyway(t, says)
	core := team[way{autonoma.MVP, autonoma.Core}]
	if ratio := core.ratio(alone); ratio > atMost {
		t.Errorf("core at mvp takes %.2f times the tokens of a single agent (%d and %d); at most %.1f", ratio, core.tokens, alone.tokens, atMost)
	}
	document(t, "fix", fixTable(alone, team))
	document(t, "agents", agentsTable(alone, team))
}

// A way is how a task is done.
type way struct {
	scope autonoma.Scope
	tier  autonoma.Intelligence
}

// A bill is what a task came to.
type bill struct {
	calls  int
	tokens int64
	by     map[string]int64 // tokens by step, and by what else was asked of its agent
}

// ratio says how many times the tokens of another bill this one has.
func (b bill) ratio(other bill) float64 { return float64(b.tokens) / float64(other.tokens) }

// add adds a turn. All tokens count, whether a provider had them in its cache or not.
func (b *bill) add(of string, used autonoma.Usage) {
	if b.by == nil {
		b.by = map[string]int64{}
	}
	b.calls += int(used.ModelCalls)
	b.tokens += used.Tokens()
	b.by[of] += used.Tokens()
}

// everyway has the task done at every scope and tier.
func (p play) everyway(t *testing.T, says *script.Script) map[way]bill {
	t.Helper()
	var mu sync.Mutex
	bills := map[way]bill{}
	t.Run("team", func(t *testing.T) {
		for _, scope := range autonoma.Scopes {
			for _, tier := range autonoma.Intelligences {
				t.Run(fmt.Sprintf("%s-%s", scope, tier), func(t *testing.T) {
					t.Parallel()
					repo := p.repository(t)
					s := systemtest.Open(t, systemtest.Config{Box: box(t), Root: repo, Slots: 1, Model: script.New(says)})
					run := s.Do(t, autonoma.Request{
						Task: p.task, Capabilities: []autonoma.Capability{autonoma.Build}, Scope: scope, Intelligence: tier,
						Source: repo, Verify: []string{"sh test.sh"},
					})
					if run.Status != autonoma.Completed {
						t.Fatalf("the run is %s: %+v", run.Status, run.Error)
					}
					mu.Lock()
					defer mu.Unlock()
					bills[way{scope, tier}] = billed(t, run, s.Events(t, run.ID))
				})
			}
		}
	})
	return bills
}

// billed adds up what a run's log says of its turns.
func billed(t *testing.T, run autonoma.Run, log []autonoma.Event) bill {
	t.Helper()
	who := map[autonoma.ExecutionID]autonoma.Step{}
	for _, s := range run.Steps {
		who[s.Execution] = s
	}
	var b bill
	for _, e := range log {
		if e.Kind != autonoma.EventTurn {
			continue
		}
		var turn agent.Turn
		if err := json.Unmarshal(e.Data, &turn); err != nil {
			t.Fatal(err)
		}
		step := who[e.Execution]
		of := cmp.Or(step.Candidate, step.ID)
		if turn.Phase == autonoma.Research {
			of = "research"
		}
		u := turn.Answer.Usage
		b.add(of, autonoma.Usage{ModelCalls: 1, InputTokens: int64(u.Total() - u.OutputTokens), OutputTokens: int64(u.OutputTokens)})
	}
	if got := run.Usage.Tokens(); got != b.tokens {
		t.Errorf("the log's turns have %d tokens, the run %d", b.tokens, got)
	}
	return b
}

func fixTable(alone bill, team map[way]bill) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| scope | tier | model calls | tokens | times a single agent |\n|---|---|---:|---:|---:|\n")
	fmt.Fprintf(&b, "| a single agent | | %d | %s | 1 |\n", alone.calls, rounded(alone.tokens))
	for _, scope := range autonoma.Scopes {
		for _, tier := range autonoma.Intelligences {
			w := team[way{scope, tier}]
			fmt.Fprintf(&b, "| `%s` | `%s` | %d | %s | %.1f |\n", scope, tier, w.calls, rounded(w.tokens), w.ratio(alone))
		}
	}
	return b.String()
}

func agentsTable(alone bill, team map[way]bill) string {
	var b strings.Builder
	fmt.Fprint(&b, "| step |")
	for _, scope := range autonoma.Scopes {
		fmt.Fprintf(&b, " %s |", scope)
	}
	fmt.Fprintf(&b, "\n|---|%s\n", strings.Repeat("---:|", len(autonoma.Scopes)))
	for _, step := range []string{"research", "requirements", "planning", "architecture", "implementation", "testing", "review"} {
		fmt.Fprintf(&b, "| %s |", step)
		for _, scope := range autonoma.Scopes {
			if n := team[way{scope, autonoma.Core}].by[step]; n > 0 {
				fmt.Fprintf(&b, " %s (%.0f %%) |", rounded(n), 100*float64(n)/float64(alone.tokens))
			} else {
				fmt.Fprint(&b, " – |")
			}
		}
		fmt.Fprintln(&b)
	}
	return b.String()
}

// played is a capability at a scope.
type played struct {
	capability autonoma.Capability
	scope      autonoma.Scope
}

// stepsTable tells what each step of the plays cost.
func stepsTable(t *testing.T, bills map[played]bill) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprint(&b, "| capability | step | agent |")
	for _, scope := range autonoma.Scopes {
		fmt.Fprintf(&b, " %s |", scope)
	}
	fmt.Fprintf(&b, "\n|---|---|---|%s\n", strings.Repeat("---:|", len(autonoma.Scopes)))
	for _, c := range autonoma.Capabilities {
		for _, step := range systemtest.Catalog(t).Flow(c).Steps {
			fmt.Fprintf(&b, "| %s | %s | `%s` |", c, step.ID, step.Agent)
			for _, scope := range autonoma.Scopes {
				if n := bills[played{c, scope}].by[step.ID]; n > 0 {
					fmt.Fprintf(&b, " %s |", rounded(n))
				} else {
					fmt.Fprint(&b, " – |")
				}
			}
			fmt.Fprintln(&b)
		}
	}
	return b.String()
}

// rounded writes tokens in thousands, so that a word more in a prompt is hardly news.
func rounded(tokens int64) string {
	return fmt.Sprintf("%.1f k", float64(tokens)/1000)
}

// document holds a part of docs/tokens.md against what it should say, or writes it.
func document(t *testing.T, part, want string) {
	t.Helper()
	if t.Failed() {
		return // not all was measured
	}
	file := filepath.Join("..", "..", "docs", "tokens.md")
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := fmt.Sprintf("<!-- %s: written by go test ./internal/goldentest -update -->\n", part), fmt.Sprintf("<!-- end of %s -->\n", part)
	before, rest, found := strings.Cut(string(page), begin)
	had, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no place for %s", file, part)
	}
	switch {
	case *update:
		if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	case had != want:
		t.Errorf("%s is out of date; run make golden\n--- want\n%s", file, want)
	}
}
