package worker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"autonoma"
	"autonoma/internal/event"
	"autonoma/internal/service"
	"autonoma/internal/store"
	"autonoma/internal/workspace/workspacetest"
)

// knows returns what is remembered of the house's repository.
func (h *house) knows(kind autonoma.KnowledgeKind) []autonoma.Knowledge {
	h.t.Helper()
	all, _, err := h.known.List(h.t.Context(), h.owner, h.repo, kind, service.Cursor{}, 1000)
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

// over carries a run of one change to its end, and to the end of what follows from it.
func (h *house) over(adjust func(*autonoma.Request)) autonoma.Run {
	h.t.Helper()
	id := h.begin(graph("code coder-ai"), adjust)
	run := h.until(id, event.Last)
	h.idle(id)
	return run
}

// spells is a coder that gets it right when it is told so much, and wrong otherwise.
func spells(told string) string {
	return fmt.Sprintf(`
  - match: {agent: coder-ai, phase: generate, contains: %q}
    turns:
      - calls: [{name: edit, args: {path: greet.txt, old: wrold, new: world}}]
      - calls: [{name: finish, args: {summary: Right., confidence: 0.9}}]
  - match: {agent: coder-ai, phase: generate}
    turns:
      - calls: [{name: edit, args: {path: greet.txt, old: wrold, new: wurld}}]
      - calls: [{name: finish, args: {summary: Wrong., confidence: 0.9}}]
      - calls: [{name: finish, args: {summary: Still wrong., confidence: 0.9}}]
`, told)
}

// tells is a repository whose test says what is wrong.
const tells = `
-- greet.txt --
hello wrold
-- test.sh --
grep -q "hello world" greet.txt || { echo "the greeting is hello world"; exit 1; }
`

// What the first run's failure taught the second is told, and does better; that is
// counted for what it was told.
func TestLearnsFromFailure(t *testing.T) {
	h := open(t, play(t, spells("“the greeting is hello world”")), tells)
	if run := h.over(nil); run.Output.Verification.Status != autonoma.NotVerified {
		t.Fatalf("%s: %+v", run.Status, run.Output)
	}
	taught := h.knows("")
	if len(taught) != 1 || taught[0].Kind != autonoma.RunOutcome || taught[0].Type != autonoma.AntiPattern || taught[0].Uses != 0 {
		t.Fatalf("%+v", taught)
	}
	second := h.over(nil)
	if second.Output.Verification.Status != autonoma.Verified {
		t.Fatalf("%s: %+v", second.Status, second.Output)
	}
	after := h.knows(autonoma.RunOutcome)
	if len(after) != 2 {
		t.Fatalf("%+v", after)
	}
	if new := after[0]; new.Type != autonoma.ObservedPattern || new.Origin != second.ID || !slices.Equal(new.Paths, []string{"greet.txt"}) {
		t.Errorf("%+v", new)
	}
	if old := after[1]; old.ID != taught[0].ID || old.Uses != 1 || old.Successes != 1 || old.Failures != 0 || old.UsedAt.IsZero() {
		t.Errorf("%+v", old)
	}
}

// What did not help counts as such, once for each run, and what a run was told is not
// kept beyond its end.
func TestKnowledgeIsJudged(t *testing.T) {
	h := open(t, play(t, spells("(nobody says this)")), tells)
	h.over(nil)
	h.over(nil)
	if got := h.knows(""); len(got) != 1 || got[0].Uses != 1 || got[0].Failures != 1 || got[0].Successes != 0 {
		t.Errorf("%+v", got)
	}
	var left int
	if err := h.db.Writer().QueryRowContext(t.Context(), `SELECT count(*) FROM told`).Scan(&left); err != nil || left != 0 {
		t.Errorf("of %d it is still kept what runs were told: %v", left, err)
	}
}

// What a person corrected is told as they said it, what they deleted is not, and a run
// for somebody else is told nothing.
func TestPeopleDecideWhatIsTold(t *testing.T) {
	stranger := func(h *house) autonoma.Actor {
		keys := service.NewKeys(h.db)
		return must(keys.Who(t.Context(), must(keys.Create(t.Context(), "stranger", autonoma.Startup, autonoma.KeyScopes))(t)))(t)
	}
	for _, tt := range []struct {
		name  string
		reply string // to what the coder has to be told
		then  func(h *house, id autonoma.KnowledgeID) error
		want  autonoma.VerificationStatus
	}{
		{"corrected", "Say world.", func(h *house, id autonoma.KnowledgeID) error {
			_, err := h.known.Change(t.Context(), h.owner, id, func(k *autonoma.Knowledge) { k.Text = "Say world." })
			return err
		}, autonoma.Verified},
		{"deleted", "What is known of this repository", func(h *house, id autonoma.KnowledgeID) error {
			return h.known.Delete(t.Context(), h.owner, id)
		}, autonoma.NotVerified},
		{"another's", "What is known of this repository", func(h *house, id autonoma.KnowledgeID) error {
			h.owner = stranger(h)
			return nil
		}, autonoma.NotVerified},
		{"a note", "Ask nobody.", func(h *house, id autonoma.KnowledgeID) error {
			_, err := h.known.Add(t.Context(), h.owner, autonoma.Knowledge{Source: h.repo, Text: "Ask nobody.", Confidence: 1})
			return err
		}, autonoma.Verified},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := open(t, play(t, spells(tt.reply)), tells)
			h.over(nil)
			if err := tt.then(h, h.knows("")[0].ID); err != nil {
				t.Fatal(err)
			}
			if run := h.over(nil); run.Output.Verification.Status != tt.want {
				t.Errorf("%s: %+v", run.Status, run.Output)
			}
			if kept := h.knows(""); tt.name == "deleted" && len(kept) > 0 {
				t.Errorf("it came back: %+v", kept)
			}
		})
	}
}

// A person's no is remembered with its reason.
func TestLearnsFromNo(t *testing.T) {
	h := open(t, play(t, part("code", edit("left.txt", "left", "LEFT")), deployer), pair)
	id, a := h.ask(deploy())
	must(h.asks.Decide(t.Context(), h.owner, a.ID, false, "not on a Friday"))(t)
	h.until(id, event.Last)
	h.idle(id)
	got := h.knows(autonoma.Refusal)
	if len(got) != 1 || !strings.Contains(got[0].Text, "not on a Friday") || got[0].Origin != id || got[0].Confidence != 1 {
		t.Errorf("%+v", got)
	}
	run := h.run(id)
	if err := h.db.Update(t.Context(), func(tx *store.Tx) error { return service.LearnRefusal(tx, run, "it is ugly", run.CompletedAt) }); err != nil {
		t.Fatal(err)
	}
	if got = h.knows(autonoma.Refusal); len(got) != 2 {
		t.Errorf("%+v", got)
	}
}

// What the history tells is known before the first agent is asked, and moves with the
// base; what a person corrected in it stays, what they deleted stays away.
func TestHistoryIsKnown(t *testing.T) {
	h := open(t, play(t, spells("greet.txt and test.sh changed together")), tells)
	commit := func(subject string, n int) {
		for i := range n {
			workspacetest.Write(t, h.repo, fmt.Sprintf("%s-- more.txt --\n%s %d\n", strings.ReplaceAll(tells, "exit 1", fmt.Sprintf("exit %d", i+1)), subject, i))
			workspacetest.Write(t, h.repo, fmt.Sprintf("-- greet.txt --\nhello wrold\n%d\n", i))
			workspacetest.Commit(t, h.repo, subject+": this")
		}
	}
	commit("fix", 12)
	if run := h.over(nil); run.Output.Verification.Status != autonoma.Verified {
		t.Fatalf("%s: %+v", run.Status, run.Output)
	}
	convention := h.knows(autonoma.Convention)
	if len(convention) != 1 || !strings.Contains(convention[0].Text, "fix:") || convention[0].Uses != 1 || convention[0].Successes != 1 {
		t.Fatalf("%+v", h.knows(""))
	}
	spots := h.knows(autonoma.HotSpot)
	if len(spots) != 3 {
		t.Fatalf("%+v", spots)
	}
	ctx := t.Context()
	_, err := h.known.Change(ctx, h.owner, spots[0].ID, func(k *autonoma.Knowledge) { k.Text = "Never mind." })
	if err = errors.Join(err, h.known.Delete(ctx, h.owner, spots[1].ID)); err != nil {
		t.Fatal(err)
	}
	commit("docs", 13)
	h.over(nil)
	now := h.knows(autonoma.Convention)
	if len(now) != 1 || now[0].ID != convention[0].ID || !strings.Contains(now[0].Text, "docs: fix:") || now[0].Uses != 2 {
		t.Errorf("%+v", now)
	}
	spotted := map[string]bool{}
	for _, k := range h.knows(autonoma.HotSpot) {
		spotted[k.Text] = true
	}
	if len(spotted) != 2 || !spotted["Never mind."] {
		t.Errorf("%v", spotted)
	}
}

// Where nothing is to be learned, nothing is remembered and nothing told.
func TestLearnsNothing(t *testing.T) {
	h := open(t, play(t, spells("What is known of this repository")), tells)
	h.stop()
	h.forgetful = true
	h.again()
	h.over(nil)
	if got := h.knows(""); len(got) > 0 {
		t.Errorf("%+v", got)
	}
	must(h.known.Add(context.Background(), h.owner, autonoma.Knowledge{Source: h.repo, Text: "x", Confidence: 1}))(t)
	if run := h.over(nil); run.Output.Verification.Status != autonoma.NotVerified {
		t.Errorf("it was told: %+v", run.Output)
	}
}

// What a person says of work that is over is remembered, if it is a no.
func TestLearnsFromFeedback(t *testing.T) {
	h := open(t, play(t, part("code", edit("left.txt", "left", "LEFT"))), pair)
	run := h.over(nil)
	for _, r := range []service.Remark{
		{Execution: run.Steps[0].Execution, Signal: autonoma.Reject, Reason: "greetings are lower case here"},
		{Execution: run.Steps[0].Execution, Signal: autonoma.Reject, Reason: "once more"}, // which changes nothing
	} {
		if _, err := h.says.Give(t.Context(), h.owner, r); err != nil {
			t.Fatal(err)
		}
	}
	known := h.knows(autonoma.Refusal)
	if len(known) != 1 || !strings.Contains(known[0].Text, "greetings are lower case here") {
		t.Errorf("%+v", known)
	}
}
