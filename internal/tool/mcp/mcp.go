// Package mcp gives agents the tools of MCP servers that the operator names.
//
// A server is somebody else's program. What it says of its tools is bounded and
// checked before a model sees it, what its tools return is data, and what they do
// lies outside of every sandbox and every checkpoint: so a call is made once, and
// when it is cut off nobody knows what came of it. What a server offers is found out
// at the beginning of an execution and kept in its journal ([Offer]), so that a
// conversation has the same tools to its end, whatever becomes of the server.
//
// Connections are made when they are needed and shared by all runs. The package
// offers servers nothing of its own: no files, no model, nobody to ask.
package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"autonoma"
	"autonoma/internal/model"
	"autonoma/internal/tool"
)

// Config is what the servers are and what they need.
type Config struct {
	Servers map[string]Server
	Getenv  func(string) string // where ${NAME} in their settings is looked up
	Log     *slog.Logger
	Version string // of this program, as servers are told
}

// Servers are the servers of an operator. Nil is none at all.
type Servers struct {
	links map[string]*link
	log   *slog.Logger
}

// New returns the servers, none of which is met before it is needed.
func New(cfg Config) *Servers {
	s := &Servers{links: map[string]*link{}, log: cfg.Log}
	for name, server := range cfg.Servers {
		s.links[name] = newLink(name, server, cfg)
	}
	return s
}

// Close ends all connections, and the programs behind them.
func (s *Servers) Close() {
	if s == nil {
		return
	}
	var all sync.WaitGroup
	for _, l := range s.links {
		all.Go(l.close)
	}
	all.Wait()
}

// An Offer is a tool of a server, as it was when an execution began.
type Offer struct {
	Server string         `json:"server"`
	Tool   string         `json:"tool"` // as the server calls it
	Spec   model.ToolSpec `json:"spec"`
}

// A Catalogue is what the servers of an agent offer it.
type Catalogue struct {
	Offers []Offer
	Notes  []string // what the owner of the run should know: servers that are not there, tools that were left out
}

// Bounds of what a conversation is told of tools. Every turn carries all of it, and
// some providers take no more than 128 tools.
const (
	mostTools = 100
	mostBytes = 64 << 10
)

// Offers asks the servers of an agent what they have. A server that does not answer
// is left out. The error is that of ctx.
func (s *Servers) Offers(ctx context.Context, agent autonoma.Agent) (Catalogue, error) {
	mine := s.of(agent)
	lists := make([]listing, len(mine))
	var asked sync.WaitGroup
	for i, l := range mine {
		asked.Go(func() { lists[i] = l.list(ctx) })
	}
	asked.Wait()
	if ctx.Err() != nil {
		return Catalogue{}, context.Cause(ctx)
	}
	var c Catalogue
	room := mostBytes
	for i, l := range mine {
		if err := lists[i].err; err != nil {
			s.log.WarnContext(ctx, "MCP server", "server", l.name, "err", err)
			c.Notes = append(c.Notes, fmt.Sprintf("The MCP server %s is not there, so its tools are not either. The operator finds out why with autonoma doctor.", l.name))
			continue
		}
		c.Notes = append(c.Notes, lists[i].notes...)
		left := 0
		for _, o := range lists[i].offers {
			size := len(o.Spec.Name) + len(o.Spec.Description) + len(o.Spec.Schema)
			if len(c.Offers) == mostTools || size > room {
				left++
				continue
			}
			room -= size
			c.Offers = append(c.Offers, o)
		}
		if left > 0 {
			c.Notes = append(c.Notes, fmt.Sprintf("The MCP server %s has more tools than a model should be told of: %d of %d are left out. The operator chooses with mcp.%s.tools.",
				l.name, left, len(lists[i].offers), l.name))
		}
	}
	return c, nil
}

// of returns the links that serve an agent, in the order of their names.
func (s *Servers) of(agent autonoma.Agent) []*link {
	if s == nil {
		return nil
	}
	var mine []*link
	for _, name := range slices.Sorted(maps.Keys(s.links)) {
		if s.links[name].serves(agent) {
			mine = append(mine, s.links[name])
		}
	}
	return mine
}

// Tools returns the tools that were offered. A call of one that is not there any
// more fails.
func (s *Servers) Tools(offers []Offer) tool.Set {
	var set tool.Set
	for _, o := range offers {
		set = append(set, tool.Foreign(o.Spec, func(ctx context.Context, args json.RawMessage) (string, error) {
			var l *link
			if s != nil {
				l = s.links[o.Server]
			}
			if l == nil {
				return "", fmt.Errorf("the MCP server %s is not configured any more; go on without it", o.Server)
			}
			return l.call(ctx, o.Tool, args)
		}))
	}
	return set
}

// A Report says how a server is.
type Report struct {
	Name    string
	Offers  int
	Notes   []string // what is wrong with its tools
	Problem error    // why it is not there
	Fix     string   // what to do about that
}

// Check meets every server and reports how it is.
func (s *Servers) Check(ctx context.Context) []Report {
	names := slices.Sorted(maps.Keys(s.links))
	reports := make([]Report, len(names))
	var asked sync.WaitGroup
	for i, name := range names {
		asked.Go(func() {
			found := s.links[name].list(ctx)
			reports[i] = Report{Name: name, Offers: len(found.offers), Notes: found.notes, Problem: found.err}
			if found.err != nil {
				reports[i].Fix = s.links[name].fix(found.err)
			}
		})
	}
	asked.Wait()
	return reports
}
