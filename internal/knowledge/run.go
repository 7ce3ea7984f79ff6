package knowledge

import (
	"fmt"
	"slices"
	"strings"

	"autonoma"
)

// How sure what runs teach is: what a check has shown is surer than what one task that
// went well says of the next, and what a person said is said.
const (
	sureOfSuccess = 0.6
	sureOfFailure = 0.9
	sureOfPerson  = 1
)

// How much of what others wrote goes into a sentence (bytes).
const (
	mostTask   = 120
	mostReason = 280
	mostTests  = 5
)

// silent are the failures that say nothing of the repository or of the work.
var silent = []autonoma.FailureCode{
	autonoma.FailModel, autonoma.FailBudget, autonoma.FailSource, autonoma.FailDelivery, autonoma.FailStepRules, autonoma.FailExpired, autonoma.FailInternal,
}

// OfRun returns what a run that is over teaches, if it teaches something. Touched are
// the files that its result changes.
func OfRun(run autonoma.Run, touched []string) (autonoma.Knowledge, bool) {
	task := quote(run.Request.Task, mostTask)
	k := autonoma.Knowledge{Kind: autonoma.RunOutcome, Type: autonoma.AntiPattern, Confidence: sureOfFailure}
	switch held, known := Held(run); {
	case run.Request.Source == "":
		return k, false // there is no repository that another run would work on
	case run.Error != nil && run.Error.Code == autonoma.FailRejected:
		k = OfRefusal(run, run.Error.Message)
	case known && !held:
		names, why := failing(run.Output.Verification)
		k.Name = name(append([]string{string(autonoma.FailVerification)}, names...)...)
		k.Text = fmt.Sprintf("A result for %s did not pass its checks: %s", task, why)
	case run.Error != nil && !slices.Contains(silent, run.Error.Code):
		k.Name = name(string(run.Error.Code), run.Request.Task)
		k.Text = fmt.Sprintf("Work on %s failed with %s: %s", task, run.Error.Code, quote(run.Error.Message, mostReason))
	case held && len(touched) > 0:
		k.Type, k.Confidence, k.Paths = autonoma.ObservedPattern, sureOfSuccess, touched
		k.Name = name(string(autonoma.Verified), run.Request.Task)
		k.Text = fmt.Sprintf("%s was done and verified; it changed %s.", task, list(touched, mostTests))
	default:
		return k, false
	}
	return fit(of(run, k)), true
}

// OfRefusal returns what it teaches that a person did not want what a run made, for the
// reason that they gave.
func OfRefusal(run autonoma.Run, reason string) autonoma.Knowledge {
	return fit(of(run, autonoma.Knowledge{
		Kind: autonoma.Refusal, Type: autonoma.AntiPattern, Confidence: sureOfPerson,
		Name: name(run.Request.Task, reason),
		Text: fmt.Sprintf("A person rejected what was made for %s: %s", quote(run.Request.Task, mostTask), quote(reason, mostReason)),
	}))
}

// of says where knowledge comes from.
func of(run autonoma.Run, k autonoma.Knowledge) autonoma.Knowledge {
	k.Tenant, k.Source, k.Origin = run.Tenant, run.Request.Source, run.ID
	return k
}

// Held reports whether the result of a run held when it was checked, if that is known.
func Held(run autonoma.Run) (held, known bool) {
	if run.Output == nil {
		return false, false
	}
	switch run.Output.Verification.Status {
	case autonoma.Verified:
		return run.Status == autonoma.Completed, run.Status == autonoma.Completed
	case autonoma.NotVerified:
		return false, true
	case autonoma.NotApplicable:
	}
	return false, false
}

// failing returns the commands and the tests that fail, and a sentence that says so,
// with what they printed at the end.
func failing(v autonoma.Verification) (names []string, why string) {
	var said []string
	for _, c := range v.Commands {
		if c.After != autonoma.Failing {
			continue
		}
		names = append(names, c.Command)
		text := "`" + Plain(c.Command, mostTask) + "` fails"
		if c.Before == autonoma.Failing {
			text += " (as it did before the change)"
		}
		if c.Tests != nil && len(c.Tests.Failing) > 0 {
			names = append(names, c.Tests.Failing...)
			text += ": " + list(c.Tests.Failing, mostTests)
		} else if last := lastLine(c.Output); last != "" {
			text += ": " + quote(last, mostTask)
		}
		said = append(said, text)
	}
	return names, strings.Join(said, "; ") + "."
}

// lastLine returns the last line that says something.
func lastLine(output string) string {
	output = strings.TrimSpace(output)
	return strings.TrimSpace(output[strings.LastIndexByte(output, '\n')+1:])
}

// list names the first few of several things.
func list(all []string, most int) string {
	var some []string
	for _, one := range all[:min(len(all), most)] {
		some = append(some, Plain(one, mostTask))
	}
	if more := len(all) - len(some); more > 0 {
		some = append(some, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(some, ", ")
}

// quote marks words of others as such.
func quote(text string, most int) string {
	return "“" + strings.NewReplacer("“", `"`, "”", `"`).Replace(Plain(text, most)) + "”"
}
