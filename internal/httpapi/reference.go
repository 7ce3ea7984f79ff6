package httpapi

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed reference.html
var referencePage string

// A chapter is what the reference tells of one kind of operations.
type chapter struct {
	Name, Description string
	Operations        []entry
}

// An entry is an operation as the reference shows it.
type entry struct {
	*huma.Operation
	Takes   []field // parameters
	Body    *shape
	Answers []answer
}

// A shape is an object that is sent or answered.
type shape struct {
	Media   string
	Fields  []field
	Example string
}

// A field is one line of a shape.
type field struct {
	Name, Type, Text string
	Required         bool
}

// An answer is what an operation may come to.
type answer struct {
	Status, Text string
	shape
}

// referenceOf makes the page for people out of the document for programs.
func referenceOf(doc *huma.OpenAPI) []byte {
	page := template.Must(template.New("reference").Parse(referencePage))
	var chapters []chapter
	for _, tag := range doc.Tags {
		c := chapter{Name: tag.Name, Description: tag.Description}
		for _, path := range sortedKeys(doc.Paths) {
			for _, op := range operations(doc.Paths[path]) {
				if slices.Contains(op.Tags, tag.Name) {
					c.Operations = append(c.Operations, entryOf(doc, op))
				}
			}
		}
		chapters = append(chapters, c)
	}
	var b bytes.Buffer
	if err := page.Execute(&b, struct {
		*huma.OpenAPI
		Chapters []chapter
	}{doc, chapters}); err != nil {
		panic("httpapi: reference: " + err.Error())
	}
	return b.Bytes()
}

func entryOf(doc *huma.OpenAPI, op *huma.Operation) entry {
	e := entry{Operation: op}
	for _, p := range op.Parameters {
		e.Takes = append(e.Takes, field{p.Name, p.In + " " + typeOf(doc, p.Schema), p.Description, p.Required})
	}
	if op.RequestBody != nil {
		shapes := shapesOf(doc, op.RequestBody.Content)
		e.Body = &shapes[0]
	}
	for _, status := range sortedKeys(op.Responses) {
		r := op.Responses[status]
		if name, ok := strings.CutPrefix(r.Ref, "#/components/responses/"); ok {
			r = doc.Components.Responses[name]
		}
		shapes := shapesOf(doc, r.Content)
		if status >= "400" || len(shapes) == 0 {
			shapes = []shape{{}} // a problem, always of the same form
		}
		for _, sh := range shapes {
			e.Answers = append(e.Answers, answer{status, r.Description, sh})
		}
	}
	return e
}

// shapesOf returns what may be sent, by media type.
func shapesOf(doc *huma.OpenAPI, content map[string]*huma.MediaType) []shape {
	var all []shape
	for _, media := range sortedKeys(content) {
		m := content[media]
		sh := shape{Media: media}
		if m.Example != nil {
			text, err := json.MarshalIndent(m.Example, "", "  ")
			if err != nil {
				panic("httpapi: example: " + err.Error())
			}
			sh.Example = string(text)
		}
		sh.fields(doc, "", m.Schema, 0)
		all = append(all, sh)
	}
	return all
}

// fields adds the fields of an object, those of the objects in it with their path.
func (sh *shape) fields(doc *huma.OpenAPI, path string, s *huma.Schema, depth int) {
	const deepest = 4
	s = resolve(doc, s)
	if s == nil || depth > deepest {
		return
	}
	if s.Type == huma.TypeArray {
		sh.fields(doc, path+"[]", s.Items, depth)
		return
	}
	for _, name := range sortedKeys(s.Properties) {
		p := s.Properties[name]
		at := strings.TrimPrefix(path+"."+name, ".")
		sh.Fields = append(sh.Fields, field{at, typeOf(doc, p), cmp.Or(p.Description, resolve(doc, p).Description), slices.Contains(s.Required, name)})
		sh.fields(doc, at, p, depth+1)
	}
}

// resolve returns the schema that is meant, of one that may be null the other.
func resolve(doc *huma.OpenAPI, s *huma.Schema) *huma.Schema {
	if s != nil && len(s.AnyOf) > 0 {
		s = s.AnyOf[0]
	}
	if s != nil && s.Ref != "" {
		return doc.Components.Schemas.SchemaFromRef(s.Ref)
	}
	return s
}

// typeOf says in a word or two what fits a schema.
func typeOf(doc *huma.OpenAPI, s *huma.Schema) string {
	null := ""
	if s != nil && (s.Nullable || len(s.AnyOf) > 1) {
		null = " or null"
	}
	s = resolve(doc, s)
	switch {
	case s == nil:
		return ""
	case s.Type == huma.TypeArray:
		return "list of " + typeOf(doc, s.Items) + null
	case len(s.Enum) > 0:
		var values []string
		for _, v := range s.Enum {
			if v != nil {
				values = append(values, fmt.Sprint(v))
			}
		}
		return strings.Join(values, ", ") + null
	case s.Format != "":
		return s.Type + " (" + s.Format + ")" + null
	}
	return s.Type + null
}

// reference serves the page. It needs nothing from elsewhere and runs nothing.
func (s *server) reference(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(s.pages()))
}
