package main

import (
	"fmt"
	"io"
	"strings"

	"autonoma/internal/rigor"
)

// setLimits takes the file of a flag or variable, which goes over what the
// configuration file says itself.
func setLimits(c *config, v string) error {
	c.Limits = nil
	return setPath(func(c *config) *string { return &c.LimitsFile })(c, v)
}

func showLimitsFrom(c *config) string {
	if c.Limits != nil {
		return "(in the file)"
	}
	return c.LimitsFile
}

// limits returns what commands may use, with what the operator changes of it.
func (c *config) limits(l rigor.Limits) (rigor.Limits, error) {
	var err error
	switch {
	case c.Limits != nil:
		if l, err = l.With(c.Limits); err != nil {
			err = fmt.Errorf("%s: %w", c.origin["limits"], err)
		}
	case c.LimitsFile != "":
		l, err = l.WithFile(c.LimitsFile)
	}
	if err != nil {
		return nil, fmt.Errorf("limits: %w", err)
	}
	return l, nil
}

// showLimits shows what is in force, line by line.
func showLimits(t io.Writer, cfg *config) error {
	policy, err := rigor.DefaultPolicy()
	if err != nil {
		return err
	}
	limits, err := cfg.limits(policy.Limits)
	if err != nil {
		return err
	}
	for _, of := range rigor.LimitLines() {
		from := "default"
		if limits[of] != policy.Limits[of] {
			from = cfg.origin["limits"]
		}
		var values []string
		for _, l := range rigor.LimitKeys() {
			values = append(values, l.Key+" "+l.Text(limits[of]))
		}
		fmt.Fprintf(t, "limits.%s\t%s\t(%s)\n", of, strings.Join(values, ", "), from)
	}
	return nil
}
