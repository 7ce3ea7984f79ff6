package rigor

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"autonoma"
	"autonoma/internal/project"
)

// A Check is a command that the platform ran, and what came of it.
type Check struct {
	Command  string `json:"command"`
	ExitCode int    `json:"exitCode"`
	Ended    string `json:"ended,omitempty"`  // by what, if not by itself
	Output   string `json:"output,omitempty"` // of one that failed, with its middle left out
	Duration int64  `json:"durationMs"`

	Isolation string `json:"isolation,omitempty"` // the level it ran at

	Digest string          `json:"digest,omitempty"` // sha256, hex, of all that it printed
	Bytes  int64           `json:"bytes,omitempty"`  // how much that is
	Tests  *autonoma.Tests `json:"tests,omitempty"`  // nil: its runner did not tell
}

// OK reports whether the check passed.
func (c Check) OK() bool { return c.ExitCode == 0 && c.Ended == "" }

// failing returns the checks that did not pass.
func failing(checks []Check) []Check {
	var bad []Check
	for _, c := range checks {
		if !c.OK() {
			bad = append(bad, c)
		}
	}
	return bad
}

// Checks are the outcomes of checks on one state of the files: the data of an
// [autonoma.EventWork].
type Checks struct {
	What   string  `json:"what"` // as in baseline
	Commit string  `json:"commit,omitempty"`
	Checks []Check `json:"checks"`
	Tools  Tools   `json:"tools,omitempty"` // what the commands had

	Isolation  *autonoma.Isolation `json:"isolation,omitempty"` // how they were confined
	StartedAt  time.Time           `json:"startedAt,omitzero"`
	EndedAt    time.Time           `json:"endedAt,omitzero"`
	Checkpoint Checkpoint          `json:"checkpoint,omitzero"` // if the files were changed first, as by a formatter
}

// Key implements [journal.Entry].
func (c Checks) Key() string { return c.What }

// check runs commands at a bench, in order, and goes on after one that fails: all
// that is wrong is worth knowing.
func (x *execution) check(ctx context.Context, b *bench, commands []string) ([]Check, error) {
	checks := make([]Check, 0, len(commands))
	for _, command := range commands {
		out := newPrinted()
		c, err := x.timed(ctx, b, command, out)
		if err != nil {
			return nil, err
		}
		out.describe(&c)
		checks = append(checks, c)
	}
	return checks, nil
}

// timed runs a command at a bench.
func (x *execution) timed(ctx context.Context, b *bench, command string, out io.Writer) (Check, error) {
	start := time.Now()
	exit, err := b.run(ctx, command, b.limits.Wall, out)
	if err != nil {
		return Check{}, fmt.Errorf("check %s: %w", command, err)
	}
	return Check{Command: command, ExitCode: exit.Code, Ended: string(exit.Reason), Duration: time.Since(start).Milliseconds(), Isolation: string(b.box.Level())}, nil
}

// commands returns what the result of the run must pass: what was asked for, or
// else the build and tests that the base of the run has, so that no change can
// choose what it is checked by. Only where the base has none, what a change brings
// along has to do.
func (x *execution) commands() []string {
	if all := x.agreed(); len(all) > 0 {
		return all
	}
	return buildAndTest(x.look.Project.Commands)
}

// agreed returns the commands that no change had a part in.
func (x *execution) agreed() []string {
	if len(x.Run.Request.Verify) > 0 {
		return x.Run.Request.Verify
	}
	if before := x.baseline(); before != nil {
		all := make([]string, len(before))
		for i, c := range before {
			all[i] = c.Command
		}
		return all
	}
	return buildAndTest(x.look.ofBase())
}

func buildAndTest(c project.Commands) []string {
	return lines(append(c.Build[:len(c.Build):len(c.Build)], c.Test...))
}

// lines renders detected commands as they are run at the top of the checkout.
func lines(commands []project.Command) []string {
	var all []string
	for _, c := range commands {
		all = append(all, line(c.Run, c.Dir))
	}
	return all
}

func line(run, dir string) string {
	if dir = path.Clean(dir); dir == "." {
		return run
	}
	if strings.HasPrefix(dir, "-") {
		dir = "./" + dir
	}
	return "cd " + quote(dir) + " && " + run
}

// quote quotes a word for the shell, if need be.
func quote(word string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-"
	if strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// clean opens a checkout of a commit that nobody has touched, with caches that
// nobody has changed, and returns what takes it away.
func (x *execution) clean(ctx context.Context, name, commit string) (*bench, func(), error) {
	// Whatever an earlier try left there may be half done.
	if err := x.Workspaces.Discard(ctx, string(x.Run.ID), x.place(name)); err != nil {
		return nil, nil, err
	}
	b, err := x.openBench(ctx, x.Job, name, commit)
	if err != nil {
		return nil, nil, err
	}
	gone := func() {
		b.close()
		_ = x.Workspaces.Discard(context.WithoutCancel(ctx), string(x.Run.ID), x.place(name))
	}
	if err := x.equip(b); err != nil {
		gone()
		return nil, nil, err
	}
	return b, gone, nil
}
