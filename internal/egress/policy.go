package egress

import (
	_ "embed"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// A Policy says where the commands of one kind may go.
type Policy struct {
	Name  string // whose it is, for whoever is refused, as in set-up
	How   string // how the operator can allow more
	Hosts []Host
}

// allows reports whether the policy names a host and port.
func (p Policy) allows(host string, port int) bool {
	return slices.ContainsFunc(p.Hosts, func(h Host) bool { return h.port() == port && h.covers(host) })
}

// With returns the policy with further hosts.
func (p Policy) With(hosts ...Host) Policy {
	p.Hosts = slices.Concat(p.Hosts, hosts)
	return p
}

// Names returns the hosts, each once, in order.
func (p Policy) Names() []string {
	var names []string
	for _, h := range p.Hosts {
		names = append(names, h.String())
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// A Host is one host, or with a Name such as *.example.com all below one, at a Port.
type Host struct {
	Name string
	Port int // 0: 443
}

func (h Host) port() int {
	if h.Port == 0 {
		return 443
	}
	return h.Port
}

// covers reports whether a host, in lower case, is meant.
func (h Host) covers(host string) bool {
	if above, ok := strings.CutPrefix(h.Name, "*"); ok {
		return strings.HasSuffix(host, above) && len(host) > len(above)
	}
	return h.Name == host
}

func (h Host) String() string {
	name := h.Name
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	if h.Port != 0 {
		name += ":" + strconv.Itoa(h.Port)
	}
	return name
}

// ParseHost reads a host as operators write it: name, name:port, *.name, or an address.
func ParseHost(text string) (Host, error) {
	wrong := fmt.Errorf("%q is not a host as in example.com, example.com:8443 or *.example.com", text)
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		return Host{Name: a.String()}, nil
	}
	h := Host{Name: canonical(text)}
	if strings.Contains(text, ":") {
		name, port, err := target(strings.TrimPrefix(text, "*."))
		if err != nil {
			return Host{}, wrong
		}
		if h.Name, h.Port = name, port; strings.HasPrefix(text, "*.") {
			h.Name = "*." + name
		}
	}
	name, wild := strings.CutPrefix(h.Name, "*.")
	_, err := netip.ParseAddr(name)
	if !nameOrAddress(name) || wild && err == nil {
		return Host{}, wrong
	}
	return h, nil
}

// A Preset is the hosts of one kind of package registry.
type Preset struct {
	Languages []string `yaml:"languages"` // whose packages it has
	Clients   []string `yaml:"clients"`   // the programs that fetch them
	Named     bool     `yaml:"named"`     // only if it is named: it has what anybody put there, and more than packages
	Hosts     []string `yaml:"hosts"`
}

//go:embed presets.yaml
var presetsFile []byte

// Presets returns all there are, by their names.
var Presets = sync.OnceValue(func() map[string]Preset {
	var all map[string]Preset
	if err := yaml.Unmarshal(presetsFile, &all); err != nil {
		panic("egress: presets.yaml: " + err.Error())
	}
	return all
})

// Registries stands for all presets but those that have to be named.
const Registries = "registries"

// ParseHosts reads a list of hosts, names of presets, and the word registries, with
// commas between.
func ParseHosts(list string) ([]Host, error) {
	var hosts []Host
	for word := range strings.SplitSeq(list, ",") {
		word = strings.TrimSpace(word)
		if word == "" {
			continue
		}
		if word == Registries {
			hosts = append(hosts, presetHosts(func(_ string, p Preset) bool { return !p.Named })...)
			continue
		}
		if _, ok := Presets()[word]; ok {
			hosts = append(hosts, presetHosts(func(name string, _ Preset) bool { return name == word })...)
			continue
		}
		if !strings.ContainsAny(word, ".:") && word != "localhost" {
			return nil, fmt.Errorf("there is no preset %q; choose of registries, %s, or name hosts as in example.com:8443", word, strings.Join(slices.Sorted(maps.Keys(Presets())), ", "))
		}
		h, err := ParseHost(word)
		if err != nil {
			return nil, err
		}
		hosts = append(hosts, h)
	}
	return hosts, nil
}

// For returns the registries of languages, and those that the clients named in
// commands fetch from. Nil languages are those of a project still to be written.
func For(languages, commands []string) []Host {
	words := strings.FieldsFunc(strings.Join(commands, "\n"), func(r rune) bool { return strings.ContainsRune(" \t\n;&|()'\"/`$", r) })
	return presetHosts(func(_ string, p Preset) bool {
		if p.Named {
			return false
		}
		return languages == nil || slices.ContainsFunc(languages, func(l string) bool { return slices.Contains(p.Languages, l) }) ||
			slices.ContainsFunc(words, func(w string) bool { return slices.Contains(p.Clients, w) })
	})
}

// presetHosts returns the hosts of the presets that are chosen, in order.
func presetHosts(chosen func(string, Preset) bool) []Host {
	var hosts []Host
	for _, name := range slices.Sorted(maps.Keys(Presets())) {
		p := Presets()[name]
		if !chosen(name, p) {
			continue
		}
		for _, text := range p.Hosts {
			h, err := ParseHost(text)
			if err != nil {
				panic("egress: presets.yaml: " + err.Error())
			}
			hosts = append(hosts, h)
		}
	}
	return hosts
}
