package goldentest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"autonoma"
	"autonoma/internal/agent"
	"autonoma/internal/journal"
	"autonoma/internal/model/script"
	"autonoma/internal/sandbox"
	"autonoma/internal/systemtest"
	"autonoma/internal/tool"
	"autonoma/internal/workspace"
	"autonoma/internal/workspace/workspacetest"
)

// alone has the task done by a single agent in a bare loop: nobody looked before it, and
// nobody looks after it. It has the prompt and the tools of coder-ai, and not even the
// platform's rules.
func (p play) alone(t *testing.T, says *script.Script) bill {
	t.Helper()
	d := &desk{
		box: box(t), home: t.TempDir(),
		Workspace: workspacetest.New(t, string(txtar.Format(&txtar.Archive{Files: p.repo}))),
	}
	coder, err := systemtest.Catalog(t).Agent("coder-ai")
	if err != nil {
		t.Fatal(err)
	}
	var b bill
	a := &agent.Agent{
		Loop: "alone", Phase: autonoma.Generate, Yields: autonoma.Change, Model: script.New(says), Turns: 50,
		Tools:   tool.Set{tool.Bash(d), tool.Read(d), tool.Write(d), tool.Edit(d), tool.Glob(d), tool.Grep(d)},
		Journal: journal.Open("exec_000000000001", &b, nil, nil),
		Afford:  func(context.Context, agent.Quote) (int, error) { return 0, nil },
		Checkpoint: func(context.Context, string) (agent.Checkpoint, error) {
			return agent.Checkpoint{}, nil
		},
	}
	system := fmt.Sprintf("You are solo, %s.\nPhase: generate\n\n%s", coder.Name, coder.Prompt)
	if _, err := a.Work(t.Context(), system, p.task); err != nil {
		t.Fatal(err)
	}
	if ran, err := d.Run(t.Context(), "sh test.sh && grep -q 1,234,567 tests/amount.sh", time.Minute); err != nil || ran.Exit != 0 {
		t.Fatalf("the single agent did not do it: %+v %v", ran, err)
	}
	return b
}

// Append implements [journal.Log]. It keeps what was used.
func (b *bill) Append(_ context.Context, used autonoma.Usage, _ ...autonoma.Event) error {
	b.add("alone", used)
	return nil
}

// A desk is a checkout, and the sandbox.
type desk struct {
	*workspace.Workspace
	box  sandbox.Sandbox
	home string
}

// ReadFile implements [tool.Desk].
func (d *desk) ReadFile(path string) ([]byte, error) { return d.Read(path) }

// WriteFile implements [tool.Desk].
func (d *desk) WriteFile(path string, data []byte) error { return d.Write(path, data) }

// Grep implements [tool.Desk].
func (d *desk) Grep(ctx context.Context, expr, glob string, limit int) ([]tool.Line, bool, error) {
	found, more, err := d.Workspace.Grep(ctx, workspace.GrepQuery{Pattern: expr, Glob: glob, Limit: limit})
	lines := make([]tool.Line, len(found))
	for i, f := range found {
		lines[i] = tool.Line{Path: f.Path, Number: f.Line, Text: f.Text}
	}
	return lines, more, err
}

// Run implements [tool.Desk].
func (d *desk) Run(ctx context.Context, command string, timeout time.Duration) (tool.Ran, error) {
	home := filepath.Join(d.home, "home")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return tool.Ran{}, err
	}
	var out bytes.Buffer
	exit, err := d.box.Run(ctx, sandbox.Command{
		Argv: []string{"bash", "-c", command}, Workspace: d.Dir(), Home: home, Limits: sandbox.Limits{Wall: timeout}, Stdout: &out, Stderr: &out,
	})
	return tool.Ran{Output: out.String(), Exit: exit.Code, Ended: string(exit.Reason)}, err
}
