package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"autonoma/api"
	"autonoma/internal/model/provider"
	"autonoma/internal/sandbox"
	"autonoma/internal/store"
	"autonoma/internal/workspace"
)

func (w world) doctorCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this machine has, and what to do about what is missing",
		Args:  exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := w.configure(c.Flags())
			if err != nil {
				return err
			}
			return w.doctor(c.Context(), cfg)
		},
	}
	addFlags(c.Flags(), "data", "model", "sandbox")
	return c
}

// doctor looks at everything that a task needs or that the configuration names, and
// fails if something is not there.
func (w world) doctor(ctx context.Context, cfg *config) error {
	healthy := true
	say := func(ok bool, format string, args ...any) {
		mark := "ok  "
		if !ok {
			mark = "FAIL"
		}
		fmt.Fprintf(w.Stdout, "%s  %s\n", mark, fmt.Sprintf(format, args...))
	}
	need := func(ok bool) bool { healthy = healthy && ok; return ok }

	v, err := workspace.GitVersion(ctx)
	if need(err == nil) {
		say(true, "git %s", v)
	} else {
		say(false, "%v", err)
	}
	need(w.doctorSandbox(ctx, cfg, say))
	need(w.doctorModels(ctx, cfg, say))
	need(w.doctorData(ctx, cfg, say))
	need(w.doctorMCP(ctx, cfg, say))
	need(w.doctorForges(cfg, say))
	if !healthy {
		return errTold
	}
	return nil
}

func (w world) doctorSandbox(ctx context.Context, cfg *config, say func(bool, string, ...any)) bool {
	for _, r := range sandbox.Probe(ctx) {
		if r.Level == sandbox.None {
			continue
		}
		if r.OK {
			say(true, "sandbox %s, tried in %v", r.Level, r.Took.Round(time.Millisecond))
		} else {
			fmt.Fprintf(w.Stdout, "--    sandbox %s: %s; to have it: %s\n", r.Level, r.Problem, r.Fix)
		}
		for _, c := range r.Checks {
			mark := "proven"
			if !c.OK {
				mark = "not so"
			}
			fmt.Fprintf(w.Stdout, "        %s  %s: %s\n", mark, c.Name, c.Detail)
		}
	}
	box, _, err := sandbox.Open(ctx, cfg.Sandbox)
	if err != nil {
		say(false, "no sandbox for %q: %v", cfg.Sandbox, err)
		return false
	}
	say(true, "commands run at the level %s", box.Level())
	return true
}

func (w world) doctorModels(ctx context.Context, cfg *config, say func(bool, string, ...any)) bool {
	found, err := provider.Look(ctx, cfg.Models, w.Getenv)
	if err != nil {
		say(false, "models: %v", err)
		return false
	}
	for _, f := range found {
		fmt.Fprintf(w.Stdout, "--    %s: %s\n", f.Where, f.Detail)
	}
	tiers, err := provider.Resolve(ctx, cfg.Models, w.Getenv)
	if err != nil {
		say(false, "models: %v", err)
		return false
	}
	for _, tier := range []string{"core", "pro", "ultra"} {
		for _, m := range tiers.Infos(tier) {
			price := fmt.Sprintf("$%g in, $%g out for a million tokens", m.Price.Input, m.Price.Output)
			if !m.Price.Known {
				price = "price not known: a budget in dollars refuses it"
			}
			say(true, "model for %s: %s/%s (%s)", tier, m.Provider, m.Name, price)
		}
	}
	date, err := provider.PricesOf(cfg.Models)
	if err != nil {
		say(false, "prices: %v", err)
		return false
	}
	say(true, "prices of %s; catalogue in autonoma.yaml overrides them", date)
	return true
}

func (w world) doctorData(ctx context.Context, cfg *config, say func(bool, string, ...any)) bool {
	lock, err := lockData(cfg.Data)
	if errors.Is(err, errBusy) {
		have, _ := readCredentials(cfg.Data) // what cannot be read is not shown
		say(true, "data in %s, where a server works (%s)", cfg.Data, have.URL)
		return true
	}
	if err != nil {
		say(false, "%v", err)
		return false
	}
	defer lock.Close()
	db, err := store.Open(ctx, filepath.Join(cfg.Data, "autonoma.db"))
	if err != nil {
		say(false, "database: %v", err)
		return false
	}
	defer db.Close()
	say(true, "database in %s", cfg.Data)
	return true
}

// health tells the API how the things are that the server needs.
func (a *app) health(ctx context.Context) map[string]api.Service {
	service := func(err error, fine string, otherwise api.HealthStatus) api.Service {
		if err != nil {
			return api.Service{Status: otherwise, Message: err.Error()}
		}
		return api.Service{Status: api.Healthy, Message: fine}
	}
	level := ""
	if a.box != nil {
		level = "level " + string(a.box.Level())
	}
	all := map[string]api.Service{
		"database": service(a.db.Ping(ctx), "answers", api.Unhealthy),
		"queue":    service(a.up(ctx), fmt.Sprintf("%d of %d slots busy", a.worker.Active(), a.cfg.Slots), api.Unhealthy),
		"models":   service(a.noModel, "found", api.Unhealthy),
		"sandbox":  service(a.boxError, level, api.Unhealthy),
	}
	if a.box != nil && a.box.Level() == sandbox.None {
		all["sandbox"] = api.Service{Status: api.Degraded, Message: "commands are not confined, by the operator's word"}
	}
	return all
}
