package mcp

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"autonoma/internal/model"
)

// What all providers take.
const (
	longestTool        = 64   // characters of a tool's name
	longestDescription = 1024 // bytes
	longestSchema      = 16 << 10
)

// spec returns what a model is told of a tool of a server, or why it cannot be.
func spec(server string, t *mcp.Tool) (model.ToolSpec, error) {
	if t.Name == "" {
		return model.ToolSpec{}, errors.New("it has no name")
	}
	schema, err := fit(t.InputSchema)
	if err != nil {
		return model.ToolSpec{}, err
	}
	return model.ToolSpec{Name: nameOf(server, t.Name), Description: clip(strings.TrimSpace(t.Description), longestDescription), Schema: schema}, nil
}

// strange is what a tool's name may not hold.
var strange = regexp.MustCompile(`[^a-zA-Z0-9_-]`)

// nameOf returns what a model calls a tool. A name that has to be changed for that
// ends in what tells it from others that are changed to the same.
func nameOf(server, name string) string {
	prefix := "mcp__" + server + "__"
	plain := strange.ReplaceAllString(name, "_")
	if plain == name && len(prefix)+len(name) <= longestTool {
		return prefix + name
	}
	sum := sha256.Sum256([]byte(name))
	suffix := "_" + hex.EncodeToString(sum[:3])
	return prefix + plain[:min(len(plain), longestTool-len(prefix)-len(suffix))] + suffix
}

// property is what a property may be called.
var property = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,64}$`)

// fit makes a schema one that all providers take: an object with properties, and
// nothing beside them that chooses between schemas. What is lost by that, the server
// checks itself.
func fit(given any) (json.RawMessage, error) {
	b, err := json.Marshal(given) // it is shared with others who list the tools
	if err != nil {
		return nil, err
	}
	var s map[string]any
	if err := json.Unmarshal(b, &s); err != nil || s == nil {
		return nil, errors.New("its schema is not an object")
	}
	for _, key := range []string{"$schema", "$id", "oneOf", "anyOf", "allOf", "not", "enum", "const", "if", "then", "else"} {
		delete(s, key)
	}
	if kind, there := s["type"]; there && kind != "object" {
		return nil, fmt.Errorf("its schema describes a %v, not an object", kind)
	}
	s["type"] = "object"
	properties, ok := s["properties"].(map[string]any)
	if !ok {
		properties = map[string]any{}
		s["properties"] = properties
	}
	required, _ := s["required"].([]any)
	for _, name := range required {
		if name, ok := name.(string); ok && properties[name] == nil {
			properties[name] = map[string]any{}
		}
	}
	for name := range properties {
		if !property.MatchString(name) {
			return nil, fmt.Errorf("its schema has a property %q, which providers do not take", clip(name, 50))
		}
	}
	complete(s)
	if b, err = json.Marshal(s); err != nil {
		return nil, err
	}
	if len(b) > longestSchema {
		return nil, fmt.Errorf("its schema has %d bytes and may have %d", len(b), longestSchema)
	}
	return b, valid(b)
}

// complete gives lists whose schema does not say of what they are, that they may be
// of anything: some providers want it said.
func complete(v any) {
	switch v := v.(type) {
	case map[string]any:
		if _, said := v["items"]; v["type"] == "array" && !said {
			v["items"] = map[string]any{}
		}
		for _, inner := range v {
			complete(inner)
		}
	case []any:
		for _, inner := range v {
			complete(inner)
		}
	}
}

// valid reports what is wrong with a schema. One that refers to others elsewhere is.
func valid(b []byte) error {
	var s jsonschema.Schema
	err := json.Unmarshal(b, &s)
	if err == nil {
		_, err = s.Resolve(nil)
	}
	if err != nil {
		return fmt.Errorf("its schema is not valid: %w", err)
	}
	return nil
}
