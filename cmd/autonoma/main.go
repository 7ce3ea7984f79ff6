// Command autonoma takes development tasks and hands back branches whose claims it
// has proven.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"autonoma/api"
	"autonoma/internal/sandbox"
)

func main() {
	sandbox.Init() // does not return in a process that is a sandbox's own
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal kills
	w := world{Getenv: os.Getenv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	if err := w.run(ctx, os.Args[1:]); err != nil {
		if !errors.Is(err, errTold) {
			fmt.Fprintln(os.Stderr, "autonoma:", err)
		}
		os.Exit(exitCode(err))
	}
}

// A world is all that a command may know of what is around it.
type world struct {
	Getenv         func(string) string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// errTold ends a command that has already said why it fails.
var errTold = errors.New("failed")

// A usageError is the fault of whoever typed the command.
type usageError struct {
	err     error
	command string
}

func (e usageError) Error() string { return fmt.Sprintf("%v; see %s --help", e.err, e.command) }

func exitCode(err error) int {
	if _, ok := errors.AsType[usageError](err); ok {
		return 2
	}
	return 1
}

// exactly wants that many arguments, which are called so.
func exactly(n int, called string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		return usageError{fmt.Errorf("wants %s, and got %d arguments", called, len(args)), c.CommandPath()}
	}
}

// run carries out a command line.
func (w world) run(ctx context.Context, args []string) error {
	root := &cobra.Command{
		Use:           "autonoma",
		Short:         "Hand over a development task, get back a branch whose claims are proven.",
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version(),
		Args:          cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("there is no command %q", args[0]), c.CommandPath()}
			}
			return c.Help()
		},
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{err, c.CommandPath()}
	})
	root.SetArgs(args)
	root.SetOut(w.Stdout)
	root.SetErr(w.Stderr)
	root.AddCommand(w.serveCommand(), w.runCommand(), w.approvalsCommand(),
		w.decideCommand(api.Approve, "Say yes to a question"), w.decideCommand(api.Reject, "Say no to a question"),
		w.demoCommand(), w.verifyCommand(), w.keysCommand(), w.doctorCommand(), w.configCommand(), w.scriptCommand())
	return root.ExecuteContext(ctx)
}

// version is what this program was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "0.1.0-dev"
	}
	return info.Main.Version
}
