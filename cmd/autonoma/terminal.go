package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/agent"
	"autonoma/internal/model"
	"autonoma/internal/rigor"
)

// A terminal shows to a person how a task goes: a line for each thing that
// happens.
type terminal struct {
	out    io.Writer
	color  bool
	cost   float64
	tokens int
}

func newTerminal(out io.Writer, getenv func(string) string) *terminal {
	t := &terminal{out: out}
	if f, ok := out.(*os.File); ok && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb" {
		info, err := f.Stat()
		t.color = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return t
}

// The colours of a terminal.
const (
	dim   = "2"
	bold  = "1"
	red   = "31"
	green = "32"
	cyan  = "36"
)

func (t *terminal) paint(color, text string) string {
	if !t.color {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

func (t *terminal) line(format string, args ...any) { fmt.Fprintf(t.out, format+"\n", args...) }

func (t *terminal) begin(made api.CreatedTask) {
	names := make([]string, len(made.AgentsAssigned))
	for i, a := range made.AgentsAssigned {
		names[i] = string(a)
	}
	t.line("%s  %s", t.paint(bold, string(made.TaskID)), strings.Join(names, " → "))
}

// event shows what a person wants to see of an event; many kinds are not shown.
func (t *terminal) event(e api.Event) {
	if show, ok := shown[e.Kind]; ok {
		show(t, e)
	}
}

// shown says how the kinds of events are shown that are.
var shown = map[autonoma.EventKind]func(*terminal, api.Event){
	autonoma.EventStep: as(func(t *terminal, s autonoma.StepChanged) {
		if s.Status != autonoma.StepRunning {
			return
		}
		round := ""
		if s.Round > 1 {
			round = fmt.Sprintf(", round %d", s.Round)
		}
		t.line("\n%s  %s", t.paint(cyan, string(s.Agent)), t.paint(dim, s.Step+round))
	}),
	autonoma.EventPhase: as(func(t *terminal, p autonoma.PhaseChanged) {
		if p.Status == autonoma.StepCompleted && !strings.HasPrefix(p.Message, "nothing ") && p.Message != "" {
			t.line("  %-9s %s", p.Phase, t.paint(dim, printable(p.Message, 100)))
		}
	}),
	autonoma.EventTurn: as(func(t *terminal, turn agent.Turn) { t.turn(turn) }),
	autonoma.EventCompaction: as(func(t *terminal, c agent.Compaction) {
		t.count(c.Answer)
		t.line("  %s summed up: the conversation had about %d tokens  %s", t.paint(dim, fmt.Sprintf("%-9s", c.Phase)), c.Tokens, t.paint(dim, t.spent()))
	}),
	autonoma.EventCall: as(func(t *terminal, c agent.Call) {
		if c.Failed {
			t.line("            %s %s", t.paint(red, "✗"), printable(c.Output, 100))
		}
	}),
	autonoma.EventWork: func(t *terminal, e api.Event) {
		as((*terminal).looked)(t, e)
		as((*terminal).chosen)(t, e)
	},
	autonoma.EventEgress: as(func(t *terminal, e autonoma.Egress) {
		if e.Allowed {
			return
		}
		often := ""
		if e.Count > 1 {
			often = fmt.Sprintf(" (%d times)", e.Count)
		}
		t.line("  refused   %s wanted %s%s: %s", map[autonoma.EgressBy]string{autonoma.EgressSetup: "set-up", autonoma.EgressAgent: "a command"}[e.By],
			printable(e.Address(), 100), often, printable(e.Detail, 200))
	}),
	autonoma.EventNotice: as(func(t *terminal, n autonoma.Notice) {
		t.line("  note      %s", printable(n.Message, 200))
	}),
	autonoma.EventStatus: as(func(t *terminal, s autonoma.StatusChanged) {
		if s.Status == autonoma.WaitingProvider {
			t.line("  waiting   %s", printable(s.Detail, 200))
		}
	}),
}

// as reads the data of an event. What does not fit is not shown.
func as[T any](show func(*terminal, T)) func(*terminal, api.Event) {
	return func(t *terminal, e api.Event) {
		var data T
		if json.Unmarshal(e.Data, &data) == nil {
			show(t, data)
		}
	}
}

// looked shows what the owner of a repository should know of it.
func (t *terminal) looked(look rigor.Look) {
	for _, n := range look.Notices {
		t.line("  note      %s", printable(n.Text, 200))
	}
}

// chosen shows which candidate is taken over, why, and what the others cost.
func (t *terminal) chosen(c rigor.Choice) {
	if c.Step == "" { // it is other work
		return
	}
	lost := c.Lost()
	cost := fmt.Sprintf("%d tokens", lost.Tokens())
	if lost.CostUSD > 0 {
		cost = fmt.Sprintf("$%.4f", lost.CostUSD)
	}
	t.line("  chosen    %s of %d, by %s: %s  %s", c.Step, len(c.Candidates), c.By, printable(c.Why, 200), t.paint(dim, "(the others cost "+cost+")"))
}

// turn shows what the model wants to do, and what all turns cost so far.
func (t *terminal) turn(turn agent.Turn) {
	t.count(turn.Answer)
	for _, c := range turn.Answer.Message.Calls {
		t.line("  %s %s  %s", t.paint(dim, fmt.Sprintf("%-9s", turn.Phase)), action(c.Name, c.Args), t.paint(dim, t.spent()))
	}
}

// count adds what an answer cost.
func (t *terminal) count(a model.Answer) {
	t.cost += a.Usage.Cost(a.Price)
	t.tokens += a.Usage.Total()
}

func (t *terminal) spent() string {
	if t.cost > 0 {
		return fmt.Sprintf("$%.4f", t.cost)
	}
	return fmt.Sprintf("%d tokens", t.tokens)
}

// action says in a line what a call does.
func action(name, args string) string {
	var in struct{ Command, Path, Pattern, Summary string }
	_ = json.Unmarshal([]byte(args), &in) // what is not there is not shown
	for _, what := range []string{in.Command, in.Path, in.Pattern, in.Summary} {
		if what != "" {
			return name + " " + printable(what, 80)
		}
	}
	return name
}

func (t *terminal) end(task api.Task) {
	t.line("")
	t.result(task)
	if o := task.Output; o != nil {
		t.output(*o)
	}
	took := ""
	if task.StartedAt != nil && task.CompletedAt != nil {
		took = fmt.Sprintf(" in %v", task.CompletedAt.Sub(*task.StartedAt))
	}
	u := task.Usage
	cost := ""
	if u.CostUSD > 0 {
		cost = fmt.Sprintf(", $%.4f", u.CostUSD)
	}
	t.line("%s", t.paint(dim, fmt.Sprintf("%d model calls, %d tool calls, %d tokens%s%s", u.ModelCalls, u.ToolCalls, u.InputTokens+u.OutputTokens+u.CachedTokens, cost, took)))
}

func (t *terminal) result(task api.Task) {
	switch {
	case task.Status == autonoma.Completed:
		t.line("%s", t.paint(green, "completed"))
		if o := task.Output; o != nil && o.HeadCommit == o.BaseCommit {
			t.line("  nothing was changed, so there is no branch")
		}
	case task.Error != nil:
		t.line("%s  %s: %s", t.paint(red, string(task.Status)), task.Error.Code, printable(task.Error.Message, 600))
	default:
		t.line("%s", t.paint(red, string(task.Status)))
	}
}

func (t *terminal) output(o api.Output) {
	if _, said, ok := strings.Cut(o.Summary, autonoma.AgentsSay); ok { // what is known stands below
		t.line("  %s", printable(autonoma.AgentsSay+said, 600))
	}
	if o.Branch != nil {
		t.line("  branch        %s  %s", t.paint(bold, *o.Branch), t.paint(dim, fmt.Sprintf("(%d files, +%d −%d)", o.FilesChanged, o.Insertions, o.Deletions)))
		t.line("  look at it    git diff %.12s..%s", o.BaseCommit, *o.Branch)
	}
	color := map[autonoma.VerificationStatus]string{autonoma.Verified: green, autonoma.NotVerified: red, autonoma.NotApplicable: dim}[o.Verification.Status]
	t.line("  verification  %s", t.paint(color, strings.ReplaceAll(string(o.Verification.Status), "_", " ")))
	for _, c := range o.Verification.Commands {
		t.line("    %s  %s", printable(c.Command, 80), t.paint(dim, "before: "+was(c.Before)+", now: "+was(c.After)))
	}
	if len(o.Gates) > 0 {
		t.line("  gates         %s", gates(o.Gates))
	}
}

// gates says how many gates came to what, and which were missed.
func gates(all []api.Gate) string {
	named := map[autonoma.GateStatus][]string{}
	for _, g := range all {
		named[g.Status] = append(named[g.Status], string(g.ID))
	}
	var parts []string
	for _, s := range autonoma.GateStatuses {
		n := len(named[s])
		if n == 0 {
			continue
		}
		part := fmt.Sprintf("%d %s", n, s)
		if s == autonoma.GateFailed || s == autonoma.GateWarning {
			part += ": " + strings.Join(named[s], " ")
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

func was(outcome *string) string {
	if outcome == nil || *outcome == "" {
		return "not run"
	}
	return *outcome
}

// printable makes one short line of a text that anybody may have written: no
// control characters, which terminals obey.
func printable(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r) || !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most-1]) + "…"
	}
	return text
}
