package evidence_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"autonoma/internal/evidence"
)

// The guide names every field of a record.
func TestGuide(t *testing.T) {
	text, err := os.ReadFile("../../docs/guide/evidence.md")
	if err != nil {
		t.Fatal(err)
	}
	guide := string(text)
	for f := range reflect.TypeFor[evidence.Record]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !strings.Contains(guide, "`"+name+"`") {
			t.Errorf("it does not tell of %s", name)
		}
	}
	for _, is := range []string{evidence.PredicateType, evidence.PayloadType} {
		if !strings.Contains(guide, is) {
			t.Errorf("it does not tell of %s", is)
		}
	}
	if !strings.Contains(guide, "DSSEv1 28 "+evidence.PayloadType) || len(evidence.PayloadType) != 28 {
		t.Error("what it signs by hand is not what is signed")
	}
}
