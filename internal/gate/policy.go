package gate

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"autonoma"
)

//go:embed gates.yaml
var builtin []byte

// A Policy says which gates are measured, which block, and at which threshold. It is
// data: see gates.yaml.
type Policy struct {
	Gates      map[autonoma.GateID]Rule `yaml:"gates"`
	Licences   []string                 `yaml:"licences"`
	Protected  []string                 `yaml:"protected"`
	Noise      float64                  `yaml:"noise"`
	Advisories string                   `yaml:"advisories"`
}

// A Rule is what holds for one gate.
type Rule struct {
	Measured  autonoma.Scope `yaml:"measured"`
	Blocks    autonoma.Scope `yaml:"blocks"`
	Withholds bool           `yaml:"withholds"`
	Threshold Thresholds     `yaml:"threshold"`
}

// Thresholds are what a score is held against, by scope.
type Thresholds map[autonoma.Scope]float64

// Never is the scope of gates that block at none.
const Never autonoma.Scope = "never"

func (r Rule) measured(s autonoma.Scope) bool {
	return r.Measured != "" && r.Measured != Never && s.AtLeast(r.Measured)
}

func (r Rule) blocks(s autonoma.Scope) bool { return r.Blocks != Never && s.AtLeast(r.Blocks) }

// Measures reports whether a gate is measured at a scope.
func (p Policy) Measures(id autonoma.GateID, s autonoma.Scope) bool { return p.Gates[id].measured(s) }

// Wants reports whether a gate is measured at a moment of a scope.
func (p Policy) Wants(at Moment, s autonoma.Scope) bool {
	return slices.ContainsFunc(All(), func(g Gate) bool { return g.At&at != 0 && p.Measures(g.ID, s) })
}

// Default returns the built-in policy.
func Default() (Policy, error) {
	p := Policy{Gates: map[autonoma.GateID]Rule{}}
	for _, g := range All() {
		p.Gates[g.ID] = Rule{}
	}
	return p, p.read(builtin)
}

// Open returns the built-in policy with what a file changes of it. Path may be empty.
func Open(path string) (Policy, error) {
	p, err := Default()
	if err != nil || path == "" {
		return p, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Policy{}, err
	}
	if err := p.read(text); err != nil {
		return Policy{}, fmt.Errorf("%s: %w", path, err)
	}
	if p.Advisories == "" {
		return p, nil
	}
	if !filepath.IsAbs(p.Advisories) {
		p.Advisories = filepath.Join(filepath.Dir(path), p.Advisories)
	}
	if info, err := os.Stat(p.Advisories); err != nil || !info.IsDir() {
		return Policy{}, fmt.Errorf("%s: advisories: %s is not a directory; name one that holds advisories, or leave the line out", path, p.Advisories)
	}
	return p, nil
}

// read takes over what a text says. All that is wrong with it is reported at once,
// by line.
func (p *Policy) read(text []byte) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return err
	}
	if len(doc.Content) == 0 {
		return nil // nothing is changed
	}
	var faults []error
	known := map[string]any{"licences": &p.Licences, "protected": &p.Protected, "noise": &p.Noise, "advisories": &p.Advisories}
	pairs(doc.Content[0], &faults, func(key, value *yaml.Node) error {
		if key.Value == "gates" {
			pairs(value, &faults, p.readRule)
			return nil
		}
		into, ok := known[key.Value]
		if !ok {
			return fmt.Errorf("there is no setting %s; there are gates, licences, protected, noise and advisories", key.Value)
		}
		reflect.ValueOf(into).Elem().SetZero() // a list replaces the list
		return decode(value, into)
	})
	if p.Noise < 0 {
		faults = append(faults, errors.New("noise must not be negative"))
	}
	return errors.Join(faults...)
}

// readRule takes over what is said of one gate.
func (p *Policy) readRule(key, value *yaml.Node) error {
	id := autonoma.GateID(key.Value)
	rule, ok := p.Gates[id]
	if !ok {
		return fmt.Errorf("there is no gate %s; the gates are %s", id, strings.Join(ids(), ", "))
	}
	var faults []error
	pairs(value, &faults, func(key, value *yaml.Node) error {
		switch key.Value {
		case "measured":
			return readScope(value, &rule.Measured)
		case "blocks":
			return readScope(value, &rule.Blocks)
		case "withholds":
			return decode(value, &rule.Withholds)
		case "threshold":
			all := Thresholds{}
			for s, v := range rule.Threshold { // the defaults are nobody's to change
				all[s] = v
			}
			rule.Threshold = all
			return readThresholds(value, all)
		}
		return fmt.Errorf("a gate has no %s; it has measured, blocks, withholds and threshold", key.Value)
	})
	p.Gates[id] = rule
	if rule.Withholds && rule.Blocks == Never {
		faults = append(faults, fmt.Errorf("line %d: gate %s withholds and so must block from some scope on", key.Line, id))
	}
	return errors.Join(faults...)
}

func ids() []string {
	var all []string
	for _, g := range All() {
		all = append(all, string(g.ID))
	}
	slices.Sort(all)
	return all
}

func readScope(n *yaml.Node, into *autonoma.Scope) error {
	s := autonoma.Scope(n.Value)
	if s != Never && !slices.Contains(autonoma.Scopes, s) {
		return fmt.Errorf("%q is not a scope; write one of %v, or never", n.Value, autonoma.Scopes)
	}
	*into = s
	return nil
}

// readThresholds reads a number for all scopes, or one for each that is named.
func readThresholds(n *yaml.Node, into Thresholds) error {
	if n.Kind == yaml.ScalarNode {
		var v float64
		err := decode(n, &v)
		for _, s := range autonoma.Scopes {
			into[s] = v
		}
		return err
	}
	var faults []error
	pairs(n, &faults, func(key, value *yaml.Node) error {
		var s autonoma.Scope
		if err := readScope(key, &s); err != nil {
			return err
		}
		var v float64
		err := decode(value, &v)
		into[s] = v
		return err
	})
	return errors.Join(faults...)
}

// pairs calls read for the lines of a mapping. What it reports is noted with its line.
func pairs(n *yaml.Node, faults *[]error, read func(key, value *yaml.Node) error) {
	if n.Kind != yaml.MappingNode {
		*faults = append(*faults, fmt.Errorf("line %d: must be lines of name: value", n.Line))
		return
	}
	seen := map[string]bool{}
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i]
		err := read(key, n.Content[i+1])
		if seen[key.Value] {
			err = fmt.Errorf("%s is there twice", key.Value)
		}
		if seen[key.Value] = true; err == nil {
			continue
		}
		if !strings.HasPrefix(err.Error(), "line ") {
			err = fmt.Errorf("line %d: %w", key.Line, err)
		}
		*faults = append(*faults, err)
	}
}

// decode reads a value whose shape the type says.
func decode(n *yaml.Node, into any) error {
	if err := n.Decode(into); err != nil {
		return fmt.Errorf("line %d: %q does not fit here: it must be %s", n.Line, n.Value, wanted(into))
	}
	return nil
}

func wanted(into any) string {
	switch into.(type) {
	case *float64:
		return "a number"
	case *bool:
		return "true or false"
	case *[]string:
		return "a list of texts"
	}
	return "text"
}
