package rigor_test

import (
	"errors"
	"strings"
	"testing"

	"autonoma"
)

// deep makes directories within each other, deeper than can be stored.
const deep = `p=$(printf 'd/%.0s' $(seq 300)); mkdir -p $p; cd $p; mkdir -p $p`

// app is a part of a project whose dependencies are shown to commands.
const app = `
-- apps/package.json --
{"name": "a", "version": "1.0.0", "dependencies": {"b": "1"}, "scripts": {"test": "node test.js"}}
-- .gitignore --
node_modules/
old/
`

// What a call leaves that cannot be stored, or would be in the way of what follows,
// is taken back, and the agent is told. What it closes is opened again.
func TestLeftByCalls(t *testing.T) {
	for _, tt := range []struct{ name, command, told string }{
		{"nested directories", deep, "d/d/d"},
		{"attributes that git cannot write", `echo "*.txt working-tree-encoding" >.gitattributes`, "true/false"},
		{"a file in the place of dependencies", `mv apps old; touch apps`, "apps: commands need apps/node_modules"},
		{"a link in the place of dependencies", `mv apps old; ln -s / apps`, "apps: commands need apps/node_modules"},
		{"a closed checkout", `chmod 000 .`, ""},
		{"a closed home", `chmod 000 ~`, ""},
		{"a closed place of dependencies", `chmod 000 apps/node_modules apps`, ""},
		{"closed directories", `mkdir -p a/b; touch a/b/c; chmod 500 a/b; chmod 000 a`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t, greeting+app, `
  - match: {agent: coder-ai, phase: generate}
    turns:
      - calls: [{name: bash, args: {command: '`+strings.ReplaceAll(tt.command, "'", "''")+`'}}]
      - calls: [{name: bash, args: {command: "sed -i s/wrold/world/ greet.txt; seq 20000; touch ~/mine apps/mine"}}]
      - calls: [{name: finish, args: {summary: Spell world right., confidence: 1}}]
`)
			req := autonoma.Request{Scope: autonoma.POC, Setup: []string{"mkdir -p apps/node_modules && touch apps/node_modules/x"}, Verify: []string{"sh test.sh", "test -e apps/node_modules/x"}}
			if strings.Contains(tt.command, "apps") {
				s.needsMapping()
			}
			j := s.job("coder-ai", req)
			r := s.must(j)
			heard := s.asked[len(s.asked)-2].Messages
			said := heard[len(heard)-1]
			undone := strings.Contains(said.Text, "; the files are as they were before this call")
			if tt.told != "" && !(said.Failed && undone && strings.HasPrefix(said.Text, "error: ") && strings.Contains(said.Text, tt.told)) || tt.told == "" && (said.Failed || undone) {
				t.Errorf("the agent was told %.500q", said.Text)
			}
			if r.Verification == nil || r.Verification.Status != autonoma.Verified {
				t.Errorf("result %+v", r)
			}
			var changed []string
			for _, f := range s.diff(j, r).Files {
				changed = append(changed, f.Path)
			}
			if got := strings.TrimPrefix(strings.Join(changed, " "), "a/b/c "); got != "apps/mine greet.txt" {
				t.Errorf("changed %q", got)
			}
		})
	}
}

// What checks leave keeps none that follow from being run, unless it is in the
// way; then the run fails and says of what.
func TestLeftByChecks(t *testing.T) {
	for _, tt := range []struct{ name, check, told string }{
		{"a closed checkout and home", "chmod 000 . ~", ""},
		{"nested directories", deep, ""},
		{"a file in the place of dependencies", "mv apps old && touch apps", "apps: commands need apps/node_modules"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t, greeting+app, explorer, speller)
			if tt.told != "" {
				s.needsMapping()
			}
			req := mvp()
			req.Setup, req.Verify = []string{"mkdir -p apps/node_modules && touch apps/node_modules/x"}, []string{tt.check, "sh test.sh"}
			r, err := s.do(s.job("coder-ai", req))
			if tt.told == "" {
				if err != nil || r.Verification.Status != autonoma.Verified {
					t.Errorf("%+v %v", r, err)
				}
				return
			}
			if f, ok := errors.AsType[*autonoma.Failure](err); !ok || f.Retryable || !strings.Contains(f.Message, tt.told) {
				t.Errorf("failed with %v", err)
			}
		})
	}
}
