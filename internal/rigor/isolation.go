package rigor

import (
	"autonoma"
	"autonoma/internal/sandbox"
)

// Isolation returns how the commands of executions are confined, and what has shown it.
func (e *Engine) Isolation() autonoma.Isolation {
	how := autonoma.Isolation{Level: string(e.Box.Level())}
	if e.Proof.Level != e.Box.Level() {
		return how // nobody has said what was tried
	}
	for _, c := range e.Proof.Checks {
		if c.OK {
			how.ProvenBy = append(how.ProvenBy, c.Name)
		} else {
			how.NotProven = append(how.NotProven, c.Name)
		}
	}
	return how
}

// Weaker returns the weaker of two isolations: an execution may have been begun at one
// and gone on at the other.
func Weaker(a, b autonoma.Isolation) autonoma.Isolation {
	same := a.Level == b.Level
	switch {
	case same && len(b.NotProven) < len(a.NotProven), !same && sandbox.Level(b.Level).AtLeast(sandbox.Level(a.Level)):
		return a
	}
	return b
}
