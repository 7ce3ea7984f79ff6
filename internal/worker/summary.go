package worker

import (
	"fmt"
	"strings"
	"unicode"

	"autonoma"
)

// The most that a summary says of checks, and of tests that fail.
const (
	summedChecks = 10
	summedTests  = 3
)

// summary says what came of a run: what the platform knows, and then, marked as
// such, what the agents say.
func (m made) summary(o autonoma.Output) string {
	var b strings.Builder
	switch {
	case m.head == m.base:
		b.WriteString("Nothing was changed.")
	default:
		fmt.Fprintf(&b, "%s changed (+%d −%d), commit %.12s.", count(o.FilesChanged, "file"), o.Insertions, o.Deletions, m.head)
	}
	b.WriteString("\n" + judged(o.Verification))
	before := m.baseline()
	for i, c := range o.Verification.Commands {
		if i == summedChecks {
			fmt.Fprintf(&b, "\n- … and %s more", count(len(o.Verification.Commands)-i, "check"))
			break
		}
		b.WriteString("\n- " + went(c, before))
	}
	if said := m.said(); said != "" {
		b.WriteString("\n\n" + autonoma.AgentsSay + said)
	}
	return b.String()
}

// judged says in a line what a verification came to.
func judged(v autonoma.Verification) string {
	bad := 0
	for _, c := range v.Commands {
		if c.After == autonoma.Failing {
			bad++
		}
	}
	where := " in a clean checkout"
	if v.Isolation != "" {
		where += " (isolation: " + v.Isolation + ")"
	}
	switch v.Status {
	case autonoma.Verified:
		return fmt.Sprintf("Verified: %d of %d checks pass%s.", len(v.Commands), len(v.Commands), where)
	case autonoma.NotVerified:
		return fmt.Sprintf("Not verified: %d of %d checks fail%s.", bad, len(v.Commands), where)
	case autonoma.NotApplicable:
	}
	return "Not verified: no checks were run."
}

// went says in a line how a check went on the base and on the head.
func went(c autonoma.Checked, before []autonoma.Checked) string {
	text := "`" + plain(c.Command, 100) + "`: "
	if c.Before != "" {
		text += c.Before + " → "
	}
	text += c.After
	var tests []string
	for _, b := range before {
		if b.Command == c.Command && b.Tests != nil {
			tests = append(tests, "before: "+tally(b.Tests))
		}
	}
	if c.Tests != nil {
		tests = append(tests, "now: "+tally(c.Tests))
	}
	if len(tests) > 0 {
		text += " (tests " + strings.Join(tests, "; ") + ")"
	}
	if names := naming(c.Tests); names != "" {
		text += "; failing: " + names
	}
	return text
}

// tally says how many tests there were, by outcome.
func tally(t *autonoma.Tests) string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{t.Failed, "failed"}, {t.Skipped, "skipped"}, {t.Passed, "passed"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// naming names the first tests that fail.
func naming(t *autonoma.Tests) string {
	if t == nil || len(t.Failing) == 0 {
		return ""
	}
	names := make([]string, 0, summedTests)
	for _, n := range t.Failing[:min(len(t.Failing), summedTests)] {
		names = append(names, plain(n, 100))
	}
	text := strings.Join(names, ", ")
	if more := max(t.Failed, len(t.Failing)) - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// plain makes a short line of a text that anybody may have written.
func plain(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most-1]) + "…"
	}
	return text
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
