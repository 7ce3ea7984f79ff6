package mcp

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"autonoma"
)

// A Server is an MCP server as the operator describes it: a program that is started
// and spoken to over its standard input and output, or an address to which HTTP leads.
type Server struct {
	Command []string          `yaml:"command"`
	Env     map[string]Secret `yaml:"env"`
	URL     string            `yaml:"url"`
	Headers map[string]Secret `yaml:"headers"`
	Agents  []string          `yaml:"agents"`  // ids or capabilities of agents, or All
	Tools   []string          `yaml:"tools"`   // which of its tools; empty: all
	Timeout time.Duration     `yaml:"timeout"` // to begin, and for each call; 0: a minute
}

// All stands for all agents.
const All = "all"

// A Secret is a value that may be secret. However it is printed, logged or encoded,
// it comes out as stars.
type Secret string

// Format prints stars, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, "***") }

// MarshalText encodes stars.
func (s Secret) MarshalText() ([]byte, error) { return []byte("***"), nil }

// LogValue logs stars.
func (s Secret) LogValue() slog.Value { return slog.StringValue("***") }

// nameForm keeps the names of tools short and of the letters that providers take.
var nameForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

const (
	longestName = 24
	usualTime   = time.Minute
	mostTime    = time.Hour
)

// Check reports all that is wrong with a server of that name, as far as the
// description shows it.
func (s Server) Check(name string) error {
	var faults []error
	wrong := func(ok bool, key, what string) {
		if !ok {
			faults = append(faults, fmt.Errorf("mcp.%s%s: %s", name, key, what))
		}
	}
	wrong(nameForm.MatchString(name) && len(name) <= longestName, "",
		fmt.Sprintf("a server is named by at most %d lower-case letters, digits and single hyphens", longestName))
	wrong((len(s.Command) > 0) != (s.URL != ""), "", "needs either a command or a url")
	if len(s.Command) > 0 {
		program := s.Command[0]
		wrong(program != "" && (filepath.IsAbs(program) || filepath.Base(program) == program), ".command",
			"begins with the name of a program in PATH, or with its full path")
		wrong(len(s.Headers) == 0, ".headers", "go with a url; a command has env")
	}
	if s.URL != "" {
		u, err := url.Parse(s.URL)
		wrong(err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "", ".url", "must be an http or https address")
		wrong(err != nil || u.User == nil, ".url", "holds a name or password; put them into headers, as Authorization")
		wrong(len(s.Env) == 0, ".env", "goes with a command; a url has headers")
	}
	wrong(len(s.Agents) > 0, ".agents", "name the agents that get its tools, by id or capability, or say all")
	wrong(!slices.Contains(s.Tools, ""), ".tools", "holds an empty name")
	wrong(s.Timeout >= 0 && s.Timeout <= mostTime, ".timeout", fmt.Sprintf("must be between 1s and %v", mostTime))
	return errors.Join(faults...)
}

func (s Server) serves(a autonoma.Agent) bool {
	return slices.ContainsFunc(s.Agents, func(who string) bool {
		return who == All || who == string(a.ID) || who == string(a.Capability) || slices.Contains(a.Aliases, autonoma.AgentID(who))
	})
}

func (s Server) timeout() time.Duration {
	if s.Timeout > 0 {
		return s.Timeout
	}
	return usualTime
}

// Where says in a line what the server is, without what may be secret.
func (s Server) Where() string {
	if s.URL == "" {
		return strings.Join(s.Command, " ")
	}
	where, _, secret := strings.Cut(s.URL, "?")
	if secret {
		where += "?***"
	}
	return where
}

// variable is how a setting speaks of the environment.
var variable = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// reveal returns the values with what the environment has in the place of ${NAME}.
func reveal(values map[string]Secret, getenv func(string) string) (map[string]string, error) {
	open := map[string]string{}
	var missing []error
	for key, value := range values {
		open[key] = variable.ReplaceAllStringFunc(string(value), func(name string) string {
			v := getenv(name[2 : len(name)-1])
			if v == "" {
				missing = append(missing, errUnset{name[2 : len(name)-1]})
			}
			return v
		})
	}
	return open, errors.Join(missing...)
}

// errUnset names a variable that is not set.
type errUnset struct{ name string }

func (e errUnset) Error() string { return "the variable " + e.name + " is not set" }
