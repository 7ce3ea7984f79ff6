package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"autonoma"
	"autonoma/api"
	"autonoma/client"
)

func (w world) runCommand() *cobra.Command {
	var in api.CreateTask
	var capabilities []string
	var scope, tier, priority, delivery, source string
	var asJSON, yes bool
	var cost float64
	var tokens, turns int64
	var limit time.Duration
	c := &cobra.Command{
		Use:   `run "TASK"`,
		Short: "Carry out one task here and now, and show how it goes",
		Long: `Carry out one task with the local data directory, and show how it goes.

If a server works on that directory already, the task is given to it, and its
model, sandbox and source roots hold. The exit code
is 0 only if the task is completed. Ctrl-C stops watching; the task is then
cancelled. What a human is asked about is asked here, or answered from elsewhere
with autonoma approve and reject.`,
		Args: exactly(1, "one task, in quotes"),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := w.configure(c.Flags())
			if err != nil {
				return err
			}
			if cfg.origin["ownAccess"] == "" {
				cfg.OwnAccess = true // whoever runs this is the owner, and nobody else is served
			}
			in.Task, in.Scope, in.Intelligence = args[0], autonoma.Scope(scope), autonoma.Intelligence(tier)
			in.Priority, in.Delivery = autonoma.Priority(priority), autonoma.Delivery(delivery)
			for _, name := range capabilities {
				in.Capabilities = append(in.Capabilities, autonoma.Capability(strings.ToUpper(name)))
			}
			in.Budget = budget(cost, tokens, turns, limit)
			if in.Source, err = ownSource(cfg, source); err != nil {
				return err
			}
			return w.withServer(c.Context(), cfg, changed(c.Flags(), "model", "sandbox", "minLevel", "slots", "acmfStart", "approvalTime", "agents", "flows", "gates", "push", "knowledge", "sourceAllow", "sourceUrls", "ownAccess"), func(ctx context.Context, api *client.Client) error {
				return w.watch(ctx, w.person(api, yes), in, asJSON)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&source, "source", ".", "repository: a path, a URL, or nothing for a new one")
	f.StringVar(&scope, "scope", "", "demo, poc, mvp, product or production (default mvp)")
	f.StringSliceVar(&capabilities, "capability", []string{string(autonoma.Build)}, "BUILD, OPERATE, SECURE, PLATFORM, EVOLVE, OPTIMIZE or GOVERN; several make a chain")
	f.StringVar(&tier, "intelligence", "", "core, pro or ultra (default core)")
	f.StringVar(&priority, "priority", "", "low, normal or high (default normal)")
	f.StringVar(&delivery, "delivery", "", "branch, pull_request or patch (default branch)")
	f.StringVar(&in.BaseRef, "base", "", "branch, tag or commit to begin at (default the source's HEAD)")
	f.StringArrayVar(&in.Setup, "setup", nil, "command that installs dependencies, instead of the detected ones (repeat for several)")
	f.StringArrayVar(&in.Verify, "verify", nil, "command that must pass on the result, instead of the detected ones (repeat for several)")
	f.Float64Var(&cost, "max-cost", 0, "US dollars the task may cost")
	f.Int64Var(&tokens, "max-tokens", 0, "tokens the task may use")
	f.Int64Var(&turns, "max-turns", 0, "how often models may be asked")
	f.DurationVar(&limit, "max-duration", 0, "how long the task may take, as in 30m")
	f.BoolVar(&asJSON, "json", false, "print each event, and at last the task, as a line of JSON")
	f.BoolVarP(&yes, "yes", "y", false, "agree to every change that a human is asked about, unseen")
	addFlags(f, "data", "model", "sandbox", "minLevel", "slots", "acmfStart", "approvalTime", "agents", "flows", "gates", "push", "knowledge", "network", "setupNetwork", "privateHosts", "sourceAllow", "sourceUrls", "ownAccess", "logLevel")
	return c
}

func budget(cost float64, tokens, turns int64, limit time.Duration) *api.Budget {
	if cost == 0 && tokens == 0 && turns == 0 && limit == 0 {
		return nil
	}
	var b api.Budget
	if cost != 0 {
		b.MaxCostUSD = &cost
	}
	if tokens != 0 {
		b.MaxTokens = &tokens
	}
	if turns != 0 {
		b.MaxTurns = &turns
	}
	if s := int64((limit + time.Second - 1) / time.Second); limit != 0 { // rounded up: none is no limit
		b.MaxDurationSeconds = &s
	}
	return &b
}

// ownSource makes a path that the user typed one that may be worked on.
func ownSource(cfg *config, source string) (string, error) {
	if source == "" || !isPath(source) {
		return source, nil
	}
	abs, err := filepath.Abs(source)
	if err != nil {
		return "", err
	}
	if abs, err = filepath.EvalSymlinks(abs); err != nil {
		return "", fmt.Errorf("--source: %w", err)
	}
	top := repository(abs)
	cfg.SourceRoots = append(cfg.SourceRoots, top)
	return top, nil
}

// changed returns those of the flags that were given.
func changed(f *pflag.FlagSet, names ...string) []string {
	var given []string
	for _, name := range names {
		if f.Changed(name) {
			given = append(given, "--"+name)
		}
	}
	return given
}

// isPath tells a path from a URL.
func isPath(source string) bool {
	if filepath.IsAbs(source) || source[0] == '.' {
		return true
	}
	_, err := os.Lstat(source)
	return err == nil
}

// repository returns the top of the repository that dir is in, or dir.
func repository(dir string) string {
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			return at
		}
		if at == filepath.Dir(at) {
			return dir
		}
	}
}

// withServer calls fn with a client of the server that works on the data
// directory, or of one that is started in this process for as long as fn takes. The
// flags are those given that a server which is there already would not obey.
func (w world) withServer(ctx context.Context, cfg *config, flags []string, fn func(context.Context, *client.Client) error) error {
	log := slog.New(slog.NewTextHandler(cfg.Redact.Writer(w.Stderr), &slog.HandlerOptions{Level: max(cfg.LogLevel, slog.LevelWarn)}))
	a, err := w.open(ctx, cfg, log)
	if errors.Is(err, errBusy) {
		have, err := readCredentials(cfg.Data)
		if err != nil {
			return err
		}
		if have.URL == "" {
			return fmt.Errorf("%s: another autonoma holds this data directory and serves nothing; wait for it to end", cfg.Data)
		}
		if len(flags) > 0 {
			return fmt.Errorf("the server at %s works on %s, and its own settings hold: leave out %s, stop the server, or use another --data", have.URL, cfg.Data, strings.Join(flags, " and "))
		}
		fmt.Fprintf(w.Stderr, "given to the server at %s\n", have.URL)
		return fn(ctx, &client.Client{BaseURL: have.URL, Key: have.Key})
	}
	if err != nil {
		return err
	}
	defer a.close()
	a.requests = slog.New(slog.DiscardHandler) // the one client hears what goes wrong
	a.warnUnconfined(ctx)
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	url := "http://" + ln.Addr().String()
	if _, err := a.firstKey(ctx, url); err != nil {
		return errors.Join(err, ln.Close())
	}
	have, err := readCredentials(cfg.Data)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	// The server outlives the signal, so that the task can be called off.
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- a.serve(serving, ln, func() { close(ready) }) }()
	select {
	case <-ready:
		err = fn(ctx, &client.Client{BaseURL: url, Key: have.Key})
		stop()
		return errors.Join(err, <-ended)
	case err = <-ended:
		stop()
		return err
	}
}

// watch submits a task and shows how it goes.
func (w world) watch(ctx context.Context, who person, in api.CreateTask, asJSON bool) error {
	c := who.client
	made, err := c.CreateTask(ctx, in)
	if err != nil {
		return err
	}
	var show progress = newTerminal(w.Stdout, w.Getenv)
	if asJSON {
		show = jsonLines{w.Stdout}
	}
	show.begin(made)
	for e, err := range c.Events(ctx, made.TaskID, 0) {
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return err
		}
		show.event(e)
		if err := who.hear(ctx, e); err != nil && ctx.Err() == nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return w.callOff(ctx, c, made.TaskID)
	}
	task, err := c.Task(ctx, made.TaskID)
	if err != nil {
		return err
	}
	show.end(task)
	if task.Status != autonoma.Completed {
		return errTold
	}
	return nil
}

// callOff cancels the task that the user no longer wants.
func (w world) callOff(ctx context.Context, c *client.Client, id autonoma.RunID) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if _, err := c.CancelTask(ctx, id); err != nil && !errors.Is(err, autonoma.ErrConflict) {
		return fmt.Errorf("cancel %s: %w", id, err)
	}
	return fmt.Errorf("%s was cancelled", id)
}

// progress shows how a task goes.
type progress interface {
	begin(api.CreatedTask)
	event(api.Event)
	end(api.Task)
}

// jsonLines shows it to programs.
type jsonLines struct{ out io.Writer }

func (j jsonLines) line(v any)              { _ = json.NewEncoder(j.out).Encode(v) }
func (j jsonLines) begin(t api.CreatedTask) { j.line(map[string]any{"created": t}) }
func (j jsonLines) event(e api.Event)       { j.line(map[string]any{"event": e}) }
func (j jsonLines) end(t api.Task)          { j.line(map[string]any{"task": t}) }
