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

// What a test that fails is called is told to many too.
func TestNamesWithSecrets(t *testing.T) {
	token := "ghp_" + "aB3dE5gH7jK9mN1pQ3sT5vW7xY9zA2cD4fG6"
	p := newPrinted()
	if _, err := p.Write([]byte("--- FAIL: Test/" + token + " (0.00s)\n")); err != nil {
		t.Fatal(err)
	}
	var c Check
	if p.describe(&c); c.Tests == nil || len(c.Tests.Failing) != 1 || strings.Contains(c.Tests.Failing[0], token) {
		t.Errorf("%+v", c.Tests)
	}
}
