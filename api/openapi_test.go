package api_test

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"autonoma/internal/httpapi"
)

var update = flag.Bool("update", false, "rewrite openapi.yaml")

// The document that is committed is the one that is served, and says what the
// program does.
func TestDocumentIsCurrent(t *testing.T) {
	got := httpapi.Document()
	if *update {
		if err := os.WriteFile("openapi.yaml", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("openapi.yaml is not what the program serves; if that is meant, run go test ./api -update (-committed +served):\n%s",
			cmp.Diff(string(want), string(got)))
	}
}

// The document keeps the rules of OpenAPI, its examples included.
func TestDocumentIsValid(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
}
