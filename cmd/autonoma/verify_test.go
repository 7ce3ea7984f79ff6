package main

import (
	"crypto/ed25519"
	"encoding/json"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"autonoma"
	"autonoma/internal/evidence"
)

// Commands for scripts about evidence; see [TestScript].

func take(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: take NAME PATTERN")
	}
	pattern, err := regexp.Compile(args[1])
	ts.Check(err)
	found := pattern.FindString(ts.ReadFile("stdout"))
	if found == "" {
		ts.Fatalf("there is no %s in the output", args[1])
	}
	ts.Setenv(args[0], found)
}

func member(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: member PATH FROM TO")
	}
	var at any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &at))
	for part := range strings.SplitSeq(args[0], ".") {
		switch v := at.(type) {
		case map[string]any:
			at = v[part]
		case []any:
			n, err := strconv.Atoi(part)
			ts.Check(err)
			at = v[n]
		}
	}
	text, ok := at.(string)
	if !ok {
		ts.Fatalf("%s is no text in %s", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(text), 0o600))
}

func tamper(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: tamper FROM TO")
	}
	text := []byte(ts.ReadFile(args[0]))
	const key = `"payload":"`
	at := strings.Index(string(text), key) + len(key) + 100
	if text[at]++; text[at] == 'Z'+1 || text[at] == 'z'+1 || text[at] == '9'+1 {
		text[at] -= 2
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), text, 0o600))
}

func lie(ts *testscript.TestScript, _ bool, args []string) {
	resign(ts, args, func(r *evidence.Record) {
		for i := range r.Commands {
			r.Commands[i].Base.ExitCode = 0
		}
	})
}

func fail(ts *testscript.TestScript, _ bool, args []string) {
	resign(ts, args, func(r *evidence.Record) {
		r.Gates = append(r.Gates, autonoma.Gate{ID: "diff_scope", Status: autonoma.GateFailed, Blocking: true, Message: "tests are weakened"})
	})
}

// resign changes a record and signs it with a key of its own.
func resign(ts *testscript.TestScript, args []string, change func(*evidence.Record)) {
	if len(args) != 4 {
		ts.Fatalf("usage: FROM KEYS TO KEYS")
	}
	keys, err := evidence.ParseKeys([]byte(ts.ReadFile(args[1])))
	ts.Check(err)
	signed, err := evidence.Open([]byte(ts.ReadFile(args[0])), keys)
	ts.Check(err)
	change(&signed.Record)
	public, private, err := ed25519.GenerateKey(nil)
	ts.Check(err)
	sealed, err := evidence.Sign(private, signed.Record)
	ts.Check(err)
	text, err := evidence.PEM(public)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), sealed, 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[3]), []byte(text), 0o600))
}

// Where commands ran at different levels, the report says which at which.
func TestReportOfLevels(t *testing.T) {
	var out strings.Builder
	r := report{out: &out}
	weak, strong := autonoma.Isolation{Level: "landlock", ProvenBy: []string{"no network"}, NotProven: []string{"abstract sockets"}}, autonoma.Isolation{Level: "gvisor"}
	r.record(evidence.Signed{Record: evidence.Record{
		Isolation: "gvisor", ProvenBy: []string{"a", "b"}, NotProven: []string{"c"}, OS: "linux", Arch: "amd64", Server: "1.2.3",
		Commands: []evidence.Command{{Command: "make", Base: &evidence.Outcome{Isolation: "landlock"}, Head: evidence.Outcome{Isolation: "gvisor"}}},
		Executions: []evidence.Execution{
			{ID: "exec_1", Agent: "coder-ai", Isolation: weak}, {ID: "exec_2", Agent: "coder-ai", Isolation: weak},
			{ID: "exec_3", Agent: "tester-ai", Isolation: weak}, {ID: "exec_4", Agent: "coder-ai", Isolation: strong},
		},
	}})
	for _, line := range []string{
		"  command     `make` before: passed, at the level landlock, now: passed\n",
		"isolation     gvisor on linux/amd64, autonoma 1.2.3\n  shown by    a, b\n  without     c\n",
		"worked at     landlock: coder-ai, tester-ai\n  shown by    no network\n  without     abstract sockets\nworked at     gvisor: coder-ai\n",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("no %q in\n%s", line, out.String())
		}
	}
}

// A record without commands says so of what they would have been confined by.
func TestReportWithoutCommands(t *testing.T) {
	var out strings.Builder
	r := report{out: &out}
	r.record(evidence.Signed{Record: evidence.Record{OS: "linux", Arch: "amd64", Server: "1.2.3"}})
	if !strings.Contains(out.String(), "isolation     not needed, as nothing was run, on linux/amd64, autonoma 1.2.3\n") {
		t.Error(out.String())
	}
}
