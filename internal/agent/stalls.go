package agent

import (
	"fmt"

	"autonoma"
	"autonoma/internal/model"
)

// Patience is how long an agent may get nowhere before it is told. Twice as long,
// and its work ends. 0 is for ever.
type Patience struct {
	Unchanged int `yaml:"unchanged"` // turns without a change of files, if a change is what it should yield
	Back      int `yaml:"back"`      // returns in a row to files as they were before
}

// A watch notices an agent that gets nowhere. It depends on what is in the journal
// alone, so it comes to the same conclusion after a crash.
type watch struct {
	loops loops
	idle  idle
	swing swing
}

// begin starts anew, after a turn: there is other work to do.
func (w *watch) begin(turn int, p Patience) {
	w.idle = idle{limit: p.Unchanged, since: turn}
	w.swing.limit, w.swing.back = p.Back, 0
}

// note returns the output of a call that was just made, with what the agent
// should be told.
func (w *watch) note(c model.Call, call Call) string {
	return w.loops.note(c, call) + w.idle.note(call) + w.swing.note(call)
}

// count takes a call into account that has been made.
func (w *watch) count(c model.Call, call Call) {
	w.loops.count(c, call)
	w.idle.count(call)
	w.swing.count(call)
}

// hopeless returns a failure if the agent was told and did not change its ways
// by the end of a turn.
func (w *watch) hopeless(turn int) error {
	if err := w.loops.hopeless(); err != nil {
		return err
	}
	if err := w.idle.hopeless(turn); err != nil {
		return err
	}
	return w.swing.hopeless()
}

// idle notices an agent that makes no change.
type idle struct {
	limit int
	since int // the turn of the last change
	told  bool
}

func (i *idle) note(call Call) string {
	if !i.long(call) || i.told {
		return ""
	}
	return fmt.Sprintf("\n(You have changed no file for %d turns. Make the change, or call finish and say what stands in its way.)", call.N-i.since)
}

// long reports whether a call is one too many without a change.
func (i *idle) long(call Call) bool {
	return i.limit > 0 && call.N-i.since >= i.limit && call.Checkpoint.Commit == "" && call.Result == nil
}

func (i *idle) count(call Call) {
	if call.Checkpoint.Commit != "" {
		i.since, i.told = call.N, false
	} else if i.long(call) {
		i.told = true
	}
}

func (i *idle) hopeless(turn int) error {
	if i.limit == 0 || turn-i.since < 2*i.limit {
		return nil
	}
	return &autonoma.Failure{
		Code:    autonoma.FailStall,
		Message: fmt.Sprintf("the agent changed no file for %d turns; say more exactly what is to be changed, or choose a higher tier", turn-i.since),
	}
}

// swing notices edits that go back and forth. A state of the files that was never
// there before is progress, so trying something and taking it back is none of it.
type swing struct {
	limit int
	seen  map[string]bool // trees
	back  int             // how often in a row the files came to one of them
}

func (s *swing) note(call Call) string {
	if s.limit == 0 || !s.seen[call.Checkpoint.Tree] || s.back+1 != s.limit {
		return ""
	}
	return fmt.Sprintf("\n(Your edits go back and forth: %d times in a row the files came to be as they were before. Decide for one way, or call finish and say what stands in the way.)", s.limit)
}

func (s *swing) count(call Call) {
	switch tree := call.Checkpoint.Tree; {
	case tree == "":
	case s.seen[tree]:
		s.back++
	default:
		if s.seen == nil {
			s.seen = map[string]bool{}
		}
		s.seen[tree], s.back = true, 0
	}
}

func (s *swing) hopeless() error {
	if s.limit == 0 || s.back < 2*s.limit {
		return nil
	}
	return &autonoma.Failure{
		Code:    autonoma.FailSwing,
		Message: fmt.Sprintf("the agent's edits went back and forth: %d times in a row the files came to be as they were before", s.back),
	}
}
