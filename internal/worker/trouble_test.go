package worker_test

import (
	"context"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"autonoma"
	"autonoma/internal/agent"
	"autonoma/internal/event"
	"autonoma/internal/model"
	"autonoma/internal/model/provider"
	"autonoma/internal/store"
	"autonoma/internal/workspace/workspacetest"
)

// impatient is a retry policy for providers that stay down.
var impatient = model.Policy{Tries: 2, Base: time.Millisecond, MaxWait: time.Second}

func demo(r *autonoma.Request) { r.Scope = autonoma.Demo }

// A provider that refuses for good ends the run at once.
func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		name, fail string
		code       autonoma.FailureCode
	}{
		{"the key is wrong", "{status: 401, forever: true}", autonoma.FailModel},
		{"no money left", "{status: 402, forever: true}", autonoma.FailModel},
		{"the model will not", "{refuse: true, forever: true}", autonoma.FailModel},
		{"it does not fit", "{tooLong: true, forever: true}", autonoma.FailContext},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := play(t, `
  - match: {agent: coder-ai}
    turns: [{fail: [`+tt.fail+`]}]
`)
			h := open(t, model.Retry(m, impatient, nil), repository)
			run := h.carryOut(demo)
			if run.Status != autonoma.Failed || run.Error == nil || run.Error.Code != tt.code || run.Error.Agent != "coder-ai" || run.Error.Phase != autonoma.Generate {
				t.Errorf("%s: %+v", run.Status, run.Error)
			}
			if s := run.Step("implementation"); s.Status != autonoma.StepFailed {
				t.Errorf("the step is %s", s.Status)
			}
		})
	}
}

// An agent that gets nowhere ends its run, and the run says how.
func TestNowhere(t *testing.T) {
	for _, tt := range []struct {
		name, command string
		code          autonoma.FailureCode
		turns         int64
	}{
		{"without a change", "echo {{turn}}", autonoma.FailStall, 50},
		{"back and forth", "grep -q wrold greet.txt && echo hello world >greet.txt || echo hello wrold >greet.txt", autonoma.FailSwing, 8},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := open(t, play(t, `
  - match: {agent: coder-ai}
    turns: [{repeat: 60, calls: [{name: bash, args: {command: "`+tt.command+`"}}]}]
`), repository)
			run := h.carryOut(demo)
			if run.Status != autonoma.Failed || run.Error.Code != tt.code || run.Error.Agent != "coder-ai" || run.Error.Phase != autonoma.Generate {
				t.Errorf("%s: %+v", run.Status, run.Error)
			}
			if run.Usage.ModelCalls != tt.turns {
				t.Errorf("after %d turns, want %d", run.Usage.ModelCalls, tt.turns)
			}
		})
	}
}

// A run whose provider is down waits for it, and goes on where it was.
func TestWaiting(t *testing.T) {
	m := play(t, `
  - match: {agent: coder-ai}
    turns:
      - calls: [{name: edit, args: {path: greet.txt, old: wrold, new: world}}]
      - calls: [{name: finish, args: {summary: Spell it right., confidence: 0.9}}]
        fail: [{status: 529, times: 2}]
`)
	h := open(t, model.Retry(m, impatient, nil), repository)
	id := h.submit(demo)
	run := h.until(id, becomes(autonoma.WaitingProvider))
	if !strings.Contains(run.StatusDetail, "529") || run.Status.Final() {
		t.Errorf("%s: %q", run.Status, run.StatusDetail)
	}
	h.hurry(id)
	if run = h.until(id, event.Last); run.Status != autonoma.Completed {
		t.Fatalf("%s: %v", run.Status, run.Error)
	}
	var turns, calls int
	for _, e := range h.events(id) {
		switch {
		case e.Kind == autonoma.EventTurn:
			turns++
		case e.Kind == autonoma.EventCall && dataOf[agent.Call](e).Name == "edit":
			calls++
		}
	}
	if turns != 2 || calls != 1 {
		t.Errorf("%d turns and %d edits are in the log", turns, calls)
	}
}

// A model that says nothing is asked again, the run says that it waits for it, and one
// that is silent for a day ends the run, which says so.
func TestSilence(t *testing.T) {
	m := model.Stall(play(t, `
  - match: {agent: coder-ai}
    turns: [{fail: [{hang: true, forever: true}]}]
`), 20*time.Millisecond)
	h := open(t, model.Retry(m, impatient, nil), repository)
	id := h.submit(demo)
	if run := h.until(id, becomes(autonoma.WaitingProvider)); !strings.Contains(run.StatusDetail, "nothing was heard for 20ms") {
		t.Errorf("%s: %s", run.Status, run.StatusDetail)
	}
	h.dayAgo(`UPDATE events SET at = ? WHERE run = ? AND kind = 'status'`, id)
	h.hurry(id)
	if run := h.until(id, event.Last); run.Status != autonoma.Failed || run.Error.Code != autonoma.FailSilent || !run.Error.Retryable {
		t.Errorf("%s: %+v", run.Status, run.Error)
	}
}

// A provider that stays down for a day ends the run, however old the run is.
func TestPatience(t *testing.T) {
	m := play(t, `
  - match: {agent: coder-ai}
    turns: [{fail: [{status: 529, forever: true}]}]
`)
	h := open(t, model.Retry(m, impatient, nil), repository)
	id := h.submit(demo)
	h.until(id, becomes(autonoma.WaitingProvider))
	h.dayAgo(`UPDATE runs SET started_at = ? WHERE id = ?`, id)
	h.dayAgo(`UPDATE executions SET started_at = ? WHERE run = ?`, id)
	h.hurry(id)
	waits := 0
	run := h.until(id, func(e autonoma.Event) bool {
		if becomes(autonoma.WaitingProvider)(e) {
			waits++
		}
		return waits == 2 || event.Last(e)
	})
	if run.Status != autonoma.WaitingProvider {
		t.Fatalf("after a minute of an old run: %s: %v", run.Status, run.Error)
	}
	h.dayAgo(`UPDATE events SET at = ? WHERE run = ? AND kind = 'status'`, id)
	h.hurry(id)
	run = h.until(id, event.Last)
	if run.Status != autonoma.Failed || run.Error.Code != autonoma.FailModel || !run.Error.Retryable {
		t.Errorf("%s: %+v", run.Status, run.Error)
	}
}

// The longer a provider is down, the more seldom it is asked, up to half an hour; when
// it has answered, that begins anew.
func TestWaitingLonger(t *testing.T) {
	m := play(t, `
  - match: {agent: coder-ai}
    turns:
      - calls: [{name: edit, args: {path: greet.txt, old: wrold, new: world}}]
        fail: [{status: 529, times: 14}]
      - calls: [{name: finish, args: {summary: Spell it right., confidence: 0.9}}]
        fail: [{status: 529, times: 2}]
`)
	h := open(t, model.Retry(m, impatient, nil), repository)
	id := h.submit(demo)
	var waits []time.Duration
	run := h.until(id, func(e autonoma.Event) bool {
		if becomes(autonoma.WaitingProvider)(e) {
			_, at, _ := strings.Cut(dataOf[autonoma.StatusChanged](e).Detail, "asked again at ")
			waits = append(waits, must(time.Parse(time.RFC3339, at))(t).Sub(e.At.Truncate(time.Second)))
			h.hurry(id)
		}
		return event.Last(e)
	})
	want := []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 30 * time.Minute, 30 * time.Minute, time.Minute}
	if run.Status != autonoma.Completed || !slices.Equal(waits, want) {
		t.Errorf("%s: %v; waited %v", run.Status, run.Error, waits)
	}
}

// dayAgo makes a change to a run by which something was more than a day ago.
func (h *house) dayAgo(query string, id autonoma.RunID) {
	h.t.Helper()
	if _, err := h.db.Writer().ExecContext(h.t.Context(), query, time.Now().Add(-25*time.Hour).UnixMicro(), id); err != nil {
		h.t.Fatal(err)
	}
}

// hurry makes the job of a run that waits for its provider due. The job is put
// aside a moment after the run is.
func (h *house) hurry(id autonoma.RunID) {
	h.t.Helper()
	for wait := time.Millisecond; wait < time.Minute; wait *= 2 {
		done, err := h.db.Writer().ExecContext(h.t.Context(), `
			UPDATE river_job SET state = 'available', scheduled_at = created_at
			WHERE state = 'scheduled' AND json_extract(args, '$.run') = ?`, id)
		if err != nil {
			h.t.Fatal(err)
		}
		if n, _ := done.RowsAffected(); n > 0 {
			return
		}
		<-time.After(wait)
	}
	h.t.Fatalf("no job of %s waits", id)
}

// When the first model cannot be used, the next one answers.
func TestFallback(t *testing.T) {
	down := play(t, `
  - turns:
      - {fail: [{status: 503, forever: true}]}
      - {fail: [{status: 503, forever: true}]}
`)
	h := open(t, provider.Fallback(model.Retry(down, impatient, nil), play(t, coder)), repository)
	if run := h.carryOut(demo); run.Status != autonoma.Completed || run.Output.Branch == nil {
		t.Errorf("%s: %v", run.Status, run.Error)
	}
}

// priced is a model that charges.
type priced struct {
	model.Model
	price   model.Price
	longest int
}

func (p priced) Info() model.Info {
	i := p.Model.Info()
	i.Price, i.MaxOutputTokens = p.price, p.longest
	return i
}

func (p priced) Turn(ctx context.Context, r model.Request) iter.Seq2[model.Delta, error] {
	return func(yield func(model.Delta, error) bool) {
		for d, err := range p.Model.Turn(ctx, r) {
			if d.Done != nil {
				d.Done.Price = p.price
			}
			if !yield(d, err) {
				return
			}
		}
	}
}

// A run ends before it spends more than it may.
func TestBudget(t *testing.T) {
	const talker = `
  - match: {agent: coder-ai}
    turns:
      - repeat: 50
        calls: [{name: bash, args: {command: "echo {{turn}} >count"}}]
        usage: {input: 4000, output: 1000, cacheRead: 1000}
`
	dear := model.Price{Known: true, Input: 10, Output: 100, CacheRead: 1}
	for _, tt := range []struct {
		name    string
		budget  autonoma.Budget
		price   model.Price
		longest int
		turns   int64 // at least, and one more at most
		says    string
	}{
		{name: "tokens", budget: autonoma.Budget{MaxTokens: 60_000}, turns: 5, says: "of 60000 tokens are used"},
		{name: "no token for a turn", budget: autonoma.Budget{MaxTokens: 1_000}, says: "0 of 1000 tokens"},
		{name: "dollars", budget: autonoma.Budget{MaxCostUSD: 2}, price: dear, turns: 2, says: "of $2.0000 are spent"},
		{name: "no price", budget: autonoma.Budget{MaxCostUSD: 1000}, says: "price of script/test is not known"},
		{name: "a model of long answers", budget: autonoma.Budget{MaxTokens: 200_000}, longest: 250_000, turns: 20, says: "of 200000 tokens are used"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := open(t, priced{play(t, talker), tt.price, tt.longest}, repository)
			run := h.carryOut(func(r *autonoma.Request) { r.Scope, r.Budget = autonoma.Demo, tt.budget })
			if run.Status != autonoma.Failed || run.Error.Code != autonoma.FailBudget || !strings.Contains(run.Error.Message, tt.says) {
				t.Fatalf("%s: %v", run.Status, run.Error)
			}
			b, u := tt.budget, run.Usage
			if b.MaxTokens > 0 && u.Tokens() > b.MaxTokens || b.MaxCostUSD > 0 && u.CostUSD > b.MaxCostUSD {
				t.Errorf("used %+v of %+v", u, b)
			}
			if u.ModelCalls < tt.turns || tt.turns == 0 && u.ModelCalls > 0 {
				t.Errorf("the model was asked %d times, want at least %d", u.ModelCalls, tt.turns)
			}
		})
	}
}

// The answer of a model is as long as what was set aside for it, at most.
func TestBudgetBoundsAnswers(t *testing.T) {
	asked := make(chan model.Request, 10)
	h := open(t, listener{play(t, coder), asked}, repository)
	for _, tt := range []struct {
		name   string
		budget autonoma.Budget
		bound  bool
	}{
		{"with a budget", autonoma.Budget{MaxTokens: 100_000}, true},
		{"without", autonoma.Budget{}, false},
	} {
		run := h.carryOut(func(r *autonoma.Request) { r.Scope, r.Budget = autonoma.Demo, tt.budget })
		if run.Status != autonoma.Completed {
			t.Fatalf("%s: %s: %v", tt.name, run.Status, run.Error)
		}
		for range run.Usage.ModelCalls {
			if r := <-asked; (r.MaxTokens > 0) != tt.bound {
				t.Errorf("%s, an answer may have %d tokens", tt.name, r.MaxTokens)
			}
		}
	}
}

// listener hears what a model is asked.
type listener struct {
	model.Model
	asked chan<- model.Request
}

func (l listener) Turn(ctx context.Context, r model.Request) iter.Seq2[model.Delta, error] {
	l.asked <- r
	return l.Model.Turn(ctx, r)
}

// hanging is a conversation that comes to a point at which it waits for ever.
var hanging = map[string]string{
	"in a command": `
  - match: {agent: coder-ai}
    turns:
      - calls: [{name: bash, args: {command: "sleep 600"}}]
`,
	"in a model": `
  - match: {agent: coder-ai}
    turns: [{fail: [{hang: true, forever: true}]}]
`,
}

// A run that takes too long ends, whatever it waits for.
func TestMaxDuration(t *testing.T) {
	for name, says := range hanging {
		t.Run(name, func(t *testing.T) {
			h := open(t, play(t, says), repository)
			run := h.carryOut(func(r *autonoma.Request) { r.Scope, r.Budget.MaxDurationSeconds = autonoma.Demo, 1 })
			if run.Status != autonoma.Failed || run.Error.Code != autonoma.FailBudget {
				t.Fatalf("%s: %v", run.Status, run.Error)
			}
			if took := run.CompletedAt.Sub(run.StartedAt); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// A run that is out of time before it is taken up again ends then.
func TestMaxDurationOver(t *testing.T) {
	m := play(t, `
  - match: {agent: coder-ai}
    turns: [{fail: [{status: 529, forever: true}]}]
`)
	h := open(t, model.Retry(m, impatient, nil), repository)
	id := h.submit(func(r *autonoma.Request) { r.Scope, r.Budget.MaxDurationSeconds = autonoma.Demo, 3600 })
	h.until(id, becomes(autonoma.WaitingProvider))
	long := time.Now().Add(-2 * time.Hour).UnixMicro()
	if _, err := h.db.Writer().ExecContext(t.Context(), `UPDATE runs SET started_at = ? WHERE id = ?`, long, id); err != nil {
		t.Fatal(err)
	}
	h.hurry(id)
	run := h.until(id, event.Last)
	if run.Status != autonoma.Failed || run.Error.Code != autonoma.FailBudget {
		t.Errorf("%s: %+v", run.Status, run.Error)
	}
}

// A run that is cancelled stops within a second, whatever it waits for, and
// leaves nothing behind.
func TestCancel(t *testing.T) {
	for name, says := range hanging {
		t.Run(name, func(t *testing.T) {
			h := open(t, play(t, says), repository)
			id := h.submit(demo)
			h.until(id, func(e autonoma.Event) bool {
				return e.Kind == autonoma.EventTurn ||
					e.Kind == autonoma.EventPhase && name == "in a model" && dataOf[autonoma.PhaseChanged](e).Phase == autonoma.Generate
			})
			begin := time.Now()
			if _, err := h.tasks.Cancel(t.Context(), h.owner, id); err != nil {
				t.Fatal(err)
			}
			for h.running(id) {
				<-time.After(10 * time.Millisecond)
			}
			if took := time.Since(begin); took > time.Second {
				t.Errorf("it took %v", took)
			}
			h.stop()
			run := h.run(id)
			if run.Status != autonoma.Cancelled || run.Step("implementation").Status != autonoma.StepCancelled || run.Output != nil {
				t.Errorf("%s, step %+v", run.Status, run.Step("implementation"))
			}
			all := h.events(id)
			if last := all[len(all)-1]; !event.Last(last) {
				t.Errorf("after the end there is %s %s", last.Kind, last.Data)
			}
			if left, err := h.spaces.Leftovers(); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// A process that cannot wait for a command gives the job back: it did not fail.
func TestHardStop(t *testing.T) {
	h := open(t, play(t, hanging["in a command"]), repository)
	id := h.submit(demo)
	h.until(id, func(e autonoma.Event) bool { return e.Kind == autonoma.EventTurn })
	now, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.queue.Stop(now); err != nil {
		t.Fatal(err)
	}
	var state, errs string
	err := h.db.Writer().QueryRowContext(t.Context(),
		`SELECT state, coalesce(errors, '') FROM river_job WHERE json_extract(args, '$.run') = ?`, id).Scan(&state, &errs)
	if err != nil || state != "available" || errs != "" {
		t.Errorf("the job is %s %s: %v", state, errs, err)
	}
	if run := h.run(id); run.Status != autonoma.InProgress {
		t.Errorf("the run is %s: %v", run.Status, run.Error)
	}
}

// running reports whether somebody works on a job of the run.
func (h *house) running(id autonoma.RunID) bool {
	h.t.Helper()
	var n int
	if err := h.db.Writer().QueryRowContext(h.t.Context(),
		`SELECT count(*) FROM river_job WHERE state = 'running' AND json_extract(args, '$.run') = ?`, id).Scan(&n); err != nil {
		h.t.Fatal(err)
	}
	return n > 0
}

// A run whose source is gone fails, and says so.
func TestSourceGone(t *testing.T) {
	h := open(t, play(t, coder), repository)
	run := h.carryOut(func(r *autonoma.Request) { r.Scope, r.BaseRef = autonoma.Demo, "no-such-branch" })
	if run.Status != autonoma.Failed || run.Error.Code != autonoma.FailSource {
		t.Errorf("%s: %+v", run.Status, run.Error)
	}
}

// A run whose files cannot be checked out fails at once, and says of which: to try
// again is of no use.
func TestSourceUnusable(t *testing.T) {
	h := open(t, play(t, coder), repository)
	workspacetest.Plant(t, h.repo, ".gitattributes", "*.txt working-tree-encoding\n")
	run := h.carryOut(demo)
	if run.Status != autonoma.Failed || run.Error.Code != autonoma.FailSource || run.Error.Retryable || !strings.Contains(run.Error.Message, ".gitattributes") {
		t.Errorf("%s: %+v", run.Status, run.Error)
	}
}

// A worker that was overtaken writes nothing more, and its run goes on elsewhere.
func TestOvertaken(t *testing.T) {
	h := open(t, play(t, `
  - match: {agent: coder-ai}
    turns:
      - calls: [{name: bash, args: {command: "while ! test -e go; do sleep 0.01; done"}}]
      - calls: [{name: finish, args: {summary: done, confidence: 1}}]
`), repository)
	id := h.submit(demo)
	run := h.until(id, func(e autonoma.Event) bool { return e.Kind == autonoma.EventTurn })
	err := h.db.Update(t.Context(), func(tx *store.Tx) error {
		exec, err := tx.Execution(run.Step("implementation").Execution)
		if err != nil {
			return err
		}
		_, err = tx.Take(&exec, time.Now())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	before := len(h.events(id))
	h.release(id, "go")
	for h.running(id) {
		<-time.After(10 * time.Millisecond)
	}
	if after := h.events(id); len(after) != before {
		t.Errorf("it went on to write %s %s", after[before].Kind, after[before].Data)
	}
}

// release lets a command end that waits for a file in the checkout of its step.
func (h *house) release(id autonoma.RunID, name string) {
	h.t.Helper()
	places, err := filepath.Glob(filepath.Join(h.data, "workspaces", "runs", string(id), "*", "work*", "files"))
	if err != nil || len(places) == 0 {
		h.t.Fatal(places, err)
	}
	for _, place := range places {
		if err := os.WriteFile(filepath.Join(place, name), nil, 0o600); err != nil {
			h.t.Fatal(err)
		}
	}
}
