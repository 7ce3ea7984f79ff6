package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"autonoma"
	"autonoma/internal/model/provider"
)

func (w world) configCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Print the settings in force and where each comes from",
		Args:  exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := w.configure(c.Flags())
			if err != nil {
				return err
			}
			return w.showConfig(cfg)
		},
	}
	keys := make([]string, len(settings))
	for i, s := range settings {
		keys[i] = s.key
	}
	addFlags(c.Flags(), keys...)
	return c
}

// secrets are the variables that hold keys of model providers: whether they are
// set is shown, never what they are.
var secrets = []string{"ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"}

func (w world) showConfig(cfg *config) error {
	t := tabwriter.NewWriter(w.Stdout, 0, 8, 2, ' ', 0)
	file, _ := w.file()
	fmt.Fprintf(t, "# file: %s\n", file)
	for _, s := range settings {
		from := cfg.origin[s.key]
		if from == "" {
			from = "default"
		}
		fmt.Fprintf(t, "%s\t%s\t(%s)\n", s.key, s.get(cfg), from)
	}
	tiers := make([]string, 0, len(cfg.Models.Tiers))
	for tier := range cfg.Models.Tiers {
		tiers = append(tiers, tier)
	}
	slices.Sort(tiers)
	for _, tier := range tiers {
		for _, m := range cfg.Models.Tiers[tier] {
			fmt.Fprintf(t, "models.%s\t%s %s\t(%s)\n", tier, m.Model, m.Effort, file)
		}
	}
	for _, name := range autonoma.Plans {
		from, p := "default", cfg.Plans[name]
		if p != autonoma.DefaultPlans()[name] {
			from = file
		}
		fmt.Fprintf(t, "plans.%s\t%d an hour, %d a minute\t(%s)\n", name, p.PerHour, p.PerMinute, from)
	}
	if err := showBudgets(t, cfg, file); err != nil {
		return err
	}
	if err := showLimits(t, cfg); err != nil {
		return err
	}
	showMCP(t, cfg, file)
	if err := w.showForges(t, cfg, file); err != nil {
		return err
	}
	showSources(t, cfg, file)
	for _, name := range secrets {
		if w.Getenv(name) != "" {
			fmt.Fprintf(t, "%s\t***\t(environment)\n", name)
		}
	}
	return t.Flush()
}

// showBudgets shows what may be spent, and of when the prices are that it is counted by.
func showBudgets(t io.Writer, cfg *config, file string) error {
	line := func(key, value string, set bool) {
		from := "default"
		if set {
			from = file
		}
		fmt.Fprintf(t, "%s\t%s\t(%s)\n", key, value, from)
	}
	b, usd, tokens := cfg.Budgets, "no limit", "no limit"
	if b.Month.USD != nil {
		usd = fmt.Sprintf("$%.2f", *b.Month.USD)
	}
	if b.Month.Tokens != nil {
		tokens = strconv.FormatInt(*b.Month.Tokens, 10)
	}
	line("budgets.tenantMonthUsd", usd, b.Month.USD != nil)
	line("budgets.tenantMonthTokens", tokens, b.Month.Tokens != nil)
	line("budgets.allowUnknownPrice", strconv.FormatBool(b.AllowUnknownPrice), b.AllowUnknownPrice)
	date, err := provider.PricesOf(cfg.Models)
	line("catalogue", strings.TrimSpace(cfg.Models.Catalogue+" prices of "+date), cfg.Models.Catalogue != "")
	return err
}
