package rigor_test

import (
	"testing"

	"autonoma"
	"autonoma/internal/rigor"
)

// Of two isolations the weaker one is what an execution can be trusted to have had: by
// its level, and by what did not hold of the same level.
func TestWeaker(t *testing.T) {
	strong, weak := autonoma.Isolation{Level: "namespaces", ProvenBy: []string{"a", "b"}}, autonoma.Isolation{Level: "landlock"}
	thin := autonoma.Isolation{Level: "namespaces", ProvenBy: []string{"a"}, NotProven: []string{"b"}}
	for _, tt := range []struct{ a, b, want autonoma.Isolation }{
		{strong, weak, weak}, {weak, strong, weak}, {weak, thin, weak}, {strong, thin, thin}, {thin, strong, thin}, {strong, strong, strong},
	} {
		if got := rigor.Weaker(tt.a, tt.b); got.Level != tt.want.Level || len(got.NotProven) != len(tt.want.NotProven) {
			t.Errorf("of %+v and %+v it is %+v", tt.a, tt.b, got)
		}
	}
}
