package worker_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"autonoma"
)

// tested is a project with a failing test that can be deleted.
const tested = `
-- greet.txt --
hello wrold
-- tests/test_greet.py --
def test_greet():
    assert open("greet.txt").read() == "hello world\n"
`

// checked asks for a change that passes the test, if there is one.
func checked(r *autonoma.Request) {
	r.Verify = []string{`! [ -e tests/test_greet.py ] || grep -q "hello world" greet.txt`}
}

// deleter makes the checks pass without doing the work.
const deleter = `
  - match: {agent: coder-ai, phase: generate}
    turns:
      - calls: [{name: bash, args: {command: rm tests/test_greet.py}}]
      - calls: [{name: finish, args: {summary: All tests pass., confidence: 0.95}}]
`

// idle is a tester with nothing to do.
const idle = `
  - match: {agent: tester-ai, phase: generate}
    turns:
      - text: Nothing has to be tested.
`

func gateOf(gates []autonoma.Gate, id autonoma.GateID) autonoma.Gate {
	for _, g := range gates {
		if g.ID == id {
			return g
		}
	}
	return autonoma.Gate{}
}

// A run whose agent deletes the failing test fails, and says by which gate. What it
// made is there to be looked at.
func TestDeletedTestIsCaught(t *testing.T) {
	h := open(t, play(t, researcher, writers, deleter+`
      - calls: [{name: finish, args: {summary: All tests pass., confidence: 0.95}}]
      - calls: [{name: finish, args: {summary: All tests pass., confidence: 0.95}}]
`, idle, reviewer), tested)
	run := h.carryOut(checked)
	if run.Status != autonoma.Failed || run.Error == nil || run.Error.Code != autonoma.FailGate {
		t.Fatalf("%s: %v", run.Status, run.Error)
	}
	if !strings.Contains(run.Error.Message, "gate diff_scope") || !strings.Contains(run.Error.Message, "tests/test_greet.py") {
		t.Errorf("it says %s", run.Error.Message)
	}
	out := run.Output
	if out == nil || out.Branch == nil || out.Verification.Status != autonoma.Verified {
		t.Fatalf("output %+v", out)
	}
	if g := gateOf(out.Gates, "diff_scope"); g.Status != autonoma.GateFailed || !g.Blocking {
		t.Errorf("diff_scope is %+v", g)
	}
	if g := gateOf(out.Gates, "tests"); g.Status != autonoma.GatePassed {
		t.Errorf("tests are %+v", g)
	}
}

// An agent that is told so, and puts the test back, comes to a good end.
func TestDeletedTestIsPutBack(t *testing.T) {
	h := open(t, play(t, researcher, writers, deleter+`
      - calls: [{name: write, args: {path: tests/test_greet.py, content: "def test_greet():\n    assert open(\"greet.txt\").read() == \"hello world\\n\"\n"}}]
      - calls: [{name: edit, args: {path: greet.txt, old: wrold, new: world}}]
      - calls: [{name: finish, args: {summary: Spell it right., confidence: 0.95}}]
`, idle, reviewer), tested)
	run := h.carryOut(checked)
	if run.Status != autonoma.Completed {
		t.Fatalf("%s: %v", run.Status, run.Error)
	}
	if g := gateOf(run.Output.Gates, "diff_scope"); g.Status != autonoma.GatePassed {
		t.Errorf("diff_scope is %+v", g)
	}
	if got := h.git("diff", "--stat", "HEAD", *run.Output.Branch); !strings.Contains(got, "1 file changed") {
		t.Errorf("the result changes %s", got)
	}
}

// token has the form of a secret and is none.
var token = "ghp_" + "aB3dE5gH7jK9mN1pQ3sT5vW7xY9zA2cD4fG6"

// A secret is caught at every scope before anything is delivered, and is told to
// nobody: it is in the conversation of the agent that wrote it, and nowhere else.
func TestSecretIsCaught(t *testing.T) {
	leaker := `
  - match: {agent: coder-ai, phase: generate}
    turns:
      - calls: [{name: write, args: {path: conf.py, content: "KEY = '` + token + `'\n"}}]
      - calls: [{name: finish, args: {summary: "Use the key ` + token + `.", confidence: 0.95}}]
      - calls: [{name: finish, args: {summary: Done., confidence: 0.95}}]
      - calls: [{name: finish, args: {summary: Done., confidence: 0.95}}]
`
	for _, scope := range []autonoma.Scope{autonoma.Demo, autonoma.MVP} {
		t.Run(string(scope), func(t *testing.T) {
			h := open(t, play(t, researcher, writers, leaker, idle, reviewer), repository)
			before := h.git("count-objects", "-v")
			run := h.carryOut(func(r *autonoma.Request) { r.Scope, r.Verify = scope, []string{"true"} })
			if run.Status != autonoma.Failed || run.Error.Code != autonoma.FailGate || !strings.Contains(run.Error.Message, "gate secrets: ") || !strings.Contains(run.Error.Message, "conf.py:1: ") {
				t.Fatalf("%s: %v", run.Status, run.Error)
			}
			if run.Output != nil && (run.Output.Branch != nil || run.Output.FilesChanged > 0) {
				t.Errorf("something was delivered: %+v", run.Output)
			}
			if after := h.git("count-objects", "-v"); after != before || h.git("branch", "--list", "autonoma/*") != "" {
				t.Errorf("the source repository was changed:\n%s", after)
			}
			for name, content := range h.artifacts(run.ID) {
				if name == "patch" || name == "bundle" || strings.Contains(content, token) {
					t.Errorf("artifact %s: %s", name, content)
				}
			}
			for _, e := range h.events(run.ID) {
				talk := e.Kind == autonoma.EventTurn || e.Kind == autonoma.EventCall || e.Kind == autonoma.EventResult
				if !talk && strings.Contains(string(e.Data), token) {
					t.Errorf("event %d, a %s: %s", e.Seq, e.Kind, e.Data)
				}
			}
			h.stop()
			holdsNot(t, filepath.Join(h.data, "blobs"), token)
			if left, err := h.spaces.Leftovers(); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// holdsNot looks for a text in all files below a directory.
func holdsNot(t *testing.T, dir, text string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(filepath.Join(dir, p))
		if strings.Contains(string(b), text) {
			t.Errorf("%s holds it", p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// An agent that takes the secret out when it is told has made no harm: what was
// delivered never knew of it.
func TestSecretIsTakenOut(t *testing.T) {
	h := open(t, play(t, researcher, writers, `
  - match: {agent: coder-ai, phase: generate}
    turns:
      - calls: [{name: write, args: {path: conf.py, content: "KEY = '`+token+`'\n"}}]
      - calls: [{name: finish, args: {summary: Use the key., confidence: 0.95}}]
      - calls: [{name: write, args: {path: conf.py, content: "import os\n\nKEY = os.environ['KEY']\n"}}]
      - calls: [{name: finish, args: {summary: Read the key from the environment., confidence: 0.95}}]
`, idle, reviewer), repository)
	run := h.carryOut(func(r *autonoma.Request) { r.Verify = []string{"true"} })
	if run.Status != autonoma.Completed {
		t.Fatalf("%s: %v", run.Status, run.Error)
	}
	if got := h.git("log", "--all", "--oneline", "-S", token); got != "" {
		t.Errorf("the secret is in %s", got)
	}
	holdsNot(t, filepath.Join(h.data, "blobs"), token)
}

// The gates of a run are those of its steps. At demo there is one.
func TestGatesOfARun(t *testing.T) {
	const stuck = `
  - match: {agent: coder-ai, phase: generate}
    turns:
      - calls: [{name: edit, args: {path: greet.txt, old: wrold, new: wordl}}]
      - calls: [{name: finish, args: {summary: Done., confidence: 0.9}}]
      - calls: [{name: finish, args: {summary: Done., confidence: 0.9}}]
      - calls: [{name: finish, args: {summary: Done., confidence: 0.9}}]
`
	idles := idle + strings.Repeat("      - text: Nothing has to be tested.\n", 2)
	h := open(t, play(t, researcher, writers, stuck, idles, reviewer), repository)
	run := h.carryOut(nil)
	if run.Status != autonoma.Failed || run.Error.Code != autonoma.FailVerification {
		t.Fatalf("%s: %v", run.Status, run.Error)
	}
	for id, want := range map[autonoma.GateID]autonoma.GateStatus{
		"tests": autonoma.GateFailed, "base_health": autonoma.GateWarning, "code_review": autonoma.GatePassed, "budget": autonoma.GateSkipped,
		"secrets": autonoma.GatePassed, "build": autonoma.GateSkipped, "acmf_validation": autonoma.GatePassed, "rigor_confidence": autonoma.GatePassed,
	} {
		if g := gateOf(run.Output.Gates, id); g.Status != want {
			t.Errorf("%s is %+v, want %s", id, g, want)
		}
	}
	if g := gateOf(run.Output.Gates, "lint"); g.ID != "" {
		t.Errorf("lint was measured at mvp: %+v", g)
	}
	run = h.carryOut(func(r *autonoma.Request) { r.Scope = autonoma.Demo })
	if run.Status != autonoma.Completed || len(run.Output.Gates) != 1 || run.Output.Gates[0].ID != "secrets" {
		t.Errorf("%s at demo: %+v", run.Status, run.Output.Gates)
	}
}

// A secret stays here too when there is no budget left to have it taken out.
func TestSecretIsCaughtWithoutBudget(t *testing.T) {
	h := open(t, play(t, researcher, writers, `
  - match: {agent: coder-ai, phase: generate}
    turns:
      - calls: [{name: write, args: {path: conf.py, content: "KEY = '`+token+`'\n"}}]
      - calls: [{name: finish, args: {summary: Use the key., confidence: 0.95}}]
`, idle, reviewer), repository)
	const most = 7 // the last of them says that it is finished
	run := h.carryOut(func(r *autonoma.Request) { r.Verify, r.Budget.MaxTurns = []string{"true"}, most })
	if run.Status != autonoma.Failed || run.Error.Code != autonoma.FailGate || !strings.Contains(run.Error.Message, "gate secrets: ") || run.Usage.ModelCalls != most {
		t.Errorf("after %d turns %s: %v", run.Usage.ModelCalls, run.Status, run.Error)
	}
	if got := h.git("branch", "--list", "autonoma/*"); got != "" {
		t.Errorf("the source has %s", got)
	}
	if a := h.artifacts(run.ID); a["patch"] != "" || a["bundle"] != "" {
		t.Error("the change was handed over")
	}
}

// A reviewer that is sure of its judgment does not make the coder surer of its change.
func TestConfidenceIsOfTheChange(t *testing.T) {
	const unsure = `
  - match: {agent: coder-ai, phase: generate}
    turns:
      - calls: [{name: edit, args: {path: greet.txt, old: wrold, new: world}}]
      - calls: [{name: finish, args: {summary: Done., confidence: 0.2}}]
`
	h := open(t, play(t, researcher, writers, unsure, idle, reviewer), repository)
	run := h.carryOut(nil)
	if g := gateOf(run.Output.Gates, "rigor_confidence"); run.Status != autonoma.Completed || g.Status != autonoma.GateWarning || !strings.Contains(g.Message, "coder-ai is 20 % confident") {
		t.Errorf("%s: %+v", run.Status, g)
	}
}
