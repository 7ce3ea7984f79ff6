package flow

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"autonoma"
)

// A schema says what a run is given. The zero value is that of a workflow that is
// given nothing.
type schema struct {
	doc   map[string]any
	valid *jsonschema.Schema
	meter *meter
}

// home is where the schema pretends to lie, so that references in it lead nowhere.
const home = "https://schema.invalid/input"

// readSchema reads a schema. Nothing that it refers to is fetched.
func readSchema(text json.RawMessage) (*schema, error) {
	if len(text) == 0 || string(text) == "null" {
		return &schema{}, nil
	}
	if len(text) > autonoma.MaxWorkflowSchema {
		return nil, errors.New("is not looked at: it is too large")
	}
	doc, err := readObject(text)
	if err != nil {
		return nil, err
	}
	if doc["type"] != "object" {
		return nil, errors.New(`must be the JSON Schema of an object, as in {"type": "object", "properties": {"service": {"type": "string"}}}`)
	}
	s := &schema{doc: doc, meter: new(meter)}
	c := jsonschema.NewCompiler()
	c.UseLoader(nowhere{})
	c.UseRegexpEngine(s.meter.pattern)
	c.RegisterVocabulary(&jsonschema.Vocabulary{URL: home + "/meter", Compile: s.meter.watch})
	c.AssertVocabs()
	if err := c.AddResource(home, doc); err != nil {
		return nil, schemaFault(err)
	}
	if s.valid, err = c.Compile(home); err != nil {
		return nil, schemaFault(err)
	}
	return s, nil
}

// nowhere is where documents come from that a schema refers to.
type nowhere struct{}

var errElsewhere = errors.New("refers to another document, which is never fetched; put it under $defs")

// Load implements [jsonschema.URLLoader].
func (nowhere) Load(string) (any, error) { return nil, errElsewhere }

func schemaFault(err error) error {
	if _, ok := errors.AsType[*jsonschema.LoadURLError](err); ok {
		return errElsewhere
	}
	if bad, ok := errors.AsType[*jsonschema.SchemaValidationError](err); ok {
		if v, ok := errors.AsType[*jsonschema.ValidationError](bad.Err); ok {
			var all []string
			for _, f := range leaves(v) {
				all = append(all, strings.TrimPrefix(f.Field+" ", ".")+f.Reason)
			}
			const most = 5
			return errors.New("is no JSON Schema: " + strings.Join(all[:min(most, len(all))], "; "))
		}
	}
	if bad, ok := errors.AsType[*jsonschema.InvalidRegexError](err); ok {
		return fmt.Errorf("has a pattern that cannot be used: %w", bad.Err)
	}
	return fmt.Errorf("is no JSON Schema that can be used: %s", brief(strings.ReplaceAll(err.Error(), home, "")))
}

// Admit returns what a run is given, with the defaults of the schema filled in, or
// what is wrong with it as [autonoma.FieldErrors].
func (f *Flow) Admit(input json.RawMessage) (json.RawMessage, error) {
	refuse := func(format string, args ...any) (json.RawMessage, error) {
		return nil, autonoma.FieldErrors{{Field: "input", Reason: fmt.Sprintf(format, args...)}}
	}
	if len(input) > autonoma.MaxWorkflowInput {
		return refuse("has %d bytes; at most %d are allowed", len(input), autonoma.MaxWorkflowInput)
	}
	if len(input) == 0 || string(input) == "null" {
		input = json.RawMessage("{}")
	}
	given, err := readObject(input)
	if err != nil {
		return refuse("%v", err)
	}
	if f.schema.doc == nil {
		if len(given) > 0 {
			return refuse("the workflow %s is given nothing: its definition has no input", f.Workflow.Name)
		}
		return input, nil
	}
	fillIn(f.schema.doc, given)
	if err := f.schema.check(given); err != nil {
		return nil, err
	}
	return json.Marshal(given)
}

// Infer returns a schema that fits what a run is given, for workflows that are sent
// along with it and have none of their own.
func Infer(input json.RawMessage) json.RawMessage {
	given, err := readObject(input)
	if err != nil || len(given) == 0 {
		return nil // if there is something wrong with it, Admit says so
	}
	properties := map[string]any{}
	for name, v := range given {
		is := map[string]any{}
		switch v := v.(type) {
		case string:
			is["type"] = "string"
		case bool:
			is["type"] = "boolean"
		case json.Number:
			is["type"] = "number"
			if _, err := v.Int64(); err == nil {
				is["type"] = "integer"
			}
		case []any:
			is["type"] = "array"
		case map[string]any:
			is["type"] = "object"
		}
		properties[name] = is
	}
	schema, err := json.Marshal(map[string]any{"type": "object", "properties": properties})
	if err != nil {
		return nil
	}
	return schema
}

// fillIn gives what is missing its default.
func fillIn(schema, given map[string]any) {
	properties, _ := schema["properties"].(map[string]any)
	for name, p := range properties {
		of, _ := p.(map[string]any)
		if def, ok := of["default"]; ok {
			if _, has := given[name]; !has {
				given[name] = def
			}
		}
		if inner, ok := given[name].(map[string]any); ok && of != nil {
			fillIn(of, inner)
		}
	}
}

// check returns all that is wrong with a value.
func (s *schema) check(v any) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case spent:
			err = autonoma.FieldErrors{{Field: "input", Reason: "takes too much work to compare with the schema; make one of them simpler"}}
		default:
			panic(r)
		}
	}()
	s.meter.left = maxWork
	if v, ok := errors.AsType[*jsonschema.ValidationError](s.valid.Validate(v)); ok {
		faults := leaves(v)
		for _, f := range faults {
			f.Field = "input" + f.Field
		}
		slices.SortStableFunc(faults, func(a, b *autonoma.FieldError) int { return strings.Compare(a.Field, b.Field) })
		return faults
	}
	return nil
}

// leaves returns the faults at the ends of a tree of them. They do not repeat what
// was sent.
func leaves(e *jsonschema.ValidationError) autonoma.FieldErrors {
	var says string
	switch k := e.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf, *kind.Not:
		says = "fits none of the forms it may have, or too many"
	case *kind.Pattern:
		says = "must match the pattern " + brief(k.Want)
	case *kind.Format:
		says = "must be a " + brief(k.Want)
		if k.Want == "regex" {
			says = "must be a regular expression (RE2), of a size that can be matched in no time"
		}
	case *kind.MultipleOf, *kind.ContentEncoding, *kind.ContentMediaType, *kind.PropertyNames, *kind.InvalidJsonValue:
		says = "does not fit the schema at " + strings.Join(k.KeywordPath(), "/")
	default:
		if len(e.Causes) > 0 {
			var all autonoma.FieldErrors
			for _, c := range e.Causes {
				all = append(all, leaves(c)...)
			}
			return all
		}
		says = brief(e.ErrorKind.LocalizedString(message.NewPrinter(language.English)))
	}
	return autonoma.FieldErrors{{Field: brief(location(e.InstanceLocation)), Reason: says}}
}

// location writes where something lies as the API does: .list[1].name.
func location(path []string) string {
	var b strings.Builder
	for _, name := range path {
		if _, err := strconv.ParseUint(name, 10, 32); err == nil {
			fmt.Fprintf(&b, "[%s]", name)
			continue
		}
		b.WriteString("." + name)
	}
	return b.String()
}

// readObject reads a JSON object. Numbers are as exact as they can be, but none is
// so large or small that to reckon with it would take for ever.
func readObject(text json.RawMessage) (map[string]any, error) {
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, errors.New("is not JSON")
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("must be an object")
	}
	tamed, err := tame(object)
	if err != nil {
		return nil, err
	}
	return tamed.(map[string]any), nil //nolint:forcetypeassert // it was one before
}

func tame(v any) (any, error) {
	var err error
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			if v[name], err = tame(v[name]); err != nil {
				return nil, err
			}
		}
	case []any:
		for i := range v {
			if v[i], err = tame(v[i]); err != nil {
				return nil, err
			}
		}
	case json.Number:
		if _, err := strconv.ParseInt(string(v), 10, 64); err == nil {
			return v, nil
		}
		x, err := v.Float64()
		if err != nil || math.IsInf(x, 0) {
			return nil, errors.New("has a number that is too large")
		}
		return json.Number(strconv.FormatFloat(x, 'g', -1, 64)), nil
	}
	return v, nil
}
