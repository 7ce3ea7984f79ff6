package rigor

import (
	"maps"
	"strings"
	"testing"
)

// A version is a line of text that a tool says; what is none is left out.
func TestVersions(t *testing.T) {
	said := "\n=tool go go version go1.26 linux/amd64\n=tool node v22.1.0\n=tool empty \n=tool odd \x1b[2Jv1\nno tool v1\n=tool long " + strings.Repeat("v", 201)
	want := Tools{"go": "go version go1.26 linux/amd64", "node": "v22.1.0"}
	if got := parseVersions(said); !maps.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
