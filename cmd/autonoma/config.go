package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"autonoma/internal/model/provider"
)

// A config is all that an operator can set.
type config struct {
	Listen      string
	Data        string
	SourceRoots []string
	Model       string
	Sandbox     string
	Slots       int
	Agents      string
	Flows       string
	Push        bool
	LogLevel    slog.Level
	Models      provider.Config

	home   string
	origin map[string]string // of each setting, by its key
}

// A setting is one thing that an operator can set: by a flag, or by a variable of
// the environment, or by a key of the file, in this order.
type setting struct {
	key   string // in autonoma.yaml
	env   string
	flag  string
	usage string
	set   func(*config, string) error
	get   func(*config) string
}

// settings are all settings that are a line of text; the map of models is the
// file's alone.
var settings = []setting{
	{"listen", "AUTONOMA_LISTEN", "listen", "address to listen on",
		func(c *config, v string) error { c.Listen = v; return nil }, func(c *config) string { return c.Listen }},
	{"data", "AUTONOMA_DATA", "data", "directory of everything that is kept",
		setPath(func(c *config) *string { return &c.Data }), func(c *config) string { return c.Data }},
	{"sourceRoots", "AUTONOMA_SOURCE_ROOTS", "source-root", "directory below which repositories may be worked on (several: repeat, or separate with " + string(os.PathListSeparator) + ")",
		setRoots, func(c *config) string { return strings.Join(c.SourceRoots, string(os.PathListSeparator)) }},
	{"model", "AUTONOMA_MODEL", "model", "model for all tiers, as in anthropic/<name>, openai/<name>, ollama/<name> or script:<file>",
		func(c *config, v string) error { c.Model = v; return nil }, func(c *config) string { return c.Model }},
	{"sandbox", "AUTONOMA_SANDBOX", "sandbox", "how commands are confined: auto, namespaces, bubblewrap, or none",
		func(c *config, v string) error { c.Sandbox = v; return nil }, func(c *config) string { return c.Sandbox }},
	{"slots", "AUTONOMA_SLOTS", "slots", "how many agents work at once",
		setSlots, func(c *config) string { return strconv.Itoa(c.Slots) }},
	{"agents", "AUTONOMA_AGENTS", "agents", "directory of agents (*.md) that add to the built-in ones or replace them",
		setPath(func(c *config) *string { return &c.Agents }), func(c *config) string { return c.Agents }},
	{"flows", "AUTONOMA_FLOWS", "flows", "directory of flows (*.yaml) that replace the built-in ones",
		setPath(func(c *config) *string { return &c.Flows }), func(c *config) string { return c.Flows }},
	{"push", "AUTONOMA_PUSH", "push", "push results to sources that are URLs",
		func(c *config, v string) (err error) { c.Push, err = strconv.ParseBool(v); return err }, func(c *config) string { return strconv.FormatBool(c.Push) }},
	{"logLevel", "AUTONOMA_LOG_LEVEL", "log-level", "debug, info, warn or error",
		func(c *config, v string) error { return c.LogLevel.UnmarshalText([]byte(v)) }, func(c *config) string { return c.LogLevel.String() }},
}

func setPath(field func(*config) *string) func(*config, string) error {
	return func(c *config, v string) (err error) {
		if v != "" {
			v, err = filepath.Abs(c.expand(v))
		}
		*field(c) = v
		return err
	}
}

// expand puts the user's home in the place of a leading ~, which no shell does in a
// file.
func (c *config) expand(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		return filepath.Join(c.home, rest)
	}
	return path
}

func setRoots(c *config, v string) error {
	c.SourceRoots = nil
	for _, root := range filepath.SplitList(v) {
		root, err := filepath.Abs(c.expand(root))
		if err != nil {
			return err
		}
		info, err := os.Stat(root)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return fmt.Errorf("%s is not a directory", root)
		}
		c.SourceRoots = append(c.SourceRoots, root)
	}
	return nil
}

func setSlots(c *config, v string) (err error) {
	c.Slots, err = strconv.Atoi(v)
	if err != nil || c.Slots < 1 || c.Slots > 1000 {
		return errors.New("must be a number between 1 and 1000")
	}
	return nil
}

// defaults returns the settings of somebody who sets nothing.
func (w world) defaults() *config {
	return &config{
		Listen:  "127.0.0.1:7420",
		Data:    filepath.Join(w.base("XDG_DATA_HOME", ".local/share"), "autonoma"),
		Sandbox: "auto",
		Slots:   8,
		home:    w.Getenv("HOME"),
		origin:  map[string]string{},
	}
}

// base returns a base directory of the user.
func (w world) base(env, otherwise string) string {
	if dir := w.Getenv(env); filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(w.Getenv("HOME"), otherwise)
}

// file returns the path of the configuration file: what AUTONOMA_CONFIG says, or
// the user's own. A file in the current directory is not looked for: that may be
// anybody's repository.
func (w world) file() (path string, must bool) {
	if path := w.Getenv("AUTONOMA_CONFIG"); path != "" {
		return path, true
	}
	return filepath.Join(w.base("XDG_CONFIG_HOME", ".config"), "autonoma", "autonoma.yaml"), false
}

// configure reads the settings: flags over environment over file over defaults. It
// reports all that is wrong with them at once.
func (w world) configure(flags *pflag.FlagSet) (*config, error) {
	c := w.defaults()
	faults := []error{w.readFile(c)}
	for _, s := range settings {
		if v := w.Getenv(s.env); v != "" {
			faults = append(faults, c.apply(s, v, s.env))
		}
		if f := flags.Lookup(s.flag); f != nil && f.Changed {
			v := f.Value.String()
			if list, ok := f.Value.(pflag.SliceValue); ok {
				v = strings.Join(list.GetSlice(), string(os.PathListSeparator))
			}
			faults = append(faults, c.apply(s, v, "--"+s.flag))
		}
	}
	if !filepath.IsAbs(c.Data) {
		faults = append(faults, errors.New("where to keep data is not known: set HOME, --data or AUTONOMA_DATA"))
	}
	c.Models.Model = c.Model
	return c, errors.Join(faults...)
}

func (c *config) apply(s setting, v, from string) error {
	if err := s.set(c, v); err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	c.origin[s.key] = from
	return nil
}

// unknownKey is how the decoder speaks of a key that it does not know.
var unknownKey = regexp.MustCompile(`field (\S+) not found in type struct \{.*\}`)

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
	var file struct {
		Listen      *string                      `yaml:"listen"`
		Data        *string                      `yaml:"data"`
		SourceRoots []string                     `yaml:"sourceRoots"`
		Model       *string                      `yaml:"model"`
		Sandbox     *string                      `yaml:"sandbox"`
		Slots       *int                         `yaml:"slots"`
		Agents      *string                      `yaml:"agents"`
		Flows       *string                      `yaml:"flows"`
		Push        *bool                        `yaml:"push"`
		LogLevel    *string                      `yaml:"logLevel"`
		Models      map[string][]provider.Choice `yaml:"models"`
		Catalogue   string                       `yaml:"catalogue"`
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %s", path, unknownKey.ReplaceAllString(err.Error(), "there is no setting $1"))
	}
	values := map[string]string{}
	put := func(key string, v any, there bool) {
		if there {
			values[key] = fmt.Sprint(v)
		}
	}
	put("listen", deref(file.Listen), file.Listen != nil)
	put("data", deref(file.Data), file.Data != nil)
	put("sourceRoots", strings.Join(file.SourceRoots, string(os.PathListSeparator)), file.SourceRoots != nil)
	put("model", deref(file.Model), file.Model != nil)
	put("sandbox", deref(file.Sandbox), file.Sandbox != nil)
	put("slots", deref(file.Slots), file.Slots != nil)
	put("agents", deref(file.Agents), file.Agents != nil)
	put("flows", deref(file.Flows), file.Flows != nil)
	put("push", deref(file.Push), file.Push != nil)
	put("logLevel", deref(file.LogLevel), file.LogLevel != nil)
	var faults []error
	for _, s := range settings {
		if v, ok := values[s.key]; ok {
			faults = append(faults, c.apply(s, v, path))
		}
	}
	c.Models.Tiers, c.Models.Catalogue = file.Models, file.Catalogue
	return errors.Join(faults...)
}

func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// flags adds flags for the settings of the given keys.
func addFlags(flags *pflag.FlagSet, keys ...string) {
	for _, s := range settings {
		for _, key := range keys {
			switch {
			case s.key != key:
			case s.key == "sourceRoots":
				flags.StringArray(s.flag, nil, s.usage)
			case s.key == "push":
				flags.Bool(s.flag, false, s.usage)
			default:
				flags.String(s.flag, "", s.usage)
			}
		}
	}
}
