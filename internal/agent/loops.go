package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"autonoma"
	"autonoma/internal/model"
)

// How often the same call may have the same outcome in a row before the model is
// told, and before its work ends.
const (
	repeatsTold  = 3
	repeatsEnded = 6
)

// loops notices an agent that does the same thing again and again. It depends on
// what is in the journal alone, so it comes to the same conclusion after a crash.
type loops struct {
	last  string
	times int
}

// note returns the output of a call that was just made, with a nudge if it was
// made before with the same outcome.
func (l *loops) note(c model.Call, call Call) string {
	if call.Checkpoint.Commit == "" && l.times >= repeatsTold-1 && l.last == identity(c, call) {
		return call.Output + fmt.Sprintf("\n(You made this very call %d times in a row with the same outcome. Do something else, or finish.)", l.times+1)
	}
	return call.Output
}

// count takes a call into account that has been made.
func (l *loops) count(c model.Call, call Call) {
	switch id := identity(c, call); {
	case call.Checkpoint.Commit != "":
		l.last, l.times = "", 0
	case id == l.last:
		l.times++
	default:
		l.last, l.times = id, 1
	}
}

// hopeless returns a failure if the agent does not get out of its loop.
func (l *loops) hopeless() error {
	if l.times < repeatsEnded {
		return nil
	}
	return &autonoma.Failure{
		Code:    autonoma.FailLoop,
		Message: fmt.Sprintf("the agent made the same call %d times in a row with the same outcome", l.times),
	}
}

// identity tells calls with their outcomes apart.
func identity(c model.Call, call Call) string { return c.Name + " " + c.Args + " " + call.Digest }

// digest stands for an output, before anything is added to it.
func digest(output string) string {
	sum := sha256.Sum256([]byte(output))
	return hex.EncodeToString(sum[:4])
}
