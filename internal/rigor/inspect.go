package rigor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"autonoma"
	"autonoma/internal/sandbox"
	"autonoma/internal/scan"
	"autonoma/internal/setup"
	"autonoma/internal/workspace"
)

// Setup is what came of installing dependencies: the data of an
// [autonoma.EventWork].
type Setup struct {
	What      string          `json:"what"` // setup
	Installed setup.Installed `json:"installed"`
	Problem   string          `json:"problem,omitempty"`
}

// Key implements [journal.Entry].
func (s Setup) Key() string { return "setup" }

// inspect makes sure that the work can begin, and finds out what is true before
// it does.
func (x *execution) inspect(ctx context.Context) (string, error) {
	if err := x.installOnce(ctx); err != nil {
		return "", err
	}
	if err := x.equip(x.bench); err != nil {
		return "", err
	}
	if !x.rigor.Checks || len(x.agreed()) == 0 {
		return "nothing to check beforehand" + x.noSetup(), nil
	}
	if x.before = x.baseline(); x.before == nil {
		b, err := work(ctx, x, "baseline", func(ctx context.Context) (Checks, error) {
			return x.checkCommit(ctx, "baseline", x.base.Commit)
		})
		if err != nil {
			return "", err
		}
		x.before = b.Checks
	}
	x.result.Baseline = checked(x.before)
	if n := len(failing(x.before)); n > 0 {
		return fmt.Sprintf("%d of %d checks fail before any change", n, len(x.before)) + x.noSetup(), nil
	}
	return fmt.Sprintf("all %d checks pass before any change", len(x.before)), nil
}

// noSetup says that dependencies could not be installed, if so.
func (x *execution) noSetup() string {
	if x.result.Installed.Problem == "" {
		return ""
	}
	return "; the dependencies could not be installed: " + x.result.Installed.Problem
}

// installOnce installs the dependencies of the base of the run, unless an earlier
// step has done so.
func (x *execution) installOnce(ctx context.Context) error {
	for _, e := range x.Earlier {
		if i := e.Result.Installed; i != nil {
			x.deps, x.result.Installed = setup.Installed{Key: i.Key, Makes: i.Makes}, i
			return nil
		}
	}
	s, err := work(ctx, x, "setup", x.install)
	if err != nil {
		return err
	}
	if s.Problem != "" && len(x.Run.Request.Setup) > 0 {
		return &autonoma.Failure{Code: autonoma.FailSetup, Message: s.Problem}
	}
	x.deps = s.Installed
	x.result.Installed = &autonoma.Installed{Key: s.Installed.Key, Makes: s.Installed.Makes, Problem: s.Problem}
	return nil
}

// baseline returns the checks on the base of the run, if an earlier step has run
// the same.
func (x *execution) baseline() []Check {
	for _, e := range x.Earlier {
		if len(e.Result.Baseline) > 0 {
			return checks(e.Result.Baseline)
		}
	}
	return nil
}

// install installs the dependencies of the base of the run.
func (x *execution) install(ctx context.Context) (Setup, error) {
	s := Setup{What: "setup"}
	p := setup.Plan{
		Tenant: string(x.Run.Tenant), Source: x.base.Source, Lock: x.look.Project.Lock, Makes: x.look.Project.Makes,
		Commands: lines(x.look.Project.Commands.Setup), Limits: x.Policy.Limits[SetupLimits].Limits,
		Languages: x.look.languages(), Told: func(all []autonoma.Egress) { x.tellEgress(autonoma.EgressSetup, all) },
	}
	if x.look.Project.RunsOwn {
		p.Commit = x.base.Commit
	}
	if len(x.Run.Request.Setup) > 0 {
		p.Commands, p.Own, p.Commit = x.Run.Request.Setup, true, x.base.Commit
	}
	if len(p.Commands) == 0 {
		return s, nil
	}
	var b *bench
	var err error
	p.Keep = func(ctx context.Context, dir string) (bool, error) { return b.keeps(ctx, x.base.Commit, dir) }
	s.Installed, err = x.Installer.Install(ctx, p, func(ctx context.Context) (string, error) {
		if err := x.Workspaces.Discard(ctx, string(x.Run.ID), x.place("setup")); err != nil {
			return "", err
		}
		if b, err = x.openBench(ctx, x.Job, "setup", x.base.Commit); err != nil {
			return "", err
		}
		return b.files.Dir(), nil
	})
	if b != nil {
		b.close()
	}
	_ = x.Workspaces.Discard(context.WithoutCancel(ctx), string(x.Run.ID), x.place("setup"))
	for i := range s.Installed.Steps {
		s.Installed.Steps[i].Output = scan.Redact(s.Installed.Steps[i].Output)
	}
	if _, left := errors.AsType[*workspace.TreeError](err); left || errors.Is(err, setup.ErrFailed) {
		s.Problem, s.Installed, err = problem(err, s.Installed), setup.Installed{Steps: s.Installed.Steps}, nil
	}
	return s, err
}

// problem says what failed in set-up, and how it ended.
func problem(err error, i setup.Installed) string {
	text := err.Error()
	if n := len(i.Steps); n > 0 && i.Steps[n-1].Output != "" {
		text += "\n" + clip(i.Steps[n-1].Output, 2000)
	}
	return scan.Redact(text) // set-up has a network, and may have been given a token
}

// keeps reports whether a directory that set-up made is for commands to use, rather
// than part of the project: what git ignores, and what is always dependencies.
func (b *bench) keeps(ctx context.Context, base, dir string) (bool, error) {
	if dir == "node_modules" || dir == ".venv" {
		return true, nil
	}
	now, _, err := b.files.Checkpoint(ctx, "set-up")
	if err != nil {
		return false, err
	}
	diff, err := b.store.Diff(ctx, b.files.Run(), base, now.Commit)
	for _, f := range diff.Files {
		if strings.HasPrefix(f.Path, dir+"/") {
			return false, err
		}
	}
	return true, err
}

// gitPath is where commands see the git directory that is theirs.
const gitPath = "/run/autonoma"

// languages returns what the project is written in; nil if it is still to be written.
func (l Look) languages() []string {
	if l.Project.Files == 0 {
		return nil
	}
	names := []string{}
	for _, known := range l.Project.Languages {
		names = append(names, known.Name)
	}
	return names
}

// equip lets the commands of a bench use what was installed.
func (x *execution) equip(b *bench) error {
	mounts, env, err := x.Installer.View(x.deps, x.look.languages(), b.private)
	if err != nil {
		return err
	}
	b.mounts, b.env = mounts, env
	tree, root := sandbox.WorkspacePath, gitPath
	if !sandbox.MapsPaths(b.box) {
		tree, root = b.files.Dir(), ""
	}
	git, env := b.files.AgentGit(tree, root)
	b.env = append(b.env, env...)
	if root == "" {
		return nil // without mounts, git finds its directories where they are
	}
	for _, m := range git {
		b.mounts = append(b.mounts, sandbox.Mount{Source: m.Source, Target: m.Target, Mode: mode(m.Writable)})
	}
	return nil
}

func mode(writable bool) sandbox.Mode {
	if writable {
		return sandbox.Writable
	}
	return sandbox.ReadOnly
}

// checkCommit runs the commands on a clean checkout of a commit.
func (x *execution) checkCommit(ctx context.Context, what, commit string) (Checks, error) {
	b, gone, err := x.clean(ctx, what, commit)
	if err != nil {
		return Checks{}, err
	}
	defer gone()
	c := Checks{What: what, Commit: commit, StartedAt: time.Now().UTC(), Isolation: new(x.Engine.Isolation())}
	if c.Tools, err = x.versions(ctx, b); err != nil { // first: no command has been there yet
		return c, err
	}
	c.Checks, err = x.check(ctx, b, x.commands())
	c.EndedAt = time.Now().UTC()
	return c, err
}

// checked is how a result keeps checks.
func checked(all []Check) []autonoma.Checked {
	kept := make([]autonoma.Checked, len(all))
	for i, c := range all {
		kept[i] = autonoma.Checked{Command: c.Command, ExitCode: c.ExitCode, DurationMS: c.Duration, Output: c.Output, Ended: c.Ended, Isolation: c.Isolation, Digest: c.Digest, Bytes: c.Bytes, Tests: c.Tests}
	}
	return kept
}

func checks(kept []autonoma.Checked) []Check {
	all := make([]Check, len(kept))
	for i, c := range kept {
		all[i] = Check{Command: c.Command, ExitCode: c.ExitCode, Duration: c.DurationMS, Output: c.Output, Ended: c.Ended, Isolation: c.Isolation, Digest: c.Digest, Bytes: c.Bytes, Tests: c.Tests}
	}
	return all
}
