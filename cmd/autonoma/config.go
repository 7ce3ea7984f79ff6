package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"autonoma"
	"autonoma/internal/forge"
	"autonoma/internal/model/provider"
	"autonoma/internal/redact"
	"autonoma/internal/remote"
	"autonoma/internal/sandbox"
	"autonoma/internal/tool/mcp"
	"autonoma/internal/worker"
)

// A config is all that an operator can set.
type config struct {
	Listen      string
	Data        string
	SourceRoots []string
	Model       string
	Sandbox     string
	MinLevel    sandbox.Level // at which commands are confined at least; empty: any
	Slots       int
	StartMode   autonoma.Mode // of agents of which nothing was counted yet
	// ApprovalTime is how long people have to answer questions.
	ApprovalTime time.Duration
	Agents       string
	Flows        string
	Gates        string
	LimitsFile   string
	Push         bool
	Knowledge    bool
	// CallbackAllow are networks that webhooks may lead to although they are not public.
	CallbackAllow []netip.Prefix
	// SourceAllow are networks that sources may be fetched from although they are not public.
	SourceAllow []netip.Prefix
	SourceURLs  remote.Breadth
	Sources     []remote.Source
	OwnAccess   bool // the owner's tasks reach what this user reaches
	// Network, SetupNetwork and PrivateHosts are lists of hosts, as egress reads them.
	Network      string // "off" for none
	SetupNetwork string
	PrivateHosts string
	LogLevel     slog.Level
	Models       provider.Config
	Limits       *yaml.Node // in the file itself; nil: they are not
	Plans        map[autonoma.PlanName]autonoma.Plan
	Budgets      worker.Budgets
	MCP          map[string]mcp.Server
	Forges       []forge.Forge // beside those that everybody knows

	// Redact knows the secrets of the installation, and keeps them out of what is
	// stored, logged and told.
	Redact *redact.Redactor

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

// settings are all settings that are a line of text. What has more to it is the
// file's alone, see sections.
var settings = []setting{
	{"listen", "AUTONOMA_LISTEN", "listen", "address to listen on",
		func(c *config, v string) error { c.Listen = v; return nil }, func(c *config) string { return c.Listen }},
	{"data", "AUTONOMA_DATA", "data", "directory of everything that is kept",
		setPath(func(c *config) *string { return &c.Data }), func(c *config) string { return c.Data }},
	{"sourceRoots", "AUTONOMA_SOURCE_ROOTS", "source-root", "directory below which repositories may be worked on (several: repeat, or separate with " + string(os.PathListSeparator) + ")",
		setRoots, func(c *config) string { return strings.Join(c.SourceRoots, string(os.PathListSeparator)) }},
	{"model", "AUTONOMA_MODEL", "model", "model for all tiers, as in anthropic/<name>, openai/<name>, ollama/<name> or script:<file>",
		func(c *config, v string) error { c.Model = v; return nil }, func(c *config) string { return c.Model }},
	{"sandbox", "AUTONOMA_SANDBOX", "sandbox", "how commands are confined: " + strings.Join(sandbox.Choices(), ", "),
		setSandbox, func(c *config) string { return c.Sandbox }},
	{"minLevel", "AUTONOMA_MIN_LEVEL", "min-level", "how strongly commands have to be confined at least: gvisor, namespaces, bubblewrap, container, landlock or none, strongest first",
		setMinLevel, func(c *config) string { return string(c.MinLevel) }},
	{"slots", "AUTONOMA_SLOTS", "slots", "how many agents work at once",
		setSlots, func(c *config) string { return strconv.Itoa(c.Slots) }},
	{"acmfStart", "AUTONOMA_ACMF_START", "acmf-start", "mode that agents begin in: OBSERVE, LEARNING, ASSISTED or AUTONOMOUS",
		setStart, func(c *config) string { return string(c.StartMode) }},
	{"approvalTime", "AUTONOMA_APPROVAL_TIME", "approval-time", "how long people have to answer questions, as in 8h",
		setApprovalTime, func(c *config) string { return c.ApprovalTime.String() }},
	{"agents", "AUTONOMA_AGENTS", "agents", "directory of agents (*.md) that add to the built-in ones or replace them",
		setPath(func(c *config) *string { return &c.Agents }), func(c *config) string { return c.Agents }},
	{"flows", "AUTONOMA_FLOWS", "flows", "directory of flows (*.yaml) that replace the built-in ones",
		setPath(func(c *config) *string { return &c.Flows }), func(c *config) string { return c.Flows }},
	{"gates", "AUTONOMA_GATES", "gates", "file that changes which gates are measured, which block, and at which thresholds",
		setPath(func(c *config) *string { return &c.Gates }), func(c *config) string { return c.Gates }},
	{"limits", "AUTONOMA_LIMITS", "limits", "file that changes what commands may use, by scope",
		setLimits, showLimitsFrom},
	{"push", "AUTONOMA_PUSH", "push", "push results to sources that are URLs",
		func(c *config, v string) (err error) { c.Push, err = strconv.ParseBool(v); return err }, func(c *config) string { return strconv.FormatBool(c.Push) }},
	{"knowledge", "AUTONOMA_KNOWLEDGE", "knowledge", "whether agents are told what is remembered of a repository, and add to it: on or off",
		setOnOff(func(c *config) *bool { return &c.Knowledge }), func(c *config) string { return onOff(c.Knowledge) }},
	{"callbackAllow", "AUTONOMA_CALLBACK_ALLOW", "callback-allow", "networks that webhooks may lead to although they are not public, as in 127.0.0.0/8,10.1.0.0/16",
		setNetworks(func(c *config) *[]netip.Prefix { return &c.CallbackAllow }), func(c *config) string { return joined(c.CallbackAllow) }},
	{"network", "AUTONOMA_NETWORK", "network", "what agents' commands may reach: off, registries, or a list as in npm,python,docs.example.com,*.example.org:8443",
		setHosts(func(c *config) *string { return &c.Network }), func(c *config) string { return c.Network }},
	{"setupNetwork", "AUTONOMA_SETUP_NETWORK", "setup-network", "what installing dependencies may reach besides the registries of the project's languages, as in github,packages.example.com",
		setHosts(func(c *config) *string { return &c.SetupNetwork }), func(c *config) string { return c.SetupNetwork }},
	{"privateHosts", "AUTONOMA_PRIVATE_HOSTS", "private-hosts", "hosts that commands may reach, where they may, although their addresses are not public, as in registry.example.com,*.internal",
		setHosts(func(c *config) *string { return &c.PrivateHosts }), func(c *config) string { return c.PrivateHosts }},
	{"sourceAllow", "AUTONOMA_SOURCE_ALLOW", "source-allow", "networks that sources may be fetched from although they are not public, as in 10.1.0.0/16",
		setNetworks(func(c *config) *[]netip.Prefix { return &c.SourceAllow }), func(c *config) string { return joined(c.SourceAllow) }},
	{"sourceUrls", "AUTONOMA_SOURCE_URLS", "source-urls", "which URLs may be worked on: any, or those that are named under sources and forges",
		setBreadth, func(c *config) string { return string(c.SourceURLs) }},
	{"ownAccess", "AUTONOMA_OWN_ACCESS", "own-access", "whether tasks of the tenant admin reach what you reach: your ssh keys and agent, and hosts that are not public: on or off",
		setOnOff(func(c *config) *bool { return &c.OwnAccess }), func(c *config) string { return onOff(c.OwnAccess) }},
	{"logLevel", "AUTONOMA_LOG_LEVEL", "log-level", "debug, info, warn or error",
		func(c *config, v string) error { return c.LogLevel.UnmarshalText([]byte(v)) }, func(c *config) string { return c.LogLevel.String() }},
}

func setApprovalTime(c *config, v string) (err error) {
	c.ApprovalTime, err = time.ParseDuration(v)
	if err == nil && (c.ApprovalTime < time.Minute || c.ApprovalTime > 365*24*time.Hour) {
		err = errors.New("must be between 1m and 8760h")
	}
	return err
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

func setNetworks(field func(*config) *[]netip.Prefix) func(*config, string) error {
	return func(c *config, v string) error {
		all := field(c)
		*all = nil
		for text := range strings.SplitSeq(v, ",") {
			if text = strings.TrimSpace(text); text == "" {
				continue
			}
			network, err := netip.ParsePrefix(text)
			if err != nil {
				return fmt.Errorf("%q is not a network as in 10.1.0.0/16", text)
			}
			*all = append(*all, network.Masked())
		}
		return nil
	}
}

func setBreadth(c *config, v string) error {
	if !slices.Contains(remote.Breadths, remote.Breadth(v)) {
		return fmt.Errorf("must be one of %v", remote.Breadths)
	}
	c.SourceURLs = remote.Breadth(v)
	return nil
}

func joined(networks []netip.Prefix) string {
	texts := make([]string, len(networks))
	for i, n := range networks {
		texts[i] = n.String()
	}
	return strings.Join(texts, ",")
}

// separator is what stands between the entries of a list: paths may hold commas,
// networks hold colons.
func (s setting) separator() string {
	switch s.key {
	case "callbackAllow", "sourceAllow", "network", "setupNetwork", "privateHosts":
		return ","
	}
	return string(os.PathListSeparator)
}

func setSandbox(c *config, v string) error {
	if !slices.Contains(sandbox.Choices(), v) {
		return fmt.Errorf("there is no level %q; choose one of %s", v, strings.Join(sandbox.Choices(), ", "))
	}
	c.Sandbox = v
	return nil
}

func setOnOff(field func(*config) *bool) func(*config, string) error {
	return func(c *config, v string) error {
		if v != "on" && v != "off" {
			return errors.New("must be on or off")
		}
		*field(c) = v == "on"
		return nil
	}
}

func onOff(on bool) string { return map[bool]string{true: "on", false: "off"}[on] }

func setSlots(c *config, v string) (err error) {
	c.Slots, err = strconv.Atoi(v)
	if err != nil || c.Slots < 1 || c.Slots > 1000 {
		return errors.New("must be a number between 1 and 1000")
	}
	return nil
}

func setStart(c *config, v string) error {
	c.StartMode = autonoma.Mode(v)
	if !slices.Contains(autonoma.Modes, c.StartMode) {
		return fmt.Errorf("there is no mode %q; choose one of %v", v, autonoma.Modes)
	}
	return nil
}

// defaults returns the settings of somebody who sets nothing.
func (w world) defaults() *config {
	return &config{
		Listen:    "127.0.0.1:7420",
		Data:      filepath.Join(w.base("XDG_DATA_HOME", ".local/share"), "autonoma"),
		Sandbox:   "auto",
		Slots:     8,
		StartMode: autonoma.StartMode, ApprovalTime: autonoma.ApprovalTime,
		Knowledge: true, SourceURLs: remote.Any, Network: networkOff,
		Plans:  autonoma.DefaultPlans(),
		Redact: redact.New(),
		home:   w.Getenv("HOME"),
		origin: map[string]string{},
	}
}

// base returns a base directory of the user.
func (w world) base(env, otherwise string) string {
	if dir := w.Getenv(env); filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(w.Getenv("HOME"), otherwise)
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
