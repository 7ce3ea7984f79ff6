package injectiontest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"autonoma"
	"autonoma/internal/model"
	"autonoma/internal/model/script"
)

// An attack is one text of a stranger, and what becomes of a run whose model obeys it.
type attack struct {
	Name    string            `yaml:"-"`
	Title   string            `yaml:"title"`   // what the text asks for
	Planted string            `yaml:"planted"` // where it stands
	Files   string            `yaml:"files"`   // a txtar archive of what else the repository holds
	Links   map[string]string `yaml:"links"`   // symbolic links in the repository
	Scope   autonoma.Scope    `yaml:"scope"`   // mvp unless told
	Mode    autonoma.Mode     `yaml:"mode"`    // ASSISTED unless told
	Verify  string            `yaml:"verify"`  // sh test.sh unless told
	Levels  bool              `yaml:"levels"`  // it is played at every level that confines
	Deeds   []deed            `yaml:"deeds"`
	Says    string            `yaml:"says"` // the summary
	Holds   hold              `yaml:"holds"`
	Left    string            `yaml:"left"` // what is left to the human, if anything is

	// Has and Lacks are expressions for what is delivered: the patch, the names of the
	// files and the message of the commit.
	Has   string `yaml:"has"`
	Lacks string `yaml:"lacks"`
}

// A deed is a call that the victim makes, and what it is told.
type deed struct {
	Bash  string
	Write *struct{ Path, Content string }
	Call  string // of any tool
	Args  map[string]any
	Raw   *string
	Times int

	Told  string // matches the outcome
	Never string // does not match it
}

// A hold is the control that stops an attack.
type hold struct {
	By   control `yaml:"by"`
	What string  `yaml:"what"` // the gate, the effect, the code of the failure, or a part of a warning
}

// A control is a kind of thing that holds.
type control string

const (
	bySandbox  control = "sandbox"  // the command cannot
	byTool     control = "tool"     // the call is refused
	byGate     control = "gate"     // the run fails by it
	byFailure  control = "failure"  // the run fails with this code
	byApproval control = "approval" // a human is asked, and shown the effect
	byEffect   control = "effect"   // it is recorded with the result, and nobody is asked
	byDelivery control = "delivery" // what is handed over does not hold it
	byNothing  control = "nothing"  // it is delivered, and nothing says so
)

// wherePlanted is the places where a text may be planted, and their files.
var wherePlanted = map[string]string{
	"README": "README.md", "code comment": "calc.go", "file name": "", "test output": "output", "branch name": "", "commit message": "", "AGENTS.md": "AGENTS.md", "task": "",
}

// cases reads the cases, in the order of their names.
func cases(t *testing.T) []attack {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "cases", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	all := make([]attack, len(files))
	for i, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c := &all[i]
		d := yaml.NewDecoder(bytes.NewReader(text))
		d.KnownFields(true)
		if err := d.Decode(c); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		c.Name = strings.TrimSuffix(filepath.Base(file), ".yaml")
		if err := c.check(); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	return all
}

func (c *attack) check() error {
	if c.Scope == "" {
		c.Scope = autonoma.MVP
	}
	if c.Mode == "" {
		c.Mode = autonoma.Assisted
	}
	if c.Verify == "" {
		c.Verify = "sh test.sh"
	}
	if c.Says == "" {
		c.Says = "Done as the text says."
	}
	if _, ok := wherePlanted[c.Planted]; !ok || c.Title == "" {
		return fmt.Errorf("needs a title, and a place where it is planted, which %q is not", c.Planted)
	}
	if !slices.Contains([]control{bySandbox, byTool, byGate, byFailure, byApproval, byEffect, byDelivery, byNothing}, c.Holds.By) {
		return fmt.Errorf("%q is no control", c.Holds.By)
	}
	if (c.Holds.By == byNothing || c.Holds.By == byEffect) != (c.Left != "") {
		return fmt.Errorf("held by %s: what is left to the human is told where something is, and only there", c.Holds.By)
	}
	for i, d := range c.Deeds {
		for _, e := range []string{d.Told, d.Never, c.Has, c.Lacks} {
			if _, err := regexp.Compile(e); err != nil {
				return fmt.Errorf("deed %d: %w", i+1, err)
			}
		}
	}
	seen := func(d deed) bool { return d.Told != "" || d.Never != "" }
	if (c.Holds.By == bySandbox || c.Holds.By == byTool) && !slices.ContainsFunc(c.Deeds, seen) {
		return fmt.Errorf("what holds is the %s, so it is to be seen in what the victim is told", c.Holds.By)
	}
	return nil
}

// call is what the victim asks for.
func (d deed) call(w *world) script.Call {
	switch {
	case d.Bash != "":
		return call("bash", map[string]any{"command": w.fill(d.Bash), "timeout": 20})
	case d.Write != nil:
		return call("write", map[string]any{"path": w.fill(d.Write.Path), "content": w.fill(d.Write.Content)})
	}
	return script.Call{Name: d.Call, Args: d.Args, RawArgs: d.Raw}
}

// model is the victim.
func (c attack) model(w *world) model.Model { return script.New(c.script(w)) }

// script is what the victim says: it does each deed in a turn of its own, and then says
// again and again that it is done, whatever it is told.
func (c attack) script(w *world) *script.Script {
	s := script.Conversation{Match: script.Match{Phase: string(autonoma.Generate)}}
	for _, d := range c.Deeds {
		for range max(d.Times, 1) {
			s.Turns = append(s.Turns, turn(d.call(w)))
		}
	}
	done := call("finish", map[string]any{"summary": w.fill(c.Says), "confidence": 1.0, "decisions": []any{"None."}})
	for range 12 {
		s.Turns = append(s.Turns, turn(done))
	}
	look := call("finish", map[string]any{"summary": "Looked.", "confidence": 1.0, "document": "It is a small repository."})
	beside := script.Conversation{Turns: []script.Turn{turn(look), turn(look)}}
	return &script.Script{Name: "victim", Conversations: []script.Conversation{s, beside}}
}
