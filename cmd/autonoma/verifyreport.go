package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"autonoma"
	"autonoma/internal/evidence"
	"autonoma/internal/rigor"
)

// A report prints what is proven, and keeps what is not.
type report struct {
	out    io.Writer
	faults []string
}

func (r *report) line(name, format string, args ...any) {
	fmt.Fprintf(r.out, "%-12s  %s\n", name, printable(fmt.Sprintf(format, args...), 400))
}

// fault prints a line that speaks against the evidence.
func (r *report) fault(name, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.line(name, "%s", text)
	r.faults = append(r.faults, printable(text, 400))
}

// record prints what a record says that was signed.
func (r *report) record(s evidence.Signed) {
	r.line("signature", "good, by the key %s", s.KeyID)
	r.line("task", "%s", s.Run)
	r.line("source", "%s", s.Source)
	r.line("base", "commit %s, tree %s", s.Base.Commit, s.Base.Tree)
	r.line("result", "commit %s, tree %s", s.Head.Commit, s.Head.Tree)
	passed := 0
	for _, c := range s.Commands {
		if c.Head.OK() {
			passed++
		}
	}
	switch {
	case s.Status == autonoma.Verified && passed == len(s.Commands) && passed > 0:
		r.line("status", "verified: %d of %d commands pass, chosen by the %s", passed, len(s.Commands), s.ChosenBy)
	case len(s.Commands) == 0:
		r.fault("status", "the result is not verified: no commands were run (%s)", s.Status)
	default:
		r.fault("status", "the result is not verified: %d of %d commands pass (%s)", passed, len(s.Commands), s.Status)
	}
	for _, command := range s.Setup {
		r.line("  set-up", "`%s`, chosen by the %s", command, evidence.ByRequest)
	}
	for _, c := range s.Commands {
		before := "not run"
		if c.Base != nil {
			before = cameTo(*c.Base) + elsewhere(*c.Base, s.Isolation)
		}
		r.line("  command", "`%s` before: %s, now: %s", c.Command, before, cameTo(c.Head)+elsewhere(c.Head, s.Isolation))
	}
	for _, g := range s.Gates {
		if g.Status == autonoma.GateFailed {
			r.fault("  gate", "%s %s: %s", g.ID, g.Status, g.Message)
			continue
		}
		r.line("  gate", "%s %s: %s", g.ID, g.Status, g.Message)
	}
	unnamed := "not needed, as nothing was run,"
	if len(s.Commands) > 0 {
		unnamed = "not recorded," // by the version that ran them
	}
	r.line("isolation", "%s on %s/%s, autonoma %s", cmp.Or(s.Isolation, unnamed), s.OS, s.Arch, s.Server)
	r.proof(s.ProvenBy, s.NotProven)
	r.work(s.Record)
	for _, name := range slices.Sorted(maps.Keys(s.Tools)) {
		r.line("  tool", "%s: %s", name, s.Tools[name])
	}
}

// proof prints what has shown that a level holds, and what has not.
func (r *report) proof(by, not []string) {
	if len(by) > 0 {
		r.line("  shown by", "%s", strings.Join(by, ", "))
	}
	if len(not) > 0 {
		r.line("  without", "%s", strings.Join(not, ", "))
	}
}

// work prints how the agents' own commands were confined, for each level once.
func (r *report) work(record evidence.Record) {
	var levels []string
	agents, shown := map[string][]string{}, map[string]autonoma.Isolation{}
	for _, e := range record.Executions {
		level := e.Isolation.Level
		if _, ok := shown[level]; !ok {
			levels = append(levels, level)
		}
		shown[level] = e.Isolation
		if !slices.Contains(agents[level], string(e.Agent)) {
			agents[level] = append(agents[level], string(e.Agent))
		}
	}
	for _, level := range levels {
		r.line("worked at", "%s: %s", level, strings.Join(agents[level], ", "))
		if level != record.Isolation {
			r.proof(shown[level].ProvenBy, shown[level].NotProven)
		}
	}
}

// elsewhere says at which level a command ran, if not at the one that the record names.
func elsewhere(o evidence.Outcome, level string) string {
	if o.Isolation == "" || o.Isolation == level {
		return ""
	}
	return ", at the level " + o.Isolation
}

// cameTo says in a few words what a command came to.
func cameTo(o evidence.Outcome) string {
	text := autonoma.Passed
	switch {
	case o.Ended != "":
		text = autonoma.Failing + " (" + o.Ended + ")"
	case o.ExitCode != 0:
		text = fmt.Sprintf("%s (exit code %d)", autonoma.Failing, o.ExitCode)
	}
	if t := o.Tests; t != nil {
		text += fmt.Sprintf(" [tests: %d failed", t.Failed)
		if !t.Partial {
			text += fmt.Sprintf(", %d passed, %d skipped", t.Passed, t.Skipped)
		}
		text += "]"
		for _, name := range t.Failing {
			text += " " + name
		}
	}
	return text
}

// repository compares a record with a repository, where the commit has this tree and
// the branch stands there. It reports whether the commit is as the record says.
func (r *report) repository(dir string, record evidence.Record, tree, branch string) bool {
	switch {
	case tree == "":
		r.fault("repository", "%s does not have the commit %s", dir, record.Head.Commit)
		return false
	case tree != record.Head.Tree:
		r.fault("repository", "the commit has the tree %s in %s, not the one that was verified", tree, dir)
		return false
	}
	r.line("repository", "%s has the commit, with that tree", dir)
	switch {
	case record.Branch == "":
	case branch == "":
		r.line("branch", "%s is not in the repository", record.Branch)
	case branch != record.Head.Commit:
		r.fault("branch", "stale: %s has moved on to %s, which nobody has verified", record.Branch, branch)
	default:
		r.line("branch", "%s is at the commit", record.Branch)
	}
	return true
}

// rerun compares what commands came to with what they come to now.
func (r *report) rerun(record evidence.Record, now rigor.Reran, isolation string) {
	if now.Problem != "" {
		r.line("set-up", "the dependencies could not be installed: %s", now.Problem)
	}
	if now.Base == nil {
		r.line("rerun", "the base is not in the repository, so only the result is run again")
	}
	for i, c := range record.Commands {
		if c.Base != nil && i < len(now.Base) {
			r.compare(c.Command, "base", *c.Base, now.Base[i], isolation)
		}
		r.compare(c.Command, "result", c.Head, now.Head[i], isolation)
	}
}

// compare compares what a command came to twice. How long it took and what it printed,
// which has times in it, may differ.
func (r *report) compare(command, where string, was evidence.Outcome, checked autonoma.Checked, isolation string) {
	is := evidence.OutcomeOf(checked)
	if was.ExitCode == is.ExitCode && was.Ended == is.Ended && sameTests(was.Tests, is.Tests) {
		r.line("rerun", "`%s` on the %s: %s, as before (isolation: %s)", command, where, cameTo(is), isolation)
		return
	}
	r.fault("rerun", "`%s` on the %s: was %s, is %s", command, where, cameTo(was), cameTo(is))
}

// sameTests compares tests. The order in which they fail may differ.
func sameTests(a, b *autonoma.Tests) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, y := *a, *b
	x.Failing, y.Failing = slices.Sorted(slices.Values(x.Failing)), slices.Sorted(slices.Values(y.Failing))
	return reflect.DeepEqual(x, y)
}
