package evidence

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"time"

	"autonoma"
)

const (
	statementType = "https://in-toto.io/Statement/v1"
	// PredicateType names the form of a [Record].
	PredicateType = "https://autonoma.invalid/evidence/v1"
)

// A Record is what the platform found out about the commit that a run delivers.
type Record struct {
	Run    autonoma.RunID              `json:"run"`
	Source string                      `json:"source"`           // of the run, without credentials; empty: there was none
	Branch string                      `json:"branch,omitempty"` // that was wanted; empty: only a patch
	Base   State                       `json:"base"`
	Head   State                       `json:"head"`
	Status autonoma.VerificationStatus `json:"status"`

	ChosenBy  Chooser           `json:"chosenBy,omitempty"` // of the commands
	Setup     []string          `json:"setup,omitempty"`    // the request's; otherwise those of the base, which are detected
	Commands  []Command         `json:"commands"`
	Tools     map[string]string `json:"tools,omitempty"`     // versions, by name
	Isolation string            `json:"isolation,omitempty"` // the level of the commands on the head
	ProvenBy  []string          `json:"provenBy,omitempty"`  // what was tried before the level was used, and held
	NotProven []string          `json:"notProven,omitempty"` // what was tried and did not hold
	OS        string            `json:"os"`
	Arch      string            `json:"arch"`
	Server    string            `json:"server"` // its version
	Gates     []autonoma.Gate   `json:"gates"`

	// Executions are those whose work the result is, and how each of them was confined.
	Executions []Execution `json:"executions,omitempty"`

	StartedAt time.Time `json:"startedAt,omitzero"` // of the commands on the head
	EndedAt   time.Time `json:"endedAt,omitzero"`
}

// An Execution is one agent's work, and the weakest isolation that it was done at.
type Execution struct {
	ID        autonoma.ExecutionID `json:"execution"`
	Agent     autonoma.AgentID     `json:"agent"`
	Isolation autonoma.Isolation   `json:"isolation"`
}

// A State is a state of a repository.
type State struct {
	Commit string `json:"commit"`
	Tree   string `json:"tree"`
}

// A Chooser is who said which commands verify a result.
type Chooser string

// Those who choose.
const (
	ByRequest Chooser = "request"
	ByBase    Chooser = "base"   // detected on the commit the run began at
	ByChange  Chooser = "change" // detected on the result, as the base has none
)

// A Command is what came of a command on both commits.
type Command struct {
	Command string   `json:"command"`
	Base    *Outcome `json:"base"` // null: it was not run there
	Head    Outcome  `json:"head"`
}

// An Outcome is what came of a command.
type Outcome struct {
	ExitCode   int             `json:"exitCode"`
	Ended      string          `json:"ended,omitempty"`     // by what, if not by itself
	Isolation  string          `json:"isolation,omitempty"` // the level it ran at
	DurationMS int64           `json:"durationMs"`
	Output     Printed         `json:"output"`
	Tests      *autonoma.Tests `json:"tests"` // null: its runner did not tell
}

// OK reports whether the command passed.
func (o Outcome) OK() bool { return o.ExitCode == 0 && o.Ended == "" }

// Printed is what a command printed, all of it.
type Printed struct {
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

// OutcomeOf is what came of a command that was checked.
func OutcomeOf(c autonoma.Checked) Outcome {
	return Outcome{
		ExitCode: c.ExitCode, Ended: c.Ended, Isolation: c.Isolation, DurationMS: c.DurationMS,
		Output: Printed{SHA256: c.Digest, Bytes: c.Bytes}, Tests: c.Tests,
	}
}

// Redact returns a source without what may be a secret in it.
func Redact(source string) string {
	u, err := url.Parse(source)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return source // a path, or host:path, which has room for none
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// A statement binds a record to what it is about.
type statement struct {
	Type          string    `json:"_type"`
	Subject       []subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     Record    `json:"predicate"`
}

type subject struct {
	Name   string  `json:"name"`
	Digest digests `json:"digest"`
}

type digests struct {
	GitCommit string `json:"gitCommit"`
	GitTree   string `json:"gitTree"`
}

// Sign writes a record down in an envelope.
func Sign(key ed25519.PrivateKey, r Record) ([]byte, error) {
	if r.Commands == nil {
		r.Commands = []Command{}
	}
	if r.Gates == nil {
		r.Gates = []autonoma.Gate{}
	}
	payload, err := json.Marshal(statement{
		Type: statementType, PredicateType: PredicateType, Predicate: r,
		Subject: []subject{{Name: string(r.Run), Digest: digests{GitCommit: r.Head.Commit, GitTree: r.Head.Tree}}},
	})
	if err != nil {
		return nil, fmt.Errorf("sign evidence: %w", err)
	}
	return seal(key, payload)
}

// Signed is a record and the key that signed it.
type Signed struct {
	Record
	KeyID string
}

// Open returns the record in an envelope, if one of the keys has signed it and it is
// one of ours; otherwise an [ErrRefused].
func Open(sealed []byte, keys []ed25519.PublicKey) (Signed, error) {
	payload, id, err := unseal(sealed, keys)
	if err != nil {
		return Signed{}, err
	}
	var s statement
	if err := strict(payload, &s); err != nil {
		return Signed{}, refused("what was signed is no statement: %w", err)
	}
	if s.Type != statementType || s.PredicateType != PredicateType {
		return Signed{}, refused("it states something else: %.100q about %.100q", s.PredicateType, s.Type)
	}
	r := s.Predicate
	if len(s.Subject) != 1 || s.Subject[0] != (subject{string(r.Run), digests{r.Head.Commit, r.Head.Tree}}) {
		return Signed{}, refused("its subject is not the commit that its record is about")
	}
	for _, id := range []string{r.Base.Commit, r.Base.Tree, r.Head.Commit, r.Head.Tree} {
		if !objectID.MatchString(id) {
			return Signed{}, refused("%.70q is no identifier of git", id)
		}
	}
	return Signed{r, id}, nil
}

var objectID = regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)
