package autonoma

import (
	"fmt"
	"math"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Knowledge is something that is remembered of a repository, for the agents that work
// on it later. Its text is data: it quotes the repository, models and people.
type Knowledge struct {
	ID     KnowledgeID
	Tenant TenantID
	Source string // as in the request of a run; it holds no password
	Kind   KnowledgeKind
	Name   string // tells it from others of its kind and source: what is found once more takes its place
	Type   ObservationType
	Text   string
	Paths  []string // what it is about
	// Confidence is how sure it is, from 0 to 1.
	Confidence float64
	// Successes and Failures are how often runs that were told it came to a verified
	// result, or to one that does not hold.
	Successes int
	Failures  int
	Uses      int       // how many runs were told it
	Origin    RunID     // that taught it; empty: no run did
	EditedBy  KeyID     // whose words it has; empty: the platform's
	CreatedAt time.Time // when it was found last
	UpdatedAt time.Time
	UsedAt    time.Time // zero: never
}

// A KnowledgeKind says where knowledge comes from.
type KnowledgeKind string

// The kinds of knowledge.
const (
	HotSpot    KnowledgeKind = "hot_spot"   // a file that changes often
	Coupling   KnowledgeKind = "coupling"   // files that change together
	Convention KnowledgeKind = "convention" // how commits are described
	RunOutcome KnowledgeKind = "outcome"    // what a run came to
	Refusal    KnowledgeKind = "rejected"   // what a person did not want
	Note       KnowledgeKind = "note"       // what a person wrote down
)

// KnowledgeKinds are all kinds of knowledge.
var KnowledgeKinds = []KnowledgeKind{HotSpot, Coupling, Convention, RunOutcome, Refusal, Note}

// HistoryKinds are the kinds that a repository's history tells.
var HistoryKinds = []KnowledgeKind{HotSpot, Coupling, Convention}

// An ObservationType says what to make of something that was observed.
type ObservationType string

// The types of observations.
const (
	ObservedPattern ObservationType = "pattern"      // it works, or it is how things are
	AntiPattern     ObservationType = "anti_pattern" // it did not work
	Optimization    ObservationType = "optimization" // it works better
)

// ObservationTypes are all types of observations.
var ObservationTypes = []ObservationType{ObservedPattern, AntiPattern, Optimization}

// Limits of knowledge.
const (
	MaxKnowledge      = 500   // bytes of its text
	MaxKnowledgePaths = 20    // paths that it is about
	MaxKnowledgePath  = 500   // bytes of one
	MaxSource         = 4_096 // bytes of the source it is about
	MaxNotes          = 1_000 // of one tenant
)

// HalfLife is how long it takes for knowledge to count half.
const HalfLife = 90 * 24 * time.Hour

// Relevance returns how much k matters, from 0 to 1: confidence × decay × 0.5 +
// success rate × 0.3 + uses × 0.2, where decay is 0.5^(days/90). So the vendor's
// page on its knowledge graph has it. Of the number of uses it does not say how to
// bring it to 1 at most: here a hundred uses are as many as can be.
func (k *Knowledge) Relevance(now time.Time) float64 {
	age := max(0, now.Sub(k.CreatedAt))
	decay := math.Pow(0.5, float64(age)/float64(HalfLife))
	uses := min(1, float64(k.Uses)/100)
	return k.Confidence*decay*0.5 + k.SuccessRate()*0.3 + uses*0.2
}

// SuccessRate returns the part of the runs that were told k, and of which it is known
// what they came to, that came to a verified result; 0 if there are none.
func (k *Knowledge) SuccessRate() float64 {
	return float64(k.Successes) / float64(max(1, k.Successes+k.Failures))
}

// Normalize trims, fills in what may be left out, and reports everything that is wrong
// with k at once, as [FieldErrors].
func (k *Knowledge) Normalize() error {
	var faults FieldErrors
	k.Text, k.Source = strings.TrimSpace(k.Text), strings.TrimSpace(k.Source)
	if k.Type == "" {
		k.Type = ObservedPattern
	}
	checkPlain(&faults, "source", k.Source, MaxSource)
	if u, err := url.Parse(k.Source); err == nil && u.User != nil && u.Scheme != "ssh" {
		faults.add("source", "must not carry a user name or a password")
	}
	checkPlain(&faults, "text", k.Text, MaxKnowledge)
	if !slices.Contains(ObservationTypes, k.Type) {
		faults.add("type", "must be one of %v", ObservationTypes)
	}
	if !(k.Confidence >= 0 && k.Confidence <= 1) {
		faults.add("confidence", "must be a number from 0 to 1")
	}
	if len(k.Paths) > MaxKnowledgePaths {
		faults.add("paths", "must not be more than %d", MaxKnowledgePaths)
	}
	for i, p := range k.Paths {
		field := fmt.Sprintf("paths[%d]", i)
		checkPlain(&faults, field, p, MaxKnowledgePath)
		if p != "" && (path.Clean(p) != p || path.IsAbs(p) || p == ".." || strings.HasPrefix(p, "../")) {
			faults.add(field, "must be a path within the repository, as in src/main.go")
		}
	}
	return faults.orNil()
}

// checkPlain judges a text that has to be there, in one line.
func checkPlain(faults *FieldErrors, field, text string, most int) {
	switch {
	case text == "":
		faults.add(field, "must not be empty")
	case len(text) > most || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		faults.add(field, "must be at most %d bytes of text in one line", most)
	}
}
