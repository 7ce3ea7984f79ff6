package autonoma

import (
	"fmt"
	"math"
	"time"
)

// A Kind says through which door a run came in.
type Kind string

// The kinds of runs.
const (
	KindTask Kind = "task"
)

// A Run is one execution of a flow on a source, for a tenant.
type Run struct {
	ID           RunID
	Tenant       TenantID
	Kind         Kind
	Request      Request
	Status       Status
	StatusDetail string
	Steps        []Step
	Progress     int // 0 to 100; never goes back
	Usage        Usage
	Output       *Output  // once completed, and when failed with a result
	Error        *Failure // once failed
	Expected     time.Duration
	CreatedAt    time.Time
	StartedAt    time.Time // zero until then
	CompletedAt  time.Time // zero until then
}

// NewRun returns a queued run of the steps and the event that begins its log.
// Expected is how long like runs took.
func NewRun(tenant TenantID, req Request, steps []Step, expected time.Duration, at time.Time) (Run, Event) {
	r := Run{
		ID: NewTaskID(), Tenant: tenant, Kind: KindTask, Request: req,
		Status: Queued, Steps: steps, Expected: expected, CreatedAt: at,
	}
	return r, NewEvent(EventStatus, "", at, StatusChanged{Status: Queued})
}

// Become moves r to the next status and returns the event that says so. It is
// the only place where the status of a run changes, so the log tells the whole
// story. It returns [ErrConflict] if next may not follow.
func (r *Run) Become(next Status, detail string, why *Failure, at time.Time) (Event, error) {
	if !r.Status.CanBecome(next) {
		return Event{}, fmt.Errorf("the run is %s and cannot become %s: %w", r.Status, next, ErrConflict)
	}
	r.Status, r.StatusDetail, r.Error = next, detail, why
	if next == InProgress && r.StartedAt.IsZero() {
		r.StartedAt = at
	}
	if next.Final() {
		r.CompletedAt = at
	}
	if next == Completed {
		r.Progress = 100
	}
	return NewEvent(EventStatus, "", at, StatusChanged{next, detail, why}), nil
}

// Advance brings the progress up to what the steps say. It never lowers it, and
// leaves the last hundredth to completion.
func (r *Run) Advance() {
	var done, all float64
	for _, s := range r.Steps {
		weight := s.Pace.Total()
		all += weight
		done += weight * float64(s.Progress) / 100
	}
	if all > 0 {
		r.Progress = max(r.Progress, min(99, int(100*done/all)))
	}
}

// EstimatedCompletion returns when r will likely be done: from how long like
// runs took and, the further it has come, from its own pace.
func (r *Run) EstimatedCompletion(now time.Time) time.Time {
	switch {
	case !r.CompletedAt.IsZero():
		return r.CompletedAt
	case r.StartedAt.IsZero():
		return later(r.CreatedAt.Add(r.Expected), now)
	}
	total := r.Expected
	if p := float64(r.Progress) / 100; p >= 0.05 {
		pace := float64(now.Sub(r.StartedAt)) / p
		total = time.Duration(math.Round((1-p)*float64(r.Expected) + p*pace))
	}
	return later(r.StartedAt.Add(total), now)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Step returns the step of the given name, or nil.
func (r *Run) Step(id string) *Step {
	for i := range r.Steps {
		if r.Steps[i].ID == id {
			return &r.Steps[i]
		}
	}
	return nil
}

// Current returns the step that is worked on, or nil.
func (r *Run) Current() *Step {
	for i := range r.Steps {
		if r.Steps[i].Status == StepRunning {
			return &r.Steps[i]
		}
	}
	return nil
}

// CompletedPhases returns the delivery phases that are done, in order.
func (r *Run) CompletedPhases() []string {
	done := []string{}
	for _, s := range r.Steps {
		if s.Status == StepCompleted && s.Delivers != "" {
			done = append(done, s.Delivers)
		}
	}
	return done
}

// A Step is a node of a run's graph: what one agent is asked for.
type Step struct {
	ID        string      `json:"id"`
	Agent     AgentID     `json:"agent"`
	Delivers  string      `json:"delivers,omitempty"` // the delivery phase that is complete with it, as in implementation
	Asks      string      `json:"asks,omitempty"`     // what is asked of the agent, beyond the task
	Needs     []string    `json:"needs,omitempty"`
	Back      *Back       `json:"back,omitempty"` // where a verdict of "changes" sends the work
	Pace      Pace        `json:"pace"`           // what it is expected to take
	Status    StepStatus  `json:"status"`
	Phase     Phase       `json:"phase,omitempty"` // that it is in; empty before and after
	Progress  int         `json:"progress"`        // 0 to 100
	Round     int         `json:"round"`           // from 1
	Execution ExecutionID `json:"execution,omitempty"`
}

// Enter takes into account that a phase of the step began or ended.
func (s *Step) Enter(now PhaseChanged) {
	s.Phase = now.Phase
	var done float64
	for _, p := range Phases {
		if p == now.Phase && now.Status != StepCompleted {
			break
		}
		done += s.Pace[p]
		if p == now.Phase {
			break
		}
	}
	if all := s.Pace.Total(); all > 0 {
		s.Progress = int(100 * done / all)
	}
}

// A Pace is how many seconds each phase takes, from which progress is reckoned.
type Pace map[Phase]float64

// Total returns how many seconds all phases take.
func (p Pace) Total() float64 {
	var all float64
	for _, seconds := range p {
		all += seconds
	}
	return all
}

// Back says where a reviewing step sends the work when it asks for changes.
type Back struct {
	To     string `json:"to" yaml:"to"`
	Rounds int    `json:"rounds" yaml:"rounds"` // how often at most
}

// Ready returns the steps that may begin: pending ones that need nothing that
// is not completed.
func (r *Run) Ready() []*Step {
	var ready []*Step
	for i := range r.Steps {
		if s := &r.Steps[i]; s.Status == StepPending && r.complete(s.Needs) {
			ready = append(ready, s)
		}
	}
	return ready
}

func (r *Run) complete(ids []string) bool {
	for _, id := range ids {
		if s := r.Step(id); s == nil || s.Status != StepCompleted {
			return false
		}
	}
	return true
}

// SendBack makes the step named to, and all that follow from it, pending for
// another round.
func (r *Run) SendBack(to string) {
	again := map[string]bool{to: true}
	for i := range r.Steps { // steps are in an order in which needs come first
		s := &r.Steps[i]
		for _, need := range s.Needs {
			again[s.ID] = again[s.ID] || again[need]
		}
		if again[s.ID] {
			s.Status, s.Phase, s.Progress, s.Execution = StepPending, "", 0, ""
			s.Round++
		}
	}
}

// An Execution is one agent's work on one step, in one round.
type Execution struct {
	ID          ExecutionID
	Run         RunID
	Step        string
	Agent       AgentID
	Round       int
	Status      StepStatus
	Phase       Phase
	Phases      []PhaseTime // those that have begun, in order
	Lease       int64       // grows each time a worker takes the execution over; whoever holds an older one can write nothing
	Base        string
	Result      *Result
	Error       *Failure
	CreatedAt   time.Time
	StartedAt   time.Time
	CompletedAt time.Time
}

// A PhaseTime is when a phase of an execution began and ended.
type PhaseTime struct {
	Phase       Phase     `json:"phase"`
	StartedAt   time.Time `json:"startedAt"`
	CompletedAt time.Time `json:"completedAt,omitzero"`
}

// Enter takes into account that a phase began or ended.
func (e *Execution) Enter(now PhaseChanged, at time.Time) {
	e.Phase = now.Phase
	if n := len(e.Phases); now.Status == StepCompleted && n > 0 {
		e.Phases[n-1].CompletedAt = at
		return
	}
	e.Phases = append(e.Phases, PhaseTime{Phase: now.Phase, StartedAt: at})
}

// A Result is what an execution came to.
type Result struct {
	Summary      string        `json:"summary"`
	Document     string        `json:"document,omitempty"`   // what the next agents read
	Context      string        `json:"context,omitempty"`    // what research found, for agents that follow
	Researched   bool          `json:"researched,omitempty"` // whether it was this execution that found it
	Confidence   float64       `json:"confidence"`           // 0 to 1, by the agent's own word
	Decisions    []string      `json:"decisions,omitempty"`
	Verdict      Verdict       `json:"verdict,omitempty"`
	Base         string        `json:"base"`                   // the commit the run began at
	Commit       string        `json:"commit"`                 // the state of the branch afterwards
	Changed      bool          `json:"changed"`                // whether this execution changed it
	Verification *Verification `json:"verification,omitempty"` // of Commit
	Installed    *Installed    `json:"installed,omitempty"`    // what set-up installed, for the whole run
	Baseline     []Checked     `json:"baseline,omitempty"`     // the checks on the base of the run
}

// Installed names what set-up installed. It is installed once, for the base of the
// run: what agents write must not decide what runs with a network.
type Installed struct {
	Key   string   `json:"key,omitempty"`
	Makes []string `json:"makes,omitempty"` // what it put into the checkout
}

// A Verdict is what a reviewing agent decided.
type Verdict string

// The verdicts.
const (
	Approve Verdict = "approve"
	Changes Verdict = "changes"
)

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

// An Output is what a run delivers.
type Output struct {
	Summary        string       `json:"summary"`
	Branch         *string      `json:"branch"` // null when nothing was changed or only a patch was asked for
	BaseCommit     string       `json:"baseCommit"`
	HeadCommit     string       `json:"headCommit"`
	PullRequestURL *string      `json:"pullRequestUrl"`
	FilesChanged   int          `json:"filesChanged"`
	Insertions     int          `json:"insertions"`
	Deletions      int          `json:"deletions"`
	Confidence     float64      `json:"confidence"`
	Verification   Verification `json:"verification"`
}

// A Verification is what the platform itself found out about a commit.
type Verification struct {
	Status      VerificationStatus `json:"status"`
	Commit      string             `json:"commit,omitempty"`
	Isolation   string             `json:"isolation,omitempty"` // the sandbox level the commands ran at
	Commands    []Checked          `json:"commands"`
	EvidenceURL *string            `json:"evidenceUrl"`
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
	Before     string `json:"before,omitempty"` // passed or failed, on the base
	After      string `json:"after,omitempty"`  // passed or failed, on the delivered commit
	Ended      string `json:"ended,omitempty"`  // by what, if not by itself
	Output     string `json:"output,omitempty"` // of one that failed, with its middle left out
}

// Passed and Failing are the values of [Checked].Before and After.
const (
	Passed  = "passed"
	Failing = "failed"
)

// An Artifact is a named output of a run, kept as a file of its own.
type Artifact struct {
	ID        ArtifactID `json:"id"`
	Run       RunID      `json:"-"`
	Name      string     `json:"name"`
	Type      string     `json:"type"`
	MediaType string     `json:"-"`
	Path      string     `json:"path"` // suggested file name
	Size      int64      `json:"size"` // bytes
	Digest    string     `json:"-"`    // sha256, hex; names the blob
	CreatedAt time.Time  `json:"-"`
}

// The types of artifacts.
const (
	DocumentArtifact = "document" // Markdown
	PatchArtifact    = "patch"    // from the base to the delivered commit, as git writes it
	BundleArtifact   = "bundle"   // the delivered commits, as git bundles them
)
