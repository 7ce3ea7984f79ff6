package script

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"autonoma/internal/model"
)

// A part is the place in a script that a request has come to.
type part struct {
	agent, phase string
	conversation int
	turn         int
	aside        int // from 1; 0: it is the turn
	say          Turn
}

// find returns what s answers to r. It looks at nothing but r.
func (s *Script) find(r model.Request) (part, *model.Error) {
	_, turn := numbers(r.Messages)
	p := part{turn: turn}
	p.agent, p.phase = Who(r.System)
	p.conversation = s.conversationFor(r)
	if p.conversation < 0 {
		return p, s.refusal("script %q has no conversation for agent %q in phase %q", s.Name, p.agent, p.phase)
	}
	c := s.Conversations[p.conversation]
	if p.aside = c.aside(r.Messages); p.aside > 0 {
		p.say = c.Asides[p.aside-1].Turn
		return p, nil
	}
	switch n := len(c.Turns); {
	case p.turn < n:
		p.say = c.Turns[p.turn]
	case p.turn == n && n > 0 && !c.Turns[n-1].ends():
		p.say = Turn{Text: "The script is over."}
	default:
		return p, s.refusal("script %q: conversation %d (%s) ran out: it has %d turns, and turn %d was asked for by agent %q in phase %q",
			s.Name, p.conversation+1, c.Match, n, p.turn+1, p.agent, p.phase)
	}
	return p, nil
}

func (s *Script) refusal(format string, args ...any) *model.Error {
	return &model.Error{Kind: model.InvalidRequest, Provider: provider, Model: s.Name, Message: fmt.Sprintf(format, args...)}
}

func (s *Script) conversationFor(r model.Request) int {
	agent, phase := Who(r.System)
	for i, c := range s.Conversations {
		m := c.Match
		if (m.Agent == "" || m.Agent == agent) && (m.Phase == "" || m.Phase == phase) && strings.Contains(firstText(r), m.Contains) {
			return i
		}
	}
	return -1
}

// aside returns the number of the aside that is asked for, from 1, or 0.
func (c Conversation) aside(said []model.Message) int {
	last := said[len(said)-1]
	for i, a := range c.Asides {
		if last.Role == model.User && strings.Contains(last.Text, a.Asks) {
			return i + 1
		}
	}
	return 0
}

// ends reports whether an agent has finished after t, so that nothing more
// should be asked.
func (t Turn) ends() bool {
	for _, c := range t.Calls {
		if c.Name != "finish" {
			return false
		}
	}
	return true
}

// message is what the model says in this part. The ids of its calls depend on
// nothing but the place in the script.
func (p part) message() model.Message {
	m := model.Message{Role: model.Assistant, Text: p.fill(p.say.Text)}
	for i, c := range p.say.Calls {
		m.Calls = append(m.Calls, model.Call{
			ID:   fmt.Sprintf("call_%d_%d_%d", p.conversation, p.turn, i),
			Name: c.Name,
			Args: p.args(c),
		})
	}
	return m
}

func (p part) thinking() string { return p.fill(p.say.Thinking) }

func (p part) fill(s string) string {
	return strings.ReplaceAll(s, "{{turn}}", strconv.Itoa(p.turn))
}

func (p part) args(c Call) string {
	if c.RawArgs != nil {
		return p.fill(*c.RawArgs)
	}
	if c.Args == nil {
		return "{}"
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(p.fillAll(c.Args)); err != nil {
		return "{}" // unreachable: what came from YAML with string keys is JSON
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (p part) fillAll(v any) any {
	switch v := v.(type) {
	case string:
		return p.fill(v)
	case map[string]any:
		filled := make(map[string]any, len(v))
		for k, e := range v {
			filled[k] = p.fillAll(e)
		}
		return filled
	case []any:
		filled := make([]any, len(v))
		for i, e := range v {
			filled[i] = p.fillAll(e)
		}
		return filled
	}
	return v
}

// usage is what the turn is said to have used: as written, or else a quarter of
// the bytes read and written, which is about what real models count.
func (p part) usage(r model.Request) model.Usage {
	if u := p.say.Usage; u != nil {
		return model.Usage{InputTokens: u.Input, OutputTokens: u.Output, CacheReadTokens: u.CacheRead, CacheWriteTokens: u.CacheWrite}
	}
	return model.Usage{InputTokens: tokens(r), OutputTokens: (size(p.message())+len(p.say.Thinking))/4 + 1}
}

// tokens is how many tokens a request is said to have.
func tokens(r model.Request) int {
	n := len(r.System)
	for _, m := range r.Messages {
		n += size(m)
	}
	for _, t := range r.Tools {
		n += len(t.Name) + len(t.Description) + len(t.Schema)
	}
	return n/4 + 1
}

func size(m model.Message) int {
	n := len(m.Text)
	for _, c := range m.Calls {
		n += len(c.Name) + len(c.Args)
	}
	return n
}

// Who reads the agent and the phase from a system prompt, whose first line is
// "You are <agent>, …" and which has a line "Phase: <phase>". What is not
// there is empty.
func Who(system string) (agent, phase string) {
	lines := bufio.NewScanner(strings.NewReader(system))
	lines.Buffer(nil, len(system)+1)
	for n := 0; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if n == 0 {
			if rest, ok := strings.CutPrefix(line, "You are "); ok {
				agent, _, _ = strings.Cut(rest, ",")
			}
		}
		if rest, ok := strings.CutPrefix(line, "Phase: "); ok && phase == "" {
			phase = strings.TrimSpace(rest)
		}
	}
	return agent, phase
}

// Key names the conversation of r: requests have the same key if and only if
// they ask for the same turn. It covers the system prompt and what was said,
// and neither tools nor limits nor what only a provider understands.
func Key(r model.Request) string {
	said := make([]model.Message, len(r.Messages))
	for i, m := range r.Messages {
		m.Opaque, m.Failed = nil, false // not every protocol can tell
		m.Calls = slices.Clone(m.Calls)
		for k, c := range m.Calls {
			var compact bytes.Buffer // nor does every protocol keep the spaces
			if json.Compact(&compact, []byte(c.Args)) == nil {
				m.Calls[k].Args = compact.String()
			}
		}
		said[i] = m
	}
	h := sha256.New()
	if err := json.NewEncoder(h).Encode([]any{r.System, said}); err != nil {
		panic(err) // plain strings always encode
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// at is how a summary tells which turn comes after what it sums up.
var at = regexp.MustCompile(`\(the script is at turn (\d+)\)`)

// numbers returns the turns that the messages of the assistant are, in order, and
// the turn that comes next.
func numbers(said []model.Message) (turns []int, next int) {
	for _, m := range said {
		switch place := at.FindStringSubmatch(m.Text); {
		case m.Role == model.Assistant:
			turns = append(turns, next)
			next++
		case m.Role == model.User && place != nil:
			next, _ = strconv.Atoi(place[1]) // digits; too many of them lead to no turn
		}
	}
	return turns, next
}

func firstText(r model.Request) string {
	for _, m := range r.Messages {
		if m.Role == model.User {
			return m.Text
		}
	}
	return ""
}
