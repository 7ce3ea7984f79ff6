package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"github.com/spf13/cobra"

	"autonoma/api"
	"autonoma/internal/sandbox"
)

func (w world) serveCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the server: API and workers in one process",
		Args:  exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := w.configure(c.Flags())
			if err != nil {
				return err
			}
			return w.serve(c.Context(), cfg)
		},
	}
	addFlags(c.Flags(), "listen", "data", "sourceRoots", "model", "sandbox", "minLevel", "slots", "acmfStart", "approvalTime", "agents", "flows", "gates", "limits", "push", "knowledge", "callbackAllow", "network", "setupNetwork", "privateHosts", "sourceAllow", "sourceUrls", "ownAccess", "logLevel")
	return c
}

// serve runs the server until ctx is done.
func (w world) serve(ctx context.Context, cfg *config) error {
	log := slog.New(slog.NewTextHandler(cfg.Redact.Writer(w.Stderr), &slog.HandlerOptions{Level: cfg.LogLevel}))
	a, err := w.open(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer a.close()
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("%w; choose another address with --listen, as in 127.0.0.1:7421", err)
	}
	url := "http://" + ln.Addr().String()
	key, err := a.firstKey(ctx, url)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	return a.serve(ctx, ln, func() {
		if key != "" {
			fmt.Fprintf(w.Stdout, "Admin key, shown this once:\n%s\n", key)
		}
		fmt.Fprintf(w.Stdout, "The admin key is kept in %s\n", credentialsFile(cfg.Data))
		fmt.Fprintf(w.Stdout, "Autonoma %s listens on %s\n", version(), url)
		a.warn(ctx)
	})
}

// firstKey makes the admin key at the first start, and keeps the address of the
// server with the credentials. It returns the key only if it is new.
func (a *app) firstKey(ctx context.Context, url string) (string, error) {
	have, err := readCredentials(a.cfg.Data)
	if err != nil {
		return "", err
	}
	none, err := a.keys.None(ctx)
	if err != nil {
		return "", err
	}
	made := ""
	if none || have.Key == "" {
		made, err = a.keys.Found(ctx, adminTenant)
		if err != nil {
			return "", err
		}
		have.Key = made
	}
	have.URL = url
	return made, have.write(a.cfg.Data)
}

// adminTenant owns the first key.
const adminTenant = "admin"

// warn says what is missing, if something is, and what to do about it.
func (a *app) warn(ctx context.Context) {
	if a.noModel != nil {
		a.log.WarnContext(ctx, "no model: tasks are refused", "err", a.noModel)
	}
	if sound, said := a.soundness(); sound == api.Unhealthy {
		a.log.WarnContext(ctx, "no sandbox: tasks are refused", "err", said)
	}
	a.warnUnconfined(ctx)
	if len(a.cfg.SourceRoots) == 0 {
		a.log.InfoContext(ctx, "no source roots: only repositories with a URL can be worked on; see --source-root")
	}
}

// warnUnconfined says what commands can do that they could not at other levels.
func (a *app) warnUnconfined(ctx context.Context) {
	switch {
	case a.box == nil:
	case a.box.Level() == sandbox.None:
		a.log.WarnContext(ctx, "commands are not confined, by your word")
	case a.box.Level().Weakness() != "":
		a.log.WarnContext(ctx, "commands are confined weakly", "level", a.box.Level(), "why", a.box.Level().Weakness())
	}
}
