package gate

import (
	"context"
	"fmt"
	"strings"

	"autonoma"
	"autonoma/internal/scan"
)

// Where secrets can be beside files.
const (
	said   = "(the message of the commit)"
	called = "(the names of the files)"
)

// secrets counts the secrets in what would leave: new lines of all files, those that
// call themselves binary too, the names of the files, and the words of the commit.
// What they are is not told. What cannot be looked into does not pass.
// Keys that tests are given to work with are told of and not counted.
func secrets(ctx context.Context, f *Facts) (Measured, error) {
	found := secretsIn(said, linesOf(f.Result.Summary))
	c, err := f.changes(ctx)
	if err != nil {
		return Measured{}, err
	}
	for i, file := range c.Files {
		if file.Unread {
			return Measured{}, fmt.Errorf("%w: %s is too large; leave it out", ErrUnreadable, file.Path)
		}
		found = append(found, secretsIn(file.Path, file.Added)...)
		if file.Status != Deleted {
			found = append(found, secretsIn(called, []scan.Line{{Number: i + 1, Text: file.Path}})...)
		}
	}
	real, shown := split(found)
	m, err := counted(places(real, "take it out and read it from the environment or a file that is not part of the repository"),
		"no secret in the change", "secrets in the change")
	if len(shown) > 0 {
		m.Message += "; for tests only, as it seems: " + few(places(shown, ""))
	}
	return m, err
}

// securityScan counts the weaknesses of high risk in new lines; it tells of the others.
func securityScan(ctx context.Context, f *Facts) (Measured, error) {
	c, err := f.changes(ctx)
	if err != nil {
		return Measured{}, err
	}
	var high, other []scan.Finding
	for _, file := range c.Files {
		if file.Binary {
			continue
		}
		for _, w := range scan.Weaknesses(file.Path, file.Added) {
			if w.Risk == autonoma.HighRisk || w.Risk == autonoma.CriticalRisk {
				high = append(high, w)
			} else {
				other = append(other, w)
			}
		}
	}
	m, err := counted(places(high, "mend it"), "no weakness of high risk in new lines", "weaknesses of high risk")
	if len(other) > 0 {
		m.Message += "; of lower risk: " + few(places(other, ""))
	}
	return m, err
}

// split sets apart what is of low risk.
func split(found []scan.Finding) (real, low []scan.Finding) {
	for _, f := range found {
		if f.Risk == autonoma.LowRisk {
			low = append(low, f)
		} else {
			real = append(real, f)
		}
	}
	return real, low
}

func linesOf(text string) []scan.Line {
	var lines []scan.Line
	for line := range strings.Lines(text) {
		lines = append(lines, scan.Line{Number: len(lines) + 1, Text: strings.TrimRight(line, "\r\n")})
	}
	return lines
}

// places says where things were found, and what to do about them if that is given.
func places(found []scan.Finding, do string) []string {
	texts := make([]string, len(found))
	for i, f := range found {
		texts[i] = fmt.Sprintf("%s:%d: %s (%s)", f.Path, f.Line, f.What, f.Rule)
		if do != "" {
			texts[i] += ": " + do
		}
	}
	return texts
}
