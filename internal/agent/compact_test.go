package agent_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"autonoma"
	"autonoma/internal/agent"
	"autonoma/internal/journal"
	"autonoma/internal/model"
	"autonoma/internal/model/modeltest"
)

// long is a talk that has to be compacted several times.
func long(t *testing.T) *talk {
	t.Helper()
	talks := strings.Repeat("many words ", 80)
	c := play(modeltest.Script(t, fmt.Sprintf(`
name: test
context: 4000
conversations:
- turns:
  - {repeat: 12, text: "%[1]s", calls: [{name: bash, args: {command: "append {{turn}}"}}]}
  - calls: [{name: write, args: {path: b.txt, content: b}}, {name: read, args: {path: b.txt}}]
  - {repeat: 12, text: "%[1]s", calls: [{name: bash, args: {command: "append {{turn}}"}}]}
  - calls: [{name: finish, args: {summary: Nearly., confidence: 1}}]
  - {repeat: 6, text: "%[1]s", calls: [{name: bash, args: {command: "append {{turn}}"}}]}
  - calls: [{name: finish, args: {summary: Done., confidence: 1}}]
  asides:
  - {asks: Sum up., thinking: "Hm.", text: "Lines were appended (the script is at turn {{turn}})."}
`, talks)))
	c.turns = 100
	return c
}

// A conversation that outgrows its model is summed up, as often as it must be:
// the task stays, the summary and the files that were touched follow, and then
// the last turns word for word.
func TestCompaction(t *testing.T) {
	c := long(t)
	r, err := c.work(t, "More.")
	if err != nil || r.Summary != "Done." {
		t.Fatalf("%+v, %v", r, err)
	}
	all := c.compactions()
	if len(all) < 3 {
		t.Fatalf("summed up %d times", len(all))
	}
	first, before, n := c.asked[0], c.asked[0].Messages, 0
	for i, r := range c.asked {
		modeltest.Check(t, r)
		if r.System != first.System || cmp.Diff(first.Tools, r.Tools) != "" || cmp.Diff(first.Messages[0], r.Messages[0]) != "" {
			t.Errorf("request %d has another beginning", i+1)
		}
		said, same := r.Messages, before
		switch ask := len(said) - 1; {
		case said[ask].Text == "Sum up.": // what is to be left out, as it was
			said, same = said[:ask], before[:ask]
		case n < len(all) && all[n].N == i-n: // the first request after it
			if told := said[1]; told.Role != model.User || !strings.HasPrefix(told.Text, "So far: Lines were appended (") || !strings.Contains(told.Text, "\nTouched: a.txt") {
				t.Errorf("request %d tells %q", i+1, told.Text)
			}
			said, same = said[2:], before[all[n].From:]
			if len(same) < 2 {
				t.Errorf("request %d keeps %d messages", i+1, len(same))
			}
			before = r.Messages
			n++
		default:
			before = r.Messages
		}
		if d := cmp.Diff(same, said[:len(same)]); d != "" {
			t.Errorf("request %d is not as it was:\n%s", i+1, d)
		}
	}
	if n != len(all) {
		t.Errorf("%d of %d summaries were told", n, len(all))
	}
	if n = answers(c.log); c.used.ModelCalls != int64(n) || c.answered != n {
		t.Errorf("%d answers are in the log, the model gave %d, used %+v", n, c.answered, c.used)
	}
	end := c.asked[len(c.asked)-1].Messages[1].Text
	if !strings.HasSuffix(end, "Touched: a.txt b.txt") {
		t.Errorf("at last it is told %q", end)
	}
	for i := 1; i < 33; i++ { // but for the turns without a line
		if n := strings.Count(c.desk.files["a.txt"], fmt.Sprintf("\n%d\n", i)); n != 1 && i != 12 && i != 25 && i != 32 {
			t.Errorf("line %d is there %d times", i, n)
		}
	}
}

// What the model does not sum up is left out all the same.
func TestNotSummedUp(t *testing.T) {
	call := model.Call{ID: "s", Name: "read", Args: `{"path": "a.txt"}`}
	for _, tt := range []struct {
		name string
		says []model.Message // when asked to sum up
		told string
		asks int
	}{
		{"at once", []model.Message{{Text: " All is well. "}}, "So far: All is well.\n", 1},
		{"after a call", []model.Message{{Text: "I look.", Calls: []model.Call{call}}, {Text: "All is well."}}, "So far: All is well.\n", 2},
		{"after nothing", []model.Message{{}, {Text: "All is well."}}, "So far: All is well.\n", 2},
		{"never, but with some words", []model.Message{{Calls: []model.Call{call}}, {Text: "I look.", Calls: []model.Call{call}}}, "So far: I look.\n", 2},
		{"never", []model.Message{{}, {Calls: []model.Call{call}}}, "So far: \n", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newTalk(t, finish)
			c.says = &reader{context: 10_000, until: 4, sums: tt.says}
			if _, err := c.work(t); err != nil {
				t.Fatal(err)
			}
			last := c.asked[len(c.asked)-1]
			if all := c.compactions(); len(all) != tt.asks || !strings.HasPrefix(last.Messages[1].Text, tt.told) {
				t.Errorf("asked %d times to sum up, it is told %q", len(all), last.Messages[1].Text)
			}
			if n := len(c.calls()); n != 5 {
				t.Errorf("%d calls were made", n)
			}
			for _, r := range c.asked {
				modeltest.Check(t, r)
			}
			second := "Sum up.\n\nYou were asked this before."
			if n := slices.IndexFunc(c.asked, func(r model.Request) bool {
				return strings.HasPrefix(r.Messages[len(r.Messages)-1].Text, second)
			}); (n >= 0) != (tt.asks == 2) {
				t.Errorf("request %d asks for a second time", n+1)
			}
		})
	}
}

// A model that refuses the conversation as too long gets a shorter one, once.
func TestTooLong(t *testing.T) {
	for _, tt := range []struct {
		name    string
		says    reader
		known   int // context, 0: none
		refused int
		fails   bool
	}{
		{name: "nothing is known of the model", says: reader{context: 10_000, until: 8}, refused: 1},
		{name: "more is known than is true", says: reader{context: 10_000, until: 8}, known: 100_000, refused: 1},
		{name: "one turn is too much", says: reader{context: 10_000, until: 4, parallel: 6}, refused: 1},
		{name: "one turn is too much, as is known", says: reader{context: 10_000, until: 4, parallel: 6}, known: 10_000},
		{name: "the first turn is too much", says: reader{context: 10_000, until: 1, parallel: 6}, fails: true},
		{name: "it refuses everything from then on", says: reader{context: 10_000, until: 20, spite: true}, refused: 1, fails: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newTalk(t, finish)
			c.says = &tt.says
			c.unknown(tt.known)
			_, err := c.work(t)
			if (err != nil) != tt.fails || tt.fails && model.KindOf(err) != model.TooLong {
				t.Fatalf("%v", err)
			}
			refused := 0
			for _, e := range c.compactions() {
				if e.Refused {
					refused++
				}
			}
			if refused < tt.refused || tt.refused == 0 && refused > 0 {
				t.Errorf("summed up %d times because the model refused", refused)
			}
			for _, r := range c.asked {
				modeltest.Check(t, r)
			}
			if !tt.fails {
				return
			}
			// After a restart it is known that it was compacted for that turn.
			before := len(c.compactions())
			if _, err := c.work(t); model.KindOf(err) != model.TooLong || len(c.compactions()) != before {
				t.Errorf("after a restart: %v, summed up %d times more", err, len(c.compactions())-before)
			}
		})
	}
}

// What is asked for a second time by another process, which knows nothing of the
// model, is the same.
func TestSecondTryAfterRestart(t *testing.T) {
	c := newTalk(t, finish)
	c.says = &reader{context: 10_000, until: 4, sums: []model.Message{{}, {Text: "All is well."}}}
	c.crash = 7 // after three turns and the first try
	if _, err := c.work(t); !errors.Is(err, errCrash) || len(c.compactions()) != 1 {
		t.Fatalf("%v, asked %d times to sum up", err, len(c.compactions()))
	}
	c.crash = 0
	c.says = &reader{context: 10_000, until: 4}
	c.unknown(0)
	if _, err := c.work(t); err != nil {
		t.Fatal(err)
	}
	if all := c.compactions(); len(all) < 2 || all[1].From != all[0].From {
		t.Errorf("first from message %d, then %+v", all[0].From, all[1:])
	}
}

// However large the model is that refuses, and whatever its last turn came to, what
// it is asked to sum up fits it.
func TestTooLongAtAnySize(t *testing.T) {
	for context := 7_000; context < 20_000; context += 211 {
		for _, known := range []int{0, context, 1_000_000} {
			c := newTalk(t, finish)
			c.says = &reader{context: context, until: 15}
			c.unknown(known)
			c.memory.Ask = "Sum up." + strings.Repeat(" Be brief.", 200)
			if _, err := c.work(t); err != nil {
				t.Errorf("a model of %d tokens, of which %d are known: %v", context, known, err)
			}
		}
	}
}

// A conversation goes on with a much smaller model after a restart, in pieces that
// this one can read.
func TestSmallerModelAfterRestart(t *testing.T) {
	c := newTalk(t, finish)
	c.turns, c.crash = 40, 41 // after twenty turns
	c.says = &reader{context: 100_000, until: 24}
	if _, err := c.work(t); !errors.Is(err, errCrash) || len(c.compactions()) > 0 {
		t.Fatalf("%v, summed up %d times", err, len(c.compactions()))
	}
	c.crash, c.says = 0, &reader{context: 20_000, until: 24}
	if _, err := c.work(t); err != nil {
		t.Fatal(err)
	}
	pieces := 0
	for _, s := range c.compactions() {
		if s.N == c.compactions()[0].N {
			pieces++
		}
	}
	if pieces < 3 {
		t.Errorf("it was summed up in %d pieces", pieces)
	}
}

// Where the beginning alone is long, it is not summed up again for each turn.
func TestLittleIsGained(t *testing.T) {
	c := newTalk(t, finish)
	c.says = &small{}
	c.unknown(0)
	if _, err := c.work(t); err != nil {
		t.Fatal(err)
	}
	beginning := model.Estimate(c.asked[0])
	c.log = nil
	c.says = &small{}
	c.unknown(beginning * 100 / 77)
	if _, err := c.work(t); err != nil {
		t.Fatal(err)
	}
	if n := len(c.compactions()); n > 2 {
		t.Errorf("eighteen short turns were summed up %d times", n)
	}
}

// small is a model that makes eighteen small steps.
type small struct{ reader }

func (s *small) Turn(_ context.Context, q model.Request) iter.Seq2[model.Delta, error] {
	return func(yield func(model.Delta, error) bool) {
		last := q.Messages[len(q.Messages)-1]
		turn := 0
		_, _ = fmt.Sscanf(last.Answer, "turn %d", &turn)
		call := model.Call{ID: fmt.Sprintf("turn %d", turn+1), Name: "bash", Args: fmt.Sprintf(`{"command": "append %d"}`, turn)}
		if turn == 18 {
			call = model.Call{ID: "end", Name: "finish", Args: `{"summary": "Done.", "confidence": 1}`}
		}
		m := model.Message{Role: model.Assistant, Calls: []model.Call{call}}
		if last.Text == "Sum up." {
			m = model.Message{Role: model.Assistant, Text: "Much was done."}
		}
		yield(model.Delta{Done: &model.Answer{Message: m}}, nil)
	}
}

// What was decided stays so, whatever is known of the model after a restart.
func TestCompactionAfterRestart(t *testing.T) {
	c := long(t)
	if _, err := c.work(t, "More."); err != nil {
		t.Fatal(err)
	}
	for at := 1; at < len(c.log); at += 3 {
		for _, context := range []int{0, 3_000, 1_000_000} {
			again := long(t).unknown(context)
			again.log = c.log[:at:at]
			again.memory.Full, again.memory.Keep = 50, 10
			if _, err := again.work(t, "More."); err != nil {
				t.Fatalf("a model of %d tokens after event %d: %v", context, at, err)
			}
			if d := cmp.Diff(outcomesOf(t, c.log[:at]), outcomesOf(t, again.log[:at])); d != "" {
				t.Errorf("the log is another:\n%s", d)
			}
		}
	}
}

// A journal that says that something else was left out than there is does not fit.
func TestCompactionMismatch(t *testing.T) {
	for _, from := range []int{-1, 0, 1, 4, 1000} {
		c := long(t)
		if _, err := c.work(t, "More."); err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(c.log, func(e autonoma.Event) bool { return e.Kind == autonoma.EventCompaction })
		e := c.compactions()[0]
		e.From = from
		c.log[i] = autonoma.NewEvent(autonoma.EventCompaction, "exec_1", c.log[i].At, e)
		if _, err := c.work(t, "More."); !errors.Is(err, journal.ErrMismatch) {
			t.Errorf("from message %d: %v", from, err)
		}
	}
}

// A summary that the run cannot afford is not asked for.
func TestAffordCompaction(t *testing.T) {
	c := long(t)
	poor := errors.New("too dear")
	c.affordIf = func(q agent.Quote) error {
		if r := q.Request; r.Messages[len(r.Messages)-1].Text == "Sum up." {
			return poor
		}
		return nil
	}
	if _, err := c.work(t, "More."); !errors.Is(err, poor) || len(c.compactions()) > 0 {
		t.Errorf("%v, summed up %d times", err, len(c.compactions()))
	}
}

// reader is a model that reads a file in each turn, so often, and then finishes. It
// goes by what it was answered last, save for what it says when it is to sum up.
type reader struct {
	context  int // tokens
	until    int // how many turns
	parallel int // calls in the last one
	sums     []model.Message
	spite    bool // it refuses whatever is asked after it was to sum up
	summed   bool
}

func (r *reader) Info() model.Info { return model.Info{Name: "reader", ContextTokens: r.context} }

func (r *reader) Turn(_ context.Context, q model.Request) iter.Seq2[model.Delta, error] {
	return func(yield func(model.Delta, error) bool) {
		last := q.Messages[len(q.Messages)-1]
		summing := strings.HasPrefix(last.Text, "Sum up.")
		if model.Estimate(q) > r.context || r.spite && r.summed && !summing {
			yield(model.Delta{}, &model.Error{Kind: model.TooLong})
			return
		}
		a := model.Answer{Stop: model.StopEnd}
		if r.summed = r.summed || summing; summing {
			a.Message = r.sum()
		} else {
			a.Message = r.read(last.Answer)
		}
		a.Message.Role = model.Assistant
		yield(model.Delta{Done: &a}, nil)
	}
}

func (r *reader) sum() model.Message {
	if len(r.sums) == 0 {
		return model.Message{Text: "Much was read."}
	}
	next := r.sums[0]
	r.sums = r.sums[1:]
	return next
}

func (r *reader) read(answered string) model.Message {
	turn := 0
	_, _ = fmt.Sscanf(answered, "turn %d", &turn) // before the first there is none
	turn++
	calls := 1
	switch {
	case turn > r.until:
		return model.Message{Calls: []model.Call{{ID: "end", Name: "finish", Args: `{"summary": "Done.", "confidence": 1}`}}}
	case turn == r.until:
		calls = max(1, r.parallel)
	}
	var m model.Message
	for i := range calls {
		m.Calls = append(m.Calls, model.Call{ID: fmt.Sprintf("turn %d.%d", turn, i), Name: "read", Args: fmt.Sprintf(`{"path": "big.txt", "limit": %d}`, 100*turn+i)})
	}
	return m
}
