package worker_test

import (
	"fmt"
	"strings"
	"testing"

	"autonoma"
	"autonoma/internal/agent"
	"autonoma/internal/event"
	"autonoma/internal/model"
	"autonoma/internal/model/anthropic"
	"autonoma/internal/model/modeltest"
	"autonoma/internal/model/openai"
	"autonoma/internal/model/wire"
)

// window is how many tokens the models of long conversations can hold: a few times
// what is said before the first turn.
const window = 6_000

// long is a script whose conversation needs to be summed up several times. What is
// said when it is asked for that goes wrong as fails says.
func long(fails string) string {
	return fmt.Sprintf(`
name: long
context: %d
conversations:
  - match: {agent: coder-ai, phase: generate}
    turns:
      - calls: [{name: edit, args: {path: greet.txt, old: wrold, new: world}}]
      - repeat: 18
        thinking: "Step {{turn}}."
        text: "%s"
        calls: [{name: bash, args: {command: "echo {{turn}} | tee -a steps.txt"}}]
      - calls: [{name: finish, args: {summary: Many steps., confidence: 1}}]
    asides:
      - asks: "Call no tool"
        thinking: "What was it?"
        text: "Steps were taken (the script is at turn {{turn}})."
        fail: [%s]
`, window, strings.Repeat("many words ", 220), fails)
}

// A conversation that outgrows its model is summed up as every provider wants it,
// and the run comes to its end.
func TestLongConversation(t *testing.T) {
	for name, speak := range map[string]func(wire.Config) model.Model{
		"messages": anthropic.New, "chat completions": openai.NewChat, "responses": openai.NewResponses,
	} {
		for known, context := range map[string]int{"known": window, "unknown": 0} {
			t.Run(name+", window "+known, func(t *testing.T) {
				s := modeltest.NewServer(t, long(""))
				url := s.OpenAIURL()
				if name == "messages" {
					url = s.URL
				}
				m := speak(wire.Config{
					Info:    model.Info{Provider: "tested", Name: "m", Effort: "high", ContextTokens: context},
					BaseURL: url, Key: "any",
				})
				h := open(t, m, repository)
				run := h.carryOut(demo)
				h.tookAllSteps(run)
				if n := h.summedUp(run.ID, context == 0); n < 2 {
					t.Errorf("the conversation was summed up %d times", n)
				}
			})
		}
	}
}

// A provider that goes down while a conversation is summed up is waited for, and
// nothing that was answered is asked again.
func TestSumUpResumed(t *testing.T) {
	s := modeltest.NewServer(t, long("{status: 529, times: 2}"))
	m := anthropic.New(wire.Config{
		Info:    model.Info{Provider: "tested", Name: "m", Effort: "high", ContextTokens: window},
		BaseURL: s.URL, Key: "any",
	})
	h := open(t, model.Retry(m, impatient, nil), repository)
	id := h.submit(demo)
	waits := 0
	run := h.until(id, func(e autonoma.Event) bool {
		if becomes(autonoma.WaitingProvider)(e) {
			waits++
			h.hurry(id)
		}
		return event.Last(e)
	})
	h.tookAllSteps(run)
	if n := h.summedUp(id, false); n < 2 || waits != n {
		t.Errorf("the conversation was summed up %d times, the provider was waited for %d times", n, waits)
	}
	answered := map[string]int{}
	for _, e := range s.Log() {
		if e.Sent {
			answered[e.Key]++
		}
	}
	for key, n := range answered {
		if n > 1 {
			t.Errorf("turn %s was answered %d times", key, n)
		}
	}
	if int64(len(answered)) != run.Usage.ModelCalls {
		t.Errorf("%d turns were answered, %d are counted", len(answered), run.Usage.ModelCalls)
	}
}

// tookAllSteps checks that a run of the long script did each step once, in order.
func (h *house) tookAllSteps(run autonoma.Run) {
	h.t.Helper()
	if run.Status != autonoma.Completed || run.Output.Branch == nil {
		h.t.Fatalf("%s: %v", run.Status, run.Error)
	}
	var want strings.Builder
	for i := 1; i <= 18; i++ {
		fmt.Fprintln(&want, i)
	}
	if got := h.git("show", *run.Output.Branch+":steps.txt"); got != strings.TrimSpace(want.String()) {
		h.t.Errorf("the steps are\n%s", got)
	}
}

// summedUp checks the summaries of a run, and returns how many there are.
func (h *house) summedUp(id autonoma.RunID, refused bool) int {
	h.t.Helper()
	n := 0
	for _, e := range h.events(id) {
		if e.Kind != autonoma.EventCompaction {
			continue
		}
		c := dataOf[agent.Compaction](e)
		if n++; c.Refused != refused || c.Number != n || c.Answer.Usage.Total() == 0 {
			h.t.Errorf("summary %d is %+v", n, c)
		}
	}
	return n
}
