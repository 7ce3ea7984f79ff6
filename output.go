package autonoma

import "time"

// Usage is what was used.
type Usage struct {
	InputTokens  int64   `json:"inputTokens"`
	OutputTokens int64   `json:"outputTokens"`
	CachedTokens int64   `json:"cachedTokens"` // read from the provider's cache, beside InputTokens
	CostUSD      float64 `json:"costUsd"`
	ModelCalls   int64   `json:"modelCalls"`
	ToolCalls    int64   `json:"toolCalls"`
}

// Add adds other to u.
func (u *Usage) Add(other Usage) {
	u.InputTokens += other.InputTokens
	u.OutputTokens += other.OutputTokens
	u.CachedTokens += other.CachedTokens
	u.CostUSD += other.CostUSD
	u.ModelCalls += other.ModelCalls
	u.ToolCalls += other.ToolCalls
}

// Tokens returns all tokens, cached ones included.
func (u Usage) Tokens() int64 { return u.InputTokens + u.OutputTokens + u.CachedTokens }

// AgentsSay begins the part of the summary of an [Output] that agents wrote. What is
// before it is what the platform knows.
const AgentsSay = "The agents say: "

// An Output is what a run delivers.
type Output struct {
	Summary        string        `json:"summary"`
	Branch         *string       `json:"branch"` // null when nothing was changed or only a patch was asked for
	BaseCommit     string        `json:"baseCommit"`
	HeadCommit     string        `json:"headCommit"`
	PullRequestURL *string       `json:"pullRequestUrl"` // null unless one was opened
	FilesChanged   int           `json:"filesChanged"`
	Insertions     int           `json:"insertions"`
	Deletions      int           `json:"deletions"`
	Confidence     float64       `json:"confidence"`
	Verification   Verification  `json:"verification"`
	Gates          []Gate        `json:"gates,omitempty"` // of all steps; of each gate what it came to last
	Findings       []Finding     `json:"findings,omitempty"`
	Measurements   []Measurement `json:"measurements,omitempty"`
}

// A Verification is what the platform itself found out about a commit.
type Verification struct {
	Status    VerificationStatus `json:"status"`
	Commit    string             `json:"commit,omitempty"`
	Isolation string             `json:"isolation,omitempty"` // the sandbox level the commands ran at
	ProvenBy  []string           `json:"provenBy,omitempty"`  // as in [Isolation]
	NotProven []string           `json:"notProven,omitempty"` // as in [Isolation]
	Commands  []Checked          `json:"commands"`
	Tools     map[string]string  `json:"tools,omitempty"` // versions of what the commands had, by name
	StartedAt time.Time          `json:"startedAt,omitzero"`
	EndedAt   time.Time          `json:"endedAt,omitzero"`
}

// A VerificationStatus sums up a verification.
type VerificationStatus string

// The statuses of a verification.
const (
	Verified      VerificationStatus = "verified"       // every command passes on the commit
	NotVerified   VerificationStatus = "failed"         // one does not
	NotApplicable VerificationStatus = "not_applicable" // there is nothing to run, or nothing was changed
)

// Checked is a command that was run on the delivered commit, in a clean
// checkout, and on the commit it is based on.
type Checked struct {
	Command    string `json:"command"`
	ExitCode   int    `json:"exitCode"`
	DurationMS int64  `json:"durationMs"`
	Before     string `json:"before,omitempty"`    // passed or failed, on the base
	After      string `json:"after,omitempty"`     // passed or failed, on the delivered commit
	Ended      string `json:"ended,omitempty"`     // by what, if not by itself
	Isolation  string `json:"isolation,omitempty"` // the sandbox level it ran at
	Output     string `json:"output,omitempty"`    // of one that failed, with its middle left out
	Digest     string `json:"digest,omitempty"`    // sha256, hex, of all that it printed
	Bytes      int64  `json:"bytes,omitempty"`     // how much that is
	Tests      *Tests `json:"tests,omitempty"`     // nil: its runner did not tell
}

// Passed and Failing are the values of [Checked].Before and After.
const (
	Passed  = "passed"
	Failing = "failed"
)

// An Artifact is a named output of a run, kept as a file of its own.
type Artifact struct {
	ID        ArtifactID  `json:"id"`
	Run       RunID       `json:"-"`
	Execution ExecutionID `json:"-"` // whose work it is; empty: the whole run's
	Name      string      `json:"name"`
	Type      string      `json:"type"`
	MediaType string      `json:"-"`
	Path      string      `json:"path"` // suggested file name
	Size      int64       `json:"size"` // bytes
	Digest    string      `json:"-"`    // sha256, hex; names the blob
	CreatedAt time.Time   `json:"-"`
}

// The types of artifacts.
const (
	DocumentArtifact = "document" // Markdown
	PatchArtifact    = "patch"    // from the base to the delivered commit, as git writes it
	BundleArtifact   = "bundle"   // the delivered commits, as git bundles them
	EvidenceArtifact = "evidence" // what was found out about the delivered commit, signed
	SBOMArtifact     = "sbom"     // what the delivered commit depends on, as CycloneDX has it
)
