package flow

import (
	"slices"

	"cel.dev/cel-go/cel"
)

// A field is a value that the schema speaks of.
type field struct {
	name  string // as in user.name
	is    *cel.Type
	empty any  // what stands for it when it was not given
	plain bool // conditions can mention it
}

const maxFields = 500 // of all that a schema speaks of

// fields returns the values that the schema speaks of, in an order.
func (s *schema) fields() []field {
	var all []field
	if s != nil {
		collect(s.doc, "", true, &all)
	}
	return all
}

func collect(schema map[string]any, prefix string, plain bool, all *[]field) {
	properties, _ := schema["properties"].(map[string]any)
	for _, name := range sorted(properties) {
		if len(*all) == maxFields {
			return
		}
		of, _ := properties[name].(map[string]any)
		f := field{name: prefix + name, is: cel.DynType, plain: plain && identifier.MatchString(name)}
		switch of["type"] {
		case "string":
			f.is, f.empty = cel.StringType, ""
		case "boolean":
			f.is, f.empty = cel.BoolType, false
		case "integer":
			f.is, f.empty = cel.IntType, int64(0)
		case "number":
			f.is, f.empty = cel.DoubleType, 0.0
		case "array":
			f.is, f.empty = cel.ListType(cel.DynType), []any{}
		case "object":
			f.is, f.empty = cel.MapType(cel.StringType, cel.DynType), map[string]any{}
		}
		*all = append(*all, f)
		collect(of, f.name+".", f.plain, all)
	}
}

// has reports whether there is a value at the path, as far as the schema says.
func (s *schema) has(path []string) bool {
	at := s.doc
	for i, name := range path {
		properties, named := at["properties"].(map[string]any)
		next, ok := properties[name].(map[string]any)
		if !ok {
			return i > 0 && !named && mayBeObject(at)
		}
		at = next
	}
	return true
}

// mayBeObject reports whether a schema lets anything be within a value.
func mayBeObject(schema map[string]any) bool {
	types, several := schema["type"].([]any)
	return schema["additionalProperties"] != false &&
		(schema["type"] == nil || schema["type"] == "object" || several && slices.Contains(types, any("object")))
}
