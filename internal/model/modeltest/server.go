// Package modeltest holds what tests of models need, and of those who talk to
// them: a server that plays a script through the real protocols, the rules of a
// conversation, and the suite that each protocol has to pass.
package modeltest

import (
	"net/http/httptest"
	"strings"
	"testing"

	"autonoma/internal/model"
	"autonoma/internal/model/script"
)

// A Server plays a script over HTTP for one test.
type Server struct {
	*script.Server
	URL string // without the version: see OpenAIURL
}

// OpenAIURL is the base URL for the protocols of OpenAI, which includes the
// version.
func (s *Server) OpenAIURL() string { return s.URL + "/v1" }

// NewServer starts a server that plays the script, given as YAML, until the
// test ends. A request that broke a rule of its protocol fails the test, unless
// Refusals is asked for them.
func NewServer(t testing.TB, yaml string) *Server {
	t.Helper()
	s := Start(t, Script(t, yaml))
	t.Cleanup(func() {
		for _, r := range s.Refusals() {
			t.Errorf("the model server refused a request: %s", r)
		}
	})
	return s
}

// Start starts a server that plays sc until the test ends, and leaves it to the
// caller to look at refusals.
func Start(t testing.TB, sc *script.Script) *Server {
	h := script.NewServer(sc)
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return &Server{Server: h, URL: srv.URL}
}

// Script reads a script from YAML, indented as the test likes.
func Script(t testing.TB, yaml string) *script.Script {
	t.Helper()
	sc, err := script.Parse([]byte(strings.ReplaceAll(yaml, "\t", "  ")))
	if err != nil {
		t.Fatalf("script: %v", err)
	}
	return sc
}

// Refusals are the reasons for which requests were refused so far.
func (s *Server) Refusals() []string {
	var all []string
	for _, e := range s.Log() {
		if e.Refusal != "" {
			all = append(all, e.Refusal)
		}
	}
	return all
}

// Check fails the test if r breaks a rule that every provider enforces.
func Check(t testing.TB, r model.Request) {
	t.Helper()
	if err := script.Check(r); err != nil {
		t.Errorf("bad conversation: %v", err)
	}
}
