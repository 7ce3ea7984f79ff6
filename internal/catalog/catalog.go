// Package catalog reads what agents and flows there are, and plans the steps of
// a run from them.
//
// Agents and flows are data: Markdown and YAML files that are built in, and that
// an operator's directory may add to or replace, file by file. The catalog checks
// them all when it is opened, so a run never meets a flow that names an agent
// which is not there.
package catalog

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"autonoma"
)

// A Catalog is a set of agents and flows that fit each other.
type Catalog struct {
	agents  map[autonoma.AgentID]autonoma.Agent
	aliases map[autonoma.AgentID]autonoma.AgentID
	order   []autonoma.AgentID
	flows   map[autonoma.Capability]autonoma.Flow
}

// taken are the names of the platform's own artifacts. A step's document is an
// artifact with the name of the step.
var taken = []string{"research", "patch", "bundle", "evidence", "sbom"}

// Reserved are the words that no agent may be called, because paths of the API
// use them where an agent's id could stand.
var Reserved = []autonoma.AgentID{"tasks", "list", "orchestrator"}

// Open reads agents (*.md) and flows (*.yaml) from the file systems. A file in a
// later one takes the place of a file with the same name in an earlier one.
// It reports all that is wrong at once.
func Open(agents, flows []fs.FS) (*Catalog, error) {
	c := &Catalog{
		agents:  map[autonoma.AgentID]autonoma.Agent{},
		aliases: map[autonoma.AgentID]autonoma.AgentID{},
		flows:   map[autonoma.Capability]autonoma.Flow{},
	}
	faults := errors.Join(
		each(agents, "*.md", c.readAgent),
		each(flows, "*.yaml", c.readFlow),
	)
	return c, errors.Join(faults, c.check())
}

// each calls read with every file that matches, in the order of their names.
func each(systems []fs.FS, pattern string, read func(name string, text []byte) error) error {
	where := map[string]fs.FS{}
	for _, fsys := range systems {
		names, err := fs.Glob(fsys, pattern)
		if err != nil {
			return err
		}
		for _, name := range names {
			where[name] = fsys
		}
	}
	names := make([]string, 0, len(where))
	for name := range where {
		names = append(names, name)
	}
	slices.Sort(names)
	var faults []error
	for _, name := range names {
		text, err := fs.ReadFile(where[name], name)
		if err == nil {
			err = read(strings.TrimSuffix(name, path.Ext(name)), text)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(faults...)
}

// front is the front matter of an agent's file.
type front struct {
	Name        string              `yaml:"name"`
	Description string              `yaml:"description"`
	Capability  autonoma.Capability `yaml:"capability"`
	Aliases     []autonoma.AgentID  `yaml:"aliases"`
	Internal    bool                `yaml:"internal"`
	Yields      autonoma.Yield      `yaml:"yields"`
	Reports     []autonoma.Report   `yaml:"reports"`
	Tools       []string            `yaml:"tools"`
	Order       int                 `yaml:"order"`
}

func (c *Catalog) readAgent(name string, text []byte) error {
	head, body, ok := bytes.Cut(bytes.TrimPrefix(text, []byte("---\n")), []byte("\n---\n"))
	if !ok || !bytes.HasPrefix(text, []byte("---\n")) {
		return errors.New("must begin with front matter between two lines of ---")
	}
	var f front
	if err := strict(head, &f); err != nil {
		return err
	}
	a := autonoma.Agent{
		ID: autonoma.AgentID(name), Name: f.Name, Description: f.Description, Capability: f.Capability,
		Aliases: f.Aliases, Internal: f.Internal, Yields: f.Yields, Reports: f.Reports, Tools: f.Tools, Order: f.Order,
		Prompt: strings.TrimSpace(string(body)),
	}
	c.agents[a.ID] = a
	c.order = append(c.order, a.ID)
	return checkAgent(a)
}

// idForm is what fits into a path of the API and into a file's name everywhere.
var idForm = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

func checkAgent(a autonoma.Agent) error {
	var faults []error
	for _, id := range append([]autonoma.AgentID{a.ID}, a.Aliases...) {
		if slices.Contains(Reserved, id) {
			faults = append(faults, fmt.Errorf("no agent may be called %s: the API uses the word", id))
		}
		if !idForm.MatchString(string(id)) {
			faults = append(faults, fmt.Errorf("an agent cannot be called %q: use lower-case letters, digits and single hyphens", id))
		}
	}
	if a.Name == "" || a.Description == "" || a.Prompt == "" {
		faults = append(faults, errors.New("needs a name, a description and a prompt"))
	}
	if !slices.Contains(autonoma.Capabilities, a.Capability) {
		faults = append(faults, errors.New("needs a capability"))
	}
	if a.Yields != autonoma.Document && a.Yields != autonoma.Change && a.Yields != autonoma.Judgment {
		faults = append(faults, errors.New("yields must be document, change or judgment"))
	}
	return errors.Join(append(faults, checkReports(a.Reports, a.Yields))...)
}

func checkReports(all []autonoma.Report, yields autonoma.Yield) error {
	for _, r := range all {
		if !slices.Contains(autonoma.Reports, r) {
			return fmt.Errorf("cannot report %q; there are findings and measurements", r)
		}
		if r == autonoma.Measurements && yields != autonoma.Change {
			return errors.New("measures nothing before and after, as it changes nothing: measurements are for those who yield a change")
		}
	}
	return nil
}

func (c *Catalog) readFlow(name string, text []byte) error {
	var f struct {
		Description string              `yaml:"description"`
		Capability  autonoma.Capability `yaml:"capability"`
		Steps       []autonoma.FlowStep `yaml:"steps"`
	}
	if err := strict(text, &f); err != nil {
		return err
	}
	if !slices.Contains(autonoma.Capabilities, f.Capability) {
		return fmt.Errorf("serves %q, which is no capability", f.Capability)
	}
	if other, taken := c.flows[f.Capability]; taken {
		return fmt.Errorf("serves %s, as %s does", f.Capability, other.Name)
	}
	c.flows[f.Capability] = autonoma.Flow{
		Name: name, Description: f.Description, Capability: f.Capability, Steps: f.Steps,
	}
	return nil
}

// strict decodes YAML and refuses keys that nobody knows.
func strict(text []byte, into any) error {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(into); !errors.Is(err, io.EOF) {
		return err
	}
	return nil // empty: what is missing is named by the checks that follow
}

// check makes sure that everything fits together.
func (c *Catalog) check() error {
	var faults []error
	for _, id := range c.order {
		for _, alias := range c.agents[id].Aliases {
			if other := cmp.Or(c.agents[alias].ID, c.aliases[alias]); other != "" {
				faults = append(faults, fmt.Errorf("alias %s of %s is taken by %s", alias, id, other))
				continue
			}
			c.aliases[alias] = id
		}
	}
	slices.SortStableFunc(c.order, func(a, b autonoma.AgentID) int { return c.agents[a].Order - c.agents[b].Order })
	for _, capability := range autonoma.Capabilities {
		f, ok := c.flows[capability]
		if !ok {
			faults = append(faults, fmt.Errorf("no flow serves %s", capability))
			continue
		}
		if err := c.checkFlow(f); err != nil {
			faults = append(faults, fmt.Errorf("%s.yaml: %w", f.Name, err))
		}
	}
	return errors.Join(faults...)
}

func (c *Catalog) checkFlow(f autonoma.Flow) error {
	var faults []error
	var seen []string
	for _, s := range f.Steps {
		if a, ok := c.agents[s.Agent]; !ok || a.Internal {
			faults = append(faults, fmt.Errorf("step %s: there is no agent %s", s.ID, s.Agent))
		}
		for _, need := range s.Needs {
			if !slices.Contains(seen, need) {
				faults = append(faults, fmt.Errorf("step %s needs %s, which does not come before it", s.ID, need))
			}
		}
		if s.Back != nil && (!slices.Contains(seen, s.Back.To) || s.Back.Rounds < 1) {
			faults = append(faults, fmt.Errorf("step %s sends the work back to %s, which must come before it, at least once", s.ID, s.Back.To))
		}
		if err := checkReports(s.Reports, c.agents[s.Agent].Yields); err != nil {
			faults = append(faults, fmt.Errorf("step %s %w", s.ID, err))
		}
		if Taken(s.ID) {
			faults = append(faults, fmt.Errorf("no step may be called %s: an artifact of every run is", s.ID))
		}
		if s.ID == "" || slices.Contains(seen, s.ID) {
			faults = append(faults, fmt.Errorf("step %q needs an id of its own", s.ID))
		}
		for _, scope := range append([]autonoma.Scope{cmp.Or(s.From, autonoma.Demo)}, s.Only...) {
			if !slices.Contains(autonoma.Scopes, scope) {
				faults = append(faults, fmt.Errorf("step %s: there is no scope %q", s.ID, scope))
			}
		}
		seen = append(seen, s.ID)
	}
	for _, scope := range autonoma.Scopes {
		if !slices.ContainsFunc(f.Steps, func(s autonoma.FlowStep) bool { return s.In(scope) }) {
			faults = append(faults, fmt.Errorf("has no step at scope %s", scope))
		}
	}
	return errors.Join(faults...)
}

// Agent returns the agent with the given id or alias.
func (c *Catalog) Agent(id autonoma.AgentID) (autonoma.Agent, error) {
	if of, ok := c.aliases[id]; ok {
		id = of
	}
	if a, ok := c.agents[id]; ok {
		return a, nil
	}
	return autonoma.Agent{}, fmt.Errorf("agent %s: %w", id, autonoma.ErrNotFound)
}

// Flow returns the flow that serves a capability.
func (c *Catalog) Flow(of autonoma.Capability) autonoma.Flow { return c.flows[of] }

// Taken reports whether no step may have the name, because an artifact of every run
// has it.
func Taken(name string) bool { return slices.Contains(taken, name) }

// Agents returns all agents, in their order.
func (c *Catalog) Agents() []autonoma.Agent {
	all := make([]autonoma.Agent, len(c.order))
	for i, id := range c.order {
		all[i] = c.agents[id]
	}
	return all
}
