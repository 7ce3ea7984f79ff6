package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"autonoma"
	"autonoma/internal/service"
	"autonoma/internal/store"
)

// conclude records the result of an execution, and what follows from it: the next
// steps, another round, or the delivery and the end of the run.
func (w *Worker) conclude(ctx context.Context, lease store.Lease, exec autonoma.Execution, result autonoma.Result) error {
	run, err := w.DB.Run(ctx, lease.Run)
	if err != nil {
		return err
	}
	docs, err := w.document(run, exec, result)
	if err != nil {
		return err
	}
	c := &conclusion{Worker: w, lease: lease, exec: exec, result: result, docs: docs}
	goOn := func(tx *store.Tx) error { return c.goOn(ctx, tx) }
	err = w.DB.Update(ctx, goOn)
	if errors.Is(err, errAsks) {
		if err = c.show(ctx); err == nil {
			err = w.DB.Update(ctx, goOn)
		}
	}
	why, unresolved := errors.AsType[*autonoma.Failure](err)
	if !unresolved && !errors.Is(err, errOver) {
		return err
	}
	d, err := w.deliver(ctx, lease, exec, result)
	if unresolved {
		d.problem = why
	}
	if err == nil {
		err = w.propose(ctx, lease, &d)
	}
	if err != nil {
		return err
	}
	return w.DB.Update(ctx, func(tx *store.Tx) error {
		if unresolved {
			run, err := c.complete(tx)
			if err != nil {
				return err
			}
			return d.save(ctx, tx, w.Queue, run)
		}
		run, _, err := c.follow(ctx, tx)
		if err != nil {
			return err
		}
		return d.save(ctx, tx, w.Queue, run)
	})
}

// A conclusion is the result of an execution, about to be saved with what follows.
type conclusion struct {
	*Worker
	lease  store.Lease
	exec   autonoma.Execution
	result autonoma.Result
	docs   []autonoma.Artifact
	shown  bool // whether they hold what a human wants to see who is asked
}

// Why a transaction ends of which nothing is saved yet: the run is over, and the
// delivery comes first; or a human is asked, who wants to see what was made.
var (
	errOver = errors.New("the run is over")
	errAsks = errors.New("a human is asked")
)

// goOn saves the result and begins what follows, if the run goes on.
func (c *conclusion) goOn(ctx context.Context, tx *store.Tx) error {
	_, over, err := c.follow(ctx, tx)
	if err == nil && over {
		err = errOver
	}
	return err
}

// follow saves the result and begins what follows. It reports whether the run is over.
func (c *conclusion) follow(ctx context.Context, tx *store.Tx) (run autonoma.Run, over bool, err error) {
	if run, err = c.complete(tx); err != nil {
		return run, false, err
	}
	questions := run.Questions()
	over, err = c.steps().Begin(ctx, tx, &run, time.Now())
	if err == nil && run.Questions() > questions && !c.shown {
		err = errAsks
	}
	return run, over, err
}

// show adds the patch of what the run has made so far to what is kept.
func (c *conclusion) show(ctx context.Context) error {
	c.shown = true
	exec := c.exec
	exec.Status, exec.Result = autonoma.StepCompleted, &c.result
	m, err := c.made(ctx, c.lease.Run, exec)
	if err != nil || m.head == m.base {
		return err
	}
	patch, err := c.patch(ctx, m)
	c.docs = append(c.docs, patch)
	return err
}

// steps returns what begins the steps of runs.
func (w *Worker) steps() service.Steps { return service.Steps{Queue: w.Queue, Rules: w.Rules} }

// complete marks the execution and its step as completed, and sends the work back
// if that is the verdict. It saves both with their events.
func (c *conclusion) complete(tx *store.Tx) (autonoma.Run, error) {
	exec, result := c.exec, c.result
	if err := tx.Hold(c.lease); err != nil {
		return autonoma.Run{}, err
	}
	run, err := tx.Run(c.lease.Run)
	if err != nil {
		return run, err
	}
	if exec, err = tx.Execution(exec.ID); err != nil { // its phases were saved since it was taken
		return run, err
	}
	now := time.Now()
	exec.Status, exec.Phase, exec.Result, exec.CompletedAt = autonoma.StepCompleted, autonoma.Review, &result, now
	if err := tx.SaveExecution(exec); err != nil {
		return run, err
	}
	step := run.Step(exec.Step)
	step.Status, step.Phase, step.Progress = autonoma.StepCompleted, "", 100
	step.Used.Add(exec.Usage)
	if result.Choice != nil {
		step.Chosen = result.Choice.Step
	}
	told := []autonoma.Event{
		autonoma.NewEvent(autonoma.EventResult, exec.ID, now, resultOf(result)),
		autonoma.NewStepEvent(*step, now),
	}
	kept, err := putArtifacts(tx, exec.ID, c.docs, now)
	if err != nil {
		return run, err
	}
	told = append(told, kept...)
	changed, err := c.steps().Ended(tx, run, exec, now)
	if err != nil {
		return run, err
	}
	told = append(told, changed...)
	if sentBack(*step, result) {
		dropped, err := service.SendBack(tx, &run, step.Back.To, result.Commit, now)
		if err != nil {
			return run, err
		}
		told = append(told, dropped...)
	}
	run.Advance()
	return run, tx.SaveRun(run, told...)
}

// sentBack reports whether a result sends the work back for another round.
func sentBack(step autonoma.Step, result autonoma.Result) bool {
	return result.Verdict == autonoma.Changes && step.Back != nil && step.Round <= step.Back.Rounds
}

// resultOf is what the log tells of a result: not its documents, which are
// artifacts and in the execution.
func resultOf(r autonoma.Result) autonoma.Result {
	r.Document, r.Context, r.Installed, r.Baseline, r.History = "", "", nil, nil, nil
	return r
}

// document keeps what was written in an execution, for others to read, as artifacts.
func (w *Worker) document(run autonoma.Run, exec autonoma.Execution, result autonoma.Result) ([]autonoma.Artifact, error) {
	report := "research"
	if !run.Alone(exec.Step) { // another step may write one too
		report += "." + exec.Step
	}
	own, said := exec.Step, result.Document
	if run.Step(exec.Step).Candidate != "" { // a name that no later round of its step has
		own = "candidate." + own
	}
	if result.Choice != nil { // the candidate's own document is there already
		said = result.Choice.Markdown()
	}
	var docs []autonoma.Artifact
	for _, d := range []struct{ name, text string }{{own, said}, {report, research(result)}} {
		if d.text == "" {
			continue
		}
		name := d.name
		if exec.Round > 1 {
			name = fmt.Sprintf("%s.%d", name, exec.Round)
		}
		a, err := w.keep(run.ID, autonoma.DocumentArtifact, name, name+".md", "text/markdown; charset=utf-8", func(out io.Writer) error {
			_, err := io.Copy(out, strings.NewReader(d.text))
			return err
		})
		if err != nil {
			return nil, err
		}
		docs = append(docs, a)
	}
	return docs, nil
}

// research returns the context report, if the result is of who made it.
func research(result autonoma.Result) string {
	if result.Researched && result.Choice == nil {
		return result.Context
	}
	return ""
}

// keep stores the content of an artifact.
func (w *Worker) keep(run autonoma.RunID, typ, name, path, media string, write func(io.Writer) error) (autonoma.Artifact, error) {
	digest, size, err := w.Blobs.Put(write)
	if err != nil {
		return autonoma.Artifact{}, err
	}
	return autonoma.Artifact{
		ID: autonoma.NewArtifactID(), Run: run, Name: name, Type: typ, MediaType: media,
		Path: path, Size: size, Digest: digest, CreatedAt: time.Now(),
	}, nil
}

// clear learns from a run that is over and removes what it has left in the workspaces,
// unless somebody is still about to leave them: whoever leaves last does it.
func (w *Worker) clear(ctx context.Context, id autonoma.RunID) error {
	if w.busy(id) {
		return nil
	}
	run, err := w.DB.Run(ctx, id)
	if err != nil || !run.Status.Final() {
		return err
	}
	return errors.Join(w.learn(ctx, run), w.Workspaces.Remove(ctx, string(id)))
}
