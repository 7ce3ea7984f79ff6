package tool

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// How long a command may take.
const (
	usualTime = 2 * time.Minute
	mostTime  = 15 * time.Minute
)

// longestCommand is how many bytes a command may have: the kernel takes no
// argument beyond 128 KiB.
const longestCommand = 100_000

// Bash runs a shell command.
func Bash(d Desk) Tool {
	type args struct {
		Command string `json:"command"`
		Timeout int    `json:"timeout,omitempty" jsonschema:"seconds; 120 unless told, at most 900"`
	}
	t := New("bash", func(ctx context.Context, in args) (string, error) {
		timeout := usualTime
		if in.Timeout > 0 {
			timeout = min(time.Duration(in.Timeout)*time.Second, mostTime)
		}
		switch {
		case in.Command == "":
			return "", errors.New("the command is empty")
		case len(in.Command) > longestCommand:
			return "", fmt.Errorf("the command has %d bytes and may have %d; put long texts into files with write", len(in.Command), longestCommand)
		case strings.ContainsRune(in.Command, 0):
			return "", errors.New("the command holds a NUL, which no command line can")
		}
		ran, err := d.Run(ctx, in.Command, timeout)
		if err != nil {
			return "", err
		}
		return ran.text(timeout)
	})
	t.Changes = true
	return t
}

// text is what a model is told of a command. One that fails is a failed call.
func (r Ran) text(timeout time.Duration) (string, error) {
	out := r.Output
	if out == "" {
		out = "(no output)"
	}
	switch {
	case r.Why != "":
		return "", fmt.Errorf("ended by the sandbox (%s): %s\n%s", r.Ended, r.Why, out)
	case r.Ended == "timeout":
		return "", fmt.Errorf("ended after %v, which is all the time it had\n%s", timeout, out)
	case r.Ended != "":
		return "", fmt.Errorf("ended by the sandbox: %s\n%s", r.Ended, out)
	case r.Exit != 0:
		return "", fmt.Errorf("exit code %d\n%s", r.Exit, out)
	}
	return out, nil
}
