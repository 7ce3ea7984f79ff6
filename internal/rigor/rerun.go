package rigor

import (
	"context"
	"errors"
	"fmt"

	"autonoma"
	"autonoma/internal/project"
	"autonoma/internal/workspace"
)

// A Rerun is a verification to be done again, of commits that are in a source.
type Rerun struct {
	Source     string
	Base, Head string   // commits
	Setup      []string // commands that install dependencies; none: those that the base has
	Commands   []string
}

// Reran is what a verification came to when it was done again.
type Reran struct {
	Base    []autonoma.Checked // nil: the base is not in the source
	Head    []autonoma.Checked
	Problem string // why dependencies could not be installed, if so
}

// Again does a verification again, the way review did it: clean checkouts of both
// commits, with the dependencies of the base.
func (e *Engine) Again(ctx context.Context, r Rerun) (Reran, error) {
	run := autonoma.Run{ID: autonoma.NewRunID(autonoma.KindTask), Request: autonoma.Request{
		Source: r.Source, BaseRef: r.Head, Setup: r.Setup, Verify: r.Commands, // from the head all that is asked for can be reached
	}}
	x := &execution{Engine: e, Job: Job{Run: run}}
	defer func() { _ = e.Workspaces.Remove(context.WithoutCancel(ctx), string(run.ID)) }() // what is left is temporary
	var err error
	if x.base, err = e.prepare(ctx, x.Job); err != nil {
		return Reran{}, err
	}
	there := true
	x.base.Commit = r.Base
	err = x.lookAt(ctx, r.Base)
	if errors.Is(err, workspace.ErrUnknownCommit) { // history was rewritten, or began with the run
		there, x.base.Commit = false, r.Head
		err = x.lookAt(ctx, r.Head)
	}
	if err != nil {
		return Reran{}, err
	}
	s, err := x.install(ctx)
	if err != nil {
		return Reran{}, fmt.Errorf("set-up: %w", err)
	}
	x.deps = s.Installed
	out := Reran{Problem: s.Problem}
	if there {
		if out.Base, err = x.again(ctx, "baseline", r.Base); err != nil {
			return out, err
		}
	}
	out.Head, err = x.again(ctx, "verification", r.Head)
	return out, err
}

// lookAt finds out what a commit is written in and what it installs.
func (x *execution) lookAt(ctx context.Context, commit string) error {
	b, err := x.openBench(ctx, x.Job, "look", commit)
	if err != nil {
		return err
	}
	defer b.close()
	x.look.Project, err = project.Look(ctx, b.files.FS())
	return err
}

func (x *execution) again(ctx context.Context, what, commit string) ([]autonoma.Checked, error) {
	c, err := x.checkCommit(ctx, what, commit)
	return checked(c.Checks), err
}
