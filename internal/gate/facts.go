package gate

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"time"

	"autonoma"
	"autonoma/internal/deps"
)

// Facts are what gates look at. What has to be gathered is a function, which is called
// once, by the first gate that wants to know; nil: it is not known.
type Facts struct {
	Scope     autonoma.Scope
	Task      string     // in the words of who asked
	Documents []Document // of earlier steps
	Agent     autonoma.Agent
	Result    autonoma.Result
	Judged    bool // the run is nothing but a judgment

	Allowed autonoma.Mode // the most that the run allows
	Mode    autonoma.Mode // of the execution

	Budget autonoma.Budget
	Used   autonoma.Usage
	Age    time.Duration // of the run

	Builds []string           // those commands of the checks that build
	Before []autonoma.Checked // the checks on the base
	After  []autonoma.Checked // the checks on the result; nil: none were run

	Base, Head func(context.Context) (Tree, error)
	Patch      func(context.Context) ([]byte, error) // from base to head, as git writes it

	Packages []string // directories in which installed packages lie

	Lint     Lint
	Coverage Coverage

	policy  Policy
	parsed  bool
	changed Changes
	fault   error

	depended *deps.Change
	exported *exported
}

// A Document is what an earlier step wrote.
type Document struct{ Step, Text string }

// A Tree is the files of a commit.
type Tree interface {
	fs.FS
	Fetch(paths ...string) error // reads files that will be asked for, together
}

// Lint is what commands that check style came to, on the base and on the result.
type Lint struct {
	Before []autonoma.Checked `json:"before,omitempty"`
	After  []autonoma.Checked `json:"after,omitempty"`
}

// Coverage is what measuring the coverage of the result came to.
type Coverage struct {
	Command string   `json:"command,omitempty"`
	Percent *float64 `json:"percent,omitempty"`
	Missing string   `json:"missing,omitempty"` // why there is none
}

// Once returns a function that calls another one once and remembers what it said,
// unless that was an error.
func Once[T any](gather func(context.Context) (T, error)) func(context.Context) (T, error) {
	var mu sync.Mutex
	var known bool
	var fact T
	return func(ctx context.Context) (T, error) {
		mu.Lock()
		defer mu.Unlock()
		if known {
			return fact, nil
		}
		var err error
		fact, err = gather(ctx)
		known = err == nil
		return fact, err
	}
}

// ErrUnreadable reports a change that nobody can look through, however often it is tried.
var ErrUnreadable = errors.New("the change cannot be looked through")

// changes returns what differs between base and head.
func (f *Facts) changes(ctx context.Context) (Changes, error) {
	if f.parsed {
		return f.changed, f.fault
	}
	patch, err := f.Patch(ctx)
	if err != nil {
		return Changes{}, err
	}
	f.changed, f.fault = parse(patch)
	if f.fault == nil {
		f.fault = f.openBinaries(ctx)
	}
	f.parsed = true
	return f.changed, f.fault
}

// content returns a file of a commit, or nothing if it is not there or no file.
func content(t fs.FS, path string) []byte {
	data, err := fs.ReadFile(t, path)
	if err != nil {
		return nil
	}
	return data
}

// both returns base and head, with the files of the change read.
func (f *Facts) both(ctx context.Context) (base, head Tree, err error) {
	c, err := f.changes(ctx)
	if err != nil {
		return nil, nil, err
	}
	if base, err = f.Base(ctx); err != nil {
		return nil, nil, err
	}
	if head, err = f.Head(ctx); err != nil {
		return nil, nil, err
	}
	var before, after []string
	for _, file := range c.Files {
		if file.Status != Added {
			before = append(before, file.Old)
		}
		if file.Status != Deleted {
			after = append(after, file.Path)
		}
	}
	return base, head, errors.Join(base.Fetch(before...), head.Fetch(after...))
}
