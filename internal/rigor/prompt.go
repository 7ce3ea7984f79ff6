package rigor

import (
	"embed"
	"fmt"
	"regexp"
	"strings"

	"autonoma"
)

//go:embed prompts/*.md
var prompts embed.FS

// text returns a file of prompts.
func text(name string) string {
	b, err := prompts.ReadFile("prompts/" + name + ".md")
	if err != nil {
		panic(err) // a file of the program is missing
	}
	return strings.TrimSpace(string(b))
}

// system returns the instructions of a conversation: who the agent is, what is
// asked of it, and the rules. It is the same for all runs, so that providers can
// keep it in their caches.
func system(a autonoma.Agent, phase autonoma.Phase, asked ...string) string {
	return fmt.Sprintf("You are %s, %s.\nPhase: %s\n\n%s\n\n%s", a.ID, a.Name, phase, strings.Join(asked, "\n\n"), text("rules"))
}

// A brief builds the first message of a conversation from parts.
type brief struct{ b strings.Builder }

// part adds a section in the platform's or the user's own words, if it is not
// empty.
func (p *brief) part(title, body string) {
	if body = strings.TrimSpace(body); body != "" {
		fmt.Fprintf(&p.b, "# %s\n\n%s\n\n", title, body)
	}
}

// data adds a section whose text comes from the repository or from a model: data,
// not instructions.
func (p *brief) data(title, from, body string, most int) {
	if body = strings.TrimSpace(body); body == "" {
		return
	}
	fmt.Fprintf(&p.b, "# %s\n\n%s\n\n", title, autonoma.Data(from, "\n"+clip(body, most)+"\n"))
}

func (p *brief) String() string { return strings.TrimSpace(p.b.String()) }

// clip cuts text to at most n bytes, leaving out its middle.
func clip(text string, n int) string {
	if n <= 0 || len(text) <= n {
		return text
	}
	head, tail := text[:n/2], text[len(text)-n/2:]
	if i := strings.LastIndexByte(head, '\n'); i > 0 {
		head = head[:i]
	}
	if i := strings.IndexByte(tail, '\n'); i >= 0 {
		tail = tail[i+1:]
	}
	return fmt.Sprintf("%s\n… (%d bytes left out) …\n%s", strings.ToValidUTF8(head, ""), len(text)-len(head)-len(tail), strings.ToValidUTF8(tail, ""))
}

// describe renders the results of checks.
func describe(checks []Check, output int) string {
	var b strings.Builder
	for _, c := range checks {
		state := "passed"
		if !c.OK() {
			state = fmt.Sprintf("FAILED (exit code %d)", c.ExitCode)
			if c.Ended != "" {
				state = "FAILED (ended by the sandbox: " + c.Ended + ")"
			}
		}
		fmt.Fprintf(&b, "- `%s`: %s\n", c.Command, state)
		if !c.OK() && output > 0 {
			fmt.Fprintf(&b, "%s\n", clip(c.Output, output))
		}
	}
	return b.String()
}

// subject makes the first line of a commit message of a summary.
func subject(summary, otherwise string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(summary), "\n")
	if i := strings.Index(first, ". "); i > 0 {
		first = first[:i]
	}
	first = strings.TrimRight(strings.TrimSpace(first), ".")
	const most = 72
	switch {
	case first == "":
		return otherwise
	case len(first) <= most:
		return first
	}
	first = strings.ToValidUTF8(first[:most-3], "")
	if i := strings.LastIndexByte(first, ' '); i > most/2 {
		first = first[:i]
	}
	return first + "…"
}

// trailer is a line that git and forges take for more than text.
var trailer = regexp.MustCompile(`(?m)^[ \t]*([A-Za-z][A-Za-z0-9-]*): `)

// body makes the text of a commit message of a summary, which a model wrote: it
// holds no trailers, and no words that tell a forge what to do.
func body(summary string) string {
	const most = 4000
	text := trailer.ReplaceAllString(clip(summary, most), "- $1: ")
	return strings.NewReplacer("[skip ci]", "(skip ci)", "[ci skip]", "(ci skip)").Replace(text)
}
