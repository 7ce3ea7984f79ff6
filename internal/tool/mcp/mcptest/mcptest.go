// Package mcptest is an MCP server to test with, of good and of bad manners. It is
// the program of the test itself, started once more, or a handler of HTTP requests.
package mcptest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	ours "autonoma/internal/tool/mcp"
)

// Marker is the variable that makes the program of a test a server.
const Marker = "AUTONOMA_MCPTEST"

// Main serves as the marker says, and returns only if there is none.
func Main() {
	if manners := os.Getenv(Marker); manners != "" {
		serve(manners)
		os.Exit(0)
	}
}

// Server returns a server of these manners, for all agents. See serve.
func Server(t testing.TB, manners string) ours.Server {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return ours.Server{Command: []string{self}, Env: map[string]ours.Secret{Marker: ours.Secret(manners)}, Agents: []string{ours.All}}
}

// Handler serves the tools of a good server over HTTP.
func Handler() http.Handler {
	s := good()
	return mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s }, nil)
}

// serve is a server over standard input and output, until nobody speaks to it.
func serve(manners string) {
	switch manners {
	case "good":
		run(good())
	case "stubborn": // it stays when its client has gone
		run(good())
		select {}
	case "many":
		run(many(300))
	case "long":
		s := server()
		s.AddTool(&mcp.Tool{Name: "long", Description: strings.Repeat("ä long story. ", 80_000), InputSchema: object(nil)}, say("told"))
		run(s)
	case "odd":
		run(odd())
	case "parent":
		child := exec.CommandContext(context.Background(), "sleep", "600."+os.Getenv("DIGITS"))
		if err := child.Start(); err != nil {
			panic(err)
		}
		run(good())
	case "garbage":
		fmt.Println("Listening on port 8080")
		hang()
	case "ends":
		fmt.Fprintln(os.Stderr, "no licence for", os.Getenv("TOKEN"))
		os.Exit(3)
	case "silent":
		hang()
	case "deaf":
		select {}
	case "old":
		old()
	case "grown": // the good one after an update: it has other tools
		s := server()
		s.AddTool(&mcp.Tool{Name: "search", InputSchema: object(nil)}, say("nothing"))
		run(s)
	default:
		panic("no such manners: " + manners)
	}
}

func run(s *mcp.Server) {
	_ = s.Run(context.Background(), &mcp.StdioTransport{}) // it ends with its client
}

// hang listens and says nothing.
func hang() {
	for in := bufio.NewReader(os.Stdin); ; {
		if _, err := in.ReadByte(); err != nil {
			return
		}
	}
}

func server() *mcp.Server {
	return mcp.NewServer(&mcp.Implementation{Name: "mcptest", Version: "1"}, nil)
}

// object is a schema of an object with properties that are texts.
func object(required []string) map[string]any {
	properties := map[string]any{}
	for _, name := range required {
		properties[name] = map[string]any{"type": "string"}
	}
	return map[string]any{"type": "object", "properties": properties, "required": append([]string{}, required...)}
}

// say answers with a text.
func say(text string) mcp.ToolHandler {
	return func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: text}}}, nil
	}
}

type note struct {
	File string `json:"file" jsonschema:"where to note it"`
	Text string `json:"text"`
}

// good is a server whose tools do what they should, for better or worse.
func good() *mcp.Server {
	s := server()
	mcp.AddTool(s, &mcp.Tool{Name: "note", Description: "Notes a line in a file."},
		func(_ context.Context, _ *mcp.CallToolRequest, in note) (*mcp.CallToolResult, any, error) {
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "noted"}}}, nil, put(in)
		})
	mcp.AddTool(s, &mcp.Tool{Name: "hang", Description: "Notes a line in a file, and comes to no end until it is called off, which it notes too."},
		func(ctx context.Context, _ *mcp.CallToolRequest, in note) (*mcp.CallToolResult, any, error) {
			if err := put(in); err != nil {
				return nil, nil, err
			}
			<-ctx.Done()
			return nil, nil, errors.Join(ctx.Err(), put(note{in.File, "let go"}))
		})
	s.AddTool(&mcp.Tool{Name: "spelling", Description: "Says how a greeting is spelt.", InputSchema: object(nil)}, say("It is spelt: hello world"))
	s.AddTool(&mcp.Tool{Name: "huge", InputSchema: object(nil)}, say("begin"+strings.Repeat("é", 500_000)+"end"))
	s.AddTool(&mcp.Tool{Name: "too huge", InputSchema: object(nil)}, say(strings.Repeat("x", 20<<20)))
	s.AddTool(&mcp.Tool{Name: "mute", InputSchema: object(nil)}, say(""))
	s.AddTool(&mcp.Tool{Name: "die", InputSchema: object(nil)}, func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		fmt.Fprintln(os.Stderr, "out of cheese")
		os.Exit(3)
		return nil, nil
	})
	s.AddTool(&mcp.Tool{Name: "fail", InputSchema: object(nil)}, func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return &mcp.CallToolResult{IsError: true, Content: []mcp.Content{&mcp.TextContent{Text: "there is no such issue"}}}, nil
	})
	s.AddTool(&mcp.Tool{Name: "show", InputSchema: object(nil)}, func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return &mcp.CallToolResult{Content: []mcp.Content{
			&mcp.TextContent{Text: "look:"}, &mcp.ImageContent{Data: []byte("12345"), MIMEType: "image/png"},
			&mcp.ResourceLink{URI: "https://example.com/a", MIMEType: "text/html", Name: "a"},
			&mcp.EmbeddedResource{Resource: &mcp.ResourceContents{URI: "file:///b", Text: "what b says"}},
		}}, nil
	})
	s.AddTool(&mcp.Tool{Name: "around", Description: "Says what it sees around it.", InputSchema: object(nil)}, around)
	return s
}

// around says what the server can see of its surroundings.
func around(ctx context.Context, r *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	env := os.Environ()
	slices.Sort(env)
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	text := strings.Join(env, "\n") + "\ndirectory " + dir
	if h := r.Extra; h != nil && h.Header != nil {
		text += "\ntoken " + h.Header.Get("X-Token")
	}
	return say(text)(ctx, r)
}

// put adds a line to a file.
func put(in note) error {
	f, err := os.OpenFile(filepath.Clean(in.File), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = fmt.Fprintln(f, in.Text)
	return err
}

// many is a server with more tools than anybody needs.
func many(n int) *mcp.Server {
	s := server()
	for i := range n {
		name := fmt.Sprintf("tool-%03d", i)
		s.AddTool(&mcp.Tool{Name: name, Description: "Does something.", InputSchema: object([]string{"what"})}, say(name))
	}
	return s
}

// odd is a server with tools that are named and described in strange ways.
func odd() *mcp.Server {
	s := server()
	add := func(name, schema string) {
		s.AddTool(&mcp.Tool{Name: name, InputSchema: json.RawMessage(schema)}, say("you called "+name))
	}
	add("get issue/ü", `{"type":"object"}`)
	add("get issue/ö", `{"type":"object"}`)
	add(strings.Repeat("long", 30), `{"type":"object"}`)
	add("choice", `{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"id":{"type":"string"},"list":{"type":"array"}},"required":["id","undeclared"],"anyOf":[{"required":["id"]}]}`)
	add("elsewhere", `{"type":"object","properties":{"a":{"$ref":"https://example.com/schema.json"}}}`)
	add("nonsense", `{"type":"object","properties":{"a":{"type":"strin","minLength":"x"}}}`)
	add("strange", `{"type":"object","properties":{"a b$":{"type":"string"}}}`)
	add("wide", `{"type":"object","properties":{"a":{"type":"string","description":"`+strings.Repeat("x", 20_000)+`"}}}`)
	return s
}

// old is a server from before the question by which newer ones are met: it does not
// answer what it does not know.
func old() {
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var m struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
		}
		if json.Unmarshal(in.Bytes(), &m) != nil {
			continue
		}
		if strings.Contains(in.Text(), `"name":"sleep"`) {
			select {} // from now on it does not even listen
		}
		result := map[string]string{
			"initialize": `{"protocolVersion":"2024-11-05","capabilities":{"tools":{}},"serverInfo":{"name":"old","version":"1"}}`,
			"tools/list": `{"tools":[{"name":"add","inputSchema":{"type":"object"}}]}`,
			"tools/call": `{"content":[{"type":"text","text":"added"}]}`,
		}[m.Method]
		if result != "" {
			fmt.Printf("{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":%s}\n", m.ID, result)
		}
	}
}
