package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"autonoma"
	"autonoma/api"
)

// maxDepth is how deep a body may nest. What is asked for nests three deep.
const maxDepth = 32

// decodeAt fits JSON that was read before, and let through as it was, into the value
// that out points to. Field is where it stood.
func decodeAt(text json.RawMessage, out any, field string) autonoma.FieldErrors {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	root, err := parse(dec, 0)
	if err != nil {
		return autonoma.FieldErrors{{Field: field, Reason: "is not JSON"}}
	}
	var f fitter
	f.fit(root, reflect.ValueOf(out).Elem(), field)
	return f.faults
}

// decode reads a JSON object into the struct that out points to. It returns an
// error if the text is no JSON, and as faults all that does not fit the struct:
// unknown fields, repeated ones and wrong types. Fields that fit are filled in
// beside others that do not. Null is the same as nothing.
//
// It is stricter than encoding/json, which lets a typing error pass for a
// default: names differ by case, nothing is said twice, nothing is ignored.
func decode(text []byte, out any) (autonoma.FieldErrors, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, api.NewProblem(api.InvalidJSON, "the body is empty; send a JSON object")
	}
	if !utf8.Valid(text) {
		return nil, api.NewProblem(api.InvalidJSON, "the body is not UTF-8")
	}
	var whole json.RawMessage
	if err := json.Unmarshal(text, &whole); err != nil { // finds what follows the value, too
		return nil, api.NewProblem(api.InvalidJSON, "the body is not JSON"+where(text, err))
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	root, err := parse(dec, 0)
	if err != nil {
		return nil, api.NewProblem(api.InvalidJSON, err.Error())
	}
	var f fitter
	f.fit(root, reflect.ValueOf(out).Elem(), "")
	return f.faults, nil
}

// where says at which place of the text an error lies.
func where(text []byte, err error) string {
	syntax, ok := errors.AsType[*json.SyntaxError](err)
	if !ok {
		return ""
	}
	before := text[:min(max(syntax.Offset-1, 0), int64(len(text)))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Sprintf(" at line %d, column %d", line, column)
}

// A member is a name and a value of an object. Objects keep their order, and
// their repetitions.
type member struct {
	name  string
	value any
}

// parse reads the next value: nil, a bool, a string, a [json.Number], an []any or
// a []member.
func parse(dec *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("the body nests deeper than %d levels", maxDepth)
	}
	token, err := dec.Token()
	if err != nil {
		return nil, errors.New("the body is not JSON")
	}
	switch token {
	case json.Delim('['):
		list := []any{}
		for dec.More() {
			v, err := parse(dec, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, _ = dec.Token() // the end of the list, which was seen to be there
		return list, nil
	case json.Delim('{'):
		object := []member{}
		for dec.More() {
			name, _ := dec.Token()
			v, err := parse(dec, depth+1)
			if err != nil {
				return nil, err
			}
			object = append(object, member{fmt.Sprint(name), v})
		}
		_, _ = dec.Token()
		return object, nil
	}
	return token, nil
}

// A fitter fills in values and notes what does not fit.
type fitter struct{ faults autonoma.FieldErrors }

// enough faults are told at once. Whoever has more has sent something else
// altogether.
const enough = 50

func (f *fitter) fault(field, reason string) {
	if len(f.faults) == enough {
		return
	}
	f.faults = append(f.faults, &autonoma.FieldError{Field: field, Reason: reason})
}

func (f *fitter) fit(v any, into reflect.Value, field string) {
	if v == nil && field != "" {
		return
	}
	switch into.Kind() {
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		f.fit(v, into.Elem(), field)
	case reflect.Struct:
		if at, ok := into.Addr().Interface().(*time.Time); ok {
			f.time(v, at, field)
			return
		}
		f.object(v, into, field)
	case reflect.Map:
		f.texts(v, into, field)
	case reflect.Slice:
		f.list(v, into, field)
	case reflect.String:
		if text, ok := v.(string); ok {
			into.SetString(text)
			return
		}
		f.fault(field, "must be a string")
	case reflect.Bool:
		is, ok := v.(bool)
		if !ok {
			f.fault(field, "must be true or false")
			return
		}
		into.SetBool(is)
	case reflect.Interface: // JSON that has no type here
		into.Set(reflect.ValueOf(f.free(nil, v, field)))
	case reflect.Int64:
		f.integer(v, into, field)
	case reflect.Float64:
		n, ok := v.(json.Number)
		x, err := n.Float64()
		if !ok || err != nil {
			f.fault(field, "must be a number")
			return
		}
		into.SetFloat(x)
	default:
		panic("httpapi: cannot read a " + into.Type().String())
	}
}

// free appends a value as it was sent, for others to judge. Only what no two readers
// need read alike is refused: names that are repeated.
func (f *fitter) free(text json.RawMessage, v any, field string) json.RawMessage {
	switch v := v.(type) {
	case []any:
		text = append(text, '[')
		for i, item := range v {
			if i > 0 {
				text = append(text, ',')
			}
			text = f.free(text, item, fmt.Sprintf("%s[%d]", field, i))
		}
		return append(text, ']')
	case []member:
		text = append(text, '{')
		seen := map[string]bool{}
		for i, m := range v {
			at := legible(field + "." + m.name)
			if seen[m.name] {
				f.fault(at, "is given more than once")
			}
			seen[m.name] = true
			if i > 0 {
				text = append(text, ',')
			}
			text = append(f.free(text, m.name, at), ':')
			text = f.free(text, m.value, at)
		}
		return append(text, '}')
	}
	plain, err := json.Marshal(v)
	if err != nil {
		panic("httpapi: " + err.Error()) // it came out of JSON
	}
	return append(text, plain...)
}

// integer fits whole numbers, however they are written.
func (f *fitter) integer(v any, into reflect.Value, field string) {
	number, _ := v.(json.Number)
	if n, err := strconv.ParseInt(string(number), 10, 64); err == nil {
		into.SetInt(n)
		return
	}
	const exact = 1 << 53 // up to which floating-point numbers are whole
	if x, err := number.Float64(); err == nil && x == math.Trunc(x) && math.Abs(x) <= exact {
		into.SetInt(int64(x))
		return
	}
	f.fault(field, "must be a whole number")
}

func (f *fitter) time(v any, into *time.Time, field string) {
	text, _ := v.(string)
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		f.fault(field, "must be a time in the form of RFC 3339, as in 2026-01-31T12:00:00Z")
	}
	*into = at
}

func (f *fitter) list(v any, into reflect.Value, field string) {
	values, ok := v.([]any)
	if !ok {
		f.fault(field, "must be a list")
		return
	}
	into.Set(reflect.MakeSlice(into.Type(), len(values), len(values)))
	for i, v := range values {
		at := fmt.Sprintf("%s[%d]", field, i)
		if v == nil {
			f.fault(at, "must not be null")
			continue
		}
		f.fit(v, into.Index(i), at)
	}
}

// texts fits an object whose names are free and whose values are strings.
func (f *fitter) texts(v any, into reflect.Value, field string) {
	members, ok := v.([]member)
	if !ok {
		f.fault(field, "must be an object")
		return
	}
	texts := map[string]string{}
	for _, m := range members {
		text, ok := m.value.(string)
		if _, twice := texts[m.name]; twice {
			f.fault(field, "has the same key more than once")
			return
		}
		if !ok {
			f.fault(field, "values must be strings")
			return
		}
		texts[m.name] = text
	}
	into.Set(reflect.ValueOf(texts))
}

func (f *fitter) object(v any, into reflect.Value, field string) {
	members, ok := v.([]member)
	if !ok {
		f.fault(field, "must be an object")
		return
	}
	seen := map[string]bool{}
	for _, m := range members {
		at := m.name
		if field != "" {
			at = field + "." + m.name
		}
		i := fieldNamed(into.Type(), m.name)
		switch {
		case i < 0:
			f.fault(legible(at), "is not a known field")
		case seen[m.name]:
			f.fault(at, "is given more than once")
		default:
			f.fit(m.value, into.Field(i), at)
		}
		seen[m.name] = true
	}
}

// fieldNamed returns the index of the field with the given JSON name, or -1.
func fieldNamed(t reflect.Type, name string) int {
	for i := range t.NumField() {
		tag, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if tag == name {
			return i
		}
	}
	return -1
}

// legible cuts a name that somebody made up to a length that can be shown.
func legible(name string) string {
	const most = 100 // runes
	if utf8.RuneCountInString(name) <= most {
		return name
	}
	return string([]rune(name)[:most]) + "…"
}
