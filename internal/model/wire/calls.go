package wire

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"strings"

	"autonoma/internal/model"
)

// Calls puts together the calls of one answer, whose parts come in pieces. Its
// zero value is ready.
type Calls struct {
	all     []*CallParts
	byIndex map[int]*CallParts
}

// CallParts is a call that is being written.
type CallParts struct {
	ID, Name string
	args     strings.Builder
	whole    *string
}

// At returns the call with this index, and makes it if it is new. Calls are
// ordered by when they began.
func (c *Calls) At(index int) *CallParts {
	if p := c.byIndex[index]; p != nil {
		return p
	}
	return c.Begin(index)
}

// Begin returns a new call, which takes the place of any other at the index.
func (c *Calls) Begin(index int) *CallParts {
	if c.byIndex == nil {
		c.byIndex = map[int]*CallParts{}
	}
	p := &CallParts{}
	c.byIndex[index] = p
	c.all = append(c.all, p)
	return p
}

// Len is the number of calls so far.
func (c *Calls) Len() int { return len(c.all) }

// Write adds a piece to the arguments.
func (p *CallParts) Write(piece string) { p.args.WriteString(piece) }

// Whole says what the arguments are, all pieces put together.
func (p *CallParts) Whole(args string) { p.whole = &args }

// Written reports whether any piece of the arguments has come.
func (p *CallParts) Written() bool { return p.args.Len() > 0 }

// Args are the arguments as the model wrote them. A call without any has an
// empty object.
func (p *CallParts) Args() string {
	s := p.args.String()
	if p.whole != nil {
		s = *p.whole
	}
	if strings.TrimSpace(s) == "" {
		return "{}"
	}
	return s
}

// List returns the calls. Servers that name no ids, or the same in each turn,
// are helped out: after List no id is empty, and none occurs in the earlier
// messages.
func (c *Calls) List(earlier []model.Message) []model.Call {
	used := map[string]bool{"": true}
	for _, m := range earlier {
		for _, call := range m.Calls {
			used[call.ID] = true
		}
	}
	var list []model.Call
	for _, p := range c.all {
		if used[p.ID] {
			p.ID = freshID()
		}
		used[p.ID] = true
		list = append(list, model.Call{ID: p.ID, Name: p.Name, Args: p.Args()})
	}
	return list
}

func freshID() string {
	var b [9]byte
	rand.Read(b[:]) // never fails
	return "call_" + hex.EncodeToString(b[:])
}

// ArgsObject returns arguments in a form that every server accepts when they
// are given back: a JSON object. What the model wrote wrongly is quoted in one.
func ArgsObject(args string) json.RawMessage {
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(args), &object) == nil && object != nil {
		return json.RawMessage(args)
	}
	b, err := Marshal(map[string]string{"malformed_arguments": args})
	if err != nil {
		return json.RawMessage("{}") // unreachable: a string always encodes
	}
	return b
}
