package flow

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"autonoma"
)

// A template is text with blanks: {{ input.service }}, {{ steps.plan.output }}, and
// {{ "…" }} for text that has braces itself. There is nothing else: no functions, no
// loops, nothing that could be called.
type template []part

// A part is text, or what a blank mentions.
type part struct{ text, mention string }

const (
	maxBlanks = 50     // in one template
	maxFilled = 48_000 // bytes of all values in it
	maxValue  = 12_000 // bytes of one
)

// mentioned is what a blank may hold beside text in quotes.
var mentioned = regexp.MustCompile(`^(input|steps)(\.[A-Za-z_][A-Za-z0-9_-]*)+$`)

func parseTemplate(text string) (template, error) {
	var t template
	for {
		before, rest, ok := strings.Cut(text, "{{")
		t = append(t, part{text: before})
		if !ok {
			return t, nil
		}
		if len(t) > 2*maxBlanks {
			return nil, fmt.Errorf("has more than %d blanks", maxBlanks)
		}
		p, after, err := parseBlank(rest)
		if err != nil {
			return nil, err
		}
		t, text = append(t, p), after
	}
}

// parseBlank reads what stands between the braces, and the end of them.
func parseBlank(text string) (part, string, error) {
	inner := strings.TrimLeft(text, " ")
	if quoted, err := strconv.QuotedPrefix(inner); err == nil && quoted[0] == '"' {
		if after, ok := strings.CutPrefix(strings.TrimLeft(inner[len(quoted):], " "), "}}"); ok {
			plain, err := strconv.Unquote(quoted)
			return part{text: plain}, after, err
		}
	}
	inner, after, ok := strings.Cut(text, "}}")
	if !ok {
		return part{}, "", errors.New(`has {{ without }}; to ask for braces write {{ "{{" }}`)
	}
	if inner = strings.Trim(inner, " "); !mentioned.MatchString(inner) {
		return part{}, "", fmt.Errorf(`{{ %s }} is no blank; write {{ input.NAME }}, {{ steps.ID.output }} or, to ask for braces, {{ "{{" }}`, brief(inner))
	}
	return part{mention: inner}, after, nil
}

// checkTemplate returns what is wrong with a template, all of it.
func checkTemplate(text string, n names) error {
	t, err := parseTemplate(text)
	if err != nil {
		return err
	}
	var faults []string
	for _, p := range t {
		if p.mention == "" {
			continue
		}
		if err := n.check(p.mention); err != nil {
			faults = append(faults, err.Error())
		}
	}
	if len(faults) > 0 {
		return errors.New(strings.Join(faults, "; "))
	}
	return nil
}

// fill returns the text with values in place of the blanks. They are marked as data
// and cut to what a prompt has room for.
func (t template) fill(given map[string]any, done map[string]Came) string {
	blanks := 0
	for _, p := range t {
		if p.mention != "" {
			blanks++
		}
	}
	var b strings.Builder
	for _, p := range t {
		b.WriteString(p.text)
		if p.mention == "" {
			continue
		}
		text := value(p.mention, given, done)
		if most := min(maxValue, maxFilled/blanks); len(text) > most {
			cut := strings.ToValidUTF8(text[:most], "")
			text = fmt.Sprintf("%s… (%d bytes left out)", cut, len(text)-len(cut))
		}
		if strings.Contains(text, "\n") {
			text = "\n" + strings.TrimRight(text, "\n") + "\n"
		}
		b.WriteString(autonoma.Data(p.mention, text))
	}
	return b.String()
}
