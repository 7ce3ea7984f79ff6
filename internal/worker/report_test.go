package worker_test

import (
	"strings"
	"testing"

	"autonoma"
	"autonoma/internal/event"
)

// What an optimization gained is measured by the platform: on the base and on the
// result, by the command that the agent named. Whoever judges is shown the figures.
func TestMeasured(t *testing.T) {
	h := open(t, play(t, `
  - match: {agent: optimize-ai, phase: generate}
    turns:
      - calls: [{name: edit, args: {path: left.txt, old: left, new: l}}]
      - calls:
          - name: finish
            args:
              summary: Half the size, I say.
              confidence: 0.9
              measurements:
                - {name: size, command: "wc -c < left.txt", unit: bytes}
                - {name: new, command: "cat shorter.txt"}
  - match: {agent: review-ai, contains: "size: 5 bytes before, 2 bytes now"}
    turns:
      - calls: [{name: finish, args: {verdict: approve, summary: It shows the gain., confidence: 0.9}}]
`), pair)
	run := h.until(h.begin(graph("faster optimize-ai", "judge review-ai faster"), nil), event.Last)
	if run.Status != autonoma.Completed || len(run.Output.Measurements) != 2 {
		t.Fatalf("%s: %v; %+v", run.Status, run.Error, run.Output)
	}
	size, fails := run.Output.Measurements[0], run.Output.Measurements[1]
	if size.Before == nil || size.After == nil || *size.Before != 5 || *size.After != 2 || size.Runs != 3 || size.Unit != "bytes" {
		t.Errorf("%+v", size)
	}
	if fails.Before != nil || fails.After != nil {
		t.Errorf("a command that fails shows %+v", fails)
	}
}

// What agents found that is wrong is told with the result, worst first.
func TestFound(t *testing.T) {
	h := open(t, play(t, `
  - match: {agent: threathunter-ai, phase: generate}
    turns:
      - calls:
          - name: finish
            args:
              summary: Two weaknesses.
              confidence: 0.9
              document: "Two."
              findings:
                - {severity: low, title: Second, detail: d}
                - {severity: critical, title: First, path: left.txt, line: 1, rule: CWE-79, detail: d}
`, part("mend", edit("left.txt", "left", "safe"))), pair)
	run := h.until(h.begin(graph("hunt threathunter-ai", "mend coder-ai hunt"), nil), event.Last)
	if run.Status != autonoma.Completed || len(run.Output.Findings) != 2 {
		t.Fatalf("%s: %v; %+v", run.Status, run.Error, run.Output)
	}
	if first := run.Output.Findings[0]; first.Severity != autonoma.CriticalRisk || first.Path != "left.txt" || first.Line != 1 || run.Output.Branch == nil {
		t.Errorf("%+v", run.Output)
	}
}

// What is delivered to others comes with a list of what it is made of.
func TestBill(t *testing.T) {
	h := open(t, play(t, researcher, `
  - match: {phase: inspect}
    turns:
      - calls: [{name: finish, args: {summary: none, confidence: 1, document: "None."}}]
  - match: {agent: coder-ai, phase: generate}
    turns:
      - calls: [{name: edit, args: {path: left.txt, old: left, new: LEFT}}]
      - calls: [{name: finish, args: {summary: "Do code.", confidence: 0.9}}]
      - calls: [{name: finish, args: {summary: "It is simple.", confidence: 0.9}}]
`), pair+`
-- go.mod --
module example.com/pair

go 1.21

require github.com/google/go-cmp v0.7.0
`)
	for scope, want := range map[autonoma.Scope]bool{autonoma.MVP: false, autonoma.Product: true} {
		run := h.until(h.begin(graph("code coder-ai"), func(r *autonoma.Request) {
			r.Scope, r.Verify = scope, []string{"true"}
		}), event.Last)
		if sbom := h.artifacts(run.ID)["sbom"]; strings.Contains(sbom, `"pkg:golang/github.com/google/go-cmp@v0.7.0"`) != want {
			t.Errorf("at %s: %s: %v; %q", scope, run.Status, run.Error, sbom)
		}
	}
}
