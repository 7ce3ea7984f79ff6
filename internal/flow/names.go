package flow

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"

	"autonoma"
)

// Came is what a step came to that is done.
type Came struct {
	Status autonoma.StepStatus
	Result autonoma.Result // zero if it was skipped
}

// outputs are what can be said of a step that is done.
var outputs = map[string]struct {
	is *cel.Type
	of func(Came) any
}{
	"output":       {cel.StringType, func(c Came) any { return cmp.Or(c.Result.Document, c.Result.Summary) }},
	"summary":      {cel.StringType, func(c Came) any { return c.Result.Summary }},
	"document":     {cel.StringType, func(c Came) any { return c.Result.Document }},
	"verdict":      {cel.StringType, func(c Came) any { return string(c.Result.Verdict) }},
	"verification": {cel.StringType, func(c Came) any { return string(verification(c)) }},
	"status":       {cel.StringType, func(c Came) any { return string(c.Status) }},
	"confidence":   {cel.DoubleType, func(c Came) any { return c.Result.Confidence }},
	"changed":      {cel.BoolType, func(c Came) any { return c.Result.Changed }},
}

func verification(c Came) autonoma.VerificationStatus {
	if v := c.Result.Verification; v != nil {
		return v.Status
	}
	return ""
}

// names are what a step may mention: what the run was given, and what the steps
// before it came to.
type names struct {
	input *schema
	steps []string
}

// identifier is a word that can be written in a condition without quotes.
var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// check returns an error unless a mention, as in input.service, is of something that
// is there.
func (n names) check(mention string) error {
	path := strings.Split(mention, ".")
	switch {
	case path[0] == "input" && len(path) > 1 && (n.input == nil || n.input.has(path[1:])):
		return nil
	case path[0] == "steps" && len(path) == 3 && slices.Contains(n.steps, path[1]) && outputs[path[2]].is != nil:
		return nil
	case path[0] == "steps" && len(path) > 1 && !slices.Contains(n.steps, path[1]):
		return fmt.Errorf("mentions %s, but the step depends on no step of that name%s", brief(mention), n.hint())
	}
	return fmt.Errorf("mentions %s, which is not there%s", brief(mention), n.hint())
}

// hint says what could be meant.
func (n names) hint() string {
	var all []string
	if n.input != nil {
		for _, f := range n.input.fields() {
			all = append(all, "input."+f.name)
		}
	}
	for _, id := range n.steps {
		all = append(all, "steps."+id+".output")
	}
	const most = 8
	if len(all) == 0 {
		return "; there is nothing it could mention"
	}
	if len(all) > most {
		all = append(all[:most], "…")
	}
	return "; there are " + strings.Join(all, ", ")
}

// value returns what a mention stands for, as text. What was not given, and what a
// step that was skipped came to, is empty.
func value(mention string, given map[string]any, done map[string]Came) string {
	path := strings.Split(mention, ".")
	if path[0] == "steps" {
		if c, ok := done[path[1]]; ok {
			return fmt.Sprint(outputs[path[2]].of(c))
		}
		return ""
	}
	v := dig(given, path[1:])
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	}
	text, err := json.Marshal(v)
	if err != nil {
		return "" // it came out of JSON
	}
	return string(text)
}

// dig returns what lies at a path in an object, or nil.
func dig(v any, path []string) any {
	for _, name := range path {
		object, _ := v.(map[string]any)
		v = object[name]
	}
	return v
}

// brief cuts something that somebody made up to a length that can be shown.
func brief(text string) string {
	const most = 80
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
