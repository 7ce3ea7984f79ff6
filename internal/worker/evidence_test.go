package worker_test

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"testing"

	"autonoma"
	"autonoma/internal/evidence"
)

// evidence returns what a run has proof of.
func (h *house) evidence(run autonoma.RunID) evidence.Record {
	h.t.Helper()
	sealed, ok := h.artifacts(run)["evidence"]
	if !ok {
		h.t.Fatal("there is no evidence")
	}
	var keys []ed25519.PublicKey
	for _, k := range must(h.db.SigningKeys(h.t.Context()))(h.t) {
		keys = append(keys, k.Public)
	}
	return must(evidence.Open([]byte(sealed), keys))(h.t).Record
}

// goProject is a Go module whose test fails.
const goProject = `
-- go.mod --
module greet

go 1.24
-- greet.go --
package greet

const Hello = "hello wrold"
-- greet_test.go --
package greet

import "testing"

func TestHello(t *testing.T) {
	if Hello != "hello world" {
		t.Errorf("%q", Hello)
	}
}

func TestThere(t *testing.T) {}
`

// What was found out about the delivered commit is kept, signed, and bound to that
// commit: each command on both commits, with what it printed and its tests.
func TestEvidence(t *testing.T) {
	fix := strings.Replace(coder, "path: greet.txt", "path: greet.go", 1)
	idle := strings.Replace(tester, `      - calls: [{name: write, args: {path: more.sh, content: "test -s greet.txt\n"}}]`+"\n", "", 1)
	h := open(t, play(t, researcher, writers, fix, idle, reviewer), goProject+"-- greet.txt --\n")
	run := h.carryOut(func(r *autonoma.Request) { r.Verify = []string{"go test -v ./..."} })
	if run.Status != autonoma.Completed {
		t.Fatalf("%s: %v", run.Status, run.Error)
	}
	r, out := h.evidence(run.ID), run.Output
	if r.Run != run.ID || r.Branch != *out.Branch || r.Source != h.repo || r.Status != autonoma.Verified || r.ChosenBy != evidence.ByRequest {
		t.Errorf("%+v", r)
	}
	for commit, s := range map[string]evidence.State{out.BaseCommit: r.Base, out.HeadCommit: r.Head} {
		if s.Commit != commit || s.Tree != h.git("rev-parse", commit+"^{tree}") {
			t.Errorf("%+v is not %s", s, commit)
		}
	}
	if len(r.Commands) != 1 || r.Commands[0].Base == nil {
		t.Fatalf("commands %+v", r.Commands)
	}
	before, after := *r.Commands[0].Base, r.Commands[0].Head
	if before.ExitCode != 1 || before.Tests == nil || before.Tests.Failed != 1 || before.Tests.Passed != 1 || !slices.Equal(before.Tests.Failing, []string{"TestHello"}) {
		t.Errorf("before: %+v, tests %+v", before, before.Tests)
	}
	if !after.OK() || after.Tests == nil || after.Tests.Passed != 2 || after.Tests.Failed != 0 || after.Tests.Partial {
		t.Errorf("after: %+v, tests %+v", after, after.Tests)
	}
	for _, o := range []evidence.Outcome{before, after} {
		if len(o.Output.SHA256) != 64 || o.Output.Bytes < 50 {
			t.Errorf("it printed %+v", o.Output)
		}
	}
	if !strings.HasPrefix(r.Tools["go"], "go version go1.") || r.Isolation != out.Verification.Isolation || r.Server != "1.2.3" || r.OS == "" || r.Arch == "" {
		t.Errorf("tools %v, isolation %s, server %s, %s/%s", r.Tools, r.Isolation, r.Server, r.OS, r.Arch)
	}
	if r.StartedAt.IsZero() || r.EndedAt.Before(r.StartedAt) {
		t.Errorf("from %v to %v", r.StartedAt, r.EndedAt)
	}
	if want := "- `go test -v ./...`: failed → passed (tests before: 1 failed, 1 passed; now: 2 passed)\n"; !strings.Contains(out.Summary, want) {
		t.Errorf("summary %s", out.Summary)
	}
}

// An agent that says that all is well, with a test that fails, has not done the task:
// the failure, the summary and the evidence name the test.
func TestEvidenceOfFailure(t *testing.T) {
	boast := `
  - match: {agent: coder-ai, phase: generate}
    turns:
      - calls: [{name: write, args: {path: more.go, content: "package greet\n"}}]
      - calls: [{name: finish, args: {summary: "All tests pass.", confidence: 1}}]
      - repeat: 2
        calls: [{name: finish, args: {summary: "They do, as I said.", confidence: 1}}]
  - match: {agent: tester-ai, phase: generate}
    turns:
      - repeat: 3
        calls: [{name: finish, args: {summary: All green., confidence: 1}}]
`
	h := open(t, play(t, researcher, writers, boast, reviewer), goProject+"-- greet.txt --\n")
	run := h.carryOut(func(r *autonoma.Request) { r.Verify = nil })
	if run.Status != autonoma.Failed || run.Error.Code != autonoma.FailVerification || !strings.Contains(run.Error.Message, "`go test ./...` exits with 1 (as it did before the change): TestHello") {
		t.Fatalf("%s: %+v", run.Status, run.Error)
	}
	r := h.evidence(run.ID)
	at := slices.IndexFunc(r.Commands, func(c evidence.Command) bool { return c.Command == "go test ./..." })
	if r.Status != autonoma.NotVerified || r.ChosenBy != evidence.ByBase || at < 0 {
		t.Fatalf("%+v", r)
	}
	if got := r.Commands[at].Head; got.OK() || got.Tests == nil || !got.Tests.Partial || !slices.Equal(got.Tests.Failing, []string{"TestHello"}) {
		t.Errorf("%+v, tests %+v", got, got.Tests)
	}
	head, said, _ := strings.Cut(run.Output.Summary, autonoma.AgentsSay)
	if !strings.Contains(head, "Not verified: ") || !strings.Contains(head, "; failing: TestHello") || strings.Contains(head, "as I said") || said != "They do, as I said." {
		t.Errorf("summary %s", run.Output.Summary)
	}
}

// A change that nothing checks has a record too, which says so.
func TestEvidenceOfNothing(t *testing.T) {
	h := open(t, play(t, coder, tester, reviewer), repository)
	run := h.carryOut(func(r *autonoma.Request) { r.Scope = autonoma.Demo; r.Verify = nil; r.Delivery = autonoma.DeliverPatch })
	if run.Status != autonoma.Completed {
		t.Fatalf("%s: %v", run.Status, run.Error)
	}
	r := h.evidence(run.ID)
	if r.Status != autonoma.NotApplicable || len(r.Commands) != 0 || r.ChosenBy != "" || r.Branch != "" || r.Head.Commit != run.Output.HeadCommit || r.Head.Tree == r.Base.Tree {
		t.Errorf("%+v", r)
	}
	if want := fmt.Sprintf("commit %.12s.\nNot verified: no checks were run.\n\n", r.Head.Commit); !strings.Contains(run.Output.Summary, want) {
		t.Errorf("summary %s", run.Output.Summary)
	}
}
