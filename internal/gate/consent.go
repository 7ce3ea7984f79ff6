package gate

import (
	"context"
	"path"
	"regexp"
	"slices"
	"strings"
)

// spoken reports whether the task names a file of tests, or a test in it.
func (f *Facts) spoken(p, test string) bool {
	return strings.Contains(f.Task, path.Base(p)) || test != "" && wholeWord(f.Task, test)
}

// wholeWord reports whether a text holds a word between others.
func wholeWord(text, w string) bool {
	for rest := text; ; {
		i := strings.Index(rest, w)
		if i < 0 {
			return false
		}
		end := i + len(w)
		if (i == 0 || !letter(rest[i-1])) && (end == len(rest) || !letter(rest[end])) {
			return true
		}
		rest = rest[end:]
	}
}

func letter(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= 0x80
}

// removes is how a task asks for something to be no more, or no more as it was.
var removes = regexp.MustCompile(`(?i)\b(?:remov|delet|drop|replac|retir|renam|merg|deprecat|rewrit|get rid|instead of)`)

// defines is a line that defines something.
var defines = regexp.MustCompile(`\b(?:func(?:\s*\([^)]*\))?|def|class|function|fn|struct|enum|interface|trait|type|const|let|var|val|fun)\s+(\w{3,})`)

// obsolete reports whether a test is about something that the task asks to remove: the
// task speaks of removing, and what the test uses is no longer defined.
func (f *Facts) obsolete(t test) bool {
	if !removes.MatchString(f.Task) {
		return false
	}
	return slices.ContainsFunc(f.undefined(), func(name string) bool {
		return slices.ContainsFunc(t.lines(), func(line string) bool { return wholeWord(line, name) })
	})
}

// undefined returns the names that the change defines no longer.
func (f *Facts) undefined() []string {
	var gone []string
	there := map[string]bool{}
	for _, file := range f.changed.Files {
		for _, l := range file.Added {
			for _, m := range defines.FindAllStringSubmatch(l.Text, -1) {
				there[m[1]] = true
			}
		}
		if isTest(file.Old) || !slices.Contains(code, path.Ext(file.Old)) {
			continue
		}
		for _, l := range file.Gone {
			for _, m := range defines.FindAllStringSubmatch(l.Text, -1) {
				gone = append(gone, m[1])
			}
		}
	}
	return slices.DeleteFunc(gone, func(name string) bool { return there[name] })
}

// agreed reports whether some test may be gone: the task names one that was changed,
// or asks for what it is about to be removed.
func (f *Facts) agreed(ctx context.Context) (bool, error) {
	c, err := f.changes(ctx)
	if err != nil || !slices.ContainsFunc(c.Files, mayWeaken) {
		return false, err
	}
	base, _, err := f.both(ctx)
	if err != nil {
		return false, err
	}
	for _, file := range c.Files {
		l, ok := lang(file.Old)
		if file.Status == Added || !ok {
			continue
		}
		for _, t := range l.tests(file.Old, string(content(base, file.Old))) {
			if f.spoken(file.Old, t.name) || f.obsolete(t) {
				return true, nil
			}
		}
	}
	return false, nil
}
