package autonoma

import (
	"cmp"
	"fmt"
	"slices"
)

// Ready returns the steps that may begin, in order: those that nobody has begun,
// that wait for no human, and whose needs are done.
func (r *Run) Ready() []*Step {
	var ready []*Step
	for i := range r.Steps {
		s := &r.Steps[i]
		if s.Status == StepPending && s.Execution == "" && s.Approval == "" && r.done(s.Needs) {
			ready = append(ready, s)
		}
	}
	return ready
}

func (r *Run) done(ids []string) bool {
	for _, id := range ids {
		if s := r.Step(id); s == nil || !s.settled() {
			return false
		}
	}
	return true
}

// settled reports whether nothing is left to do for a step: it is done, or it is a
// candidate, of which not all need to succeed.
func (s *Step) settled() bool { return s.Status.Done() || s.Candidate != "" && s.Status == StepFailed }

// Done reports whether all steps are done, so that nothing is left to begin.
func (r *Run) Done() bool {
	return !slices.ContainsFunc(r.Steps, func(s Step) bool { return !s.settled() })
}

// Questions returns how many steps wait for a human.
func (r *Run) Questions() int {
	if r.Status.Final() {
		return 0
	}
	n := 0
	for _, s := range r.Steps {
		if s.Status == StepPending && s.Execution == "" && s.Approval != "" {
			n++
		}
	}
	return n
}

// Before returns the steps that have to be done before the one of the given name
// may begin.
func (r *Run) Before(id string) map[string]bool {
	before := map[string]bool{}
	for i := len(r.Steps) - 1; i >= 0; i-- { // needs come first
		if s := r.Steps[i]; s.ID == id || before[s.ID] {
			for _, need := range s.Needs {
				before[need] = true
			}
		}
	}
	return before
}

// Lined reports whether of two steps one comes before the other, or they are the
// same. Steps that are not lined up may be under way at the same time, and know
// nothing of each other.
func (r *Run) Lined(a, b string) bool { return a == b || r.Before(a)[b] || r.Before(b)[a] }

// Alone reports whether no other step can be under way at the same time as the
// one of the given name.
func (r *Run) Alone(id string) bool {
	return !slices.ContainsFunc(r.Steps, func(s Step) bool { return !r.Lined(id, s.ID) })
}

// Leaves returns the names of the steps that no other needs, in order.
func (r *Run) Leaves() []string {
	var leaves []string
	for _, s := range r.Steps {
		if !slices.ContainsFunc(r.Steps, func(o Step) bool { return slices.Contains(o.Needs, s.ID) }) {
			leaves = append(leaves, s.ID)
		}
	}
	return leaves
}

// Merge puts in a step that brings together the commits that the needs of a step
// left, and from now on comes between; for a candidate it comes before them all. An
// empty name puts it at the end, after all leaves. The agent works on it if the commits
// do not fit each other.
func (r *Run) Merge(before string, commits []string, agent AgentID) {
	m := Step{
		ID: r.free("merge"), Agent: agent, Needs: r.Leaves(), Merges: commits, Status: StepPending, Round: 1,
		Asks: "Bring together what the steps before left, so that all of it is kept.",
		Pace: Pace{Generate: 20, OptimizePhase: 30, Review: 20},
	}
	at := len(r.Steps)
	if s := r.Step(before); s != nil {
		same := func(o Step) bool { return o.ID == s.ID || o.Candidate != "" && o.Candidate == s.Candidate }
		at = slices.IndexFunc(r.Steps, same)
		m.ID, m.Needs, m.From, m.Round = r.free("merge-"+cmp.Or(s.Candidate, before)), s.Needs, s.From, s.Round
		for i := range r.Steps {
			if same(r.Steps[i]) {
				r.Steps[i].Needs, r.Steps[i].From = []string{m.ID}, ""
			}
		}
	}
	r.Steps = slices.Insert(r.Steps, at, m)
}

// free returns a name that no step has yet.
func (r *Run) free(name string) string {
	id := name
	for n := 2; r.Step(id) != nil; n++ {
		id = fmt.Sprintf("%s-%d", name, n)
	}
	return id
}

// SendBack makes the step named to, and all that follow from it, pending for
// another round, which goes on at the given commit. It returns those of them that
// were begun and not done, as they were.
func (r *Run) SendBack(to, commit string) []Step {
	var dropped []Step
	again := map[string]bool{to: true}
	for i := range r.Steps { // needs come first
		s := &r.Steps[i]
		for _, need := range s.Needs {
			again[s.ID] = again[s.ID] || again[need]
		}
		if !again[s.ID] {
			continue
		}
		if !s.Status.Final() && (s.Execution != "" || s.Approval != "") {
			dropped = append(dropped, *s)
		}
		s.renew()
		s.Round++
		if s.From = ""; s.ID == to {
			s.From = commit
		} else {
			s.Chosen = "" // its candidates try again
		}
	}
	return dropped
}

// Renewed returns the steps of r as they were before any began.
func (r *Run) Renewed() []Step {
	var steps []Step
	stands := map[string][]string{} // for a step that was put in, what it needed
	for _, s := range r.Steps {
		var needs []string
		for _, need := range s.Needs {
			if through, ok := stands[need]; ok {
				needs = append(needs, through...)
				continue
			}
			needs = append(needs, need)
		}
		if len(s.Merges) > 0 {
			stands[s.ID] = needs
			continue
		}
		s.renew()
		s.Needs, s.Round, s.From, s.Chosen, s.Used = needs, 1, "", "", Usage{}
		steps = append(steps, s)
	}
	return steps
}

// Resumed returns the steps of r with only those done that are. Candidates that failed
// are tried again if none was chosen yet.
func (r *Run) Resumed() []Step {
	steps := slices.Clone(r.Steps)
	for i := range steps {
		s := &steps[i]
		s.Used = Usage{} // what the old run used is its own
		if _, decided := r.Chosen(*s); decided && s.Status == StepFailed {
			s.Execution = ""
		} else if !s.Status.Done() {
			s.renew()
		}
	}
	return steps
}

// renew makes a step one that nobody has begun.
func (s *Step) renew() {
	s.Status, s.Phase, s.Progress, s.Tries = StepPending, "", 0, 0
	s.Execution, s.Approval, s.Asked, s.Isolation = "", "", "", ""
}
