package autonoma

import (
	"fmt"
	"slices"
)

// Expand returns steps of which the first that is to be tried more than once, as
// many says, is tried by that many candidates: steps beside each other that are asked
// the same. The step itself comes after them and chooses ([Run.Chooses]); all that
// needs it or sends the work back to it is as before. A second such step is left as it
// is: what it would begin from is chosen already.
func Expand(steps []Step, many func(Step) int) []Step {
	at := slices.IndexFunc(steps, func(s Step) bool { return many(s) > 1 })
	if at < 0 {
		return steps
	}
	s := steps[at]
	all := slices.Clone(steps[:at])
	var names []string
	for n := range many(s) {
		c := s
		c.ID, c.Candidate = fmt.Sprintf("%s.%d", s.ID, n+1), s.ID
		c.Delivers, c.Back, c.Needs = "", nil, slices.Clone(s.Needs)
		all, names = append(all, c), append(names, c.ID)
	}
	s.Needs = names
	return append(append(all, s), steps[at+1:]...)
}

// Candidates returns the steps that try what the step of the given name asks for, in
// order; none for most steps.
func (r *Run) Candidates(id string) []*Step {
	var all []*Step
	for i := range r.Steps {
		if r.Steps[i].Candidate == id {
			all = append(all, &r.Steps[i])
		}
	}
	return all
}

// Chooses reports whether the step of the given name is about to choose among its
// candidates. When a review sent the work back to it, it works on by itself.
func (r *Run) Chooses(id string) bool {
	s := r.Step(id)
	return s.From == "" && len(r.Candidates(id)) > 0
}

// Chosen reports whether a step is the candidate that was chosen, and whether that is
// decided.
func (r *Run) Chosen(s Step) (is, decided bool) {
	if s.Candidate == "" {
		return false, false
	}
	chosen := r.Step(s.Candidate).Chosen
	return chosen == s.ID, chosen != ""
}

// Spares reports whether a run goes on although the step of the given name failed: it
// is a candidate, and another of them may still be chosen.
func (r *Run) Spares(id string) bool {
	s := r.Step(id)
	return s.Candidate != "" && slices.ContainsFunc(r.Candidates(s.Candidate), func(c *Step) bool { return c.Status != StepFailed })
}
