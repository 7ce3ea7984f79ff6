package service_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"autonoma"
	"autonoma/internal/service"
	"autonoma/internal/store"
)

// steps returns what begins the steps of runs, and counts their ends.
func (o *office) steps() service.Steps {
	return service.Steps{Queue: o.cfg.Queue, Rules: o.cfg.Rules}
}

// chain starts a run of so many steps of the coder, one after the other.
func (o *office) chain(t *testing.T, by autonoma.Actor, n int) autonoma.Run {
	t.Helper()
	var steps []autonoma.Step
	for i := range n {
		s := autonoma.Step{ID: fmt.Sprint("s", i), Agent: "coder-ai", Status: autonoma.StepPending, Round: 1}
		if i > 0 {
			s.Needs = []string{fmt.Sprint("s", i-1)}
		}
		steps = append(steps, s)
	}
	run, err := o.tasks.Start(t.Context(), by, autonoma.KindWorkflow, build(), steps)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// take takes an execution, as a worker does.
func (o *office) take(t *testing.T, run autonoma.RunID, id autonoma.ExecutionID) (lease store.Lease) {
	t.Helper()
	if err := o.db.Update(t.Context(), func(tx *store.Tx) error {
		r, err := tx.Run(run)
		if err != nil {
			return err
		}
		var told []autonoma.Event
		if r.Status == autonoma.Queued {
			begun, err := r.Become(autonoma.InProgress, "", nil, time.Now())
			if err != nil {
				return err
			}
			told = append(told, begun)
		}
		e, err := tx.Execution(id)
		if err != nil {
			return err
		}
		lease, err = tx.Take(&e, time.Now())
		return errors.Join(err, tx.SaveRun(r, told...))
	}); err != nil {
		t.Fatal(err)
	}
	return lease
}

// end ends an execution with a lease and begins what follows, as a worker does.
func (o *office) end(t *testing.T, l store.Lease) error {
	return o.db.Update(t.Context(), func(tx *store.Tx) error {
		if err := tx.Hold(l); err != nil {
			return err
		}
		run, err := tx.Run(l.Run)
		if err != nil {
			return err
		}
		e, err := tx.Execution(l.Execution)
		if err != nil {
			return err
		}
		e.Status, e.Result, e.CompletedAt = autonoma.StepCompleted, &autonoma.Result{Confidence: 0.9}, time.Now()
		told, err := o.steps().Ended(tx, run, e, e.CompletedAt)
		if err != nil {
			return err
		}
		step := run.Step(e.Step)
		step.Status, step.Progress = autonoma.StepCompleted, 100
		if err := errors.Join(tx.SaveExecution(e), tx.SaveRun(run, told...)); err != nil {
			return err
		}
		_, err = o.steps().Begin(t.Context(), tx, &run, time.Now())
		return err
	})
}

// mature says what the coder has shown to somebody.
func (o *office) mature(t *testing.T, by autonoma.Actor, m autonoma.Maturity) {
	t.Helper()
	if err := o.db.Update(t.Context(), func(tx *store.Tx) error { return tx.SaveMaturity(by.Tenant, "coder-ai", m) }); err != nil {
		t.Fatal(err)
	}
}

func (o *office) maturity(t *testing.T, by autonoma.Actor) autonoma.Maturity {
	t.Helper()
	r, err := o.agents.Get(t.Context(), by, "coder-ai")
	if err != nil {
		t.Fatal(err)
	}
	return r.Maturity
}

// Many ends at once are each counted once, even if several try to end the same.
func TestEndsAreCountedOnce(t *testing.T) {
	o := open(t)
	by, _ := o.holder(t, "owner", autonoma.KeyScopes...)
	const runs, tries = 40, 3
	var all sync.WaitGroup
	var mu sync.Mutex
	ended, lost := 0, 0
	for range runs {
		run := o.chain(t, by, 1)
		l := o.take(t, run.ID, run.Steps[0].Execution)
		for range tries {
			all.Go(func() {
				err := o.end(t, l)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					ended++
				case errors.Is(err, store.ErrLost):
					lost++
				default:
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
	want := autonoma.Maturity{Mode: autonoma.Assisted, Tasks: runs, Successes: runs, SuccessesInARow: runs, Confidence: runs * 900_000}
	if got := o.maturity(t, by); got != want || ended != runs || lost != runs*(tries-1) {
		t.Errorf("%d ended, %d lost: %+v, want %+v", ended, lost, got, want)
	}
}

// How far an agent goes is decided when its work begins: what it lost by then it may
// not do, and what it gained since the run was accepted it may not do in it.
func TestModeIsDecidedAtTheBeginning(t *testing.T) {
	o := open(t)
	by, _ := o.holder(t, "owner", autonoma.KeyScopes...)
	run := o.chain(t, by, 4)
	for _, earned := range []autonoma.Mode{autonoma.Observe, autonoma.Autonomous, autonoma.Learning} {
		o.mature(t, by, autonoma.Maturity{Mode: earned, Tasks: 1})
		all, err := o.db.Executions(t.Context(), run.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := o.end(t, o.take(t, run.ID, all[len(all)-1].ID)); err != nil {
			t.Fatal(err)
		}
	}
	all, err := o.db.Executions(t.Context(), run.ID)
	if err != nil {
		t.Fatal(err)
	}
	modes := ""
	for _, e := range all {
		modes += string(e.Mode) + " "
	}
	if modes != "ASSISTED OBSERVE ASSISTED LEARNING " {
		t.Errorf("the executions went as far as %s", modes)
	}
}

// Where agents begin is the operator's to say, and holds until something is counted.
func TestStartMode(t *testing.T) {
	o := open(t)
	by, _ := o.holder(t, "owner", autonoma.KeyScopes...)
	starts := func(m autonoma.Mode) {
		o.cfg.StartMode = m
		o.tasks, o.agents = service.NewTasks(o.cfg), service.NewAgents(o.cfg)
	}
	for _, m := range autonoma.Modes {
		starts(m)
		if run := o.chain(t, by, 1); run.Mode != m || o.maturity(t, by).Mode != m {
			t.Errorf("agents that begin at %s: a run at %s, %+v", m, run.Mode, o.maturity(t, by))
		}
	}
	starts(autonoma.Learning)
	run := o.chain(t, by, 1)
	l := o.take(t, run.ID, run.Steps[0].Execution)
	if err := o.db.Update(t.Context(), func(tx *store.Tx) error { // before anything is counted
		e, err := tx.Execution(l.Execution)
		return errors.Join(err, service.Overridden(tx, by.Tenant, e))
	}); err != nil {
		t.Fatal(err)
	}
	starts(autonoma.Observe)
	if got := o.maturity(t, by); got.Mode != autonoma.Observe || got.Overrides != 1 {
		t.Errorf("an agent with no task: %+v", got)
	}
	if err := o.end(t, l); err != nil {
		t.Fatal(err)
	}
	starts(autonoma.Autonomous)
	if got := o.maturity(t, by); got.Mode != autonoma.Observe || got.Tasks != 1 {
		t.Errorf("an agent with a task: %+v", got)
	}
	all, err := o.agents.List(t.Context(), by)
	for _, a := range all {
		if want := map[bool]autonoma.Mode{true: autonoma.Observe, false: autonoma.Autonomous}[a.ID == "coder-ai"]; err != nil || a.Mode != want {
			t.Errorf("%s is at %s: %v", a.ID, a.Mode, err)
		}
	}
}

// However often it is said that a person decided otherwise, it counts once for an
// execution, and for whoever copied it.
func TestOverriddenOnce(t *testing.T) {
	o := open(t)
	by, _ := o.holder(t, "owner", autonoma.KeyScopes...)
	run := o.chain(t, by, 1)
	l := o.take(t, run.ID, run.Steps[0].Execution)
	if err := o.end(t, l); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			if err := o.db.Update(t.Context(), func(tx *store.Tx) error {
				e, err := tx.Execution(l.Execution)
				if i%2 > 0 {
					e.ID, e.CopyOf = autonoma.NewExecutionID(), e.ID
				}
				return errors.Join(err, service.Overridden(tx, by.Tenant, e))
			}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := o.maturity(t, by); got.Overrides != 1 || got.Tasks != 1 || got.SuccessesInARow != 0 {
		t.Errorf("%+v", got)
	}
}
