package script

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"autonoma/internal/model"
)

// provider is the name under which a script appears in errors and prices.
const provider = "script"

// A player remembers what a script cannot know: how often each failure has
// happened, and which ids are taken.
type player struct {
	script *Script

	mu    sync.Mutex
	tries map[string]int // by the beginning of the conversation and the turn
}

func newPlayer(s *Script) *player { return &player{script: s, tries: map[string]int{}} }

// next returns the place that r has come to, and what goes wrong this time.
func (p *player) next(r model.Request) (part, *Failure, *model.Error) {
	at, err := p.script.find(r)
	if err != nil {
		return at, nil, err
	}
	if err := p.knowsTools(at, r); err != nil {
		return at, nil, err
	}
	if n, most := tokens(r), p.script.Context; most > 0 && n > most {
		return at, &Failure{TooLong: true, Message: fmt.Sprintf("prompt is too long: %d tokens > %d maximum", n, most)}, nil
	}
	if len(at.say.Fail) == 0 {
		return at, nil, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	place := fmt.Sprintf("%s %d.%d", Key(model.Request{System: r.System, Messages: r.Messages[:1]}), at.turn, at.aside)
	n := p.tries[place]
	p.tries[place]++
	return at, failureOf(at.say.Fail, n), nil
}

// failureOf returns what happens the n-th time, counted from 0.
func failureOf(fails []Failure, n int) *Failure {
	for i, f := range fails {
		times := max(f.Times, 1)
		if f.Forever || n < times {
			return &fails[i]
		}
		n -= times
	}
	return nil
}

// knowsTools reports calls in r of tools that r does not declare. Those that
// this script itself made are forgiven: it wanted to see what happens.
func (p *player) knowsTools(at part, r model.Request) *model.Error {
	declared := map[string]bool{}
	for _, t := range r.Tools {
		declared[t.Name] = true
	}
	turns := p.script.Conversations[at.conversation].Turns
	numbers, _ := numbers(r.Messages)
	for i, m := range r.Messages {
		if m.Role != model.Assistant {
			continue
		}
		turn := numbers[0]
		numbers = numbers[1:]
		for k, c := range m.Calls {
			made := turn < len(turns) && k < len(turns[turn].Calls) && turns[turn].Calls[k].Name == c.Name
			if !declared[c.Name] && !made {
				return p.script.refusal("messages.%d: call of tool %q, which is not declared", i, c.Name)
			}
		}
	}
	return nil
}

// wait pauses as long as the turn wants.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// newID returns an id that no other response has.
func newID(prefix string) string {
	var b [12]byte
	rand.Read(b[:]) // never fails
	return prefix + hex.EncodeToString(b[:])
}

func keys(m map[string]bool) []string { return slices.Sorted(maps.Keys(m)) }
