package rigor_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"autonoma"
	"autonoma/internal/agent"
	"autonoma/internal/egress"
	"autonoma/internal/rigor"
)

// Agents' commands reach what the operator names, and the log tells what they wanted;
// the model is told what it has. The checks have no network, and neither has an agent
// of whom nobody said that it should.
func TestNetwork(t *testing.T) {
	docs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "the manual") }))
	defer docs.Close()
	port := docs.Listener.Addr().(*net.TCPAddr).Port
	fetch := fmt.Sprintf("curl -sS --fail-with-body http://docs.example.com:%d/", port)
	s := open(t, "", fmt.Sprintf(`
  - match: {phase: generate}
    turns:
      - calls: [{name: bash, args: {command: "%s; curl -sS http://evil.example.com/; curl -sS http://evil.example.com/; echo x >note"}}]
      - calls: [{name: finish, args: {summary: Looked it up., confidence: 1}}]
`, fetch))
	s.needsMapping()
	// A check that reaches what agents may reach fails.
	req := autonoma.Request{Scope: autonoma.POC, Verify: []string{"! " + fetch}}

	r := s.must(s.job("coder-ai", req))
	if told := s.egress(); len(told) > 0 || r.Verification.Status != autonoma.Verified {
		t.Errorf("without a network: told %+v, %+v", told, r.Verification)
	}
	if before := s.asked[len(s.asked)-1]; !strings.Contains(before.System, "no network") {
		t.Errorf("the rules are:\n%s", before.System)
	}

	s.engine.Network = &rigor.Network{
		Words: "docs.example.com",
		Proxy: &egress.Proxy{
			Private: []egress.Host{{Name: "docs.example.com"}},
			Lookup: func(context.Context, string) ([]netip.Addr, error) {
				return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
			},
		},
		Policy: egress.Policy{Name: "agents' commands", Hosts: []egress.Host{{Name: "docs.example.com", Port: port}}},
	}
	s.asked = nil
	if r = s.must(s.job("coder-ai", req)); r.Verification.Status != autonoma.Verified {
		t.Errorf("a check reached the network: %+v", r.Verification)
	}
	told := s.egress()
	if len(told) != 2 {
		t.Fatalf("told %+v", told)
	}
	evil, manual := told[0], told[1]
	if evil.Host != "evil.example.com" || evil.Allowed || evil.Reason != autonoma.EgressPolicy || evil.Count != 2 || evil.Phase != autonoma.Generate || evil.By != autonoma.EgressAgent {
		t.Errorf("told %+v", evil)
	}
	if manual.Host != "docs.example.com" || manual.Port != port || !manual.Allowed || manual.Received != int64(len("the manual\n")) {
		t.Errorf("told %+v", manual)
	}
	for i, e := range s.events {
		if e.Kind == autonoma.EventEgress && (i+1 == len(s.events) || s.events[i+1].Kind != autonoma.EventEgress && s.events[i+1].Kind != autonoma.EventCall) {
			t.Errorf("event %d is told apart from its call", i)
		}
	}
	if out := s.calls()[0].Output; !strings.Contains(out, "the manual") || strings.Count(out, "does not name evil.example.com:80") != 2 {
		t.Errorf("the command printed:\n%s", out)
	}
	first := s.asked[0]
	all := first.System
	for _, tool := range first.Tools {
		all += tool.Description
	}
	if strings.Contains(all, "no network") || !strings.Contains(all, "reaches nothing but docs.example.com.") {
		t.Errorf("the model is told:\n%s", all)
	}
}

// What set-up wanted to reach is told with its outcome, and is part of the reason if
// that failed.
func TestSetupIsTold(t *testing.T) {
	s := open(t, "", "")
	s.needsMapping()
	_, err := s.do(s.job("coder-ai", autonoma.Request{Scope: autonoma.POC, Setup: []string{"curl -sS https://evil.example.com/ https://evil.example.com/"}}))
	if err == nil || !strings.Contains(err.Error(), "evil.example.com:443 was not reached: the policy of set-up does not name evil.example.com:443") {
		t.Errorf("it ended with %v", err)
	}
	told := s.egress()
	if len(told) != 1 || told[0].By != autonoma.EgressSetup || told[0].Phase != autonoma.Inspect || told[0].Allowed || told[0].Count != 2 {
		t.Errorf("told %+v", told)
	}
}

// egress returns what the last execution told of the network.
func (s *shop) egress() []autonoma.Egress { return dataOf[autonoma.Egress](s, autonoma.EventEgress) }

// calls returns the calls of the last execution.
func (s *shop) calls() []agent.Call { return dataOf[agent.Call](s, autonoma.EventCall) }

// dataOf returns the data of the last execution's events of a kind.
func dataOf[T any](s *shop, kind autonoma.EventKind) []T {
	s.t.Helper()
	var all []T
	for _, e := range s.events {
		if e.Kind != kind {
			continue
		}
		var v T
		if err := json.Unmarshal(e.Data, &v); err != nil {
			s.t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}
