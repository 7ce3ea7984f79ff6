package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"autonoma"
	"autonoma/internal/service"
	"autonoma/internal/store"
)

func (w world) keysCommand() *cobra.Command {
	keys := &cobra.Command{Use: "keys", Short: "Manage API keys"}
	var name, plan, least string
	var scopes []string
	create := &cobra.Command{
		Use:   "create --name NAME [--plan PLAN] [--min-level LEVEL] [--scope SCOPE]…",
		Short: "Make a key for a tenant, which is made too if it is new, and print just the key",
		Args:  exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if name == "" {
				return usageError{errors.New("wants --name, the name of the tenant"), c.CommandPath()}
			}
			if least != "" && !slices.Contains(levels(), least) {
				return fmt.Errorf("--min-level: there is no level %q; choose one of %s", least, strings.Join(levels(), ", "))
			}
			cfg, err := w.configure(c.Flags())
			if err != nil {
				return err
			}
			path := filepath.Join(cfg.Data, "autonoma.db")
			if _, err := os.Stat(path); err != nil {
				return fmt.Errorf("%s is not the data directory of a server that was started once; name the right one with --data, or start autonoma serve on it first", cfg.Data)
			}
			db, err := store.Open(c.Context(), path)
			if err != nil {
				return err
			}
			defer db.Close()
			asked := make([]autonoma.KeyScope, len(scopes))
			for i, s := range scopes {
				asked[i] = autonoma.KeyScope(s)
			}
			key, err := service.NewKeys(db).CreateFor(c.Context(), autonoma.Tenant{Name: name, Plan: autonoma.PlanName(plan), MinLevel: least}, asked)
			if err != nil {
				return err
			}
			fmt.Fprintln(w.Stdout, key)
			return nil
		},
	}
	create.Flags().StringVar(&name, "name", "", "name of the tenant")
	create.Flags().StringVar(&plan, "plan", "", "startup, growth, scale or enterprise (default the tenant's, startup for a new one)")
	create.Flags().StringVar(&least, "min-level", "", "how strongly commands of a new tenant have to be confined at least (default as for all tenants)")
	create.Flags().StringSliceVar(&scopes, "scope", []string{string(autonoma.ScopeRead), string(autonoma.ScopeWrite)}, "read, write or admin")
	addFlags(create.Flags(), "data")
	keys.AddCommand(create)
	return keys
}
