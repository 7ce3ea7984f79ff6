package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"autonoma"
	"autonoma/internal/catalog"
	"autonoma/internal/tool/mcp"
)

// checkMCP reports what is wrong with the MCP servers that the file at path names.
func (c *config) checkMCP(path string) error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(c.MCP)) {
		s := c.MCP[name]
		if len(s.Command) > 0 {
			s.Command[0] = c.expand(s.Command[0])
		}
		if err := s.Check(name); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", path, err))
		}
	}
	return errors.Join(faults...)
}

// openMCP returns the MCP servers. Agents that they are for must exist: a slip would
// go unnoticed otherwise.
func (w world) openMCP(cfg *config, known *catalog.Catalog, log *slog.Logger) (*mcp.Servers, error) {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(cfg.MCP)) {
		for _, who := range cfg.MCP[name].Agents {
			if who == mcp.All || slices.Contains(autonoma.Capabilities, autonoma.Capability(who)) {
				continue
			}
			if _, err := known.Agent(autonoma.AgentID(who)); err != nil {
				faults = append(faults, fmt.Errorf("mcp.%s.agents: there is no agent or capability %q", name, who))
			}
		}
	}
	servers := mcp.New(mcp.Config{Servers: cfg.MCP, Getenv: w.Getenv, Log: log, Version: version()})
	return servers, errors.Join(faults...)
}

// doctorMCP meets the MCP servers, as a task would.
func (w world) doctorMCP(ctx context.Context, cfg *config, say func(bool, string, ...any)) bool {
	if len(cfg.MCP) == 0 {
		return true
	}
	known, err := openCatalog(cfg)
	if err != nil {
		say(false, "%v", err)
		return false
	}
	servers, err := w.openMCP(cfg, known, slog.New(slog.DiscardHandler))
	if err != nil {
		say(false, "%v", err)
		return false
	}
	defer servers.Close()
	healthy := true
	for _, r := range servers.Check(ctx) {
		if r.Problem != nil {
			healthy = false
			say(false, "MCP server %s: %s; %s", r.Name, printable(r.Problem.Error(), 1000), r.Fix)
			continue
		}
		say(true, "MCP server %s: %d tools, for %s", r.Name, r.Offers, strings.Join(cfg.MCP[r.Name].Agents, ", "))
		for _, note := range r.Notes {
			fmt.Fprintf(w.Stdout, "        %s\n", printable(note, 300))
		}
	}
	return healthy
}

// showMCP shows the MCP servers. Values that may be secret come out as stars.
func showMCP(out io.Writer, cfg *config, file string) {
	for _, name := range slices.Sorted(maps.Keys(cfg.MCP)) {
		s := cfg.MCP[name]
		fmt.Fprintf(out, "mcp.%s\t%s, for %s\t(%s)\n", name, printable(s.Where(), 200), strings.Join(s.Agents, ", "), file)
		for _, values := range []struct {
			key string
			of  map[string]mcp.Secret
		}{{"env", s.Env}, {"headers", s.Headers}} {
			for _, key := range slices.Sorted(maps.Keys(values.of)) {
				fmt.Fprintf(out, "mcp.%s.%s.%s\t%v\t(%s)\n", name, values.key, key, values.of[key], file)
			}
		}
	}
}
