package autonoma

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Capability is a kind of work. It chooses the flow.
type Capability string

// The seven capabilities.
const (
	Build    Capability = "BUILD"
	Operate  Capability = "OPERATE"
	Secure   Capability = "SECURE"
	Platform Capability = "PLATFORM"
	Evolve   Capability = "EVOLVE"
	Optimize Capability = "OPTIMIZE"
	Govern   Capability = "GOVERN"
)

// Capabilities are all capabilities, in the order in which several of them
// are chained in one run.
var Capabilities = []Capability{Build, Evolve, Optimize, Secure, Govern, Platform, Operate}

// Intelligence is how hard to think.
type Intelligence string

// The tiers of intelligence.
const (
	Core  Intelligence = "core"  // one pass
	Pro   Intelligence = "pro"   // a stronger model, which reviews its own change
	Ultra Intelligence = "ultra" // the strongest, in several tries of which one is chosen
)

// Intelligences are all tiers, weakest first.
var Intelligences = []Intelligence{Core, Pro, Ultra}

// Scope is how much has to be proven before a run is called completed.
type Scope string

// The scopes, least demanding first.
const (
	Demo       Scope = "demo"
	POC        Scope = "poc"
	MVP        Scope = "mvp"
	Product    Scope = "product"
	Production Scope = "production"
)

// Scopes are all scopes, least demanding first.
var Scopes = []Scope{Demo, POC, MVP, Product, Production}

// AtLeast reports whether s demands as much as other or more.
func (s Scope) AtLeast(other Scope) bool {
	return slices.Index(Scopes, s) >= slices.Index(Scopes, other)
}

// Priority orders the queue.
type Priority string

// The priorities.
const (
	Low    Priority = "low"
	Normal Priority = "normal"
	High   Priority = "high"
)

// Priorities are all priorities, most urgent last.
var Priorities = []Priority{Low, Normal, High}

// Delivery is how a result is handed over.
type Delivery string

// The ways of delivery. Patch and bundle are made in any case.
const (
	DeliverBranch      Delivery = "branch"       // branch autonoma/<run> in the source
	DeliverPullRequest Delivery = "pull_request" // likewise, and a pull request for it on the source's forge
	DeliverPatch       Delivery = "patch"        // nothing but the artifacts
)

// Deliveries are all ways of delivery.
var Deliveries = []Delivery{DeliverBranch, DeliverPullRequest, DeliverPatch}

// Limits of a request.
const (
	MaxTask          = 10_000 // characters of a task, after trimming
	MaxCommands      = 20     // set-up or verification commands
	MaxCommand       = 4_000  // bytes of one such command
	MaxMetadata      = 16     // pairs
	MaxMetadataBytes = 1_000  // of a key or a value
)

// A Request is a development task as somebody asked for it.
type Request struct {
	Task         string            `json:"task"`
	Capabilities []Capability      `json:"capabilities"`
	Agent        AgentID           `json:"agent,omitempty"` // who alone is asked, by name; empty: the flows decide
	Intelligence Intelligence      `json:"intelligence"`
	Scope        Scope             `json:"scope"`
	Priority     Priority          `json:"priority"`
	Source       string            `json:"source,omitempty"`  // path or URL; empty: a new repository
	BaseRef      string            `json:"baseRef,omitempty"` // where to begin; empty: the source's HEAD
	Delivery     Delivery          `json:"delivery"`
	Setup        []string          `json:"setup,omitempty"`  // instead of the detected commands
	Verify       []string          `json:"verify,omitempty"` // likewise
	Budget       Budget            `json:"budget,omitzero"`
	Mode         Mode              `json:"acmfMode,omitempty"` // how far agents may go at most; empty: as far as they have earned
	Metadata     map[string]string `json:"metadata,omitempty"`
	CallbackURL  string            `json:"callbackUrl,omitempty"` // told of the end of the run
	Workflow     *WorkflowUse      `json:"workflow,omitempty"`    // what a run of kind workflow carries out
}

// Normalize fills in the defaults, trims, and reports everything that is
// wrong with r at once, as [FieldErrors].
func (r *Request) Normalize() error {
	var faults FieldErrors
	r.Task = strings.TrimSpace(r.Task)
	switch n := utf8.RuneCountInString(r.Task); {
	case n == 0:
		faults.add("task", "must not be empty; say what is to be done")
	case n > MaxTask:
		faults.add("task", "has %d characters; at most %d are allowed", n, MaxTask)
	case !utf8.ValidString(r.Task) || strings.ContainsRune(r.Task, 0):
		faults.add("task", "must be UTF-8 text without NUL")
	}
	if len(r.Capabilities) == 0 {
		faults.add("capabilities", "must name at least one of %s", list(Capabilities))
	}
	for i, c := range r.Capabilities {
		field := fmt.Sprintf("capabilities[%d]", i)
		if oneOf(&faults, field, c, Capabilities) && slices.Contains(r.Capabilities[:i], c) {
			faults.add(field, "repeats %s", c)
		}
	}
	orDefault(&faults, "intelligence", &r.Intelligence, Core, Intelligences)
	orDefault(&faults, "scope", &r.Scope, MVP, Scopes)
	orDefault(&faults, "priority", &r.Priority, Normal, Priorities)
	orDefault(&faults, "delivery", &r.Delivery, DeliverBranch, Deliveries)
	if r.Mode != "" {
		oneOf(&faults, "acmfMode", r.Mode, Modes)
	}
	checkCommands(&faults, "setup", r.Setup)
	checkCommands(&faults, "verify", r.Verify)
	r.Budget.check(&faults)
	checkMetadata(&faults, r.Metadata)
	if r.CallbackURL = strings.TrimSpace(r.CallbackURL); r.CallbackURL != "" {
		checkHookURL(&faults, "callbackUrl", r.CallbackURL)
	}
	return faults.orNil()
}

func checkCommands(faults *FieldErrors, field string, commands []string) {
	if len(commands) > MaxCommands {
		faults.add(field, "has %d commands; at most %d are allowed", len(commands), MaxCommands)
	}
	for i, c := range commands {
		switch {
		case strings.TrimSpace(c) == "":
			faults.add(fmt.Sprintf("%s[%d]", field, i), "must not be empty")
		case len(c) > MaxCommand || strings.ContainsRune(c, 0):
			faults.add(fmt.Sprintf("%s[%d]", field, i), "must be at most %d bytes of text without NUL", MaxCommand)
		}
	}
}

func checkMetadata(faults *FieldErrors, m map[string]string) {
	if len(m) > MaxMetadata {
		faults.add("metadata", "has %d pairs; at most %d are allowed", len(m), MaxMetadata)
	}
	for k, v := range m {
		if k == "" || len(k) > MaxMetadataBytes || len(v) > MaxMetadataBytes {
			faults.add("metadata", "keys must not be empty, and keys and values must not exceed %d bytes", MaxMetadataBytes)
			return
		}
	}
}

// orDefault fills in an empty value, and notes a fault if it is none of those allowed.
func orDefault[T ~string](faults *FieldErrors, field string, v *T, def T, allowed []T) {
	if *v == "" {
		*v = def
	}
	oneOf(faults, field, *v, allowed)
}

// oneOf notes a fault unless v is one of those allowed. It does not repeat
// what it was given: that may be anything.
func oneOf[T ~string](faults *FieldErrors, field string, v T, allowed []T) bool {
	if slices.Contains(allowed, v) {
		return true
	}
	faults.add(field, "must be one of %s", list(allowed))
	return false
}

func list[T ~string](values []T) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return strings.Join(texts, ", ")
}
