package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"autonoma"
	"autonoma/api"
	"autonoma/client"
	"autonoma/internal/agent"
	"autonoma/internal/journal"
	"autonoma/internal/model/modeltest"
	"autonoma/internal/rigor"
	"autonoma/internal/tool/mcp/mcptest"
)

// A notebook is an MCP server called notes, which a program can write into, and the
// digits by which to know its process.
type notebook struct {
	t      *testing.T
	digits string
	file   string
	config string // of the program
}

func newNotebook(t *testing.T, manners string) *notebook {
	t.Helper()
	dir := t.TempDir()
	n := &notebook{t: t, digits: newMarker(), file: filepath.Join(dir, "notes"), config: filepath.Join(dir, "autonoma.yaml")}
	n.behave(manners)
	return n
}

// behave has the server be of other manners from its next start on.
func (n *notebook) behave(manners string) {
	n.t.Helper()
	self, err := os.Executable()
	if err != nil {
		n.t.Fatal(err)
	}
	text := fmt.Sprintf("mcp:\n  notes: {command: [%q, %q], env: {%s: %s}, agents: [coder-ai]}\n", self, n.digits, mcptest.Marker, manners)
	if err := os.WriteFile(n.config, []byte(text), 0o600); err != nil {
		n.t.Fatal(err)
	}
}

// turn is a line of a script that calls a tool to write a line.
func (n *notebook) turn(tool, text string) string {
	return fmt.Sprintf("      - calls: [{name: mcp__notes__%s, args: {file: %q, text: %q}}]\n", tool, n.file, text)
}

// lines returns how often a line was written.
func (n *notebook) lines(text string) int {
	n.t.Helper()
	b, err := os.ReadFile(n.file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		n.t.Fatal(err)
	}
	return strings.Count(string(b), text+"\n")
}

// serve starts the program with the server in its configuration.
func (n *notebook) serve(models *modeltest.Server, repo string) (*server, *client.Client) {
	n.t.Helper()
	s := newServer(n.t, models, "--source-root", repo)
	s.env = append(s.env, "AUTONOMA_CONFIG="+n.config)
	s.start()
	return s, s.ready()
}

// told returns what came of the calls of tools from elsewhere.
func told(t *testing.T, c *client.Client, id autonoma.RunID) []agent.Call {
	t.Helper()
	var all []agent.Call
	await(t, c, id, func(e api.Event) bool {
		if e.Kind == autonoma.EventCall {
			if call := dataOf[agent.Call](t, e.Data); strings.HasPrefix(call.Name, "mcp__") {
				all = append(all, call)
			}
		}
		return false
	})
	return all
}

// TestMCP lets an agent ask a server how to do its task, and tell it that it is done.
func TestMCP(t *testing.T) {
	t.Parallel()
	repo, notes := greeting(t), newNotebook(t, "good")
	models := modeltest.NewServer(t, team("      - calls: [{name: mcp__notes__spelling, args: {}}]\n"+mend+notes.turn("note", "mended")))
	s, c := notes.serve(models, repo)
	if running(notes.digits) {
		t.Error("the server was started before anybody needed it")
	}
	for range 2 {
		id := submit(t, c, slip(repo, autonoma.MVP))
		task := completed(t, c, id)
		if task.Output.Verification.Status != autonoma.Verified {
			t.Errorf("it is %s", task.Output.Verification.Status)
		}
		calls := told(t, c, id)
		if len(calls) != 2 || calls[0].Output != "It is spelt: hello world" || calls[1].Output != "noted" || calls[0].Failed || calls[1].Checkpoint.Commit != "" {
			t.Errorf("the calls came to %+v", calls)
		}
	}
	if n := notes.lines("mended"); n != 2 {
		t.Errorf("it is noted %d times", n)
	}
	s.signal(syscall.SIGTERM)
	if code := s.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if running(notes.digits) {
		t.Error("the server is left")
	}
}

// TestMCPOverHTTP is the same with a server that has an address.
func TestMCPOverHTTP(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(mcptest.Handler())
	t.Cleanup(web.Close)
	repo, notes := greeting(t), newNotebook(t, "good")
	if err := os.WriteFile(notes.config, fmt.Appendf(nil, "mcp: {notes: {url: %q, agents: [BUILD]}}\n", web.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	_, c := notes.serve(modeltest.NewServer(t, coder(mend+notes.turn("note", "mended"))), repo)
	id := submit(t, c, slip(repo, autonoma.Demo))
	completed(t, c, id)
	if calls := told(t, c, id); len(calls) != 1 || calls[0].Output != "noted" || notes.lines("mended") != 1 {
		t.Errorf("the calls came to %+v", calls)
	}
}

// TestMCPOnce ends the program in the middle of a call, which nobody can take back:
// after the next start it is not made again, and the model is told. What tools there
// are stays as it was, though the server has other ones by now.
func TestMCPOnce(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*server){
		"killed":  func(s *server) { s.kill() },
		"drained": func(s *server) { s.signal(syscall.SIGTERM); s.exit() }, // after its grace
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repo, notes := greeting(t), newNotebook(t, "stubborn")
			k := &killer{t: t}
			k.play(coder(notes.turn("hang", "begun") + notes.turn("note", "after") + mend))
			s, c := notes.serve(k.models, repo)
			id := submit(t, c, slip(repo, autonoma.Demo))
			eventually(t, "the tool is called", func() bool { return notes.lines("begun") == 1 })
			end(s)
			gone(t, notes.digits)
			notes.behave("grown")
			s.start()
			c = s.ready()
			completed(t, c, id)
			calls := told(t, c, id)
			if len(calls) != 2 || !calls[0].Failed || !strings.Contains(calls[0].Output, "interrupted; it may or may not have taken effect") {
				t.Fatalf("the calls came to %+v", calls)
			}
			if !calls[1].Failed || !strings.Contains(calls[1].Output, "unknown tool") {
				t.Errorf("a tool that is gone came to %+v", calls[1])
			}
			if n := notes.lines("begun"); n != 1 {
				t.Errorf("the tool was called %d times", n)
			}
			await(t, c, id, func(e api.Event) bool {
				if e.Kind == autonoma.EventRepeat {
					t.Errorf("made again: %s", dataOf[journal.Repeat](t, e.Data).Of)
				}
				return false
			})
			k.sameTools()
		})
	}
}

// sameTools checks that every request to the model told of the same tools.
func (k *killer) sameTools() {
	k.t.Helper()
	var first string
	for i, said := range k.said {
		var r struct {
			Tools json.RawMessage `json:"tools"`
		}
		if err := json.Unmarshal([]byte(said), &r); err != nil {
			k.t.Fatal(err)
		}
		if i == 0 {
			first = string(r.Tools)
		}
		if !strings.Contains(first, "mcp__notes__note") || string(r.Tools) != first {
			k.t.Errorf("request %d tells of the tools %s", i, r.Tools)
		}
	}
}

// TestMCPCancel cancels a run in the middle of a call: the server is told, and serves
// on.
func TestMCPCancel(t *testing.T) {
	t.Parallel()
	repo, notes := greeting(t), newNotebook(t, "good")
	s, c := notes.serve(modeltest.NewServer(t, coder(notes.turn("hang", "begun"))), repo)
	n := 0
	inTime(t, "the call", func() time.Duration {
		n++
		id := submit(t, c, slip(repo, autonoma.Demo))
		eventually(t, "the tool is called", func() bool { return notes.lines("begun") == n })
		return cancel(t, c, id, func() bool { return notes.lines("let go") == n })
	})
	s.cleared()
	if !running(notes.digits) {
		t.Error("the server was ended with the call")
	}
}

// TestMCPNotThere works without a server that does not start, and says so.
func TestMCPNotThere(t *testing.T) {
	t.Parallel()
	repo, notes := greeting(t), newNotebook(t, "ends")
	_, c := notes.serve(modeltest.NewServer(t, coder(mend)), repo)
	id := submit(t, c, slip(repo, autonoma.Demo))
	completed(t, c, id)
	said := false
	await(t, c, id, func(e api.Event) bool {
		if e.Kind == autonoma.EventWork {
			for _, n := range dataOf[rigor.Look](t, e.Data).Notices {
				said = said || strings.Contains(n.Text, "The MCP server notes is not there")
			}
		}
		return said
	})
	if !said {
		t.Error("its owner is not told")
	}
}

// TestMCPForSome gives the tools to those who should have them, and only where they
// work.
func TestMCPForSome(t *testing.T) {
	t.Parallel()
	repo, notes := greeting(t), newNotebook(t, "good")
	config := strings.Replace(read(t, notes.config), "[coder-ai]", "[coder-ai, req-ai]", 1)
	if err := os.WriteFile(notes.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	k := &killer{t: t}
	k.play(team(mend))
	_, c := notes.serve(k.models, repo)
	completed(t, c, submit(t, c, slip(repo, autonoma.MVP)))
	told, others := map[string]bool{}, 0
	for i, e := range k.models.Log() {
		if strings.Contains(k.said[i], "mcp__notes__note") {
			told[string(e.Agent)+" "+string(e.Phase)] = true
		} else {
			others++
		}
	}
	if want := map[string]bool{"req-ai generate": true, "coder-ai generate": true}; !maps.Equal(told, want) || others == 0 {
		t.Errorf("told of the tools were %v", told)
	}
}

// team is a script for all agents of the flow, of whom the coder takes the turns given.
func team(turns string) string {
	return `
name: team
conversations:
  - match: {phase: research}
    turns:
      - calls: [{name: finish, args: {summary: looked, confidence: 1, document: "The greeting is in greet.txt."}}]
  - match: {agent: coder-ai}
    turns:
` + turns + `
      - calls: [{name: finish, args: {summary: Spell world right., confidence: 0.9}}]
  - match: {agent: tester-ai}
    turns:
      - calls: [{name: finish, args: {summary: It is tested already., confidence: 0.9}}]
  - match: {agent: review-ai}
    turns:
      - calls: [{name: finish, args: {verdict: approve, summary: It is right., confidence: 0.9}}]
  - match: {phase: generate}
    turns:
      - calls: [{name: finish, args: {summary: planned, confidence: 0.9, document: "1. greet.txt"}}]
`
}
