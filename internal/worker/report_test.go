package worker_test

import (
	"testing"

	"autonoma"
	"autonoma/internal/event"
)

// What an optimization gained is measured by the platform: on the base and on the
// result, by the command that the agent named.
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
`), pair)
	run := h.until(h.begin(graph("faster optimize-ai"), nil), event.Last)
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
