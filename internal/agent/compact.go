package agent

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"autonoma"
	"autonoma/internal/journal"
	"autonoma/internal/model"
)

// A Memory says when a conversation is compacted, and what is said then. The zero
// value never compacts.
type Memory struct {
	Full int // percent of what the model can hold, from which on it is compacted
	Keep int // percent of it that stays word for word at the end

	Ask  string                                        // what asks the model for a summary
	Told func(summary string, touched []string) string // what stands for what is left out; the summary may be empty
}

// A Compaction is what the model answered when it was asked to sum up its
// conversation: the data of an [autonoma.EventCompaction]. The summary takes the
// place of all that was said between the task and the message From.
type Compaction struct {
	Loop     string         `json:"loop"`
	Phase    autonoma.Phase `json:"phase"`
	N        int            `json:"turn"`   // that comes next
	Number   int            `json:"number"` // from 1, in the conversation
	Refused  bool           `json:"refused,omitempty"`
	Tokens   int            `json:"tokens"` // about so long the conversation had become
	Most     int            `json:"most"`   // about so long what stays may be, if it cannot be left out next; else outcomes are cut
	From     int            `json:"from"`
	Answer   model.Answer   `json:"answer"`
	Duration int64          `json:"durationMs"`
}

// Key implements [journal.Entry].
func (c Compaction) Key() string { return compactionKey(c.Loop, c.N, c.Number) }

func compactionKey(loop string, n, number int) string {
	return fmt.Sprintf("%s/%d compaction %d", loop, n, number)
}

// next asks for the next turn, of a conversation that fits the model. One that
// the model refuses as too long is compacted once more before that is the end.
func (a *Agent) next(ctx context.Context) (Turn, error) {
	for a.full() {
		err := a.compact(ctx, false)
		if short(err) {
			break // what is asked of the model next is shorter still, or there is nothing more
		}
		if err != nil {
			return Turn{}, err
		}
	}
	turn, err := a.ask(ctx)
	if model.KindOf(err) != model.TooLong || a.refused == a.turns {
		return turn, err
	}
	if from, _ := a.cut(true); from == 0 || a.Memory.Told == nil {
		return turn, err
	}
	if err := a.compact(ctx, true); err != nil {
		return Turn{}, err
	}
	return a.ask(ctx)
}

// full reports whether the conversation is to be compacted before its next turn.
// What was decided once is in the journal: the model of today may be another.
func (a *Agent) full() bool {
	if a.Journal.Replaying() {
		return a.Journal.Next() == autonoma.EventCompaction
	}
	window := a.Model.Info().ContextTokens
	if window == 0 || a.Memory.Full == 0 || a.size() <= share(window, a.Memory.Full) {
		return false
	}
	// Little is gained by a summary of little.
	from, _ := a.cut(false)
	return from > 0 && model.Estimate(model.Request{Messages: a.talk.Messages[1:from]}) > share(window, a.Memory.Keep)
}

// size is about how many tokens the conversation has: those that the model has
// counted, and what was said since.
func (a *Agent) size() int {
	if a.counted == 0 {
		return model.Estimate(a.talk)
	}
	return a.counted + model.Estimate(model.Request{Messages: a.talk.Messages[a.countedTo:]})
}

// cut returns the message from which on a conversation stays, or 0 if there is
// nothing to leave out, and about how many tokens the model can hold. It is where a
// turn begins, so that the answers to calls stay with the calls.
func (a *Agent) cut(refused bool) (from, holds int) {
	said := a.talk.Messages
	holds = a.Model.Info().ContextTokens
	if refused { // what is known of the model is wrong; but what it answered last, it held
		holds = model.Estimate(a.upTo(lastSpoken(said)))
	}
	for i := len(said) - 1; i > 1; i-- {
		if said[i].Role == model.Tool || !spoke(said[1:i]) {
			continue
		}
		// What stays should be short; but first of all, the model must be able to
		// read what it is to sum up. It may be another one than it was before.
		short := model.Estimate(model.Request{Messages: said[i:]}) <= share(holds, a.Memory.Keep)
		readable := model.Estimate(a.upTo(from)) <= share(holds, mostToRead)
		if from > 0 && !short && readable {
			break
		}
		from = i
	}
	return from, holds
}

// How much of what a model can hold, in percent, it may be asked to sum up, and what
// stays and cannot be left out next may have without being cut.
const (
	mostToRead = 80
	mostToStay = 50
)

// spoke reports whether the model said anything in a part of a conversation.
func spoke(part []model.Message) bool {
	return slices.ContainsFunc(part, func(m model.Message) bool { return m.Role == model.Assistant })
}

// lastSpoken returns where the model spoke last, or 0.
func lastSpoken(said []model.Message) int {
	for i := len(said) - 1; i > 0; i-- {
		if said[i].Role == model.Assistant {
			return i
		}
	}
	return 0
}

func share(of, percent int) int { return of / 100 * percent }

// upTo returns the conversation as it was before the given message.
func (a *Agent) upTo(message int) model.Request {
	r := a.talk
	r.Messages = a.talk.Messages[:message:message]
	return r
}

// mostSummaries is how often the model is asked to sum up, if it will not.
const mostSummaries = 2

// compact has the model sum up what is left out. A model may go on with its work
// instead, or say nothing; should it do so twice, whatever it said must do.
func (a *Agent) compact(ctx context.Context, refused bool) error {
	c := Compaction{Refused: refused}
	for try := 1; ; try++ {
		var err error
		if c, err = a.sumUp(ctx, c); err != nil {
			return err
		}
		if said := a.talk.Messages; c.From < 2 || c.From >= len(said) || said[c.From].Role == model.Tool {
			return fmt.Errorf("%w: no turn begins at message %d of %s", journal.ErrMismatch, c.From, c.Key())
		}
		if c.Refused {
			a.refused = a.turns
		}
		summary := strings.TrimSpace(c.Answer.Message.Text)
		if summary != "" && len(c.Answer.Message.Calls) == 0 || try == mostSummaries {
			a.leaveOut(c, summary)
			return nil
		}
	}
}

// sumUp asks for the summary of what is to be left out: the same conversation as
// before, up to there, so that the provider's cache holds it. It has no part in
// the conversation. A second try is about the same part as the one before it.
func (a *Agent) sumUp(ctx context.Context, before Compaction) (Compaction, error) {
	a.compactions++
	key := compactionKey(a.Loop, a.turns, a.compactions)
	return journal.Do(ctx, a.Journal, autonoma.EventCompaction, key, func(ctx context.Context) (Compaction, autonoma.Usage, error) {
		c := Compaction{Loop: a.Loop, Phase: a.Phase, N: a.turns, Number: a.compactions, Refused: before.Refused, Tokens: a.size()}
		ask := a.Memory.Ask
		if c.From, c.Most = before.From, before.Most; c.From == 0 {
			from, holds := a.cut(c.Refused)
			c.From, c.Most = from, share(holds, mostToStay)
		} else {
			ask += "\n\nYou were asked this before. Answer with text alone: no tool is called now."
		}
		r := a.upTo(c.From)
		r.Messages = append(r.Messages, model.Message{Role: model.User, Text: ask})
		longest, err := a.Afford(ctx, Quote{Model: a.Model.Info(), Request: r, Phase: a.Phase, Cause: autonoma.CauseCompaction})
		if err != nil {
			return c, autonoma.Usage{}, err
		}
		r.MaxTokens = longest
		start := time.Now()
		answer, err := model.Collect(a.Model.Turn(ctx, r), nil)
		if err != nil {
			return c, autonoma.Usage{}, err
		}
		c.Answer, c.Duration = answer, time.Since(start).Milliseconds()
		return c, used(answer), nil
	})
}

// leaveOut puts the summary in the place of what it sums up.
func (a *Agent) leaveOut(c Compaction, summary string) {
	task, rest := a.talk.Messages[0], a.talk.Messages[c.From:]
	if c.Refused || !spoke(rest[1:]) { // there is no other chance, or one turn alone
		rest = squeeze(rest, c.Most)
	}
	told := model.Message{Role: model.User, Text: a.Memory.Told(summary, slices.Sorted(maps.Keys(a.touched)))}
	a.talk.Messages = append([]model.Message{task, told}, rest...)
	a.counted = 0
}

// squeeze cuts the outcomes of calls, if the messages have more tokens than there
// is room for: one of them is never so long, but those of a turn may be together.
func squeeze(said []model.Message, room int) []model.Message {
	if model.Estimate(model.Request{Messages: said}) <= room {
		return said
	}
	outcomes := 0
	for _, m := range said {
		if m.Role == model.Tool {
			outcomes++
		}
	}
	said = slices.Clone(said)
	for i, m := range said {
		if m.Role == model.Tool {
			said[i].Text = middleOut(m.Text, room*model.BytesPerToken/outcomes)
		}
	}
	return said
}

// middleOut cuts text to about n bytes.
func middleOut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	head, tail := strings.ToValidUTF8(text[:n/2], ""), strings.ToValidUTF8(text[len(text)-n/2:], "")
	return fmt.Sprintf("%s\n… (%d bytes left out; look again at what you need of them, in smaller pieces) …\n%s", head, len(text)-len(head)-len(tail), tail)
}
