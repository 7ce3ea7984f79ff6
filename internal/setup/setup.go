// Package setup installs a project's dependencies once, keeps them, and shows
// them to commands that have no network.
//
// Set-up is the one step that always has a way out: to the registries of the
// project's languages, and what the operator names beside them. It runs in the
// sandbox, in a checkout of its own, with the settings of the operator's package
// clients, but no password of theirs, and with caches that belong to it alone. What it leaves behind, in the caches and in the
// checkout (node_modules, .venv), is named by a key made of the source, its lock
// files and the commands; a later run with the same key finds it there. Commands
// of runs see it through overlays: they can change it for themselves, and never
// for others.
//
// Where set-up has nothing to offer for a cache, the host's own cache of that kind
// is shown in the same way.
package setup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"autonoma"
	"autonoma/internal/egress"
	"autonoma/internal/reclaim"
	"autonoma/internal/sandbox"
)

// An Installer installs dependencies below one directory.
type Installer struct {
	dir     string
	box     sandbox.Sandbox
	base    []sandbox.Mount // toolchains
	env     []string        // that lets commands find them
	clients clients         // the operator's settings of package clients
	getenv  func(string) string

	// Proxy is the way out of set-up, and Allow is what it may reach beside the
	// registries of the project's languages and those that the package clients are set
	// up for.
	Proxy *egress.Proxy
	Allow []egress.Host

	mu   sync.Mutex
	busy map[string]chan struct{} // full while somebody installs
}

// New returns an installer that keeps what it installs in dir. Toolchains, with the
// variables by which they are found, are shown to all commands; getenv is the
// operator's environment.
func New(dir string, box sandbox.Sandbox, toolchains []sandbox.Mount, env []string, getenv func(string) string) *Installer {
	return &Installer{
		dir: dir, box: box, base: toolchains, env: env, clients: clientsOf(getenv), getenv: getenv, busy: map[string]chan struct{}{},
		Proxy: &egress.Proxy{Upstream: egress.Environment(getenv)},
	}
}

// A Plan is what to install.
type Plan struct {
	Tenant   string   // whose run it is for: what one installs is not for others
	Source   string   // names the repository
	Lock     string   // digest of what decides the outcome
	Commands []string // shell commands, run at the top of the checkout
	Makes    []string // what they leave in the checkout, relative to its top
	Commit   string   // that is installed for, if the outcome is for it alone: commands that run code of the project may read any file
	Own      bool     // they are the user's own: new directories that they leave are kept too
	// Keep reports, once the user's own commands have run, whether a new
	// directory at the top of the checkout is to be kept too.
	Keep   func(ctx context.Context, dir string) (bool, error)
	Limits sandbox.Limits // of each command

	Languages []string // of the project, whose registries may be reached; nil: it is still to be written
	// Told is given what the commands wanted to reach, if they were run; nil: nobody
	// wants to know.
	Told func([]autonoma.Egress)
}

// Key names the outcome of the plan.
func (p Plan) Key() string {
	sum := sha256.New()
	enc := json.NewEncoder(sum)
	_ = enc.Encode([]any{p.Tenant, p.Source, p.Lock, p.Commands, p.Makes, p.Commit}) // strings cannot fail
	return hex.EncodeToString(sum.Sum(nil))[:32]
}

// A Step is a command of set-up and what came of it.
type Step struct {
	Command  string `json:"command"`
	ExitCode int    `json:"exitCode"`
	Ended    string `json:"ended,omitempty"`  // by what, if not by itself
	Output   string `json:"output,omitempty"` // its end
	Duration int64  `json:"durationMs"`
}

// Installed is the outcome of set-up.
type Installed struct {
	Key   string   `json:"key"`
	Makes []string `json:"makes,omitempty"`
	Steps []Step   `json:"steps"`
}

// ErrFailed reports that a command of set-up failed.
var ErrFailed = errors.New("set-up failed")

// Install carries out the plan, unless that was done before. Checkout prepares
// the files to work on and returns their directory. What a failed set-up did is
// returned with an [ErrFailed] and not kept.
func (in *Installer) Install(ctx context.Context, p Plan, checkout func(context.Context) (string, error)) (Installed, error) {
	done := Installed{Key: p.Key(), Makes: p.Makes}
	unlock, err := in.lock(ctx, done.Key)
	if err != nil {
		return done, err
	}
	defer unlock()
	place := filepath.Join(in.dir, done.Key)
	if kept, err := os.ReadFile(filepath.Join(place, "installed.json")); err == nil {
		var before Installed // not into the plan's, which names what was to be made
		err = json.Unmarshal(kept, &before)
		return before, err
	}
	if err := reclaim.RemoveAll(place); err != nil { // of one that was cut off
		return done, fmt.Errorf("set-up: %w", err)
	}
	for _, c := range caches {
		if err := os.MkdirAll(filepath.Join(place, "caches", c.name), 0o700); err != nil {
			return done, fmt.Errorf("set-up: %w", err)
		}
	}
	files, err := checkout(ctx)
	if err != nil {
		return done, err
	}
	before := directories(files)
	way := in.Proxy.Session(in.policy(p))
	if p.Told != nil {
		defer func() { p.Told(way.Decisions()) }()
	}
	for _, command := range p.Commands {
		step, err := in.run(ctx, place, files, command, p.Limits, way)
		if err != nil {
			return done, err
		}
		done.Steps = append(done.Steps, step)
		switch {
		case step.Ended != "":
			return done, fmt.Errorf("%w: %s: ended by the sandbox (%s)", ErrFailed, command, step.Ended)
		case step.ExitCode != 0:
			return done, fmt.Errorf("%w: %s: exit code %d", ErrFailed, command, step.ExitCode)
		}
	}
	for _, dir := range directories(files) {
		if !p.Own || slices.Contains(before, dir) || slices.Contains(done.Makes, dir) {
			continue
		}
		keep, err := p.Keep(ctx, dir)
		if err != nil {
			return done, err
		}
		if keep {
			done.Makes = append(done.Makes[:len(done.Makes):len(done.Makes)], dir)
		}
	}
	return done, in.keep(place, files, &done)
}

// directories returns the names of the directories at the top of a checkout.
func directories(files string) []string {
	entries, _ := os.ReadDir(files) // whoever cannot read it will not get far
	var dirs []string
	for _, e := range entries {
		if e.IsDir() {
			dirs = append(dirs, e.Name())
		}
	}
	return dirs
}

// keep moves what was made in the checkout to its place, and says last that all
// is there. A link is not kept, and none is followed out of the checkout: commands
// that set-up ran made them, and what is kept is shown to others.
func (in *Installer) keep(place, files string, done *Installed) error {
	checkout, err := os.OpenRoot(files)
	if err != nil {
		return fmt.Errorf("set-up: %w", err)
	}
	defer checkout.Close()
	var there []string
	for _, made := range done.Makes {
		if info, err := checkout.Lstat(made); err != nil || !info.IsDir() && !info.Mode().IsRegular() {
			continue
		}
		to := filepath.Join(place, "tree", made)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return fmt.Errorf("set-up: %w", err)
		}
		if err := os.Rename(filepath.Join(files, made), to); err != nil {
			return fmt.Errorf("set-up: %w", err)
		}
		there = append(there, made)
	}
	done.Makes = there
	b, err := json.Marshal(done)
	if err != nil {
		return err
	}
	tmp := filepath.Join(place, "installed.tmp")
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return fmt.Errorf("set-up: %w", err)
	}
	return os.Rename(tmp, filepath.Join(place, "installed.json"))
}

// run runs one command of set-up, with a way out.
func (in *Installer) run(ctx context.Context, place, files, command string, limits sandbox.Limits, way *egress.Session) (Step, error) {
	where := filepath.Join(place, "caches")
	mounts, own, err := in.clients.copy(filepath.Join(place, "settings"), in.box)
	if err != nil {
		return Step{}, err
	}
	mounts = append(mounts, in.base...)
	if sandbox.MapsPaths(in.box) {
		for _, c := range caches {
			mounts = append(mounts, sandbox.Mount{
				Source: filepath.Join(where, c.name), Target: filepath.Join(cachesPath, c.name), Mode: sandbox.Writable,
			})
		}
		where = cachesPath
	}
	var out tail
	start := time.Now()
	exit, err := in.box.Run(ctx, sandbox.Command{
		Argv: []string{"sh", "-c", command}, Workspace: files, Mounts: mounts,
		Env: slices.Concat(in.env, environment(where), in.clients.env, own), Egress: way.Serve,
		Limits: limits, Stdout: &out, Stderr: &out,
	})
	if err != nil {
		return Step{}, fmt.Errorf("set-up: %w", err)
	}
	if ctx.Err() != nil {
		return Step{}, context.Cause(ctx)
	}
	step := Step{Command: command, ExitCode: exit.Code, Ended: string(exit.Reason), Duration: time.Since(start).Milliseconds()}
	if !exit.OK() {
		step.Output = out.String() + in.explain(way)
	}
	if exit.Reason != "" {
		step.Output = fmt.Sprintf("ended by the sandbox: %s\n%s", exit.Reason.Explain(limits), step.Output)
	}
	return step, nil
}

// lock makes sure that the same thing is installed once at a time. It waits until
// ctx is done.
func (in *Installer) lock(ctx context.Context, key string) (unlock func(), err error) {
	in.mu.Lock()
	m := in.busy[key]
	if m == nil {
		m = make(chan struct{}, 1)
		in.busy[key] = m
	}
	in.mu.Unlock()
	select {
	case m <- struct{}{}:
		return func() { <-m }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// View returns what lets commands of a project in the given languages, without a
// network, use what was installed: mounts and variables. Nil languages are those of
// a project that is still to be written. Changes go to upper, a
// directory of the caller's, which may be used by one command at a time. Without
// mounts there are only the variables: what set-up left in its checkout is not in
// others.
func (in *Installer) View(done Installed, languages []string, upper string) ([]sandbox.Mount, []string, error) {
	place := filepath.Join(in.dir, done.Key)
	below := func(c cache) string {
		if mine := filepath.Join(place, "caches", c.name); done.Key != "" && !empty(mine) {
			return mine
		}
		return c.onHost(in.getenv)
	}
	if !sandbox.MapsPaths(in.box) {
		var env []string
		for _, c := range caches {
			if at := below(c); at != "" {
				env = append(env, c.env+"="+c.pre+at)
			}
		}
		return nil, slices.Concat(in.env, env, tidy), nil // whoever is not confined has a network
	}
	if err := os.MkdirAll(upper, 0o700); err != nil {
		return nil, nil, fmt.Errorf("set-up: %w", err)
	}
	mounts, env := in.mounts(below, languages, upper)
	for _, made := range done.Makes {
		m, err := in.shown(filepath.Join(place, "tree", made), filepath.Join(sandbox.WorkspacePath, made), filepath.Join(upper, "tree", made))
		if err != nil {
			return nil, nil, fmt.Errorf("set-up: %w", err)
		}
		mounts = append(mounts, m)
	}
	return append(mounts, in.base...), slices.Concat(in.env, env, offline, tidy), nil
}

func empty(dir string) bool {
	names, err := os.ReadDir(dir)
	return err != nil || len(names) == 0
}

// tail keeps the end of what is written to it.
type tail struct{ b bytes.Buffer }

const tailSize = 8 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.b.Write(p)
	if over := t.b.Len() - 2*tailSize; over > 0 {
		t.b.Next(over + tailSize)
	}
	return len(p), nil
}

func (t *tail) String() string {
	b := t.b.Bytes()
	return string(bytes.ToValidUTF8(b[max(0, len(b)-tailSize):], nil))
}
