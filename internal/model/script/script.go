// Package script plays a language model from a file: the demo and the tests
// run on it, through the same code paths as a real one.
//
// A script is a list of conversations, and what it answers is a function of
// the request alone: the conversation is chosen by who asks (agent and phase,
// which the first lines of the system prompt tell) and what for, the turn by
// the number of messages that the assistant has already said. So it needs no
// memory, and when a run is killed and resumed it answers the same again. Only
// failures that are to happen a number of times are counted.
//
// A conversation that was summed up lacks some of those messages. The summary
// is an aside of the script itself, which says in it where the script is, with
// the words (the script is at turn {{turn}}), and goes on from there.
//
// There are two forms. [New] is a model in the same process. [NewServer] is an
// HTTP server that speaks the protocols of the real providers, enforces their
// rules, and keeps a log of what it was asked and what it sent: a conversation
// that a provider would refuse is refused here too.
//
// It does not judge what an agent did between two turns: the words are fixed.
package script

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"
)

// A Script is what a model is to say.
type Script struct {
	Name          string         `yaml:"name"`
	Context       int            `yaml:"context"` // tokens that a conversation may have; 0: any number
	Conversations []Conversation `yaml:"conversations"`
}

// A Conversation is one side of a dialogue, chosen for the requests that
// match. The first that matches wins.
type Conversation struct {
	Match  Match   `yaml:"match"`
	Turns  []Turn  `yaml:"turns"`
	Asides []Aside `yaml:"asides"`
}

// An Aside is what the model says instead of its next turn when it is asked for
// something else. It is not one of the turns.
type Aside struct {
	Asks string `yaml:"asks"` // is part of the last message, which is the user's
	Turn `yaml:",inline"`
}

// Match chooses requests. An empty field matches everything.
type Match struct {
	Agent    string `yaml:"agent"`    // the system prompt begins "You are <agent>,"
	Phase    string `yaml:"phase"`    // the system prompt has a line "Phase: <phase>"
	Contains string `yaml:"contains"` // is part of the first message of the user
}

// A Turn is one message of the model. In its texts and in the strings of its
// arguments, {{turn}} stands for the number of the turn, counted from 0.
type Turn struct {
	Thinking string        `yaml:"thinking"`
	Text     string        `yaml:"text"`
	Calls    []Call        `yaml:"calls"`
	Stop     string        `yaml:"stop"`  // "max_tokens" if it was cut short by the limit
	Usage    *Usage        `yaml:"usage"` // default: a quarter of the bytes
	Delay    time.Duration `yaml:"delay"` // before the first piece
	Repeat   int           `yaml:"repeat"`
	Fail     []Failure     `yaml:"fail"` // what happens, in this order, before it is said
}

// A Call is a wish of the model to use a tool.
type Call struct {
	Name    string         `yaml:"name"`
	Args    map[string]any `yaml:"args"`
	RawArgs *string        `yaml:"rawArgs"` // instead of Args, to play a malformed text
}

// Usage is what a turn is said to have used.
type Usage struct {
	Input      int `yaml:"input"`
	Output     int `yaml:"output"`
	CacheRead  int `yaml:"cacheRead"`
	CacheWrite int `yaml:"cacheWrite"`
}

// A Failure is one way in which a turn goes wrong, a number of times. Exactly
// one of Status, Cut, Hang, Refuse, TooLong, Empty and Error is set. What counts
// is how often this turn of the conversation was asked for, whatever else was
// said in between.
type Failure struct {
	Status     int           `yaml:"status"`     // the request is answered with this HTTP status
	RetryAfter time.Duration `yaml:"retryAfter"` // and this hint
	Cut        bool          `yaml:"cut"`        // the stream ends in the middle
	After      int           `yaml:"after"`      // after so many bytes; 0: a cut comes after about half of them, a hang before the first
	Clean      bool          `yaml:"clean"`      // the cut looks like an ordinary end of the stream
	Hang       bool          `yaml:"hang"`       // nothing comes, or nothing more, until the client goes away
	Refuse     bool          `yaml:"refuse"`     // the model will not answer
	TooLong    bool          `yaml:"tooLong"`    // the conversation does not fit
	Empty      bool          `yaml:"empty"`      // the answer is good and says nothing at all
	Error      string        `yaml:"error"`      // an error event in the middle of the stream: "overloaded"
	Message    string        `yaml:"message"`    // what the provider says about it
	Times      int           `yaml:"times"`      // default: once
	Forever    bool          `yaml:"forever"`    // instead of Times
}

// Load reads a script from a file.
func Load(path string) (*Script, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read script: %w", err)
	}
	s, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("script %s: %w", path, err)
	}
	return s, nil
}

// Parse reads a script. Fields that do not exist are errors, so that a slip of
// the pen is not a silent change of the play.
func Parse(b []byte) (*Script, error) {
	var s Script
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&s); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("is empty: it needs at least one conversation")
		}
		return nil, err
	}
	for i := range s.Conversations {
		c := &s.Conversations[i]
		turns := make([]Turn, 0, len(c.Turns))
		for k, t := range c.Turns {
			if err := t.validate(); err != nil {
				return nil, fmt.Errorf("conversation %d (%s), turn %d: %w", i+1, c.Match, k+1, err)
			}
			turns = append(turns, slices.Repeat([]Turn{t}, max(t.Repeat, 1))...)
		}
		c.Turns = turns
		for k, a := range c.Asides {
			if err := a.validate(); err != nil {
				return nil, fmt.Errorf("conversation %d (%s), aside %d: %w", i+1, c.Match, k+1, err)
			}
		}
	}
	return &s, nil
}

func (a Aside) validate() error {
	if a.Asks == "" {
		return errors.New("needs asks, a part of what it is the answer to")
	}
	return a.Turn.validate()
}

func (t Turn) validate() error {
	forever := slices.ContainsFunc(t.Fail, func(f Failure) bool { return f.Forever })
	switch {
	case t.Text == "" && len(t.Calls) == 0 && !forever:
		return errors.New("has neither text nor calls: write fail: [{empty: true}] if that is meant")
	case t.Stop != "" && t.Stop != "max_tokens":
		return fmt.Errorf("stop %q is not known: only max_tokens can be chosen", t.Stop)
	case t.Repeat < 0 || t.Repeat > maxRepeat:
		return fmt.Errorf("repeat must lie between 0 and %d", maxRepeat)
	}
	for i, c := range t.Calls {
		if c.Name == "" {
			return fmt.Errorf("call %d has no name", i+1)
		}
		if c.Args != nil && c.RawArgs != nil {
			return fmt.Errorf("call %d has both args and rawArgs", i+1)
		}
	}
	for i, f := range t.Fail {
		if err := f.validate(); err != nil {
			return fmt.Errorf("fail %d: %w", i+1, err)
		}
	}
	return nil
}

// maxRepeat keeps a typing error from filling the memory.
const maxRepeat = 100_000

func (f Failure) validate() error {
	ways := 0
	for _, set := range []bool{f.Status != 0, f.Cut, f.Hang, f.Refuse, f.TooLong, f.Empty, f.Error != ""} {
		if set {
			ways++
		}
	}
	switch {
	case ways != 1:
		return errors.New("needs exactly one of status, cut, hang, refuse, tooLong, empty and error")
	case f.Status != 0 && (f.Status < 400 || f.Status > 599):
		return fmt.Errorf("status %d is not an error", f.Status)
	case f.Times < 0 || f.After < 0:
		return errors.New("times and after must not be negative")
	case f.Error != "" && f.Error != "overloaded" && f.Error != "api_error":
		return fmt.Errorf("error %q is not known: choose overloaded or api_error", f.Error)
	}
	return nil
}

// String tells what is matched.
func (m Match) String() string {
	s := "agent " + orAny(m.Agent) + ", phase " + orAny(m.Phase)
	if m.Contains != "" {
		s += fmt.Sprintf(", contains %q", m.Contains)
	}
	return s
}

func orAny(s string) string {
	if s == "" {
		return "any"
	}
	return s
}
