package goldentest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"autonoma"
	"autonoma/internal/model/script"
	"autonoma/internal/systemtest"
	"autonoma/internal/workspace/workspacetest"
)

// A play is a task, the repository it is for, and what each agent does about it.
type play struct {
	task    string
	repo    []txtar.File
	writes  map[autonoma.AgentID][]txtar.File
	measure string // the command that shows a gain
}

// readPlay reads the play of a capability: a txtar archive of the task, of files of the
// repository below repo/, and of what an agent writes below its name.
func readPlay(t *testing.T, c autonoma.Capability) play {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", strings.ToLower(string(c))+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	archive := txtar.Parse(text)
	p := play{task: strings.TrimSpace(string(archive.Comment)), writes: map[autonoma.AgentID][]txtar.File{}}
	for _, f := range archive.Files {
		who, path, _ := strings.Cut(f.Name, "/")
		switch f.Name = path; who {
		case "repo":
			p.repo = append(p.repo, f)
		case "measure":
			p.measure = strings.TrimSpace(string(f.Data))
		default:
			p.writes[autonoma.AgentID(who)] = append(p.writes[autonoma.AgentID(who)], f)
		}
	}
	return p
}

// repository makes the repository that the task is for.
func (p play) repository(t *testing.T) string {
	t.Helper()
	return workspacetest.Repo(t, string(txtar.Format(&txtar.Archive{Files: p.repo})))
}

// script is what the agents of a flow say. What an agent is asked for decides what it
// does: who changes something writes its files, who reports names one finding or
// command, who judges approves and finds nothing.
func (p play) script(t *testing.T, flow autonoma.Flow) *script.Script {
	t.Helper()
	known := systemtest.Catalog(t)
	s := &script.Script{Name: "golden"}
	for _, step := range flow.Steps {
		a, err := known.Agent(step.Agent)
		if err != nil {
			t.Fatal(err)
		}
		done := finish(a.Yields, fmt.Sprintf("%s did its part of it.", a.Name))
		if a.Yields == autonoma.Document {
			done.Args["document"] = fmt.Sprintf("# %s\n\nWhat %s has to say.", a.Name, a.ID)
		}
		reports := step.Reports
		if len(reports) == 0 {
			reports = a.Reports
		}
		if slices.Contains(reports, autonoma.Findings) && a.Yields != autonoma.Judgment {
			done.Args["findings"] = []any{map[string]any{
				"severity": "medium", "title": "It is as the task says", "path": p.repo[0].Name, "line": 1, "detail": "Seen by " + string(a.ID) + ".",
			}}
		}
		var turns []script.Turn
		for _, f := range p.writes[a.ID] {
			turns = append(turns, script.Turn{Calls: []script.Call{{Name: "write", Args: map[string]any{"path": f.Name, "content": string(f.Data)}}}})
		}
		if slices.Contains(reports, autonoma.Measurements) && turns != nil {
			done.Args["measurements"] = []any{map[string]any{"name": "steps", "command": p.measure, "unit": "steps"}}
		}
		// Whoever changed something may be asked to go over it again.
		turns = append(turns, script.Turn{Calls: []script.Call{done}}, script.Turn{Calls: []script.Call{done}})
		s.Conversations = append(s.Conversations, script.Conversation{
			Match: script.Match{Agent: string(a.ID), Phase: string(autonoma.Generate)}, Turns: turns,
		})
	}
	// Research before the first step, and the risks of a change.
	look := script.Turn{Calls: []script.Call{{Name: "read", Args: map[string]any{"path": p.repo[0].Name}}}}
	report := finish(autonoma.Document, "Looked at what matters.")
	report.Args["document"] = "It is a small repository; test.sh tests it."
	s.Conversations = append(s.Conversations, script.Conversation{Turns: []script.Turn{look, {Calls: []script.Call{report}}}})
	return s
}

// finish is the call with which an agent ends its work.
func finish(y autonoma.Yield, summary string) script.Call {
	args := map[string]any{"summary": summary, "confidence": 0.9}
	if y == autonoma.Judgment {
		args["verdict"] = "approve"
	}
	return script.Call{Name: "finish", Args: args}
}
