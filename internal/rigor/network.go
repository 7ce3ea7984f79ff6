package rigor

import (
	"strings"

	"autonoma"
	"autonoma/internal/egress"
	"autonoma/internal/sandbox"
	"autonoma/internal/tool"
)

// A Network is what the commands of agents may reach. Nil is none at all, which is
// what the prompts speak of. The checks of the platform never have one: what they say
// must not depend on what somebody else serves that day.
type Network struct {
	Proxy  *egress.Proxy
	Policy egress.Policy
	Words  string // what models are told that it is, in short
}

// letOut gives the commands of an agent at a bench their way out, if they have one.
func (x *execution) letOut(b *bench) {
	if x.Network == nil || b == nil {
		return
	}
	b.wayOut = func(c *sandbox.Command) func() {
		way := x.Network.Proxy.Session(x.Network.Policy)
		c.Env, c.Egress = x.Installer.Online(c.Env), way.Serve
		return func() { x.tellEgress(autonoma.EgressAgent, way.Decisions()) }
	}
}

// tellEgress has the log tell what commands wanted to reach, with what they came to.
func (x *execution) tellEgress(by autonoma.EgressBy, all []autonoma.Egress) {
	if x.Journal == nil { // it is a verification that is done again
		return
	}
	for _, e := range all {
		e.By, e.Phase = by, x.now
		x.Journal.Tell(autonoma.EventEgress, e)
	}
}

// What prompts say where there is no network.
const (
	bashOffline  = "There is no network."
	rulesOffline = "no network, no other files"
	agentOffline = "; there is no network"
)

// tools tells a model what its commands can reach.
func (n *Network) tools(set tool.Set) tool.Set {
	if n == nil {
		return set
	}
	for i, t := range set {
		if t.Name == "bash" {
			set[i].Description = strings.Replace(t.Description, bashOffline,
				"The network is a proxy, named by the environment, that reaches nothing but "+n.Words+".", 1)
		}
	}
	return set
}

// rules takes back what instructions say of a world without a network.
func (n *Network) rules(system string) string {
	if n == nil {
		return system
	}
	return strings.NewReplacer(rulesOffline, "no other network than bash tells of, no other files", agentOffline, "").Replace(system)
}
