package main

import (
	"fmt"
	"slices"
	"strings"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/sandbox"
)

// levels are the names of all levels, strongest first.
func levels() []string {
	var names []string
	for _, l := range sandbox.Levels() {
		names = append(names, string(l))
	}
	return names
}

func setMinLevel(c *config, v string) error {
	if v != "" && !slices.Contains(levels(), v) {
		return fmt.Errorf("there is no level %q; choose one of %s", v, strings.Join(levels(), ", "))
	}
	c.MinLevel = sandbox.Level(v)
	return nil
}

// confines returns an [autonoma.ErrUnavailable] that says what to do, unless commands
// are confined here as strongly as the configuration and, with the name of a level, a
// tenant demand.
func (a *app) confines(least string) error {
	err := a.boxError
	if err != nil {
		err = fmt.Errorf("commands cannot be confined here: %w; run autonoma doctor", err)
	} else {
		err = a.cfg.tooWeak(a.box.Level(), sandbox.Level(least))
	}
	if err != nil {
		return fmt.Errorf("%w: %w", err, autonoma.ErrUnavailable)
	}
	return nil
}

// tooWeak says what to do if a level is weaker than the configuration demands, or than a
// tenant does; an empty level of a tenant demands nothing.
func (c *config) tooWeak(is, tenant sandbox.Level) error {
	wanted, who := c.MinLevel, "the setting minLevel of this server"
	if tenant != "" && !wanted.AtLeast(tenant) {
		wanted, who = tenant, "the minLevel of this tenant"
	}
	if wanted == "" || is.AtLeast(wanted) {
		return nil
	}
	do := fmt.Sprintf("start the server with --sandbox %s; autonoma doctor tells what this machine has", wanted)
	if fix := wanted.Fix(); fix != "" {
		do = fix + ", and " + do
	}
	return fmt.Errorf("commands would run at the level %s, and %s demands %s at least; to have it: %s", is, who, wanted, do)
}

// soundness returns how well commands are confined, and in words that people are told.
func (a *app) soundness() (api.HealthStatus, string) {
	if err := a.boxError; err != nil {
		return api.Unhealthy, err.Error() + "; run autonoma doctor"
	}
	level := a.box.Level()
	if err := a.cfg.tooWeak(level, ""); err != nil {
		return api.Unhealthy, err.Error()
	}
	if weak := level.Weakness(); weak != "" {
		return api.Degraded, fmt.Sprintf("level %s: %s", level, weak)
	}
	return api.Healthy, "level " + string(level)
}
