package autonoma

// An Agent is a specialist: data, not code.
type Agent struct {
	ID          AgentID
	Name        string
	Description string
	Capability  Capability
	Aliases     []AgentID
	Internal    bool     // works for the platform, not for users
	Yields      Yield    // what its work comes to
	Reports     []Report // what it names one by one, besides
	Tools       []string
	Order       int    // where it stands in lists
	Prompt      string // who it is and how it works
}

// A Yield is the kind of thing an agent produces.
type Yield string

// The kinds of yields.
const (
	Document Yield = "document" // text for people and for the agents that follow; it reads but changes nothing
	Change   Yield = "change"   // a change of the repository
	Judgment Yield = "judgment" // a verdict on a change, with reasons; it reads and runs but changes nothing
	Pick     Yield = "pick"     // one of several candidates, with reasons; what judges of the platform come to, and no agent
)

// A Flow is a graph of steps that serves one capability.
type Flow struct {
	Name        string
	Description string
	Capability  Capability
	Steps       []FlowStep
}

// A FlowStep asks something of an agent.
type FlowStep struct {
	ID       string   `yaml:"id"`
	Agent    AgentID  `yaml:"agent"`
	Delivers string   `yaml:"delivers"` // the delivery phase that is complete with it
	Asks     string   `yaml:"asks"`     // what is asked, beyond the task itself
	Reports  []Report `yaml:"reports"`  // what it names one by one; empty: what its agent does
	Needs    []string `yaml:"needs"`    // steps that come first; empty: the one before
	From     Scope    `yaml:"from"`     // the least scope at which it takes part; empty: all
	Only     []Scope  `yaml:"only"`     // the scopes at which it takes part; empty: see From
	Back     *Back    `yaml:"back"`
}

// In reports whether the step takes part at the given scope.
func (s FlowStep) In(scope Scope) bool {
	if len(s.Only) > 0 {
		for _, o := range s.Only {
			if o == scope {
				return true
			}
		}
		return false
	}
	return s.From == "" || scope.AtLeast(s.From)
}
