// Package rigor carries out executions: one agent's work on one step, in five
// phases.
//
//	research   what is there: the platform looks, and a model reads where that pays
//	inspect    what is true before: dependencies installed, checks run on the base
//	generate   the agent does the work
//	optimize   formatted, built and tested; what fails goes back to the agent
//	review     the exact result, in a clean checkout, passes its checks or does not
//
// What can be found out without a model is found out without one. Every outcome
// goes through the journal, so an execution that was cut off goes on where it was.
// The package decides how an execution is done; when, and what follows from it,
// is decided by those who call it.
package rigor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"autonoma"
	"autonoma/internal/agent"
	"autonoma/internal/journal"
	"autonoma/internal/model"
	"autonoma/internal/sandbox"
	"autonoma/internal/scan"
	"autonoma/internal/setup"
	"autonoma/internal/tool/mcp"
	"autonoma/internal/workspace"
)

// An Engine is what executions need. One serves all of a process.
type Engine struct {
	Policy     Policy
	Workspaces *workspace.Store
	Box        sandbox.Sandbox
	Proof      sandbox.Report // what trying the box has shown
	Installer  *setup.Installer
	Roots      []string     // below which sources may lie
	MCP        *mcp.Servers // whose tools agents get besides ours; nil: none
	Network    *Network     // what agents' commands may reach; nil: nothing

	// Model returns the model of a tier.
	Model func(autonoma.Intelligence) (model.Model, error)
}

// A Job is an execution and what it has to know.
type Job struct {
	Run       autonoma.Run
	Step      autonoma.Step
	Execution autonoma.Execution
	Agent     autonoma.Agent
	Earlier   []Earlier // what the steps before and the rounds before came to, in order; the last round of each
	Journal   *journal.Journal

	// Candidates are what came of several tries at the step, if it is to choose one
	// instead of working itself.
	Candidates []Candidate

	// Beside says that other steps of the run may be under way at the same time,
	// so that this one needs checkouts of its own.
	Beside bool

	// At says which checkpoint the journal ends at, or nothing.
	At string
	// Human returns the question that the execution asked, once it is settled, and an
	// [autonoma.Unanswered] until then.
	Human func(ctx context.Context, q autonoma.Question) (autonoma.Approval, error)
	// Known returns what is remembered of the repository, whose base is known by then, in
	// at most so many bytes. What it returns is data. Nil: nothing is.
	Known func(ctx context.Context, base string, most int) (string, error)
	// Afford sets aside what turns cost at worst.
	Afford agent.Purse
	// Used returns what the run has used by now; nil: what it had used at the start.
	Used func() autonoma.Usage
}

// Earlier is what an earlier step came to.
type Earlier struct {
	Step   autonoma.Step
	Result autonoma.Result
}

// Do carries out the job and returns what it came to. An [autonoma.Failure] is
// the end of the run; other errors are the model's ([model.Error]), the
// journal's, or faults that may pass.
func (e *Engine) Do(ctx context.Context, j Job) (autonoma.Result, error) {
	x, err := e.open(ctx, j)
	if err != nil {
		return autonoma.Result{}, err
	}
	defer x.close()
	for _, p := range x.parts() {
		if err := x.treeFailure(x.phase(ctx, p.phase, p.do), p.phase); err != nil {
			if f, ok := failure(err); ok && f.Phase == "" {
				f.Agent, f.Phase = j.Agent.ID, p.phase
			}
			return autonoma.Result{}, err
		}
	}
	x.result.Merged = j.Step.Merges
	x.done = true
	return x.result, nil
}

// A part is a phase and what is done in it.
type part struct {
	phase autonoma.Phase
	do    func(context.Context) (string, error)
}

func (x *execution) parts() []part {
	if x.chooses() {
		return x.choosing()
	}
	return []part{
		{autonoma.Research, x.research},
		{autonoma.Inspect, x.inspectAndGate},
		{autonoma.Generate, x.generate},
		{autonoma.OptimizePhase, x.optimize},
		{autonoma.Review, x.review},
	}
}

// chooses reports whether the work was done by candidates, of which one is to be taken
// over.
func (j Job) chooses() bool { return len(j.Candidates) > 0 }

// intelligence is how hard to think about the step.
func (j Job) intelligence() autonoma.Intelligence {
	return cmp.Or(j.Step.Rules.Intelligence, j.Run.Request.Intelligence)
}

// scope is how much the step has to prove.
func (j Job) scope() autonoma.Scope { return cmp.Or(j.Step.Rules.Scope, j.Run.Request.Scope) }

// place is the name of a checkout of the job. Steps that come one after the other
// share theirs, with all that git ignores in it; others cannot.
func (j Job) place(name string) string {
	if j.Beside {
		name += "-" + string(j.Execution.ID)
	}
	return name
}

// An execution is a job that is being carried out.
type execution struct {
	*Engine
	Job
	rigor  Rigor
	model  model.Model
	base   workspace.Base
	start  string           // the commit this execution begins at
	merged workspace.Merged // what bringing several commits together came to, if that is what is asked
	bench  *bench
	worker *agent.Agent // the conversation of generate, which repairs go on with
	look   Look
	deps   setup.Installed
	before []Check // the checks on the base of the run
	after  []Check // the checks on what generate left, in its own checkout
	result autonoma.Result
	gates  []autonoma.Gate // what was measured before the work
	styled []Check         // the commands that check style, on the base of the run

	tried []autonoma.Effect // what agents ran, or tried to, that would have had effects

	now        autonoma.Phase // that it is in
	done       bool
	wellFormed map[string]bool // by a formatter's command, whether the start passed it
}

// open prepares the repository and the checkout. It changes nothing that matters
// when it is done again.
func (e *Engine) open(ctx context.Context, j Job) (*execution, error) {
	m, err := e.Model(j.intelligence())
	if err != nil {
		return nil, err
	}
	x := &execution{Engine: e, Job: j, model: m, rigor: e.Policy.Scopes[j.scope()]}
	if x.base, err = e.prepare(ctx, j); err != nil {
		return nil, err
	}
	x.start = cmp.Or(j.Execution.Base, x.base.Commit)
	if len(j.Step.Merges) > 0 {
		if x.merged, err = e.Workspaces.Merge(ctx, string(j.Run.ID), j.Step.Merges); err != nil {
			return nil, err
		}
		x.start = x.merged.Commit
	}
	x.bench, err = e.openBench(ctx, j, "work", cmp.Or(j.At, x.start))
	x.letOut(x.bench)
	return x, x.treeFailure(err, "")
}

// ErrElsewhere reports a source that this process may not work on, though the one
// that accepted the run could: it was started with other roots.
var ErrElsewhere = errors.New("the source lies outside of this server's roots")

// prepare returns the base of the run. Once that is known, the source is not looked
// at again until the delivery.
func (e *Engine) prepare(ctx context.Context, j Job) (workspace.Base, error) {
	base, err := e.Workspaces.Base(string(j.Run.ID))
	if err == nil || !errors.Is(err, workspace.ErrNotPrepared) {
		return base, err
	}
	if from := j.Run.Resumes; from != "" {
		base, err := e.Workspaces.Inherit(ctx, string(j.Run.ID), string(from))
		if errors.Is(err, workspace.ErrNotPrepared) {
			err = &autonoma.Failure{Code: autonoma.FailSource, Message: fmt.Sprintf("the repository of %s is gone, and with it what was to be taken over; retry the run instead", from)}
		}
		return base, err
	}
	src, err := workspace.Resolve(ctx, j.Run.Request.Source, e.Roots)
	if err == nil {
		src.Tenant = string(j.Run.Tenant)
		base, err = e.Workspaces.Prepare(ctx, string(j.Run.ID), src, j.Run.Request.BaseRef)
	}
	if wrong, ok := errors.AsType[*workspace.SourceError](err); ok && wrong.Reason == workspace.ReasonOutside {
		return base, fmt.Errorf("%w: %w", ErrElsewhere, err)
	}
	return base, sourceFailure(err)
}

func (x *execution) close() {
	x.bench.close()
	if x.Beside && x.done { // what it left is committed, and nobody goes on here
		_ = x.Workspaces.Discard(context.Background(), string(x.Run.ID), x.place("work"))
	}
}

// Phase tells of the beginning or the end of a phase: the data of an
// [autonoma.EventPhase].
type Phase struct{ autonoma.PhaseChanged }

// Key implements [journal.Entry].
func (p Phase) Key() string { return string(p.Phase) + "/" + string(p.Status) }

// phase journals the beginning and the end of a phase around what is done in it.
func (x *execution) phase(ctx context.Context, p autonoma.Phase, do func(context.Context) (string, error)) error {
	if err := x.mark(ctx, autonoma.PhaseChanged{Phase: p, Status: autonoma.StepRunning}); err != nil {
		return err
	}
	x.now = p
	message, err := do(ctx)
	if err != nil {
		return err
	}
	return x.mark(ctx, autonoma.PhaseChanged{Phase: p, Status: autonoma.StepCompleted, Message: scan.Redact(message)})
}

func (x *execution) mark(ctx context.Context, c autonoma.PhaseChanged) error {
	p := Phase{c}
	_, err := journal.Do(ctx, x.Journal, autonoma.EventPhase, p.Key(), func(context.Context) (Phase, autonoma.Usage, error) {
		return p, autonoma.Usage{}, nil
	})
	return err
}

// work journals something that the platform does itself.
func work[T journal.Entry](ctx context.Context, x *execution, key string, do func(context.Context) (T, error)) (T, error) {
	if x.Journal.Resumed() {
		times, err := x.Journal.Again(ctx, key)
		if err != nil {
			var none T
			return none, err
		}
		if times > repeats(key) {
			var none T
			return none, &autonoma.Failure{Code: autonoma.FailInternal, Message: fmt.Sprintf(
				"the server went down %d times while it did this: %s; look at what the project's commands need (memory, time)", times, key)}
		}
	}
	return journal.Do(ctx, x.Journal, autonoma.EventWork, key, func(ctx context.Context) (T, autonoma.Usage, error) {
		v, err := do(ctx)
		return v, autonoma.Usage{}, err
	})
}

// repeats is how often work that a crash cut off is done again. What takes the server
// down with it must not be done for ever: commands of the project may, and soon. What
// only reads and writes here more likely was under way when something else did.
func repeats(key string) int {
	what, _, _ := strings.Cut(key, ".")
	switch what {
	case "setup", "baseline", "checks", "verification", "measured", "gates":
		return 3
	}
	return 30
}

// title says in a line what a step's change is about.
func (x *execution) title() string {
	return fmt.Sprintf("%s (%s)", x.Step.ID, x.Agent.ID)
}
