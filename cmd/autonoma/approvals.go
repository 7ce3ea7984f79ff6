package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"autonoma"
	"autonoma/api"
	"autonoma/client"
)

func (w world) approvalsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "approvals",
		Short: "List the questions that wait for an answer",
		Args:  exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			api, err := w.serving(c)
			if err != nil {
				return err
			}
			n := 0
			for a, err := range api.Approvals(c.Context(), autonoma.ApprovalPending) {
				if err != nil {
					return err
				}
				n++
				fmt.Fprintf(w.Stdout, "%s  %s  %s  by %s\n", a.ID, a.RunID, a.Risk, a.Deadline.Format("2006-01-02 15:04 MST"))
				w.question(a)
			}
			if n == 0 {
				fmt.Fprintln(w.Stdout, "nothing waits for an answer")
			}
			return nil
		},
	}
	addFlags(c.Flags(), "data")
	return c
}

// decideCommand is approve or reject.
func (w world) decideCommand(decision, short string) *cobra.Command {
	c := &cobra.Command{
		Use:   decision + " APPROVAL [REASON]",
		Short: short,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 1 || len(args) == 2 {
				return nil
			}
			return usageError{errors.New("wants the id of an approval and, in quotes, perhaps a reason"), c.CommandPath()}
		},
		RunE: func(c *cobra.Command, args []string) error {
			client, err := w.serving(c)
			if err != nil {
				return err
			}
			in := api.Decide{Decision: decision}
			if len(args) == 2 {
				in.Reason = args[1]
			}
			a, err := client.Decide(c.Context(), autonoma.ApprovalID(args[0]), in)
			if err != nil {
				return err
			}
			fmt.Fprintf(w.Stdout, "%s is %s\n", a.ID, a.Status)
			return nil
		},
	}
	addFlags(c.Flags(), "data")
	return c
}

// serving returns a client of the server that works on the data directory.
func (w world) serving(c *cobra.Command) (*client.Client, error) {
	cfg, err := w.configure(c.Flags())
	if err != nil {
		return nil, err
	}
	have, err := readCredentials(cfg.Data)
	if err == nil && have.URL == "" {
		err = fmt.Errorf("no server has worked on %s yet; name its directory with --data", cfg.Data)
	}
	return &client.Client{BaseURL: have.URL, Key: have.Key}, err
}

// question shows what is asked, and what one should know to answer.
func (w world) question(a api.Approval) {
	for line := range strings.Lines(a.Question) {
		fmt.Fprintf(w.Stdout, "    %s\n", printable(line, 500))
	}
	fmt.Fprintf(w.Stdout, "    %s\n", printable(a.Reason, 600))
	var evidence struct{ Effects []autonoma.Effect }
	_ = json.Unmarshal(a.Evidence, &evidence) // of other questions, there are none
	for _, e := range evidence.Effects {
		fmt.Fprintf(w.Stdout, "      %-8s  %s: %s\n", e.Risk, printable(e.What, 100), printable(e.Why, 100))
	}
}

// A person answers the questions of a run, if there is one.
type person struct {
	world
	client *client.Client
	yes    bool // agrees to every change, unseen
	lines  func() (string, error)
}

// person returns who answers: whoever sits at the terminal, or nobody.
func (w world) person(c *client.Client, yes bool) person {
	p := person{world: w, client: c, yes: yes}
	if f, ok := w.Stdin.(*os.File); ok && isatty.IsTerminal(f.Fd()) {
		in := bufio.NewReader(f)
		p.lines = func() (string, error) { return in.ReadString('\n') }
	}
	return p
}

// hear answers the question that an event tells of, if it does and somebody can.
func (p person) hear(ctx context.Context, e api.Event) error {
	var asked autonoma.ApprovalChanged
	if e.Kind != autonoma.EventApproval || json.Unmarshal(e.Data, &asked) != nil || asked.Status != autonoma.ApprovalPending {
		return nil
	}
	a, err := p.client.Approval(ctx, asked.Approval)
	if err != nil || a.Status != autonoma.ApprovalPending {
		return err
	}
	fmt.Fprintf(p.Stderr, "\na question, risk %s:\n", a.Risk)
	p.world.Stdout = p.Stderr // what programs read stays as it is
	p.question(a)
	switch {
	case p.yes && a.Kind != autonoma.AskPerson:
		return p.decide(ctx, a, api.Decide{Decision: api.Approve, Reason: "agreed to beforehand (--yes)"})
	case p.lines == nil:
		fmt.Fprintf(p.Stderr, "it waits until %s; in another terminal: autonoma approve %s, or autonoma reject %[2]s \"why\"\n", a.Deadline.Format("2006-01-02 15:04 MST"), a.ID)
		return nil
	}
	in, err := p.answer(ctx, a.Kind)
	if err != nil {
		return err
	}
	return p.decide(ctx, a, in)
}

// answer asks the person at the terminal.
func (p person) answer(ctx context.Context, kind autonoma.QuestionKind) (api.Decide, error) {
	if kind == autonoma.AskPerson {
		said, err := p.line(ctx, "answer")
		return api.Decide{Decision: api.Approve, Reason: said}, err
	}
	for {
		said, err := p.line(ctx, "y or n")
		switch {
		case err != nil:
			return api.Decide{}, err
		case said == "y" || said == "yes":
			return api.Decide{Decision: api.Approve}, nil
		case said == "n" || said == "no":
			why, err := p.line(ctx, "why")
			return api.Decide{Decision: api.Reject, Reason: why}, err
		}
	}
}

// line reads a line from the terminal, unless ctx ends first.
func (p person) line(ctx context.Context, prompt string) (string, error) {
	fmt.Fprintf(p.Stderr, "  %s> ", prompt)
	type read struct {
		text string
		err  error
	}
	got := make(chan read, 1)
	go func() {
		text, err := p.lines()
		got <- read{text, err}
	}()
	select {
	case r := <-got:
		if errors.Is(r.err, io.EOF) {
			r.err = errors.New("the terminal was closed; answer with autonoma approve or reject")
		}
		return strings.TrimSpace(r.text), r.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// decide sends an answer. Somebody else may have been faster.
func (p person) decide(ctx context.Context, a api.Approval, in api.Decide) error {
	_, err := p.client.Decide(ctx, a.ID, in)
	if errors.Is(err, autonoma.ErrConflict) {
		return nil
	}
	return err
}
