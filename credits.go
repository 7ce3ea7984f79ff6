package autonoma

import (
	"math"
	"time"
)

// A History is what is known of a source from before: its commits, as far as they
// were looked at.
type History struct {
	Commits int       `json:"commits"` // at most [MaxHistory]
	Telling int       `json:"telling"` // those among them whose subject says something
	Newest  time.Time `json:"newest,omitzero"`
}

// MaxHistory is how many commits are looked at: with less than a quarter of them, if
// they are new and tell something, the credits are as high as they may be.
const MaxHistory = 1000

// commitWeight is the weight of commits among the sources of credits.
const commitWeight = 0.2

// halfLife is how long it takes until a history counts half.
const halfLife = 90 * 24 * time.Hour

// Credits returns the training credits that the history is worth to agents of a
// capability, which stand for a part of the tasks of a [Promotion]:
//
//	(recordCount / 100) × sourceWeight × capabilityRelevance × qualityMultiplier × dateBonus
func (h History) Credits(c Capability, at time.Time) float64 {
	if h.Commits == 0 {
		return 0
	}
	quality := float64(h.Telling) / float64(h.Commits)
	age := max(0, at.Sub(h.Newest))
	bonus := math.Exp2(-float64(age) / float64(halfLife))
	return float64(h.Commits) / 100 * commitWeight * relevance(c) * quality * bonus
}

// relevance is how much commits tell those who do work of a capability: all, where the
// work is to change code. What else there is to do is not learned from commits.
func relevance(c Capability) float64 {
	if c == Build || c == Evolve {
		return 1
	}
	return 0
}
