package service

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"autonoma"
	"autonoma/internal/catalog"
	"autonoma/internal/queue"
	"autonoma/internal/store"
)

// An Outcome is what a step came to that is done.
type Outcome struct {
	Step   string
	Status autonoma.StepStatus
	Result autonoma.Result // zero for a step that was skipped
}

// A Decision says how a step takes part.
type Decision struct {
	Skip bool   // it does not
	Asks string // what is asked, with its blanks filled in; empty: as written
}

// Resolve decides about a step before it begins, from what the steps before it came
// to. It is asked within a transaction, so it must be quick, and may be asked again,
// so it must answer the same whenever it is asked the same.
type Resolve func(run autonoma.Run, step autonoma.Step, done []Outcome) (Decision, error)

// Rules are how steps begin. The services and the worker have the same.
type Rules struct {
	Catalog   *catalog.Catalog
	Resolve   Resolve       // decides about a step before it begins; nil: each takes part as it is written
	StartMode autonoma.Mode // of agents of which nothing was counted yet; empty: autonoma.StartMode
	AnswerIn  time.Duration // how long people have to answer questions; 0: autonoma.ApprovalTime

	// Confines returns an [autonoma.ErrUnavailable] that says what to do, unless commands
	// are confined here as strongly as the installation demands, and at least at the level
	// of the given name; empty names none. Nil: nobody demands anything.
	Confines func(least string) error
}

// Steps begins the steps of runs.
type Steps struct {
	Queue *queue.Queue
	Rules
}

// merger is the agent that settles what does not fit together.
const merger autonoma.AgentID = "coder-ai"

// Begin begins all steps of the run that may begin: with an execution and its job,
// with a question to a human, or by skipping them. Where a step needs what several
// left, a step that brings it together comes first. A run in which nothing goes on
// is put aside. Begin saves the run and reports whether it is over: all is done, and
// what is left is one commit at most. What is wrong with the rules of a step is an
// [autonoma.Failure].
func (s Steps) Begin(ctx context.Context, tx *store.Tx, run *autonoma.Run, at time.Time) (over bool, err error) {
	b, err := s.beginning(ctx, tx, run, at)
	if err != nil {
		return false, err
	}
	for {
		ready := run.Ready()
		if len(ready) == 0 {
			if !run.Done() {
				return false, b.rest()
			}
			ends := b.made.tips(b.made.left(run, run.Leaves()...))
			if len(ends) < 2 {
				return true, tx.SaveRun(*run, b.told...)
			}
			run.Merge("", ends, merger)
			b.told = append(b.told, noticeMerge(run.Steps[len(run.Steps)-1], at))
			continue
		}
		if err := b.one(ready[0]); err != nil {
			return false, err
		}
	}
}

// Again begins a step once more that failed, where it began before.
func (s Steps) Again(ctx context.Context, tx *store.Tx, run *autonoma.Run, id string, base string, at time.Time) error {
	b, err := s.beginning(ctx, tx, run, at)
	if err != nil {
		return err
	}
	step := run.Step(id)
	step.Status, step.Phase, step.Progress = autonoma.StepPending, "", 0
	step.Tries++
	if err := b.begin(step, base); err != nil {
		return err
	}
	return b.rest()
}

// A beginning is one look at what may begin in a run.
type beginning struct {
	Steps
	ctx  context.Context // of the transaction
	tx   *store.Tx
	run  *autonoma.Run
	made lineage
	at   time.Time
	told []autonoma.Event
}

func (s Steps) beginning(ctx context.Context, tx *store.Tx, run *autonoma.Run, at time.Time) (*beginning, error) {
	all, err := tx.Executions(run.ID)
	return &beginning{Steps: s, ctx: ctx, tx: tx, run: run, made: lineageOf(all), at: at}, err
}

// one takes a step that may begin one step further.
func (b *beginning) one(step *autonoma.Step) error {
	if b.Resolve != nil && len(step.Merges) == 0 {
		d, err := b.Resolve(*b.run, *step, b.outcomes(step.ID))
		if err != nil {
			return &autonoma.Failure{Code: autonoma.FailStepRules, Agent: step.Agent, Message: fmt.Sprintf("step %s: %v", step.ID, err)}
		}
		if step.Asked = d.Asks; d.Skip {
			b.skip(step)
			return nil
		}
	}
	tips := b.tips(step)
	switch {
	case len(step.Merges) > 0 && len(tips) < 2: // in this round there is nothing to bring together
		b.skip(step)
		return nil
	case len(step.Merges) > 0:
		step.Merges = tips
		return b.begin(step, "")
	case len(tips) > 1:
		id := step.ID
		b.run.Merge(id, tips, merger)
		b.told = append(b.told, noticeMerge(*b.run.Step(b.run.Step(id).Needs[0]), b.at))
		return nil
	case step.Rules.Approval:
		return b.ask(step)
	case len(tips) == 0:
		return b.begin(step, "") // the run's own base
	}
	return b.begin(step, tips[0])
}

// tips returns the commits that have to be brought together for a step.
func (b *beginning) tips(step *autonoma.Step) []string {
	left := b.made.left(b.run, step.Needs...)
	if step.From != "" {
		left = append(left, step.From)
	}
	return b.made.tips(left)
}

func (b *beginning) skip(step *autonoma.Step) {
	step.Status, step.Progress = autonoma.StepSkipped, 100
	b.told = append(b.told, autonoma.NewStepEvent(*step, b.at))
}

// begin makes an execution of the step, with the repository at base (empty: the
// run's own), and adds its job. How far the agent may go is decided now: as far as it
// has earned, and the run allows.
func (b *beginning) begin(step *autonoma.Step, base string) error {
	modes, err := b.tx.Modes(b.run.Tenant)
	if err != nil {
		return err
	}
	e := autonoma.Execution{
		ID: b.run.NewExecutionID(), Run: b.run.ID, Step: step.ID, Agent: step.Agent, Round: step.Round,
		Mode:   b.run.Mode.Within(modeOf(step.Agent, modes, b.StartMode)),
		Status: autonoma.StepPending, Base: base, CreatedAt: b.at,
	}
	step.Execution = e.ID
	if err := b.tx.InsertExecution(e); err != nil {
		return err
	}
	b.made.add(e)
	return b.Queue.Add(b.ctx, b.tx, queue.Job{Run: b.run.ID, Execution: e.ID}, b.run.Request.Priority, time.Time{})
}

// ask asks a human whether the step may begin.
func (b *beginning) ask(step *autonoma.Step) error {
	type said struct {
		Step    string `json:"step"`
		Summary string `json:"summary"`
	}
	evidence := struct {
		Asks string `json:"asks"`
		Done []said `json:"done"`
	}{Asks: short(cmp.Or(step.Asked, step.Asks)), Done: []said{}}
	changed, risk := false, autonoma.MediumRisk
	for _, o := range b.outcomes(step.ID) {
		evidence.Done = append(evidence.Done, said{o.Step, short(o.Result.Summary)})
		changed, risk = changed || o.Result.Commit != o.Result.Base, risk.Or(autonoma.RiskOf(o.Result.Effects))
	}
	text, err := json.Marshal(evidence)
	if err != nil {
		return err
	}
	a, told := b.run.Ask(step, b.AnswerIn, risk, "The flow wants a human's consent before this step.", text, changed, b.at)
	b.told = append(b.told, told)
	return b.tx.InsertApproval(a)
}

// short cuts a text to what somebody reads before answering a question.
func short(text string) string {
	const most = 1000
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

// outcomes returns what the steps before one came to, in the order of the steps. Of
// candidates nobody is told.
func (b *beginning) outcomes(id string) []Outcome {
	before := b.run.Before(id)
	var done []Outcome
	for _, s := range b.run.Steps {
		if before[s.ID] && s.Status.Done() && s.Candidate == "" {
			o := Outcome{Step: s.ID, Status: s.Status}
			if r := b.made.result(s.ID); r != nil && s.Status == autonoma.StepCompleted {
				o.Result = *r
			}
			done = append(done, o)
		}
	}
	return done
}

// rest saves the run, put aside if nothing goes on in it.
func (b *beginning) rest() error {
	told, err := Rest(b.tx, b.run, b.made.all, "the provider of a model is asked again later", b.at)
	if err != nil {
		return err
	}
	return b.tx.SaveRun(*b.run, append(b.told, told...)...)
}

// Rest puts a run aside in which no execution goes on and none is about to: for a
// human, if one was asked, or for the provider of a model, as waiting says. It
// returns the events that tell of it; none if something goes on.
func Rest(tx *store.Tx, run *autonoma.Run, all []autonoma.Execution, waiting string, at time.Time) ([]autonoma.Event, error) {
	parked := false
	for _, e := range all {
		switch {
		case e.Status == autonoma.StepRunning, e.Status == autonoma.StepPending && e.StartedAt.IsZero():
			return nil, nil
		case e.Status == autonoma.StepPending:
			parked = true
		}
	}
	pending, err := tx.PendingApprovals(run.ID)
	if err != nil {
		return nil, err
	}
	next, detail := autonoma.WaitingProvider, waiting
	if len(pending) > 0 {
		next, detail = autonoma.AwaitingApproval, pending[0].Question
	}
	if len(pending) == 0 && !parked {
		return nil, fmt.Errorf("%s: steps are left, and none may begin", run.ID)
	}
	if run.Status == next {
		return nil, nil
	}
	told, err := run.Become(next, detail, nil, at)
	return []autonoma.Event{told}, err
}

func noticeMerge(m autonoma.Step, at time.Time) autonoma.Event {
	return autonoma.NewEvent(autonoma.EventNotice, "", at, autonoma.Notice{
		Code: "merge", Message: fmt.Sprintf("step %s brings together what %d steps left", m.ID, len(m.Merges)),
	})
}
