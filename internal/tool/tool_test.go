package tool_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"autonoma"
	"autonoma/internal/model"
	"autonoma/internal/model/modeltest"
	"autonoma/internal/tool"
)

// A desk keeps files in memory and does with commands what it is told.
type desk struct {
	files map[string]string
	paths []string
	lines []tool.Line
	more  bool
	run   func(command string, timeout time.Duration) (tool.Ran, error)
}

// ReadFile implements [tool.Desk].
func (d *desk) ReadFile(path string) ([]byte, error) {
	text, ok := d.files[path]
	if !ok {
		return nil, fmt.Errorf("%s is not there", path)
	}
	return []byte(text), nil
}

// WriteFile implements [tool.Desk].
func (d *desk) WriteFile(path string, data []byte) error {
	if strings.HasPrefix(path, "..") {
		return fmt.Errorf("%s lies outside of the checkout", path)
	}
	d.files[path] = string(data)
	return nil
}

// Glob implements [tool.Desk].
func (d *desk) Glob(context.Context, string) ([]string, bool, error) { return d.paths, d.more, nil }

// Grep implements [tool.Desk].
func (d *desk) Grep(_ context.Context, _, _ string, limit int) ([]tool.Line, bool, error) {
	return d.lines[:min(limit, len(d.lines))], d.more, nil
}

// Run implements [tool.Desk].
func (d *desk) Run(_ context.Context, command string, timeout time.Duration) (tool.Ran, error) {
	return d.run(command, timeout)
}

func set(d *desk) tool.Set {
	return tool.Set{tool.Bash(d), tool.Read(d), tool.Write(d), tool.Edit(d), tool.Glob(d), tool.Grep(d)}
}

// do makes a call with the arguments, as JSON.
func do(t *testing.T, s tool.Set, name string, args any) tool.Outcome {
	t.Helper()
	text, ok := args.(string)
	if !ok {
		b, err := json.Marshal(args)
		if err != nil {
			t.Fatal(err)
		}
		text = string(b)
	}
	out, err := s.Do(t.Context(), model.Call{ID: "1", Name: name, Args: text})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

type args map[string]any

// What a model is told of the tools is short, and providers accept it.
func TestSpecs(t *testing.T) {
	for _, yields := range []autonoma.Yield{autonoma.Change, autonoma.Document, autonoma.Judgment} {
		specs := append(set(&desk{}), tool.Finish(yields, nil, nil)).Specs()
		modeltest.Check(t, model.Request{Tools: specs, Messages: []model.Message{{Role: model.User, Text: "x"}}})
		for _, s := range specs {
			var schema struct {
				Properties map[string]struct {
					Type        any
					Description string
				}
				AdditionalProperties any
			}
			if err := json.Unmarshal(s.Schema, &schema); err != nil || len(schema.Properties) == 0 || fmt.Sprint(schema.AdditionalProperties) == "true" {
				t.Errorf("%s: %v: %s", s.Name, err, s.Schema)
			}
			for name, p := range schema.Properties {
				if p.Type == nil || p.Description == "" && name != "command" {
					t.Errorf("%s: nothing is said of %s", s.Name, name)
				}
			}
			if n := len(s.Description); n == 0 || n > 400 || len(s.Schema) > 900 {
				t.Errorf("%s is described in %d bytes, its arguments in %d", s.Name, n, len(s.Schema))
			}
		}
	}
}

// Read shows a page of a file, with numbers, and says how to go on.
func TestRead(t *testing.T) {
	var long strings.Builder
	for i := range 2500 {
		fmt.Fprintf(&long, "line %d\n", i+1)
	}
	d := &desk{files: map[string]string{
		"short": "one\ntwo\r\nthree", "empty": "", "long": long.String(), "binary": "a\x00b",
		"wide": strings.Repeat("ä", 3000) + "\nnext\n", "huge": strings.Repeat(strings.Repeat("x", 999)+"\n", 100),
	}}
	for _, tt := range []struct {
		name   string
		args   any
		want   []string // parts, in order
		not    string
		failed bool
	}{
		{name: "all", args: args{"path": "short"}, want: []string{"     1\tone\n     2\ttwo\n     3\tthree\n"}, not: "go on"},
		{name: "a part", args: args{"path": "short", "offset": 2, "limit": 1}, want: []string{"     2\ttwo\n(lines 2 to 2 of 3; go on with offset 3)"}, not: "one"},
		{name: "to the end", args: args{"path": "short", "offset": 2, "limit": 9}, want: []string{"     2\ttwo\n     3\tthree\n"}, not: "go on"},
		{name: "beyond the end", args: args{"path": "short", "offset": 9}, want: []string{"(the file has only 3 lines)"}},
		{name: "from before the beginning", args: args{"path": "short", "offset": -3}, want: []string{"     1\tone"}},
		{name: "an empty file", args: args{"path": "empty"}, want: []string{"(the file is empty)"}},
		{name: "a long file", args: args{"path": "long"}, want: []string{"     1\tline 1\n", "  1000\tline 1000\n", "(lines 1 to 1000 of 2500; go on with offset 1001)"}, not: "line 1001"},
		{name: "its next page", args: args{"path": "long", "offset": 2001, "limit": 5000}, want: []string{"  2001\tline 2001\n", "  2500\tline 2500\n"}, not: "go on"},
		{name: "a huge file", args: args{"path": "huge"}, want: []string{"(lines 1 to 30 of 100; go on with offset 31)"}},
		{name: "a wide file", args: args{"path": "wide"}, want: []string{"ä…\n     2\tnext"}},
		{name: "a binary file", args: args{"path": "binary"}, want: []string{"error: binary is not text; it has 3 bytes"}, failed: true},
		{name: "no file", args: args{"path": "none"}, want: []string{"error: none is not there"}, failed: true},
		{name: "no path", args: args{}, want: []string{"error:"}, failed: true},
		{name: "arguments of another tool", args: args{"command": "ls"}, want: []string{`unknown field "command"`, `"path"`}, failed: true},
		{name: "no JSON", args: "path=short", want: []string{"the arguments of read are wrong"}, failed: true},
		{name: "JSON that is no object", args: `["short"]`, want: []string{"the arguments of read are wrong"}, failed: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := do(t, set(d), "read", tt.args)
			rest := out.Text
			for _, want := range tt.want {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Errorf("%q is not in %.300q", want, rest)
				}
				rest = after
			}
			if tt.not != "" && strings.Contains(out.Text, tt.not) {
				t.Errorf("%q is in %.300q", tt.not, out.Text)
			}
			if out.Failed != tt.failed || out.Changes || !utf8.ValidString(out.Text) || len(out.Text) > 35_000 {
				t.Errorf("failed %v, changes %v, %d bytes", out.Failed, out.Changes, len(out.Text))
			}
		})
	}
}

// Files are written and edited; what cannot be done is told.
func TestWriteAndEdit(t *testing.T) {
	d := &desk{files: map[string]string{"a": "one\ntwo\ntwo\n"}}
	for _, tt := range []struct {
		tool   string
		args   args
		says   string
		failed bool
		want   string // in a
	}{
		{"edit", args{"path": "a", "old": "one", "new": "1"}, "edited a", false, "1\ntwo\ntwo\n"},
		{"edit", args{"path": "a", "old": "two", "new": "2"}, "error: a: the old passage occurs 2 times, at lines 2, 3", true, "1\ntwo\ntwo\n"},
		{"edit", args{"path": "a", "old": "two", "new": "2", "all": true}, "edited a in 2 places", false, "1\n2\n2\n"},
		{"edit", args{"path": "none", "old": "x", "new": "y"}, "error: none is not there", true, "1\n2\n2\n"},
		{"write", args{"path": "a", "content": "three\n"}, "wrote a (6 bytes)", false, "three\n"},
		{"write", args{"path": "../a", "content": "x"}, "error: ../a lies outside", true, "three\n"},
	} {
		out := do(t, set(d), tt.tool, tt.args)
		if !strings.Contains(out.Text, tt.says) || out.Failed != tt.failed || !out.Changes || d.files["a"] != tt.want {
			t.Errorf("%s %v: %+v; a is %q", tt.tool, tt.args, out, d.files["a"])
		}
	}
}

// A model is told what came of a command, and gets no more time than there is.
func TestBash(t *testing.T) {
	for _, tt := range []struct {
		name    string
		args    args
		ran     tool.Ran
		timeout time.Duration
		says    string
		failed  bool
	}{
		{"output", args{"command": "x"}, tool.Ran{Output: "hello\n"}, 2 * time.Minute, "hello\n", false},
		{"no output", args{"command": "x"}, tool.Ran{}, 2 * time.Minute, "(no output)", false},
		{"an exit code", args{"command": "x"}, tool.Ran{Output: "bad\n", Exit: 3}, 2 * time.Minute, "error: exit code 3\nbad\n", true},
		{"too slow", args{"command": "x", "timeout": 5}, tool.Ran{Output: "so far", Exit: -1, Ended: "timeout"}, 5 * time.Second, "error: ended after 5s, which is all the time it had\nso far", true},
		{"too large", args{"command": "x"}, tool.Ran{Exit: -1, Ended: "memory"}, 2 * time.Minute, "error: ended by the sandbox: memory\n(no output)", true},
		{"more time than there is", args{"command": "x", "timeout": 100_000}, tool.Ran{}, 15 * time.Minute, "(no output)", false},
		{"less than no time", args{"command": "x", "timeout": -1}, tool.Ran{}, 2 * time.Minute, "(no output)", false},
		{"no command", args{"command": ""}, tool.Ran{}, 0, "error: the command is empty", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var given time.Duration
			d := &desk{run: func(_ string, timeout time.Duration) (tool.Ran, error) {
				given = timeout
				return tt.ran, nil
			}}
			out := do(t, set(d), "bash", tt.args)
			if out.Text != tt.says || out.Failed != tt.failed || !out.Changes || given != tt.timeout {
				t.Errorf("%+v with %v", out, given)
			}
		})
	}
}

// Only what is broken beneath a tool, and the end of the context, end the work.
func TestBroken(t *testing.T) {
	d := &desk{run: func(string, time.Duration) (tool.Ran, error) {
		return tool.Ran{}, fmt.Errorf("%w: the disk is gone", tool.ErrBroken)
	}}
	call := model.Call{Name: "bash", Args: `{"command": "x"}`}
	if _, err := set(d).Do(t.Context(), call); !errors.Is(err, tool.ErrBroken) {
		t.Errorf("broken: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	over := errors.New("over")
	d.run = func(string, time.Duration) (tool.Ran, error) {
		cancel(over)
		return tool.Ran{}, ctx.Err()
	}
	if _, err := set(d).Do(ctx, call); !errors.Is(err, over) {
		t.Errorf("cancelled: %v", err)
	}
}

// What is found is shown up to a bound, and it is said that there is more.
func TestSearch(t *testing.T) {
	d := &desk{}
	if out := do(t, set(d), "glob", args{"pattern": "*"}); out.Text != "(no file matches)" {
		t.Errorf("glob of nothing: %q", out.Text)
	}
	if out := do(t, set(d), "grep", args{"pattern": "x"}); out.Text != "(no line matches)" {
		t.Errorf("grep of nothing: %q", out.Text)
	}
	for i := range 300 {
		d.paths = append(d.paths, fmt.Sprint("file", i))
		d.lines = append(d.lines, tool.Line{Path: "a", Number: i + 1, Text: strings.Repeat("x", 1000)})
	}
	d.more = true
	out := do(t, set(d), "glob", args{"pattern": "*"})
	if !strings.HasPrefix(out.Text, "file0\nfile1\n") || strings.Count(out.Text, "\n") != 200 || !strings.HasSuffix(out.Text, "(only the first 200; narrow the pattern)") {
		t.Errorf("glob: %.100q", out.Text)
	}
	out = do(t, set(d), "grep", args{"pattern": "x"})
	if !strings.HasPrefix(out.Text, "a:1:xxx") || strings.Count(out.Text, "\n") != 101 || !strings.Contains(out.Text, "(only the first 100;") || len(out.Text) > 35_000 {
		t.Errorf("grep: %d bytes, %.100q", len(out.Text), out.Text)
	}
}

// An agent that finishes says what is asked of its kind, or has to go on.
func TestFinish(t *testing.T) {
	for _, tt := range []struct {
		name   string
		yields autonoma.Yield
		args   args
		says   string
	}{
		{"a change", autonoma.Change, args{"summary": " s ", "confidence": 0.5}, "finished"},
		{"no summary", autonoma.Change, args{"summary": " ", "confidence": 0.5}, "error: the summary is empty"},
		{"a verdict on a change", autonoma.Change, args{"summary": "s", "confidence": 1, "verdict": "approve"}, `unknown field "verdict"`},
		{"a document", autonoma.Document, args{"summary": " s ", "confidence": 0.5, "document": "d"}, "finished"},
		{"no document", autonoma.Document, args{"summary": "s", "confidence": 0.5}, "error:"},
		{"a judgment", autonoma.Judgment, args{"summary": " s ", "confidence": 0.5, "verdict": "changes"}, "finished"},
		{"no verdict", autonoma.Judgment, args{"summary": "s", "confidence": 0.5, "verdict": ""}, "error: the verdict must be approve or changes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var said *autonoma.Result
			s := tool.Set{tool.Finish(tt.yields, nil, func(r autonoma.Result) error { said = &r; return nil })}
			out := do(t, s, "finish", tt.args)
			if !strings.Contains(out.Text, tt.says) || (said != nil) != (tt.says == "finished") || out.Failed != (said == nil) {
				t.Errorf("%+v, said %+v", out, said)
			}
			if said != nil && (said.Summary != "s" || said.Confidence != 0.5) {
				t.Errorf("said %+v", said)
			}
		})
	}
}

// What is named one by one can be read by programs, or has to be said again.
func TestFinishReports(t *testing.T) {
	good := args{"severity": "high", "title": "SQL", "path": "db/users.go", "line": 7, "rule": "CWE-89", "detail": "joined text"}
	with := func(change args) args {
		all := args{}
		maps.Copy(all, good)
		maps.Copy(all, change)
		return args{"summary": "s", "confidence": 1, "document": "d", "findings": []any{all}}
	}
	measured := func(name, command string) args {
		return args{"summary": "s", "confidence": 1, "measurements": []any{args{"name": name, "command": command}}}
	}
	for _, tt := range []struct {
		name    string
		yields  autonoma.Yield
		reports []autonoma.Report
		args    args
		says    string
	}{
		{"findings", autonoma.Document, []autonoma.Report{autonoma.Findings}, with(nil), "finished"},
		{"none found", autonoma.Document, []autonoma.Report{autonoma.Findings}, args{"summary": "s", "confidence": 1, "document": "d"}, "finished"},
		{"findings of nobody", autonoma.Document, nil, with(nil), `unknown field "findings"`},
		{"no severity", autonoma.Document, []autonoma.Report{autonoma.Findings}, with(args{"severity": "bad"}), "findings[0] needs a severity"},
		{"no detail", autonoma.Document, []autonoma.Report{autonoma.Findings}, with(args{"detail": " "}), "findings[0] needs a title and a detail"},
		{"elsewhere", autonoma.Document, []autonoma.Report{autonoma.Findings}, with(args{"path": "../x"}), "findings[0] names a place"},
		{"above", autonoma.Document, []autonoma.Report{autonoma.Findings}, with(args{"path": "/etc/passwd"}), "findings[0] names a place"},
		{"measurements", autonoma.Change, []autonoma.Report{autonoma.Measurements}, measured("time", "make bench"), "finished"},
		{"no command", autonoma.Change, []autonoma.Report{autonoma.Measurements}, measured("time", " "), "measurements[0] needs a name and a command"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var said *autonoma.Result
			s := tool.Set{tool.Finish(tt.yields, tt.reports, func(r autonoma.Result) error { said = &r; return nil })}
			out := do(t, s, "finish", tt.args)
			if !strings.Contains(out.Text, tt.says) || (said != nil) != (tt.says == "finished") {
				t.Errorf("%+v, said %+v", out, said)
			}
		})
	}
}

// A tool of somebody else gets exactly one JSON object, and is not one that a restored
// workspace makes up for.
func TestForeign(t *testing.T) {
	var got string
	set := tool.Set{tool.Foreign(model.ToolSpec{Name: "theirs"}, func(_ context.Context, args json.RawMessage) (string, error) {
		got = string(args)
		return "done", nil
	})}
	for args, want := range map[string]string{"": "{}", "null": "{}", ` {"b": [1]} `: `{"b":[1]}`} {
		if out, err := set.Do(t.Context(), model.Call{Name: "theirs", Args: args}); err != nil || out != (tool.Outcome{Text: "done"}) || got != want {
			t.Errorf("%q: %+v, %v; it got %s", args, out, err, got)
		}
	}
	for _, args := range []string{"[]", "{", `{} {}`, `"x"`, "null {}"} {
		got = ""
		if out, err := set.Do(t.Context(), model.Call{Name: "theirs", Args: args}); err != nil || !out.Failed || got != "" {
			t.Errorf("%q: %+v, %v; it got %s", args, out, err, got)
		}
	}
	if !set.Once("theirs") || set.Once("nobody's") {
		t.Error("only a call of it must not be made again")
	}
}
