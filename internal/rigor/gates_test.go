package rigor_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"autonoma"
	"autonoma/internal/agent"
	"autonoma/internal/gate"
	"autonoma/internal/journal"
	"autonoma/internal/rigor"
)

// gateOf returns what one of the gates came to.
func gateOf(r autonoma.Result, id autonoma.GateID) autonoma.Gate {
	i := slices.IndexFunc(r.Gates, func(g autonoma.Gate) bool { return g.ID == id })
	if i < 0 {
		return autonoma.Gate{}
	}
	return r.Gates[i]
}

// What was journaled is not decided again: neither an upgrade nor a changed setting
// changes an execution that is under way.
func TestGatesAreMeasuredOnce(t *testing.T) {
	s := open(t, greeting, explorer, speller)
	all, none := s.engine.Policy.Gates, gate.Policy{}
	for _, tt := range []struct {
		name          string
		first, second gate.Policy
	}{{"less is measured now", all, none}, {"more is measured now", none, all}} {
		t.Run(tt.name, func(t *testing.T) {
			j := s.job("coder-ai", mvp())
			s.engine.Policy.Gates = tt.first
			first := s.must(j)
			past := s.events
			s.events = nil
			s.engine.Policy.Gates = tt.second
			j.Journal, j.At = journal.Open(j.Execution.ID, s, past, nil), first.Commit
			second, err := s.engine.Do(t.Context(), j)
			if err != nil || !reflect.DeepEqual(first.Gates, second.Gates) || len(s.events) > 0 {
				t.Errorf("first %+v, then %+v with %d more events, %v", first.Gates, second.Gates, len(s.events), err)
			}
		})
	}
}

// An execution that a version began which had neither self-reviews nor effects goes on
// as that would have.
func TestBegunBefore(t *testing.T) {
	const risks = `
  - match: {phase: inspect}
    turns:
      - calls: [{name: finish, args: {summary: None., confidence: 1, document: "Nothing of weight."}}]
`
	for _, scope := range []autonoma.Scope{autonoma.MVP, autonoma.Product} { // product simplifies
		t.Run(string(scope), func(t *testing.T) {
			s := open(t, greeting, explorer, risks, mends(`{path: greet.txt, old: "hello world", new: "# hello world"}`))
			j := s.pro(scope)
			now := s.engine.Policy
			s.engine.Policy.Tiers, s.engine.Policy.Gates = nil, gate.Policy{}
			first := s.must(j)
			past := slices.DeleteFunc(s.events, func(e autonoma.Event) bool { return strings.Contains(string(e.Data), `"what":"effects"`) })
			s.events, s.engine.Policy = nil, now
			j.Journal, j.At = journal.Open(j.Execution.ID, s, past, nil), first.Commit
			second, err := s.engine.Do(t.Context(), j)
			if err != nil || second.Commit != first.Commit || len(s.events) > 0 {
				t.Errorf("first %+v, then %+v with %d more events, %v", first, second, len(s.events), err)
			}
		})
	}
}

// module is a Go module whose test covers half of it.
const module = `
-- go.mod --
module example.com/half

go 1.21
-- half.go --
package half

func Half(n int) int {
	if n == 0 {
		return 0
	}
	return n / 2
}

func Twice(n int) int {
	return 2 * n
}
-- half_test.go --
package half

import "testing"

func TestTwice(t *testing.T) {
	if Twice(2) != 4 {
		t.Error("wrong")
	}
}
`

// Coverage and style are measured with the language's own tools, on a clean checkout.
func TestToolsOfTheLanguage(t *testing.T) {
	const careless = `
  - match: {agent: coder-ai, phase: generate}
    turns:
      - calls: [{name: edit, args: {path: half.go, old: "return 2 * n", new: "n = n\n\treturn n + n"}}]
      - calls: [{name: finish, args: {summary: Add instead., confidence: 0.9}}]
`
	s := open(t, module, careless)
	s.engine.Policy.Scopes[autonoma.Product] = rigor.Rigor{Checks: true, Block: true}
	r := s.must(s.job("coder-ai", autonoma.Request{Scope: autonoma.Product, Verify: []string{"go test ./..."}}))
	if g := gateOf(r, "test_coverage"); g.Score == nil || *g.Score != 40 || g.Status != autonoma.GateWarning {
		t.Errorf("coverage: %+v", g)
	}
	if g := gateOf(r, "lint"); g.Status != autonoma.GateWarning || !strings.Contains(g.Message, "`go vet ./...` exits with 1 and passed before") {
		t.Errorf("lint: %+v", g)
	}
	r = s.must(s.job("coder-ai", autonoma.Request{Scope: autonoma.Product, Verify: []string{"true"}}))
	if g := gateOf(r, "test_coverage"); g.Status != autonoma.GateSkipped || !strings.Contains(g.Message, "no tool is known") {
		t.Errorf("coverage without a command that is known: %+v", g)
	}
}

// What style is held to is what the base of the run has, though a step before took it
// away.
func TestStyleOfTheBase(t *testing.T) {
	s := open(t, `
-- greet.txt --
hello wrold
-- Makefile --
test:
	true

lint:
	! grep -q bad greet.txt
`, `
  - match: {agent: coder-ai, phase: generate, contains: "Do it well."}
    turns:
      - calls: [{name: bash, args: {command: "sed -i 's/^lint:/style:/' Makefile; echo bad >> greet.txt"}}]
      - calls: [{name: finish, args: {summary: Done., confidence: 0.9}}]
`, `
  - match: {agent: coder-ai, phase: generate, contains: "Do more."}
    turns:
      - calls: [{name: edit, args: {path: greet.txt, old: wrold, new: world}}]
      - calls: [{name: finish, args: {summary: Done., confidence: 0.9}}]
`)
	s.engine.Policy.Scopes[autonoma.Product] = rigor.Rigor{Checks: true, Block: true}
	j := s.job("coder-ai", autonoma.Request{Scope: autonoma.Product})
	first := s.must(j)
	j.Earlier = []rigor.Earlier{{Step: j.Step, Result: first}}
	j.Step.ID, j.Step.Asks, j.Execution.ID, j.Execution.Base = "more", "Do more.", autonoma.NewExecutionID(), first.Commit
	for _, r := range []autonoma.Result{first, s.must(j)} {
		if g := gateOf(r, "lint"); g.Status != autonoma.GateWarning || !strings.Contains(g.Message, "`make lint` exits with 2 and passed before") {
			t.Errorf("lint: %+v", g)
		}
	}
}

// What a step is checked by is what the base of the run has, whatever the steps before it
// made of that; what only they brought along is nothing that the base came to.
func TestChecksOfTheBase(t *testing.T) {
	for _, tt := range []struct {
		name, files, does, want string
		baseline                int
	}{
		{"the base has none", "\n-- greet.txt --\nhello\n", `printf 'test:\n\ttrue\n' > Makefile`, "make test", 0},
		{"a step without checks takes them away", "\n-- Makefile --\nbuild:\n\ttrue\n", `printf 'test:\n\ttrue\n' > Makefile`, "make build", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t, tt.files, `
  - match: {agent: coder-ai, phase: generate, contains: "Do it well."}
    turns:
      - calls: [{name: bash, args: {command: "`+strings.NewReplacer(`\`, `\\`).Replace(tt.does)+`"}}]
      - calls: [{name: finish, args: {summary: Done., confidence: 0.9}}]
`, `
  - match: {agent: coder-ai, phase: generate, contains: "Do more."}
    turns:
      - calls: [{name: write, args: {path: more.txt, content: "more"}}]
      - calls: [{name: finish, args: {summary: Done., confidence: 0.9}}]
`)
			s.engine.Policy.Scopes[autonoma.MVP] = rigor.Rigor{Checks: true, Block: true}
			j := s.job("coder-ai", autonoma.Request{Scope: autonoma.Demo})
			first := s.must(j)
			j.Run.Request.Scope, j.Earlier = autonoma.MVP, []rigor.Earlier{{Step: j.Step, Result: first}}
			j.Step.ID, j.Step.Asks, j.Execution.ID, j.Execution.Base = "more", "Do more.", autonoma.NewExecutionID(), first.Commit
			r := s.must(j)
			if v := r.Verification; len(v.Commands) != 1 || v.Commands[0].Command != tt.want || len(r.Baseline) != tt.baseline {
				t.Errorf("verification %+v, baseline %+v", v, r.Baseline)
			}
			if g := gateOf(r, "build"); tt.want == "make build" && g.Status != autonoma.GateFailed {
				t.Errorf("build: %+v", g)
			}
		})
	}
}

// What blocks goes back to the agent with its places, as often as the scope allows (the
// script has no more turns), and not where the agent can do nothing about it.
func TestGatesSendBack(t *testing.T) {
	const skipper = `
  - match: {agent: coder-ai, phase: generate}
    turns:
      - calls: [{name: write, args: {path: half_test.go, content: "package half\n"}}]
      - calls: [{name: finish, args: {summary: Done., confidence: 0.1}}]
`
	again := strings.Repeat("      - calls: [{name: finish, args: {summary: Done., confidence: 0.1}}]\n", 2)
	s := open(t, module, explorer, skipper+again)
	r := s.must(s.job("coder-ai", autonoma.Request{Scope: autonoma.MVP, Verify: []string{"true"}}))
	if got := s.heard(); !strings.Contains(got, "half_test.go: the test TestTwice is gone: put this back") || strings.Contains(got, "confidence") {
		t.Errorf("the agent heard\n%s", got)
	}
	if g := gateOf(r, "diff_scope"); g.Status != autonoma.GateFailed {
		t.Errorf("diff_scope: %+v", g)
	}
}

// What must not leave does not leave for want of budget to mend it, neither the first
// time nor when that is taken up again.
func TestWithheldWithoutBudget(t *testing.T) {
	token := "ghp_" + "aB3dE5gH7jK9mN1pQ3sT5vW7xY9zA2cD4fG6"
	s := open(t, greeting, explorer, `
  - match: {agent: coder-ai, phase: generate}
    turns:
      - calls: [{name: write, args: {path: conf.py, content: "KEY = '`+token+`'\n"}}]
      - calls: [{name: finish, args: {summary: Done., confidence: 0.95}}]
`)
	j := s.job("coder-ai", autonoma.Request{Scope: autonoma.MVP, Verify: []string{"true"}})
	j.Afford = func(_ context.Context, q agent.Quote) (int, error) {
		if q.Phase == autonoma.Review {
			return 0, &autonoma.Failure{Code: autonoma.FailBudget, Message: "all is spent"}
		}
		return 0, nil
	}
	_, err := s.do(j)
	past := s.events
	j.Journal = journal.Open(j.Execution.ID, s, past, nil)
	_, again := s.engine.Do(t.Context(), j)
	for _, err := range []error{err, again} {
		if f, ok := errors.AsType[*autonoma.Failure](err); !ok || f.Code != autonoma.FailGate || !strings.Contains(f.Message, "gate secrets: ") {
			t.Errorf("it ends with %v", err)
		}
	}
	if len(s.events) != len(past) {
		t.Errorf("%d more events", len(s.events)-len(past))
	}
}

// A gate that blocks before the work ends it there: nothing is spent on it.
func TestGateBeforeTheWork(t *testing.T) {
	s := open(t, greeting, explorer, speller)
	j := s.job("coder-ai", mvp())
	j.Run.Mode, j.Execution.Mode = autonoma.Observe, autonoma.Autonomous
	_, err := s.do(j)
	if f, ok := errors.AsType[*autonoma.Failure](err); !ok || f.Code != autonoma.FailGate || f.Phase != autonoma.Inspect || !strings.Contains(f.Message, "gate acmf_validation: ") {
		t.Errorf("it ends with %v", err)
	}
	if slices.ContainsFunc(s.events, func(e autonoma.Event) bool { return strings.Contains(string(e.Data), string(autonoma.Generate)) }) {
		t.Error("the work began")
	}
}

// The licence of a new dependency is that of the package which set-up installed.
func TestLicenceOfWhatIsInstalled(t *testing.T) {
	s := open(t, `
-- .gitignore --
node_modules
-- package.json --
{"name": "shop"}
`, `
  - match: {agent: coder-ai, phase: generate}
    turns:
      - calls: [{name: write, args: {path: package.json, content: '{"name": "shop", "dependencies": {"pay": "1.0.0"}}'}}]
      - calls: [{name: finish, args: {summary: Take pay., confidence: 0.9}}]
`)
	s.engine.Policy.Scopes[autonoma.MVP] = rigor.Rigor{}
	r := s.must(s.job("coder-ai", autonoma.Request{Scope: autonoma.MVP, Verify: []string{"true"}, Setup: []string{
		`mkdir -p node_modules/pay && echo '{"name": "pay", "version": "1.0.0", "license": "GPL-3.0-only"}' > node_modules/pay/package.json`,
	}}))
	if g := gateOf(r, "licence"); g.Status != autonoma.GateWarning || !strings.Contains(g.Message, "package.json: pay comes under GPL-3.0-only") {
		t.Errorf("licence: %+v", g)
	}
}
