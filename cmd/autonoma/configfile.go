package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"autonoma"
	"autonoma/internal/worker"
)

// file returns the path of the configuration file: what AUTONOMA_CONFIG says, or
// the user's own. A file in the current directory is not looked for: that may be
// anybody's repository.
func (w world) file() (path string, must bool) {
	if path := w.Getenv("AUTONOMA_CONFIG"); path != "" {
		return path, true
	}
	return filepath.Join(w.base("XDG_CONFIG_HOME", ".config"), "autonoma", "autonoma.yaml"), false
}

// sections are the settings that are more than a line of text.
var sections = map[string]func(*config, *yaml.Node) error{
	"models":    func(c *config, n *yaml.Node) error { return strictly(n, &c.Models.Tiers) },
	"catalogue": func(c *config, n *yaml.Node) error { return strictly(n, &c.Models.Catalogue) },
	"plans":     readPlans,
	"budgets":   readBudgets,
	"forges":    readForges,
	"sources":   readSources,
	"mcp":       func(c *config, n *yaml.Node) error { return strictly(n, &c.MCP) },
}

// readFile reads the configuration file, if there is one. Keys that nobody knows
// are errors.
func (w world) readFile(c *config) error {
	path, must := w.file()
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !must {
		return nil
	}
	if err != nil {
		return err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if len(doc.Content) == 0 {
		return nil // nothing is set
	}
	top := doc.Content[0]
	if top.Kind != yaml.MappingNode {
		return fmt.Errorf("%s: must be lines of setting: value", path)
	}
	var faults []error
	seen := map[string]bool{}
	for i := 0; i < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		err := c.put(path, key.Value, value)
		if seen[key.Value] {
			err = fmt.Errorf("%s is set twice", key.Value)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: line %d: %w", path, key.Line, err))
		}
		seen[key.Value] = true
	}
	return errors.Join(append(faults, c.checkMCP(path))...)
}

// put takes a setting over from the file. One that is left empty is not set.
func (c *config) put(path, key string, value *yaml.Node) error {
	if read, ok := sections[key]; ok {
		return read(c, value)
	}
	i := slices.IndexFunc(settings, func(s setting) bool { return s.key == key })
	if i < 0 {
		return fmt.Errorf("there is no setting %s", key)
	}
	if value.Tag == "!!null" {
		return nil
	}
	if key == "limits" && value.Kind == yaml.MappingNode {
		c.Limits, c.origin[key] = value, path
		return nil
	}
	text, err := line(value, settings[i].separator())
	if err == nil {
		err = settings[i].set(c, text)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	c.origin[key] = path
	return nil
}

// line is the text of a setting; the lines of a list are joined as in a variable
// of the environment.
func line(value *yaml.Node, separator string) (string, error) {
	if value.Kind == yaml.SequenceNode {
		var list []string
		err := value.Decode(&list)
		return strings.Join(list, separator), err
	}
	if value.Kind != yaml.ScalarNode {
		return "", errors.New("must be text, or a list of texts")
	}
	return value.Value, nil
}

// unknownKey is how the decoder speaks of a key that it does not know.
var unknownKey = regexp.MustCompile(`line \d+: field (\S+) not found in type \S+( \{.*\})?`)

// strictly decodes a section of the file. Keys that nobody knows are errors.
func strictly(n *yaml.Node, into any) error {
	text, err := yaml.Marshal(n)
	if err != nil {
		return err
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	err = dec.Decode(into)
	if wrong, ok := errors.AsType[*yaml.TypeError](err); ok {
		return errors.New(unknownKey.ReplaceAllString(strings.Join(wrong.Errors, "; "), "there is no setting $1"))
	}
	return err
}

// readPlans changes the figures of plans.
func readPlans(c *config, n *yaml.Node) error {
	var plans map[autonoma.PlanName]struct {
		PerHour   int `yaml:"perHour"`
		PerMinute int `yaml:"perMinute"`
	}
	if err := strictly(n, &plans); err != nil {
		return err
	}
	for name, p := range plans {
		if !slices.Contains(autonoma.Plans, name) {
			return fmt.Errorf("plans: there is no plan %s; there are %v", name, autonoma.Plans)
		}
		if p.PerHour < 1 || p.PerMinute < 1 {
			return fmt.Errorf("plans: %s: perHour and perMinute must both be at least 1", name)
		}
		c.Plans[name] = autonoma.Plan{PerHour: p.PerHour, PerMinute: p.PerMinute}
	}
	return nil
}

// readBudgets reads what tenants may use in a month.
func readBudgets(c *config, n *yaml.Node) error {
	var b struct {
		USD     *float64 `yaml:"tenantMonthUsd"`
		Tokens  *int64   `yaml:"tenantMonthTokens"`
		Unknown bool     `yaml:"allowUnknownPrice"`
	}
	if err := strictly(n, &b); err != nil {
		return err
	}
	if b.USD != nil && !(*b.USD >= 0) || b.Tokens != nil && *b.Tokens < 0 {
		return errors.New("budgets: tenantMonthUsd and tenantMonthTokens must not be negative")
	}
	c.Budgets = worker.Budgets{Month: autonoma.MonthBudget{USD: b.USD, Tokens: b.Tokens}, AllowUnknownPrice: b.Unknown}
	return nil
}
