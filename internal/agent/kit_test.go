package agent_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"autonoma"
	"autonoma/internal/agent"
	"autonoma/internal/journal"
	"autonoma/internal/model"
	"autonoma/internal/model/modeltest"
	"autonoma/internal/model/script"
	"autonoma/internal/tool"
)

// A desk keeps files in memory. It has checkpoints, and can be put back to one.
type desk struct {
	files map[string]string
	saved []map[string]string
	ran   int
}

func newDesk() *desk { return &desk{files: map[string]string{"a.txt": "one\ntwo\n"}} }

// ReadFile implements [tool.Desk]. There is always a big file.
func (d *desk) ReadFile(path string) ([]byte, error) {
	if path == "big.txt" {
		return []byte(strings.Repeat(strings.Repeat("big ", 25)+"\n", 70)), nil
	}
	text, ok := d.files[path]
	if !ok {
		return nil, fmt.Errorf("%s is not there", path)
	}
	return []byte(text), nil
}

// WriteFile implements [tool.Desk].
func (d *desk) WriteFile(path string, data []byte) error {
	d.files[path] = string(data)
	return nil
}

// Glob implements [tool.Desk]. It knows no pattern but **.
func (d *desk) Glob(context.Context, string) ([]string, bool, error) {
	var paths []string
	for path := range d.files {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths, false, nil
}

// Grep implements [tool.Desk]. It knows no expression but plain text.
func (d *desk) Grep(_ context.Context, text, _ string, limit int) ([]tool.Line, bool, error) {
	var found []tool.Line
	for path, all := range d.files {
		for i, line := range strings.Split(all, "\n") {
			if strings.Contains(line, text) {
				found = append(found, tool.Line{Path: path, Number: i + 1, Text: line})
			}
		}
	}
	return found, false, nil
}

// Run implements [tool.Desk]. It knows one command, append TEXT.
func (d *desk) Run(_ context.Context, command string, _ time.Duration) (tool.Ran, error) {
	d.ran++
	text, ok := strings.CutPrefix(command, "append ")
	if !ok {
		return tool.Ran{Output: command + ": command not found\n", Exit: 127}, nil
	}
	d.files["a.txt"] += text + "\n"
	return tool.Ran{Output: "appended"}, nil
}

func (d *desk) state() map[string]string {
	state := map[string]string{}
	for path, text := range d.files {
		state[path] = text
	}
	return state
}

// checkpoint names the state of the files, if it is a new one.
func (d *desk) checkpoint(context.Context, string) (agent.Checkpoint, error) {
	if n := len(d.saved); n > 0 && equal(d.saved[n-1], d.files) || n == 0 && equal(d.files, newDesk().files) {
		return agent.Checkpoint{}, nil
	}
	changed := d.changed()
	d.saved = append(d.saved, d.state())
	b, err := json.Marshal(d.files)
	return agent.Checkpoint{Commit: string(b), Tree: fmt.Sprint(len(b), sha256.Sum256(b)), Changed: changed}, err
}

// changed returns the files that are not as they were at the last checkpoint.
func (d *desk) changed() []string {
	before := newDesk().files
	if n := len(d.saved); n > 0 {
		before = d.saved[n-1]
	}
	var paths []string
	for path, text := range d.files {
		if was, there := before[path]; !there || was != text {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// restore puts the files back to where a journal ends.
func (d *desk) restore(past []autonoma.Event) {
	d.files, d.saved = newDesk().files, nil
	for _, e := range past {
		var c agent.Call
		if e.Kind == autonoma.EventCall && json.Unmarshal(e.Data, &c) == nil && c.Checkpoint.Commit != "" {
			d.files = map[string]string{}
			_ = json.Unmarshal([]byte(c.Checkpoint.Commit), &d.files)
			d.saved = append(d.saved, d.state())
		}
	}
}

func equal(a, b map[string]string) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

// A talk is an agent at a desk, with the log of what it did.
type talk struct {
	desk     *desk
	more     tool.Set // besides those of the desk
	yields   autonoma.Yield
	turns    int
	says     model.Model
	log      []autonoma.Event
	used     autonoma.Usage
	asked    []model.Request
	answered int
	crash    int // the log refuses events from this number on; 0: never
	afford   error

	affordIf func(agent.Quote) error // for some of what is asked
	shortage agent.Shortage

	memory   agent.Memory
	patience agent.Patience
}

func newTalk(t *testing.T, turns string) *talk {
	t.Helper()
	return play(modeltest.Script(t, "name: test\nconversations:\n  - turns:\n"+turns))
}

// play returns the talk of an agent whose model plays a script.
func play(sc *script.Script) *talk {
	return &talk{desk: newDesk(), yields: autonoma.Change, turns: 20, says: script.New(sc), memory: memory()}
}

// memory is how the conversations of tests are compacted.
func memory() agent.Memory {
	return agent.Memory{Full: 75, Keep: 20, Ask: "Sum up.", Told: func(summary string, touched []string) string {
		return fmt.Sprintf("So far: %s\nTouched: %s", summary, strings.Join(touched, " "))
	}}
}

// work lets the agent work from where the log ends, and from its beginning if
// there is none; then more, if there is more.
func (c *talk) work(t *testing.T, more ...string) (autonoma.Result, error) {
	c.desk.restore(c.log)
	a := &agent.Agent{
		Loop: "generate", Phase: autonoma.Generate, Yields: c.yields, Model: listener{c.says, c}, Turns: c.turns,
		Tools:   append(tool.Set{tool.Bash(c.desk), tool.Read(c.desk), tool.Write(c.desk), tool.Edit(c.desk), tool.Glob(c.desk), tool.Grep(c.desk)}, c.more...),
		Journal: journal.Open("exec_1", c, slices.Clone(c.log), nil),
		Afford: func(_ context.Context, q agent.Quote) (int, error) {
			if c.affordIf != nil {
				return q.Request.MaxTokens, c.affordIf(q)
			}
			return q.Request.MaxTokens, c.afford
		},
		Shortage:   c.shortage,
		Checkpoint: c.desk.checkpoint,
		Memory:     c.memory,
		Patience:   c.patience,
	}
	r, err := a.Work(t.Context(), "You are coder-ai, a test.\nPhase: generate", "Do it.")
	for _, prompt := range more {
		if err == nil {
			r, err = a.More(t.Context(), prompt)
		}
	}
	return r, err
}

var errCrash = errors.New("crash")

// Append implements [journal.Log].
func (c *talk) Append(_ context.Context, used autonoma.Usage, events ...autonoma.Event) error {
	if c.crash > 0 && len(c.log) >= c.crash {
		return errCrash
	}
	for _, e := range events {
		e.Seq = int64(len(c.log) + 1)
		c.log = append(c.log, e)
	}
	c.used.Add(used)
	return nil
}

// calls returns what the calls in the log came to.
func (c *talk) calls() []agent.Call {
	var all []agent.Call
	for _, e := range c.log {
		var call agent.Call
		if e.Kind == autonoma.EventCall && json.Unmarshal(e.Data, &call) == nil {
			all = append(all, call)
		}
	}
	return all
}

// compactions returns the summaries in the log.
func (c *talk) compactions() []agent.Compaction {
	var all []agent.Compaction
	for _, e := range c.log {
		var summary agent.Compaction
		if e.Kind == autonoma.EventCompaction && json.Unmarshal(e.Data, &summary) == nil {
			all = append(all, summary)
		}
	}
	return all
}

// listener hears what a model is asked.
type listener struct {
	model.Model
	talk *talk
}

func (l listener) Turn(ctx context.Context, r model.Request) iter.Seq2[model.Delta, error] {
	r.Messages = slices.Clone(r.Messages)
	l.talk.asked = append(l.talk.asked, r)
	return func(yield func(model.Delta, error) bool) {
		for d, err := range l.Model.Turn(ctx, r) {
			if d.Done != nil {
				l.talk.answered++
			}
			if !yield(d, err) {
				return
			}
		}
	}
}

// unknown makes the model one of which another context is known than it has; 0:
// none.
func (c *talk) unknown(context int) *talk {
	c.says = mistaken{c.says, context}
	return c
}

type mistaken struct {
	model.Model
	context int
}

func (m mistaken) Info() model.Info {
	i := m.Model.Info()
	i.ContextTokens = m.context
	return i
}
