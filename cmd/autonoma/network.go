package main

import (
	"slices"
	"strings"

	"autonoma/internal/egress"
	"autonoma/internal/rigor"
	"autonoma/internal/setup"
)

// networkOff is the setting by which agents' commands reach nothing.
const networkOff = "off"

// setHosts sets a list of hosts and presets.
func setHosts(field func(*config) *string) func(*config, string) error {
	return func(c *config, v string) error {
		words := strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' })
		if field(c) == &c.Network && (len(words) == 0 || slices.Equal(words, []string{networkOff})) {
			c.Network = networkOff
			return nil
		}
		v = strings.Join(words, ",")
		if _, err := egress.ParseHosts(v); err != nil {
			return err
		}
		*field(c) = v
		return nil
	}
}

// openNetwork tells an installer what it may reach, and returns what agents' commands
// may: nil for nothing.
func (w world) openNetwork(cfg *config, installer *setup.Installer) (*rigor.Network, error) {
	private, err := egress.ParseHosts(cfg.PrivateHosts)
	if err != nil {
		return nil, err
	}
	proxy := &egress.Proxy{Private: private, Upstream: egress.Environment(w.Getenv)}
	installer.Proxy = proxy
	if installer.Allow, err = egress.ParseHosts(cfg.SetupNetwork); err != nil {
		return nil, err
	}
	if cfg.Network == networkOff || cfg.Network == "" {
		return nil, nil //nolint:nilnil // nothing is what they may reach
	}
	hosts, err := egress.ParseHosts(cfg.Network)
	if err != nil {
		return nil, err
	}
	words := strings.Split(cfg.Network, ",")
	if i := slices.Index(words, egress.Registries); i >= 0 {
		words[i] = "package registries"
	}
	return &rigor.Network{Proxy: proxy, Words: strings.Join(words, ", "), Policy: egress.Policy{
		Name:  "agents' commands",
		How:   "The operator can allow more with the setting network, see docs/guide/network.md.",
		Hosts: hosts,
	}}, nil
}

// doctorNetwork says what commands may reach, and which passwords of registries are not
// for set-up. Nothing of it is wrong by itself.
func (w world) doctorNetwork(cfg *config, e *exam) {
	more := ""
	if cfg.SetupNetwork != "" {
		more = "," + cfg.SetupNetwork
	}
	e.say(true, "network of agents' commands: %s; of set-up: %s%s", cfg.Network, egress.Registries, more)
	for _, name := range setup.Withheld(w.Getenv) {
		e.note("the password in %s is not given to set-up; if the registry needs it, see docs/guide/network.md", name)
	}
}
