package rigor

import (
	"bytes"
	_ "embed"
	"fmt"

	"go.yaml.in/yaml/v3"

	"autonoma"
	"autonoma/internal/agent"
	"autonoma/internal/gate"
)

//go:embed policy.yaml
var policyText []byte

// A Policy says how thorough executions are. It is data: see policy.yaml.
type Policy struct {
	Scopes map[autonoma.Scope]Rigor                         `yaml:"scopes"`
	Turns  map[autonoma.Intelligence]map[autonoma.Yield]int `yaml:"turns"`
	Tiers  map[autonoma.Intelligence]Tier                   `yaml:"tiers"`
	Prompt Sizes                                            `yaml:"prompt"`
	Memory struct {
		Full int `yaml:"full"`
		Keep int `yaml:"keep"`
	} `yaml:"memory"`
	Patience agent.Patience                  `yaml:"patience"`
	Consent  map[autonoma.Mode]autonoma.Risk `yaml:"consent"`
	Shortage []agent.Rung                    `yaml:"shortage"`
	LastWord int                             `yaml:"lastWord"`
	Limits   Limits                          `yaml:"limits"`
	Gates    gate.Policy                     `yaml:"-"` // in a file of its own
}

// Rigor is how thorough one execution is.
type Rigor struct {
	Explore  bool `yaml:"explore"`
	Checks   bool `yaml:"checks"`
	Repairs  int  `yaml:"repairs"`
	Block    bool `yaml:"block"`
	Risks    bool `yaml:"risks"`
	Simplify bool `yaml:"simplify"`
}

// Tier is what is done for a better change, beside taking a stronger model.
type Tier struct {
	SelfReview int `yaml:"selfReview"`
	Candidates int `yaml:"candidates"`
}

// Sizes are the most bytes that parts of a prompt may have.
type Sizes struct {
	Map      int `yaml:"map"`
	Project  int `yaml:"project"`
	Document int `yaml:"document"`
	Diff     int `yaml:"diff"`
	Output   int `yaml:"output"`
	// Knowledge is what is remembered of the repository.
	Knowledge int `yaml:"knowledge"`
}

// DefaultPolicy returns the built-in policy.
func DefaultPolicy() (Policy, error) {
	var p Policy
	dec := yaml.NewDecoder(bytes.NewReader(policyText))
	dec.KnownFields(true)
	if err := dec.Decode(&p); err != nil {
		return Policy{}, fmt.Errorf("policy: %w", err)
	}
	var err error
	p.Gates, err = gate.Default()
	return p, err
}

// Candidates returns how often the step that begins a change is tried at a tier.
func (p Policy) Candidates(i autonoma.Intelligence) int { return max(1, p.Tiers[i].Candidates) }

// Blocks reports whether a run of the scope fails if its result does not pass its
// checks.
func (p Policy) Blocks(s autonoma.Scope) bool { return p.Scopes[s].Block }

// turns returns how often a model is asked at most in a conversation. To pick is to
// judge.
func (p Policy) turns(i autonoma.Intelligence, y autonoma.Yield) int {
	if y == autonoma.Pick {
		y = autonoma.Judgment
	}
	return p.Turns[i][y]
}
