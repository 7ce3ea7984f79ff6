package tool

import (
	"context"
	"time"
)

// A Desk is where tools work: a checkout, and a confined place to run commands
// in it. Paths are relative to the top of the checkout, and no path leads out of
// it. Errors that wrap [ErrBroken] mean that the desk itself is gone; all others
// are told to the model.
type Desk interface {
	// ReadFile returns the content of a file that is not too large for that.
	ReadFile(path string) ([]byte, error)
	// WriteFile creates or replaces a file, and the directories above it.
	WriteFile(path string, data []byte) error
	// Glob returns the files whose path matches, ** included, and whether
	// there are more than it cares to return.
	Glob(ctx context.Context, pattern string) (paths []string, more bool, err error)
	// Grep returns the lines that match a regular expression (RE2) in files
	// whose path matches the glob (empty: all), at most limit of them, and
	// whether there are more.
	Grep(ctx context.Context, expr, glob string, limit int) (lines []Line, more bool, err error)
	// Run runs a shell command at the top of the checkout.
	Run(ctx context.Context, command string, timeout time.Duration) (Ran, error)
}

// A Line is a place in a file.
type Line struct {
	Path   string
	Number int // from 1
	Text   string
}

// Ran is what came of a command.
type Ran struct {
	Output string // of both streams, with the middle left out if it is long
	Exit   int
	Ended  string // why it did not end by itself, as in "timeout"; else empty
	Why    string // the same in a sentence, with the limit
}
