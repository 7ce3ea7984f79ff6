// Package agent is the loop: ask the model, do what it asks for, tell it what
// came of that, until it finishes or a limit is reached.
//
// Every answer and every outcome goes through the journal, so an execution that
// was cut off goes on at the very turn at which it was cut. The beginning of a
// conversation never changes, so that providers' caches hit, until it gets too
// long for the model: then a summary takes the place of its middle.
package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"autonoma"
	"autonoma/internal/journal"
	"autonoma/internal/model"
	"autonoma/internal/tool"
)

// An Agent does one piece of work: a conversation of its own.
type Agent struct {
	Loop    string         // names the conversation in the journal; unique in the execution
	Phase   autonoma.Phase // for those who watch, as the cause of its turns
	Cause   autonoma.Cause
	Yields  autonoma.Yield
	Reports []autonoma.Report // what finish asks for, besides
	Model   model.Model
	Tools   tool.Set // besides finish
	Journal *journal.Journal
	Turns   int // how often the model is asked at most, in all

	Memory   Memory
	Patience Patience
	Afford   Purse
	Shortage Shortage

	// Checkpoint is called after a call that may have changed files, and
	// returns what names the new state, or nothing if they are as before. An
	// [Undone] says that it put them back.
	Checkpoint func(ctx context.Context, call string) (Checkpoint, error)
	// Accepts returns what is wrong with a result that the agent wants to finish with,
	// for it to mend; nil: nothing is.
	Accepts func(autonoma.Result) error
	// Called is told of each call that was made, those of the past included; nil:
	// nobody wants to know.
	Called func(model.Call)

	talk     model.Request
	tools    tool.Set
	turns    int
	reminded bool
	last     bool // it was asked to finish, for want of budget
	watch    watch
	result   *autonoma.Result // what finish was called with

	counted     int // tokens of the conversation as the model counted them; 0: it has not yet
	countedTo   int // how many messages those are
	touched     map[string]bool
	compactions int
	refused     int // the last turn before which the model refused the conversation as too long
}

// A Checkpoint names a state of the files.
type Checkpoint struct {
	Commit  string   `json:"commit,omitempty"`
	Tree    string   `json:"tree,omitempty"` // the same for the same files
	Changed []string `json:"changed,omitempty"`
}

// Undone is why the files are as they were before a call: what it left could not
// be kept. It is told to the model, which may do it another way.
type Undone struct{ Why error }

func (u Undone) Error() string {
	return u.Why.Error() + "; the files are as they were before this call"
}

// A Turn is what the model answered: the data of an [autonoma.EventTurn].
type Turn struct {
	Loop     string         `json:"loop"`
	Phase    autonoma.Phase `json:"phase"`
	Cause    autonoma.Cause `json:"cause,omitempty"` // finish: the model was asked to, and was told so
	N        int            `json:"turn"`            // from 1
	Answer   model.Answer   `json:"answer"`
	Duration int64          `json:"durationMs"`
}

// Key implements [journal.Entry].
func (t Turn) Key() string { return turnKey(t.Loop, t.N) }

func turnKey(loop string, n int) string { return fmt.Sprintf("%s/%d", loop, n) }

// A Call is what a tool call came to: the data of an [autonoma.EventCall].
type Call struct {
	Loop       string           `json:"loop"`
	Phase      autonoma.Phase   `json:"phase"`
	N          int              `json:"turn"`
	Index      int              `json:"index"` // of the call in its turn
	ID         string           `json:"id"`
	Name       string           `json:"name"`
	Output     string           `json:"output"`           // what the model was told
	Digest     string           `json:"digest,omitempty"` // of the output itself, to tell a loop by
	Failed     bool             `json:"failed,omitempty"`
	Checkpoint Checkpoint       `json:"checkpoint,omitzero"`
	Result     *autonoma.Result `json:"result,omitempty"` // of finish
	Duration   int64            `json:"durationMs"`
}

// Key implements [journal.Entry].
func (c Call) Key() string { return callKey(c.Loop, c.N, c.Index) }

func callKey(loop string, n, index int) string { return fmt.Sprintf("%s/%d.%d", loop, n, index) }

// Work begins the conversation with the system text and the prompt, and returns
// what the agent says when it finishes. A model that stops without finishing has
// finished: its text is the summary, and the document if that is what it should
// yield. It returns an [autonoma.Failure] if the agent comes to no end, and
// otherwise the error of the model, the journal or ctx.
func (a *Agent) Work(ctx context.Context, system, prompt string) (autonoma.Result, error) {
	finish := tool.Finish(a.Yields, a.Reports, a.accept)
	a.tools = append(append(tool.Set{}, a.Tools...), finish)
	a.talk = model.Request{System: system, Tools: a.tools.Specs()}
	a.touched = map[string]bool{}
	return a.More(ctx, prompt)
}

// accept takes over what finish was called with, if nothing is wrong with it.
func (a *Agent) accept(r autonoma.Result) error {
	if a.Accepts != nil {
		if err := a.Accepts(r); err != nil {
			return err
		}
	}
	a.result = &r
	return nil
}

// More goes on with the conversation after the agent finished: there is more to
// do.
func (a *Agent) More(ctx context.Context, prompt string) (autonoma.Result, error) {
	a.result = nil
	a.say(prompt)
	a.watch.begin(a.turns, a.patience())
	for a.turns < a.Turns {
		if err := a.hopeless(); err != nil {
			return autonoma.Result{}, err
		}
		a.turns++
		turn, err := a.next(ctx)
		if err != nil {
			return autonoma.Result{}, err
		}
		message := turn.Answer.Message
		a.hear(turn.Answer)
		if next := a.goesOn(turn.Answer); next != "" {
			a.say(next)
			continue
		}
		if len(message.Calls) == 0 && turn.Answer.Stop != model.StopPause {
			return a.spoken(message.Text), nil
		}
		if err := a.answer(ctx, message.Calls); err != nil {
			return autonoma.Result{}, err
		}
		if a.result != nil {
			return *a.result, nil
		}
	}
	return autonoma.Result{}, &autonoma.Failure{
		Code:    autonoma.FailTurns,
		Message: fmt.Sprintf("the agent did not finish within %d turns; split the task, or choose a higher tier", a.Turns),
	}
}

// patience is what there is for the work of this agent.
func (a *Agent) patience() Patience {
	p := a.Patience
	if a.Yields != autonoma.Change {
		p.Unchanged = 0
	}
	return p
}

// hopeless returns a failure if the agent gets nowhere. Where the journal goes on,
// it says what was decided: that the agent went on all the same, when there was
// more patience, or that there was no turn any more, and what its failure led to.
func (a *Agent) hopeless() error {
	switch next := a.Journal.Next(); next {
	case autonoma.EventTurn, autonoma.EventCompaction:
		return nil
	case "":
		return a.watch.hopeless(a.turns)
	default:
		if err := a.watch.hopeless(a.turns); err != nil {
			return err
		}
		return &autonoma.Failure{Code: autonoma.FailBudget, Message: "there was no further turn, for want of budget"}
	}
}

// hear takes over what the model said.
func (a *Agent) hear(answer model.Answer) {
	if m := answer.Message; m.Text != "" || len(m.Calls) > 0 { // an empty one would be refused
		a.talk.Messages = append(a.talk.Messages, m)
	}
	a.counted, a.countedTo = answer.Usage.Total(), len(a.talk.Messages)
}

func (a *Agent) say(text string) {
	a.talk.Messages = append(a.talk.Messages, model.Message{Role: model.User, Text: text})
}

// answer makes the calls of a turn and answers each.
func (a *Agent) answer(ctx context.Context, calls []model.Call) error {
	for i, c := range calls {
		call, err := a.do(ctx, i, c)
		if err != nil {
			return err
		}
		a.talk.Messages = append(a.talk.Messages, model.Message{Role: model.Tool, Answer: c.ID, Text: call.Output, Failed: call.Failed})
		if call.Result != nil {
			a.result = call.Result
		}
	}
	return nil
}

// ask asks the model for its next turn.
func (a *Agent) ask(ctx context.Context) (Turn, error) {
	turn, err := journal.Do(ctx, a.Journal, autonoma.EventTurn, turnKey(a.Loop, a.turns), func(ctx context.Context) (Turn, autonoma.Usage, error) {
		o, err := a.afford(ctx)
		if err != nil {
			return Turn{}, autonoma.Usage{}, err
		}
		start := time.Now()
		answer, err := model.Collect(o.model.Turn(ctx, o.request), nil)
		if err != nil {
			return Turn{}, autonoma.Usage{}, err
		}
		t := Turn{Loop: a.Loop, Phase: a.Phase, Cause: o.cause, N: a.turns, Answer: answer, Duration: time.Since(start).Milliseconds()}
		return t, used(answer), nil
	})
	if err == nil && turn.Cause == autonoma.CauseFinish {
		a.last = true
		a.say(a.Shortage.Ask)
	}
	return turn, err
}

// used is what a turn adds to the usage of its run.
func used(a model.Answer) autonoma.Usage {
	return autonoma.Usage{
		InputTokens:  int64(a.Usage.InputTokens + a.Usage.CacheWriteTokens),
		OutputTokens: int64(a.Usage.OutputTokens),
		CachedTokens: int64(a.Usage.CacheReadTokens),
		CostUSD:      a.Usage.Cost(a.Price),
		ModelCalls:   1,
	}
}

// goesOn returns what to say to a model that stopped without calls and without
// having finished, or nothing if it may rest.
func (a *Agent) goesOn(answer model.Answer) string {
	switch {
	case len(answer.Message.Calls) > 0 || answer.Stop == model.StopPause:
		return ""
	case answer.Stop == model.StopLength:
		return "Your answer was cut off because it was too long. Go on from there in smaller pieces."
	case strings.TrimSpace(answer.Message.Text) == "":
		return "You said nothing. Go on with the work, or call finish if it is done."
	case (a.Yields == autonoma.Judgment || a.Yields == autonoma.Pick) && !a.reminded:
		a.reminded = true
		return "Call finish with your verdict."
	}
	return ""
}

// spoken is the result of an agent that ended with plain text.
func (a *Agent) spoken(text string) autonoma.Result {
	r := autonoma.Result{Summary: strings.TrimSpace(text), Confidence: 0.5}
	if a.Yields == autonoma.Document {
		r.Document = r.Summary
		r.Summary, _, _ = strings.Cut(r.Summary, "\n")
	}
	return r
}

// maxRepeats is how often a call that a crash cut off is made again. A call that
// takes the machine down with it must not be made for ever.
const maxRepeats = 3

// interrupted returns what the model is told of a call that is not made, because it
// may have been made before a crash; or nothing if it is to be made.
func (a *Agent) interrupted(ctx context.Context, key string, c model.Call) (string, error) {
	if !a.Journal.Resumed() {
		return "", nil
	}
	if a.tools.Once(c.Name) {
		return "error: interrupted; it may or may not have taken effect, and it was not made again. Find out which before you go on.", nil
	}
	if times, err := a.Journal.Again(ctx, key); err != nil || times <= maxRepeats {
		return "", err
	}
	return "error: interrupted several times; the files are as they were before this call. Do it another way.", nil
}

// do does one call and journals what came of it.
func (a *Agent) do(ctx context.Context, i int, c model.Call) (Call, error) {
	key := callKey(a.Loop, a.turns, i)
	interrupted, err := a.interrupted(ctx, key, c)
	if err != nil {
		return Call{}, err
	}
	call, err := journal.Do(ctx, a.Journal, autonoma.EventCall, key, func(ctx context.Context) (Call, autonoma.Usage, error) {
		start := time.Now()
		call := Call{Loop: a.Loop, Phase: a.Phase, N: a.turns, Index: i, ID: c.ID, Name: c.Name}
		if interrupted != "" {
			call.Failed, call.Output = true, interrupted
			return call, autonoma.Usage{}, nil
		}
		out, err := a.tools.Do(ctx, c)
		if err != nil {
			return call, autonoma.Usage{}, err
		}
		if out.Changes {
			call.Checkpoint, err = a.Checkpoint(ctx, c.Name+" "+key)
			if undone, ok := errors.AsType[Undone](err); ok {
				out.Failed, out.Text, err = true, "error: "+undone.Error()+"\n"+out.Text, nil
			}
			if err != nil {
				return call, autonoma.Usage{}, err
			}
		}
		call.Output, call.Digest, call.Failed, call.Result = out.Text, digest(out.Text), out.Failed, a.result
		call.Output = a.watch.note(c, call)
		call.Duration = time.Since(start).Milliseconds()
		return call, autonoma.Usage{ToolCalls: 1}, nil
	})
	if err == nil {
		if a.Called != nil {
			a.Called(c)
		}
		a.watch.count(c, call)
		for _, path := range call.Checkpoint.Changed {
			a.touched[path] = true
		}
	}
	return call, err
}
