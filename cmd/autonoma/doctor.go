package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"autonoma/api"
	"autonoma/internal/model/provider"
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
	addFlags(c.Flags(), "data", "model", "sandbox", "minLevel")
	return c
}

// An exam is what doctor has found. What is wrong is printed last, where it is seen.
type exam struct {
	out   io.Writer
	weak  []string
	wrong []string
}

func (e *exam) say(ok bool, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !ok {
		e.wrong = append(e.wrong, text)
		return
	}
	fmt.Fprintf(e.out, "ok    %s\n", text)
}

// warn tells of what works, and is not as it should be.
func (e *exam) warn(format string, args ...any) {
	e.weak = append(e.weak, fmt.Sprintf(format, args...))
}

// note tells of what nothing depends on.
func (e *exam) note(format string, args ...any) { fmt.Fprintf(e.out, "--    "+format+"\n", args...) }

// end prints what is wrong.
func (e *exam) end() {
	for _, text := range e.weak {
		fmt.Fprintf(e.out, "WEAK  %s\n", text)
	}
	for _, text := range e.wrong {
		fmt.Fprintf(e.out, "FAIL  %s\n", text)
	}
}

// doctor looks at everything that a task needs or that the configuration names, and
// fails if something is not there.
func (w world) doctor(ctx context.Context, cfg *config) error {
	healthy := true
	need := func(ok bool) bool { healthy = healthy && ok; return ok }
	e := &exam{out: w.Stdout}
	say := e.say

	v, err := workspace.GitVersion(ctx)
	if need(err == nil) {
		say(true, "git %s", v)
	} else {
		say(false, "%v", err)
	}
	need(doctorSandbox(ctx, cfg, e))
	w.doctorNetwork(cfg, e)
	need(w.doctorModels(ctx, cfg, say))
	need(doctorData(ctx, cfg, say))
	need(w.doctorMCP(ctx, cfg, say))
	need(w.doctorForges(cfg, say))
	need(w.doctorSources(cfg, say))
	e.end()
	if !healthy {
		return errTold
	}
	return nil
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

// doctorData looks at the data directory. It makes none, and no database.
func doctorData(ctx context.Context, cfg *config, say func(bool, string, ...any)) bool {
	path := filepath.Join(cfg.Data, "autonoma.db")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		say(true, "no database yet in %s: the first start of autonoma serve makes it", cfg.Data)
		return true
	}
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
	db, err := store.Open(ctx, path)
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
	sound, said := a.soundness()
	return map[string]api.Service{
		"database": service(a.db.Ping(ctx), "answers", api.Unhealthy),
		"queue":    service(a.up(ctx), fmt.Sprintf("%d of %d slots busy", a.worker.Active(), a.cfg.Slots), api.Unhealthy),
		"models":   service(a.noModel, "found", api.Unhealthy),
		"sandbox":  {Status: sound, Message: said},
	}
}
