package mcp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"autonoma"
	"autonoma/internal/model"
	"autonoma/internal/tool"
	"autonoma/internal/tool/mcp"
	"autonoma/internal/tool/mcp/mcptest"
)

func TestMain(m *testing.M) {
	mcptest.Main()
	os.Exit(m.Run())
}

// coder is somebody who gets tools.
var coder = autonoma.Agent{ID: "coder-ai", Capability: autonoma.Build, Aliases: []autonoma.AgentID{"doc-ai"}}

// open returns the servers, with an environment that has nothing but a path and what
// is in env.
func open(t *testing.T, servers map[string]mcp.Server, env map[string]string) *mcp.Servers {
	t.Helper()
	s := mcp.New(mcp.Config{Servers: servers, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Version: "test", Getenv: func(name string) string {
		if name == "PATH" {
			return os.Getenv("PATH")
		}
		return env[name]
	}})
	t.Cleanup(s.Close)
	return s
}

// one opens a single server of some manners, called it.
func one(t *testing.T, manners string, change func(*mcp.Server)) *mcp.Servers {
	t.Helper()
	server := mcptest.Server(t, manners)
	if change != nil {
		change(&server)
	}
	return open(t, map[string]mcp.Server{"it": server}, nil)
}

func offers(t *testing.T, s *mcp.Servers) mcp.Catalogue {
	t.Helper()
	c, err := s.Offers(t.Context(), coder)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range c.Offers {
		checkSpec(t, o.Spec)
	}
	return c
}

// taken is what all providers take for the name of a tool.
var taken = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// checkSpec checks that a tool is one that all providers take.
func checkSpec(t *testing.T, s model.ToolSpec) {
	t.Helper()
	if !taken.MatchString(s.Name) {
		t.Errorf("no provider takes the name %q", s.Name)
	}
	if len(s.Description) > 1024 {
		t.Errorf("%s has a description of %d bytes", s.Name, len(s.Description))
	}
	var schema map[string]json.RawMessage
	if err := json.Unmarshal(s.Schema, &schema); err != nil || string(schema["type"]) != `"object"` || schema["properties"] == nil {
		t.Errorf("%s has the schema %.300s", s.Name, s.Schema)
	}
	for _, key := range []string{"oneOf", "anyOf", "allOf", "not", "enum"} {
		if schema[key] != nil {
			t.Errorf("the schema of %s chooses by %s", s.Name, key)
		}
	}
}

// names returns what a model calls the tools.
func names(c mcp.Catalogue) []string {
	var all []string
	for _, o := range c.Offers {
		all = append(all, o.Spec.Name)
	}
	return all
}

// call lets a model call a tool.
func call(ctx context.Context, s *mcp.Servers, c mcp.Catalogue, name string, args any) (tool.Outcome, error) {
	b, err := json.Marshal(args)
	if err != nil {
		return tool.Outcome{}, err
	}
	return s.Tools(c.Offers).Do(ctx, model.Call{ID: "1", Name: name, Args: string(b)})
}

// succeeds calls a tool that should not fail.
func succeeds(t *testing.T, s *mcp.Servers, c mcp.Catalogue, name string, args any) string {
	t.Helper()
	out, err := call(t.Context(), s, c, name, args)
	if err != nil || out.Failed || out.Changes {
		t.Fatalf("%s: %+.300v, %v", name, out, err)
	}
	return out.Text
}

// fails calls a tool that should fail, and returns what the model is told.
func fails(t *testing.T, s *mcp.Servers, c mcp.Catalogue, name string, args any) string {
	t.Helper()
	out, err := call(t.Context(), s, c, name, args)
	if err != nil || !out.Failed {
		t.Fatalf("%s: %+.300v, %v", name, out, err)
	}
	return out.Text
}

// serve serves over HTTP. At the end it waits for nobody: a tool may hang.
func serve(t *testing.T, h http.Handler) *httptest.Server {
	web := httptest.NewServer(h)
	t.Cleanup(func() {
		web.Listener.Close()
		web.CloseClientConnections()
	})
	return web
}

type note struct {
	File string `json:"file"`
	Text string `json:"text"`
}

func TestCalls(t *testing.T) {
	t.Parallel()
	web := serve(t, mcptest.Handler())
	for name, server := range map[string]mcp.Server{
		"stdio": mcptest.Server(t, "good"),
		"http":  {URL: web.URL, Agents: []string{"coder-ai"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, map[string]mcp.Server{"it": server}, nil)
			c := offers(t, s)
			if !slices.Contains(names(c), "mcp__it__note") || len(c.Notes) > 0 {
				t.Fatalf("%v %v", names(c), c.Notes)
			}
			file := filepath.Join(t.TempDir(), "notes")
			if got := succeeds(t, s, c, "mcp__it__note", note{file, "one"}); got != "noted" {
				t.Errorf("note says %q", got)
			}
			if b, err := os.ReadFile(file); string(b) != "one\n" {
				t.Errorf("noted %q, %v", b, err)
			}
			if got := fails(t, s, c, "mcp__it__fail", nil); got != "error: there is no such issue" {
				t.Errorf("fail says %q", got)
			}
			if got := fails(t, s, c, "mcp__it__note", map[string]int{"file": 1}); !strings.Contains(got, "file") {
				t.Errorf("wrong arguments say %q", got)
			}
			want := "look:\n(an image, image/png, 5 bytes: not shown)\n(a link to https://example.com/a, text/html)\n(file:///b:)\nwhat b says"
			if got := succeeds(t, s, c, "mcp__it__show", nil); got != want {
				t.Errorf("show says %q, want %q", got, want)
			}
			if got := succeeds(t, s, c, "mcp__it__mute", nil); got != "(no output)" {
				t.Errorf("mute says %q", got)
			}
			got := succeeds(t, s, c, "mcp__it__huge", nil)
			if len(got) > 17_000 || !strings.HasPrefix(got, "begin") || !strings.HasSuffix(got, "end") || !strings.Contains(got, "bytes left out") || strings.ContainsRune(got, '�') {
				t.Errorf("huge says %d bytes", len(got))
			}
			gone := s.Tools([]mcp.Offer{{Server: "it", Tool: "gone", Spec: model.ToolSpec{Name: "mcp__it__gone"}}, {Server: "that", Tool: "x", Spec: model.ToolSpec{Name: "mcp__that__x"}}})
			for _, name := range []string{"mcp__it__gone", "mcp__that__x"} {
				if out, err := gone.Do(t.Context(), model.Call{Name: name, Args: "{}"}); err != nil || !out.Failed {
					t.Errorf("a tool that is gone: %+v, %v", out, err)
				}
			}
			if out, err := s.Tools(c.Offers).Do(t.Context(), model.Call{Name: "mcp__it__mute", Args: `["x"]`}); err != nil || !out.Failed {
				t.Errorf("arguments that are no object: %+v, %v", out, err)
			}
		})
	}
}

// TestSurroundings checks that a program sees nothing but what it was given.
func TestSurroundings(t *testing.T) {
	t.Setenv("AUTONOMA_TEST_SECRET", "mine")
	server := mcptest.Server(t, "good")
	server.Env["TOKEN"] = "Bearer ${A_TOKEN}$"
	s := open(t, map[string]mcp.Server{"it": server}, map[string]string{"A_TOKEN": "x y", "HOME": "/somewhere", "OTHER": "z"})
	c := offers(t, s)
	got := succeeds(t, s, c, "mcp__it__around", nil)
	want := fmt.Sprintf("%s=good\nHOME=/somewhere\nPATH=%s\nTOKEN=Bearer x y$\ndirectory /", mcptest.Marker, os.Getenv("PATH"))
	if got != want {
		t.Errorf("it sees\n%s\nwant\n%s", got, want)
	}
}

// TestHeaders checks that headers are carried to the server, and nowhere else.
func TestHeaders(t *testing.T) {
	t.Parallel()
	web := serve(t, mcptest.Handler())
	astray := serve(t, http.RedirectHandler(web.URL, http.StatusTemporaryRedirect))
	env := map[string]string{"A_TOKEN": "secret-42"}
	header := map[string]mcp.Secret{"X-Token": "${A_TOKEN}"}
	s := open(t, map[string]mcp.Server{
		"it":     {URL: web.URL, Headers: header, Agents: []string{"BUILD"}},
		"astray": {URL: astray.URL, Headers: header, Agents: []string{"none-of-them"}},
	}, env)
	c := offers(t, s)
	if got := succeeds(t, s, c, "mcp__it__around", nil); !strings.HasSuffix(got, "token secret-42") {
		t.Errorf("it sees %s", got)
	}
	for _, r := range s.Check(t.Context()) {
		if r.Name == "astray" && (r.Problem == nil || !strings.Contains(r.Problem.Error(), "not followed")) {
			t.Errorf("a server that leads on: %v", r.Problem)
		}
	}
}

// TestWho checks which agents get the tools of which servers.
func TestWho(t *testing.T) {
	t.Parallel()
	server := func(who ...string) mcp.Server {
		s := mcptest.Server(t, "good")
		s.Agents, s.Tools = who, []string{"mute", "absent"}
		return s
	}
	s := open(t, map[string]mcp.Server{"a": server("coder-ai"), "b": server("doc-ai"), "c": server("BUILD"), "d": server("all"), "e": server("tester-ai", "SECURE")}, nil)
	c := offers(t, s)
	if got, want := names(c), []string{"mcp__a__mute", "mcp__b__mute", "mcp__c__mute", "mcp__d__mute"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if len(c.Notes) != 4 || !strings.Contains(c.Notes[0], "has no tool absent") {
		t.Errorf("of a tool that is not there it is said %q", c.Notes)
	}
	var none *mcp.Servers
	if c, err := none.Offers(t.Context(), coder); err != nil || len(c.Offers) > 0 {
		t.Errorf("no servers offer %v, %v", c, err)
	}
}

func TestTooMuch(t *testing.T) {
	t.Parallel()
	many, small := mcptest.Server(t, "many"), mcptest.Server(t, "many")
	small.Tools = []string{"tool-299"}
	s := open(t, map[string]mcp.Server{"many": many, "long": mcptest.Server(t, "long")}, nil)
	c := offers(t, s)
	size := 0
	for _, o := range c.Offers {
		size += len(o.Spec.Name) + len(o.Spec.Description) + len(o.Spec.Schema)
	}
	if n := len(c.Offers); n != 100 || size > 64<<10 {
		t.Errorf("%d tools of %d bytes are offered", n, size)
	}
	if len(c.Notes) != 1 || !strings.Contains(c.Notes[0], "201 of 300 are left out") {
		t.Errorf("it is said %q", c.Notes)
	}
	s = open(t, map[string]mcp.Server{"many": small}, nil)
	if c := offers(t, s); !slices.Equal(names(c), []string{"mcp__many__tool-299"}) || len(c.Notes) > 0 {
		t.Errorf("of those that are wanted: %v %v", names(c), c.Notes)
	}
	if got := succeeds(t, s, offers(t, s), "mcp__many__tool-299", map[string]string{"what": "x"}); got != "tool-299" {
		t.Errorf("it says %q", got)
	}
}

func TestOddTools(t *testing.T) {
	t.Parallel()
	s := one(t, "odd", nil)
	c := offers(t, s)
	called := map[string]bool{}
	for _, o := range c.Offers {
		if called[o.Spec.Name] {
			t.Errorf("two tools are called %s", o.Spec.Name)
		}
		called[o.Spec.Name] = true
		if got := succeeds(t, s, c, o.Spec.Name, nil); got != "you called "+o.Tool {
			t.Errorf("%s: %s", o.Spec.Name, got)
		}
		if o.Tool == "choice" {
			want := `{"properties":{"id":{"type":"string"},"list":{"items":{},"type":"array"},"undeclared":{}},"required":["id","undeclared"],"type":"object"}`
			if string(o.Spec.Schema) != want {
				t.Errorf("the schema is %s", o.Spec.Schema)
			}
		}
	}
	if len(c.Offers) != 4 {
		t.Errorf("offered are %v", names(c))
	}
	all := strings.Join(c.Notes, "\n")
	for _, name := range []string{"elsewhere", "nonsense", "strange", "wide"} {
		if !strings.Contains(all, "The tool "+name+" of the MCP server it is left out") {
			t.Errorf("nothing is said of %s:\n%s", name, all)
		}
	}
}

// TestCheck tells what is wrong with a description.
func TestCheck(t *testing.T) {
	t.Parallel()
	good := mcp.Server{Command: []string{"cat"}, Agents: []string{mcp.All}}
	if err := good.Check("issues-2"); err != nil {
		t.Errorf("nothing is wrong, and yet: %v", err)
	}
	for says, s := range map[string]mcp.Server{
		"mcp.it: needs either a command or a url":        {Agents: good.Agents},
		"mcp.it.command: begins with":                    {Command: []string{"./cat"}, Agents: good.Agents},
		"mcp.it.headers: go with a url":                  {Command: good.Command, Headers: map[string]mcp.Secret{"A": "b"}, Agents: good.Agents},
		"mcp.it.env: goes with a command":                {URL: "https://example.com", Env: map[string]mcp.Secret{"A": "b"}, Agents: good.Agents},
		"mcp.it.url: must be an http":                    {URL: "ftp://example.com", Agents: good.Agents},
		"mcp.it.url: holds a name or password":           {URL: "https://me:pw@example.com", Agents: good.Agents},
		"mcp.it.agents: name the agents":                 {Command: good.Command},
		"mcp.it.timeout: must be":                        {Command: good.Command, Agents: good.Agents, Timeout: -1},
		"mcp.it.tools: holds an empty name":              {Command: good.Command, Agents: good.Agents, Tools: []string{""}},
		"mcp.it: needs either a command or a url, not b": {Command: good.Command, URL: "https://example.com", Agents: good.Agents},
	} {
		if err := s.Check("it"); err == nil || !strings.Contains(err.Error(), strings.TrimSuffix(says, ", not b")) {
			t.Errorf("%v, want %s", err, says)
		}
	}
	for _, name := range []string{"", "It", "a_b", "a--b", strings.Repeat("a", 25)} {
		if good.Check(name) == nil {
			t.Errorf("a server may be called %q", name)
		}
	}
	if got := fmt.Sprintf("%v %+v %s %q", mcp.Secret("sk-1"), mcp.Server{Env: map[string]mcp.Secret{"A": "sk-1"}}, mcp.Secret("sk-1"), mcp.Secret("sk-1")); strings.Contains(got, "sk-1") {
		t.Errorf("a secret is printed: %s", got)
	}
	if b, err := json.Marshal(mcp.Secret("sk-1")); string(b) != `"***"` {
		t.Errorf("a secret is encoded as %s, %v", b, err)
	}
	if got := (mcp.Server{URL: "https://example.com/mcp?key=sk-1"}).Where(); got != "https://example.com/mcp?***" {
		t.Errorf("a secret is shown: %s", got)
	}
}
