package project

import (
	"fmt"
	"strings"
)

// Markdown returns what a model is told about the project before it looks
// itself: languages, commands, notes and documents, in at most budget bytes. Texts
// of the checkout stand in fences that they cannot close. What does not fit is
// left out from the end and said to be.
func (p Project) Markdown(budget int) string {
	const left = "\n(cut here)\n"
	var b strings.Builder
	p.writeSummary(&b)
	for _, d := range append(p.Docs[:len(p.Docs):len(p.Docs)], p.CI...) {
		fence := fenceFor(d.Text)
		fmt.Fprintf(&b, "\n## %s\n\n%s\n%s\n%s\n", printable(d.Path), fence, strings.TrimRight(d.Text, "\n"), fence)
	}
	if s := b.String(); len(s) <= budget {
		return s
	}
	if budget < len(left) {
		return ""
	}
	return p.shortened(budget-len(left)) + left
}

// shortened leaves out whole documents, so that no fence stays open.
func (p Project) shortened(budget int) string {
	var b strings.Builder
	p.writeSummary(&b)
	if b.Len() > budget {
		return wholeLines(b.String(), budget)
	}
	for _, d := range append(p.Docs[:len(p.Docs):len(p.Docs)], p.CI...) {
		fence := fenceFor(d.Text)
		head := fmt.Sprintf("\n## %s\n\n%s\n", printable(d.Path), fence)
		room := budget - b.Len() - len(head) - len(fence) - 1
		text := wholeLines(strings.TrimRight(d.Text, "\n")+"\n", room)
		if room <= 0 || text == "" {
			break
		}
		b.WriteString(head + text + fence + "\n")
	}
	return b.String()
}

func (p Project) writeSummary(b *strings.Builder) {
	fmt.Fprintf(b, "## Project\n\n%d files, %d bytes", p.Files, p.Bytes)
	for i, l := range p.Languages {
		if i == 8 {
			break
		}
		fmt.Fprintf(b, "; %s: %d lines in %d files", l.Name, l.Lines, l.Files)
	}
	b.WriteString("\n\n## Commands\n\n")
	none := true
	for _, kind := range []struct {
		name     string
		commands []Command
	}{
		{"set-up", p.Commands.Setup}, {"build", p.Commands.Build}, {"test", p.Commands.Test}, {"lint", p.Commands.Lint}, {"format", p.Commands.Format},
	} {
		for _, c := range kind.commands {
			none = false
			fmt.Fprintf(b, "- %s: `%s`", kind.name, c.Run)
			if c.Dir != "." {
				fmt.Fprintf(b, " in %s", printable(c.Dir))
			}
			if c.Fix != "" {
				fmt.Fprintf(b, ", repaired by `%s`", c.Fix)
			}
			fmt.Fprintf(b, " (from %s)\n", printable(c.From))
		}
	}
	if none {
		b.WriteString("None were found.\n")
	}
	for i, n := range p.Notes {
		if i == 0 {
			b.WriteString("\n## Notes\n\n")
		}
		fmt.Fprintf(b, "- %s\n", oneLine(n, 400))
	}
}

// fenceFor returns a code fence longer than any run of its character in text.
func fenceFor(text string) string {
	longest, run := 2, 0
	for _, c := range text {
		if c != '~' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return strings.Repeat("~", longest+1)
}
