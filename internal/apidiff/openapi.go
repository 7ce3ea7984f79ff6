package apidiff

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// methods are those that a path of OpenAPI may have
// (https://spec.openapis.org/oas/v3.1.0#path-item-object).
var methods = []string{"get", "put", "post", "delete", "options", "head", "patch", "trace"}

// openAPI adds the operations of a document, with the parameters that have to be sent.
// JSON is YAML, so both are read as that. Documents that are not OpenAPI have none.
func openAPI(file, text string, into api) error {
	var doc struct {
		Paths map[string]map[string]yaml.Node
	}
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return errors.New("it cannot be parsed")
	}
	for p, item := range doc.Paths {
		for _, method := range methods {
			node, ok := item[method]
			if !ok {
				continue
			}
			name := strings.ToUpper(method) + " " + p
			into[name] = symbol{path: file, kind: "an operation"}
			var operation struct {
				Parameters []struct {
					Name, In string
					Required bool
				}
				Body struct{ Required bool } `yaml:"requestBody"`
			}
			if node.Decode(&operation) != nil {
				continue // of an odd form; that it is there is known
			}
			s := into[name]
			if operation.Body.Required {
				s.needs = append(s.needs, "a body")
			}
			for _, q := range operation.Parameters {
				if q.Required {
					s.needs = append(s.needs, fmt.Sprintf("%s in the %s", q.Name, q.In))
				}
			}
			slices.Sort(s.needs)
			into[name] = s
		}
	}
	return nil
}
