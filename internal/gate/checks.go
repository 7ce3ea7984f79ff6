package gate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"autonoma"
)

func passes(c autonoma.Checked) bool { return c.ExitCode == 0 && c.Ended == "" }

// baseHealth is how much of the checks passes before anything is done.
func baseHealth(_ context.Context, f *Facts) (Measured, error) {
	if len(f.Before) == 0 {
		return skipped("there are no checks to run")
	}
	var bad []string
	for _, c := range f.Before {
		if !passes(c) {
			bad = append(bad, fmt.Sprintf("`%s` exits with %d", c.Command, c.ExitCode))
		}
	}
	m := Measured{Score: new(1 - float64(len(bad))/float64(len(f.Before))), Message: fmt.Sprintf("all %d checks pass before any change", len(f.Before))}
	if len(bad) > 0 {
		m.Message = "before any change: " + few(bad)
	}
	return m, nil
}

// builds counts the build commands that fail.
func builds(_ context.Context, f *Facts) (Measured, error) {
	var bad []string
	n := 0
	for _, c := range f.After {
		if !slices.Contains(f.Builds, c.Command) {
			continue
		}
		if n++; !passes(c) {
			bad = append(bad, fmt.Sprintf("`%s` exits with %d", c.Command, c.ExitCode))
		}
	}
	if n == 0 {
		return skipped("no build command was run")
	}
	m, err := counted(bad, fmt.Sprintf("all %d build commands pass", n), "the result does not build")
	m.Mend = nil // it was sent back already, as often as the scope allows
	return m, err
}

// tests counts what fails, and the tests that were run before and are not any more.
func tests(ctx context.Context, f *Facts) (Measured, error) {
	var bad, mend []string
	n := 0
	for _, c := range f.After {
		if slices.Contains(f.Builds, c.Command) {
			continue
		}
		n++
		if !passes(c) {
			bad = append(bad, failed(c, before(f.Before, c.Command)))
			continue
		}
		if n := fewer(before(f.Before, c.Command), c); n > 0 {
			if agreed, err := f.agreed(ctx); agreed || err != nil {
				continue // what cannot be read is another gate's to say
			}
			text := fmt.Sprintf("`%s` runs %d tests fewer than before", c.Command, n)
			bad, mend = append(bad, text), append(mend, text+": put back those that are gone")
		}
	}
	if n == 0 {
		return skipped("no test command was run")
	}
	m, err := counted(bad, fmt.Sprintf("all %d test commands pass", n), "tests fail or are missing")
	m.Mend = mend
	return m, err
}

// fewer returns how many tests a command ran before and does not any more, if its
// runner tells.
func fewer(was *autonoma.Checked, is autonoma.Checked) int {
	if was == nil || was.Tests == nil || is.Tests == nil || was.Tests.Partial || is.Tests.Partial {
		return 0
	}
	return was.Tests.Passed + was.Tests.Failed - is.Tests.Passed - is.Tests.Failed
}

func before(all []autonoma.Checked, command string) *autonoma.Checked {
	for i := range all {
		if all[i].Command == command {
			return &all[i]
		}
	}
	return nil
}

// failed says how a command fails, and whether that is new.
func failed(c autonoma.Checked, was *autonoma.Checked) string {
	text := fmt.Sprintf("`%s` exits with %d", c.Command, c.ExitCode)
	if c.Tests != nil && len(c.Tests.Failing) > 0 {
		text += " (" + few(c.Tests.Failing) + ")"
	}
	switch {
	case was == nil:
		return text
	case passes(*was):
		return text + ", which it did not before the change"
	}
	return text + ", as it did before the change"
}

// lint counts the commands that check style and pass no longer.
func lint(_ context.Context, f *Facts) (Measured, error) {
	var bad []string
	n := 0
	for _, c := range f.Lint.After {
		was := before(f.Lint.Before, c.Command)
		if was == nil || !passes(*was) {
			continue
		}
		if n++; !passes(c) {
			text := fmt.Sprintf("`%s` exits with %d and passed before", c.Command, c.ExitCode)
			if line, _, _ := strings.Cut(strings.TrimSpace(c.Output), "\n"); line != "" {
				text += ": " + clip(line)
			}
			bad = append(bad, text)
		}
	}
	if n == 0 {
		return skipped("no command that checks style passes on the base")
	}
	return counted(bad, fmt.Sprintf("all %d commands that check style pass", n), "style that was right is not any more")
}

// clip cuts a line that a program printed.
func clip(line string) string {
	const most = 200
	if len(line) > most {
		line = strings.ToValidUTF8(line[:most], "") + "…"
	}
	return line
}

// coverage is how much of the code its tests run.
func coverage(_ context.Context, f *Facts) (Measured, error) {
	switch c := f.Coverage; {
	case c.Percent != nil:
		return Measured{Score: c.Percent, Message: fmt.Sprintf("tests cover %.1f %% (`%s`)", *c.Percent, c.Command)}, nil
	case c.Missing != "":
		return skipped("%s", c.Missing)
	}
	return skipped("no tool of the project's language was run")
}

// performance compares how long the same checks take before and after. What is
// within the noise of a machine with other work to do is no difference.
func performance(_ context.Context, f *Facts) (Measured, error) {
	var was, is float64
	for _, c := range f.After {
		if b := before(f.Before, c.Command); b != nil && passes(*b) && passes(c) {
			was, is = was+float64(b.DurationMS)/1000, is+float64(c.DurationMS)/1000
		}
	}
	if was == 0 {
		return skipped("no check passes before and after")
	}
	times := is / was
	if is-was <= f.policy.Noise {
		times = min(times, 1)
	}
	return Measured{Score: &times, Message: fmt.Sprintf("the checks took %.1f s before and %.1f s after", was, is)}, nil
}
