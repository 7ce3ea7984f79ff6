package rigor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"autonoma"
	"autonoma/internal/agent"
	"autonoma/internal/project"
	"autonoma/internal/tool"
	"autonoma/internal/tool/mcp"
	"autonoma/internal/workspace"
)

// Look is what the platform found out about the repository by looking: the data
// of an [autonoma.EventWork].
type Look struct {
	What    string             `json:"what"` // look
	Source  string             `json:"source"`
	Base    string             `json:"baseCommit"`
	Project project.Project    `json:"project"`
	OfBase  *project.Commands  `json:"ofBase,omitempty"`  // the commands of the base of the run, where the step begins elsewhere
	Context string             `json:"context,omitempty"` // what a prompt says of it
	Known   string             `json:"known,omitempty"`   // what is remembered of it from before the run
	Offers  []mcp.Offer        `json:"offers,omitempty"`  // tools from elsewhere, for the whole execution
	History *autonoma.History  `json:"history,omitempty"` // what the source tells from before
	Notices []workspace.Notice `json:"notices,omitempty"` // what its owner should know
}

// Key implements [journal.Entry].
func (l Look) Key() string { return l.What }

// ofBase returns the commands of the base of the run.
func (l Look) ofBase() project.Commands {
	if l.OfBase != nil {
		return *l.OfBase
	}
	return l.Project.Commands
}

// research finds out what is there. A model reads only before the first step of a
// run; what it found out goes with the run from there on.
func (x *execution) research(ctx context.Context) (string, error) {
	if err := x.bringTogether(ctx); err != nil {
		return "", err
	}
	var err error
	if x.look, err = work(ctx, x, "look", x.lookAround); err != nil {
		return "", err
	}
	x.result.History = x.look.History
	if x.result.Context = x.known(); x.result.Context != "" {
		return "known from earlier steps", nil
	}
	if !x.rigor.Explore || x.Step.Round > 1 {
		return "looked at by the platform", nil
	}
	a := x.agent("research", autonoma.Research, autonoma.Document, readers(x.bench))
	var b brief
	b.part("Task", x.Run.Request.Task)
	b.data("The repository", "repository", x.look.Context, 0)
	x.remind(&b)
	found, err := a.Work(ctx, system(x.Agent, autonoma.Research, text("research")), b.String())
	if err != nil {
		return "", err
	}
	x.result.Context, x.result.Researched = found.Document, true
	return "read by " + string(x.Agent.ID), nil
}

// known returns the context report of an earlier step.
func (x *execution) known() string {
	for _, e := range x.Earlier {
		if e.Result.Context != "" {
			return e.Result.Context
		}
	}
	return ""
}

// lookAround detects languages and commands, and draws the map.
func (x *execution) lookAround(ctx context.Context) (Look, error) {
	files := x.bench.files.FS()
	p, err := project.Look(ctx, files)
	if err != nil {
		return Look{}, err
	}
	offered, err := x.MCP.Offers(ctx, x.Agent)
	if err != nil {
		return Look{}, err
	}
	l := Look{What: "look", Source: x.Run.Request.Source, Base: x.base.Commit, Offers: offered.Offers}
	if len(x.Earlier) == 0 {
		l.Notices = slices.Clone(x.base.Notices) // told once
	}
	if len(x.Earlier) == 0 && l.Source != "" { // once for a run is enough
		past, err := x.Workspaces.Past(ctx, string(x.Run.ID), x.base.Commit, autonoma.MaxHistory)
		if err != nil {
			return Look{}, err
		}
		l.History = &autonoma.History{Commits: past.Commits, Telling: past.Telling, Newest: past.Newest}
	}
	for _, note := range offered.Notes {
		l.Notices = append(l.Notices, workspace.Notice{Code: "mcp", Text: note})
	}
	if x.known() == "" {
		drawn, err := project.Map(ctx, files, strings.Fields(x.Run.Request.Task), x.Policy.Prompt.Map)
		if err != nil {
			return Look{}, err
		}
		l.Context = p.Markdown(x.Policy.Prompt.Project) + "\n\n" + drawn
	}
	if l.Known, err = x.remember(ctx); err != nil {
		return Look{}, err
	}
	if l.OfBase, err = x.lookAtBase(ctx); err != nil {
		return Look{}, err
	}
	p.Docs, p.CI = nil, nil // their texts are in the context; the journal keeps them once
	l.Project = p
	return l, nil
}

// lookAtBase returns the commands of the base of the run, if the step begins elsewhere
// and there are checks to run: what steps before it changed is not what it is held to.
func (x *execution) lookAtBase(ctx context.Context) (*project.Commands, error) {
	if x.start == x.base.Commit || !x.rigor.Checks {
		return nil, nil
	}
	b, gone, err := x.clean(ctx, "base", x.base.Commit)
	if err != nil {
		return nil, err
	}
	defer gone()
	p, err := project.Look(ctx, b.files.FS())
	return &p.Commands, err
}

// remember returns what is remembered of the repository, for the first steps of a run:
// those after them are told what these found.
func (x *execution) remember(ctx context.Context) (string, error) {
	if x.Known == nil || len(x.Earlier) > 0 {
		return "", nil
	}
	return x.Known(ctx, x.base.Commit, x.Policy.Prompt.Knowledge)
}

// remind adds what is remembered of the repository.
func (x *execution) remind(b *brief) {
	b.data("What is known of this repository", "knowledge", x.look.Known, 0)
}

// agent returns a conversation of the step's agent.
func (x *execution) agent(loop string, phase autonoma.Phase, yields autonoma.Yield, tools tool.Set) *agent.Agent {
	return &agent.Agent{
		Loop: loop, Phase: phase, Cause: x.cause(), Yields: yields, Model: x.model, Tools: tools, Journal: x.Journal,
		Turns:      x.Policy.turns(x.intelligence(), yields),
		Memory:     x.memory(),
		Patience:   x.Policy.Patience,
		Afford:     x.Afford,
		Shortage:   x.shortage(),
		Checkpoint: x.checkpoint(yields),
		Called:     x.called,
	}
}

// memory is how a conversation of the step is compacted. What takes the place of
// its middle was written by a model that has read anything, so it is data.
func (x *execution) memory() agent.Memory {
	return agent.Memory{
		Full: x.Policy.Memory.Full, Keep: x.Policy.Memory.Keep,
		Ask: text("compact"),
		Told: func(summary string, touched []string) string {
			var b brief
			b.part("From the platform", text("compacted"))
			if summary == "" {
				summary = "(There is none. Look again at what you need.)"
			}
			b.data("Summary", string(x.Agent.ID), summary, x.Policy.Prompt.Document)
			b.data("Files changed so far", "checkpoints", strings.Join(touched, "\n"), x.Policy.Prompt.Output)
			return b.String()
		},
	}
}

// checkpoint returns what happens after a call that may have changed files: they
// are stored or, if the agent is not to change any or they cannot be stored, put
// back.
func (x *execution) checkpoint(yields autonoma.Yield) func(context.Context, string) (agent.Checkpoint, error) {
	return func(ctx context.Context, call string) (agent.Checkpoint, error) {
		before := x.bench.files.Head()
		c, changed, err := x.bench.checkpoint(ctx, fmt.Sprintf("%s %s", x.Execution.ID, call))
		if wrong, ok := errors.AsType[*workspace.TreeError](err); ok {
			if err := x.bench.files.Restore(ctx, before); err != nil {
				return agent.Checkpoint{}, err
			}
			return agent.Checkpoint{}, agent.Undone{Why: wrong}
		}
		if err != nil || !changed {
			return agent.Checkpoint{}, err
		}
		if yields != autonoma.Change {
			return agent.Checkpoint{}, x.bench.files.Restore(ctx, x.start)
		}
		return agent.Checkpoint{Commit: c.Commit, Tree: c.Tree, Changed: c.Changed}, nil
	}
}

// readers are the tools of an agent that looks and changes nothing.
func readers(d tool.Desk) tool.Set { return tool.Set{tool.Read(d), tool.Glob(d), tool.Grep(d)} }

// tools returns the tools that the agent of the step is given.
func (x *execution) tools() tool.Set {
	set := x.Network.tools(toolsOf(x.Agent, x.bench))
	if x.asks() && slices.Contains(x.Agent.Tools, "ask") {
		set = append(set, tool.Ask(x.person))
	}
	return append(set, x.MCP.Tools(x.look.Offers)...)
}

// toolsOf returns those of the tools of an agent with which it works on files.
func toolsOf(a autonoma.Agent, d tool.Desk) tool.Set {
	all := map[string]func(tool.Desk) tool.Tool{
		"bash": tool.Bash, "read": tool.Read, "write": tool.Write, "edit": tool.Edit, "glob": tool.Glob, "grep": tool.Grep,
	}
	var set tool.Set
	for _, name := range a.Tools {
		if make, ok := all[name]; ok {
			set = append(set, make(d))
		}
	}
	return set
}
