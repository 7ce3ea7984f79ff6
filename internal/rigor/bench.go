package rigor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	"autonoma/internal/reclaim"
	"autonoma/internal/sandbox"
	"autonoma/internal/tool"
	"autonoma/internal/workspace"
)

// A bench is a checkout and a confined place to run commands in it. It is the
// [tool.Desk] of an agent, and where the platform runs its checks.
type bench struct {
	box     sandbox.Sandbox
	store   *workspace.Store
	files   *workspace.Workspace
	private string // the directory of its home and its changes to caches
	mounts  []sandbox.Mount
	env     []string
	wayOut  func(*sandbox.Command) (told func()) // gives a command of an agent its way out; nil: it has none
	limits  Bounds                               // of each command
}

// openBench opens the job's checkout of the given name, at a commit. What its
// commands keep is private to run and checkout.
func (e *Engine) openBench(ctx context.Context, j Job, name, commit string) (*bench, error) {
	files, err := e.Workspaces.Workspace(ctx, string(j.Run.ID), j.place(name), commit)
	if err != nil {
		return nil, fmt.Errorf("open workspace: %w", err)
	}
	b := &bench{box: e.Box, store: e.Workspaces, files: files, private: filepath.Join(filepath.Dir(files.Dir()), "private"), limits: e.Policy.Limits.of(j.scope())}
	if err := os.MkdirAll(filepath.Join(b.private, "home"), 0o700); err != nil {
		return nil, errors.Join(fmt.Errorf("open workspace: %w", err), files.Close())
	}
	return b, nil
}

func (b *bench) close() { b.files.Close() }

// Run implements [tool.Desk].
func (b *bench) Run(ctx context.Context, command string, timeout time.Duration) (tool.Ran, error) {
	name := "output-" + rand.Text()[:8] + ".txt" // never one that the model was told of before
	out := &excerpt{keep: shownOutput, most: b.limits.Output, name: "$HOME/" + name, create: func() (*os.File, error) { return b.create(name) }}
	defer out.Close()
	c := b.command(command, timeout, out)
	if b.wayOut != nil {
		defer b.wayOut(&c)()
	}
	exit, err := b.do(ctx, c)
	if err != nil {
		return tool.Ran{}, err
	}
	ran := tool.Ran{Output: out.String(), Exit: exit.Code, Ended: string(exit.Reason)}
	if exit.Reason != "" {
		ran.Why = exit.Reason.Explain(b.within(timeout))
	}
	return ran, nil
}

// create makes a file in the home of commands, which they may have filled with
// anything: nothing that is there is followed, opened or waited for.
func (b *bench) create(name string) (*os.File, error) {
	home, err := os.OpenRoot(filepath.Join(b.private, "home"))
	if err != nil {
		return nil, err
	}
	defer home.Close()
	if err := home.RemoveAll(name); err != nil {
		return nil, err
	}
	return home.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
}

// checkpoint stores the files, if commands can still be run on them.
func (b *bench) checkpoint(ctx context.Context, message string) (workspace.Checkpoint, bool, error) {
	for in, m := range b.shown() {
		if info, err := os.Stat(m.Source); err == nil && !info.IsDir() {
			// The empty file in whose place it was shown is no part of the change.
			if err := b.files.RemoveEmpty(in); err != nil {
				return workspace.Checkpoint{}, false, err
			}
		}
	}
	c, changed, err := b.files.Checkpoint(ctx, message)
	if err == nil {
		err = b.ready()
	}
	return c, changed, err
}

// shown yields what commands are shown in the checkout itself, by its path there.
func (b *bench) shown() iter.Seq2[string, sandbox.Mount] {
	return func(yield func(string, sandbox.Mount) bool) {
		for _, m := range b.mounts {
			in, err := filepath.Rel(sandbox.WorkspacePath, m.Target)
			if err == nil && filepath.IsLocal(in) && !yield(in, m) {
				return
			}
		}
	}
}

// ready makes sure that a command can be run: it opens what others closed, and
// finds what they left where a directory is to be shown.
func (b *bench) ready() error {
	open := []string{b.files.Dir(), filepath.Join(b.private, "home")}
	for _, m := range b.mounts {
		if m.Mode == sandbox.Overlay {
			open = append(open, filepath.Join(m.Upper, "upper"))
		}
	}
	for _, dir := range open {
		if err := reclaim.Unlock(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: %w", tool.ErrBroken, err)
		}
	}
	for in, m := range b.shown() {
		info, err := os.Stat(m.Source)
		if err == nil {
			err = b.files.Room(in, info.IsDir())
		}
		if err != nil {
			return fmt.Errorf("%w: %w", tool.ErrBroken, err)
		}
	}
	return nil
}

// within returns the limits of a command that may take so long.
func (b *bench) within(timeout time.Duration) sandbox.Limits {
	l := b.limits.Limits
	l.Wall = min(timeout, l.Wall)
	return l
}

// run runs a command without a way out. An error means that it could not be run, or
// that ctx is done.
func (b *bench) run(ctx context.Context, command string, timeout time.Duration, out io.Writer) (sandbox.Exit, error) {
	return b.do(ctx, b.command(command, timeout, out))
}

func (b *bench) command(command string, timeout time.Duration, out io.Writer) sandbox.Command {
	return sandbox.Command{
		Argv:      []string{"bash", "-c", command},
		Workspace: b.files.Dir(),
		Home:      filepath.Join(b.private, "home"),
		Mounts:    b.mounts,
		Env:       b.env,
		Limits:    b.within(timeout),
		Stdout:    out,
		Stderr:    out,
	}
}

func (b *bench) do(ctx context.Context, c sandbox.Command) (sandbox.Exit, error) {
	if err := b.ready(); err != nil {
		return sandbox.Exit{}, err
	}
	exit, err := b.box.Run(ctx, c)
	if ctx.Err() != nil {
		return exit, context.Cause(ctx)
	}
	if err != nil {
		return exit, fmt.Errorf("%w: %w", tool.ErrBroken, err)
	}
	return exit, nil
}

// ReadFile implements [tool.Desk].
func (b *bench) ReadFile(path string) ([]byte, error) { return b.files.Read(path) }

// WriteFile implements [tool.Desk].
func (b *bench) WriteFile(path string, data []byte) error { return b.files.Write(path, data) }

// Glob implements [tool.Desk].
func (b *bench) Glob(ctx context.Context, pattern string) ([]string, bool, error) {
	return b.files.Glob(ctx, pattern)
}

// Grep implements [tool.Desk].
func (b *bench) Grep(ctx context.Context, expr, glob string, limit int) ([]tool.Line, bool, error) {
	found, more, err := b.files.Grep(ctx, workspace.GrepQuery{Pattern: expr, Glob: glob, Limit: limit})
	lines := make([]tool.Line, len(found))
	for i, f := range found {
		lines[i] = tool.Line{Path: f.Path, Number: f.Line, Text: f.Text}
	}
	return lines, more, err
}
